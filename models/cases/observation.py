"""An execution as its files show it, before it is stored."""

from collections.abc import Sequence
from dataclasses import dataclass

from models.cases.case_run import Attempt
from models.cases.execution import Execution
from models.cases.identity import CaseKey
from models.configuration.values import Configuration


@dataclass(frozen=True, slots=True)
class Observation:
    """One execution as its files show it, and the case that it belongs to.

    `configuration` is None when it could not be read; `attempts` are all runs of the case that its
    CaseStatus tells of, `commands` those that made the case.
    """

    key: CaseKey
    execution: Execution
    configuration: Configuration | None
    attempts: Sequence[Attempt] = ()
    commands: Sequence[str] = ()
