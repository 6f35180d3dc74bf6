"""The response documents for the software of executions."""

from typing import Literal

from pydantic import ConfigDict

from api.http.schemas import Answer

PackageChange = Literal["added", "removed", "changed"]


class StackPackage(Answer):
    """A package of a stack; `id` is that of its spec, null when no spec is recorded.

    `role` is `loaded`, or the stated role. `hash` may be a prefix when the spec is not recorded.
    """

    name: str
    version: str | None
    hash: str
    role: str
    id: str | None


class ChangedPackage(Answer):
    """A package that was added, removed or replaced by another version or spec."""

    name: str
    change: PackageChange
    before: list[StackPackage]
    after: list[StackPackage]


class StackRun(Answer):
    """Consecutive executions on the same software; `changes` are relative to the previous stack.

    `since` is the local time of the job of the first execution.
    """

    first_execution_id: str
    since: str
    executions: list[str]
    software: list[StackPackage]
    changes: list[ChangedPackage]


class ExecutionSoftware(Answer):
    """The software that an execution ran on: its stack."""

    case_id: str
    execution_id: str
    software: list[StackPackage]


class CaseSoftware(Answer):
    """The software of a case, in the order of its executions.

    The software of the executions in `notRecorded` is unknown.
    """

    model_config = ConfigDict(extra="forbid")

    case_id: str
    case_name: str
    stacks: list[StackRun]
    not_recorded: list[str]
