"""The documents that the API answers with about the software of executions."""

from typing import Literal

from pydantic import ConfigDict

from api.http.schemas import Answer

PackageChange = Literal["added", "removed", "changed"]


class StackPackage(Answer):
    """A package of a stack; `id` is that of its spec, null where none is recorded.

    `role` is `loaded`, or what was stated. `hash` is a beginning where the spec is not recorded.
    """

    name: str
    version: str | None
    hash: str
    role: str
    id: str | None


class ChangedPackage(Answer):
    """A package that came, went, or is another one."""

    name: str
    change: PackageChange
    before: list[StackPackage]
    after: list[StackPackage]


class StackRun(Answer):
    """Executions that followed each other on the same software; `changes` are to the stack before.

    `since` is the local time of the first one's job.
    """

    first_execution_id: str
    since: str
    executions: list[str]
    software: list[StackPackage]
    changes: list[ChangedPackage]


class CaseSoftware(Answer):
    """The software of a case, in the order of its executions.

    Of those in `notRecorded` nothing tells it.
    """

    model_config = ConfigDict(extra="forbid")

    case_id: str
    case_name: str
    stacks: list[StackRun]
    not_recorded: list[str]
