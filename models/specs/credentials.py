"""Detection of credentials in the JSON of a file; `ingest.specs.outcome` says what follows."""

import re
from collections.abc import Iterator
from typing import Any

from models.json.places import join_place
from models.redaction.text import masked_text, without_secrets

_MARKS = ("://", "github_pat_", "glpat-", "AKIA", "eyJ", "PRIVATE KEY")
_TOKEN = re.compile("gh[pousr]_")
_SLACK = re.compile("xox[a-z]-")
_NAMES = ("secret", "token", "credential")
_PASS = re.compile("pass(?:w|phrase)")
_KEY = re.compile("(?:api|access|private)_?key")
_MAX_PLACES = 100


def may_hold_credentials(text: str) -> bool:
    """Return whether a text has to be searched for credentials: a fast test that excludes most."""
    if any(mark in text for mark in _MARKS) or _TOKEN.search(text) or _SLACK.search(text):
        return True
    lowered = text.lower()
    if any(name in lowered for name in _NAMES) or _PASS.search(lowered):
        return True
    return "key" in lowered and _KEY.search(lowered) is not None


def credential_places(value: Any, place: str = "") -> tuple[str, ...]:
    """Return the places, up to a hundred, of keys and values that are masked everywhere else.

    A key that contains a credential is masked in the place.
    """
    places: list[str] = []
    stack: list[tuple[str, str, Any]] = [(place, "", value)]
    while stack and len(places) < _MAX_PLACES:
        where, key, at = stack.pop()
        is_parent = isinstance(at, dict | list)
        if is_parent:
            stack.extend(reversed(list(_children(where, key, at))))
        if masked_text(key) != key or (not is_parent and without_secrets({key: at}) != {key: at}):
            places.append(where)
    return tuple(places)


def _children(
    where: str, key: str, at: dict[str, Any] | list[Any]
) -> Iterator[tuple[str, str, Any]]:
    if isinstance(at, dict):
        for name, value in at.items():
            yield join_place(where, masked_text(name)), name, value
    else:
        for i, value in enumerate(at):
            yield f"{where}[{i}]", key, value
