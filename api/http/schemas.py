"""The parts of which the answers of all resources are made."""

from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, Field

from models.base import Stored

Item = TypeVar("Item")


class Answer(Stored):
    """Base of the answers; they have these fields and no others."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class Links(Answer):
    """Links of a page: `next` is null on the last one."""

    self: str
    next: str | None


class PageOf(Answer, Generic[Item]):
    """One page of a list; `count` is null unless it is asked for."""

    items: list[Item]
    links: Links
    count: int | None


class ItemsOf(Answer, Generic[Item]):
    """A list that is given whole."""

    items: list[Item]


class ProblemDocument(Answer):
    """An error: RFC 9457, with the id of the request and what is wrong with each parameter."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None
    errors: list[dict[str, Any]] = Field(default_factory=list)
