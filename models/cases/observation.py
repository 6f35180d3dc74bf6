"""Observation: an execution as its files show it, before it is stored."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.cases.case import CaseChange, FailedBuild
from models.cases.case_run import CaseRun
from models.cases.execution import Execution
from models.cases.identity import CaseKey
from models.configuration.values import Configuration


@dataclass(frozen=True, slots=True)
class Observation:
    """One execution as its files show it, and the case that it belongs to.

    `configuration` is None when it could not be read. `runs`, `changes` and `failed_builds` are all
    those of the case that its CaseStatus reports, `commands` the commands that created the case.
    The machine of the key is empty when no file names it; `directory_machine` is then the machine
    that a directory is named by, if any: see `ingest.cases.placing`.
    """

    key: CaseKey
    execution: Execution
    configuration: Configuration | None
    runs: Sequence[CaseRun] = ()
    commands: Sequence[str] = ()
    changes: Sequence[CaseChange] = ()
    failed_builds: Sequence[FailedBuild] = ()
    directory_machine: str | None = None
