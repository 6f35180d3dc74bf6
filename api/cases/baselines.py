"""Differences of the executions of a case to the baseline that a request chooses."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import Query

from api.http.errors import bad_value
from models.cases.baselines import WORDS, Differences, baseline_id, differences
from models.cases.listed_execution import listed_configuration, listed_id
from models.configuration.rules import DeltaRules
from models.configuration.values import Configuration
from models.database.client import Database

Document = Mapping[str, Any]

Baseline = Annotated[
    str,
    Query(
        max_length=300,
        description="What differences are relative to: `canonical`, the canonical execution of the"
        " case; `lineage`, the first successful execution with the same CASE_HASH; `previous`, the"
        " execution before it whose configuration is known; or the id of an execution.",
        examples=["previous"],
    ),
]

CASE_PROJECTION: dict[str, int] = dict.fromkeys(
    (
        "name",
        "canonicalExecutionId",
        "lineages",
        "configuration",
        "configurationOf",
        "changes",
        "failedBuilds",
    ),
    1,
)
"""The fields of a case that a `BaselineReader` needs."""

NAMES_PROJECTION = dict.fromkeys(("name", "canonicalExecutionId", "changes", "failedBuilds"), 1)
"""The fields of a case that are needed for differences to the canonical execution."""

_BATCH = 100
_PROJECTION = dict.fromkeys(
    ("executionId", "caseHash", "previousExecutionId", "overrides", "unset", "recorded"), 1
)


@dataclass(frozen=True, slots=True)
class Compared:
    """An execution compared with its baseline.

    `baseline_id` is None when it has no baseline, `differences` when one of the two has no known
    configuration.
    """

    baseline_id: str | None
    differences: Differences | None


@dataclass(frozen=True, slots=True)
class BaselineReader:
    """Reads and compares executions of one case; `case` has the fields of CASE_PROJECTION."""

    database: Database
    case: Document
    baseline: str
    rules: DeltaRules

    async def check(self) -> None:
        """Raise a 422 when the baseline is neither a word nor an execution to compare with."""
        if self.baseline in WORDS:
            return
        found = await self._read([self.baseline])
        if self.baseline not in found:
            detail = (
                f"{self.baseline[:100]!r} is no execution of this case; a baseline is `canonical`,"
                " `lineage`, `previous` or the id of one of its executions."
            )
            raise bad_value("baseline", detail)
        if not found[self.baseline]["recorded"]["hasConfiguration"]:
            detail = f"The configuration of {self.baseline[:100]!r} could not be read."
            raise bad_value("baseline", detail)

    async def compare(self, execution_ids: Sequence[str]) -> dict[str, Compared]:
        """Return the executions of these ids, each compared with its baseline, by id."""
        compared: dict[str, Compared] = {}
        for start in range(0, len(execution_ids), _BATCH):  # whole configurations need memory
            compared |= await self._compare_few(execution_ids[start : start + _BATCH])
        return compared

    async def _compare_few(self, execution_ids: Sequence[str]) -> dict[str, Compared]:
        executions = await self._read(execution_ids)
        named = {
            execution_id: baseline_id(self.case, execution, self.baseline)
            for execution_id, execution in executions.items()
        }
        others = {name for name in named.values() if name is not None} - executions.keys()
        known = executions | await self._read(sorted(others))
        return await asyncio.to_thread(self._compare, known, named)

    def _compare(
        self, known: Mapping[str, Document], named: Mapping[str, str | None]
    ) -> dict[str, Compared]:
        stored = self.case["configuration"]
        base = None if stored is None else Configuration.from_stored(stored)
        values = {
            execution_id: self._configuration(base, execution)
            for execution_id, execution in known.items()
        }
        compared = {}
        for execution_id, other in named.items():
            current, before = values[execution_id], values.get(other or "")
            found = None
            if before is not None and current is not None:
                unread = known[execution_id]["recorded"]["unreadFiles"]
                found = differences(before, current, self.rules, unread)
            compared[execution_id] = Compared(other, found)
        return compared

    def _configuration(self, base: Configuration | None, execution: Document) -> Any:
        if base is None or not execution["recorded"]["hasConfiguration"]:
            return None
        if execution["executionId"] == self.case["configurationOf"]:
            return base
        unread = execution["recorded"]["unreadFiles"]
        return listed_configuration(base, execution["overrides"], execution["unset"], unread)

    async def _read(self, execution_ids: Sequence[str]) -> dict[str, Document]:
        if not execution_ids:
            return {}
        ids = [listed_id(str(self.case["_id"]), execution_id) for execution_id in execution_ids]
        found = await self.database.executions.find({"_id": {"$in": ids}}, _PROJECTION)
        return {str(execution["executionId"]): execution for execution in found}
