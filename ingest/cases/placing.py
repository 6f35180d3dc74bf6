"""Placing: the machine of executions whose files do not name one.

An execution that died early may have no file that names its machine. It goes, in this order, to

    the machine of the executions in the same directory of a case, if all have the same one
    the machine of the other executions of its case, if all have the same one
    the machine that the directory above the archive is named by
    the machine that the user of the import names (`--machine`)

and is rejected otherwise, because another execution of its case may come and name it.
"""

from dataclasses import replace
from typing import TYPE_CHECKING

from ingest.cases.sources.base import case_directory
from models.cases.identity import CaseKey, spell_machine, system_of
from models.database.client import Database

if TYPE_CHECKING:
    from models.cases.observation import Observation


class Placing:
    """The machines of the cases that an import has seen, and those that are recorded."""

    def __init__(self, database: Database, stated_machine: str | None) -> None:
        self._database = database
        self._stated = spell_machine(stated_machine or "")
        self._seen: dict[tuple[str, str], set[str]] = {}
        self._seen_in: dict[tuple[str, str, str], set[str]] = {}

    def note(self, observation: "Observation") -> None:
        """Note the machine of an execution whose files name it."""
        key, directory = observation.key, case_directory(observation.execution.source_path)
        self._seen.setdefault((key.user, key.name), set()).add(key.machine)
        self._seen_in.setdefault((directory, key.user, key.name), set()).add(key.machine)

    async def place(self, observation: "Observation") -> "Observation | None":
        """Return an observation with its machine, None when that is unknown or ambiguous."""
        key, directory = observation.key, observation.directory_machine
        machines = await self._machines_of(key)
        if len(machines) > 1 or directory is not None:
            siblings = await self._machines_in(
                case_directory(observation.execution.source_path), key, machines
            )
            if len(siblings) == 1:
                machines, directory = siblings, None
        if directory is not None:
            machines = {name for name in machines if directory in (name, system_of(name))}
        others = machines.pop() if len(machines) == 1 else None
        machine = others or directory or self._stated
        return replace(observation, key=replace(key, machine=machine)) if machine else None

    async def _machines_of(self, key: CaseKey) -> set[str]:
        """Return the machines of the cases of this user and name."""
        query = {"user": key.user, "name": key.name}
        recorded = await self._database.cases.find(query, {"machine": 1})
        seen = self._seen.get((key.user, key.name), set())
        return seen | {str(case["machine"]) for case in recorded}

    async def _machines_in(self, directory: str, key: CaseKey, machines: set[str]) -> set[str]:
        """Return the machines of the executions of a case that were found in a directory."""
        cases = [replace(key, machine=machine).case_id for machine in sorted(machines)]
        query = {"caseId": {"$in": cases}}
        recorded = await self._database.executions.find(
            query, {"machine": 1, "recorded.foundAt": 1}
        )
        return self._seen_in.get((directory, key.user, key.name), set()) | {
            str(execution["machine"])
            for execution in recorded
            if any(case_directory(path) == directory for path in execution["recorded"]["foundAt"])
        }
