"""Schemas that the answers of all resources have in common."""

from typing import Any, Generic, TypeVar

from pydantic import ConfigDict, Field

from models.base import Stored

Item = TypeVar("Item")


class Answer(Stored):
    """Base of the answers. They have all of their fields and no others."""

    model_config = ConfigDict(extra="forbid", json_schema_serialization_defaults_required=True)


class Links(Answer):
    """Links of a page: to itself, and to the next page, which is null on the last one."""

    self: str
    next: str | None


class PageOf(Answer, Generic[Item]):
    """One page of a list; `count` is null unless it is requested."""

    items: list[Item]
    links: Links
    count: int | None


class ItemsOf(Answer, Generic[Item]):
    """A list that is not divided into pages."""

    items: list[Item]


class ProblemDocument(Answer):
    """An error (RFC 9457), with the id of the request and the error of each parameter."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    request_id: str | None
    errors: list[dict[str, Any]] = Field(default_factory=list)
