"""Finds where in the JSON of a file credentials seem to stand; see `outcome` for what follows."""

import re
from collections.abc import Iterator
from typing import Any

from models.redaction.text import masked_text, without_secrets
from models.spack.graph import join_place

_MARKS = ("://", "github_pat_", "glpat-", "AKIA", "eyJ", "PRIVATE KEY")
_TOKEN = re.compile("gh[pousr]_")
_SLACK = re.compile("xox[a-z]-")
_NAMES = ("secret", "token", "credential")
_PASS = re.compile("pass(?:w|phrase)")
_KEY = re.compile("(?:api|access|private)_?key")
_MOST = 100


def may_hold_credentials(text: str) -> bool:
    """Tell quickly whether a text is worth a look; most are not."""
    if any(mark in text for mark in _MARKS) or _TOKEN.search(text) or _SLACK.search(text):
        return True
    lowered = text.lower()
    if any(name in lowered for name in _NAMES) or _PASS.search(lowered):
        return True
    return "key" in lowered and _KEY.search(lowered) is not None


def credential_places(value: Any, place: str = "") -> tuple[str, ...]:
    """Return the places of keys and values that would be masked elsewhere, the first hundred.

    What would be masked in a key stands masked in the place.
    """
    found: list[str] = []
    stack: list[tuple[str, str, Any]] = [(place, "", value)]
    while stack and len(found) < _MOST:
        where, key, at = stack.pop()
        is_parent = isinstance(at, dict | list)
        if is_parent:
            stack.extend(reversed(list(_children(where, key, at))))
        if masked_text(key) != key or (not is_parent and without_secrets({key: at}) != {key: at}):
            found.append(where)
    return tuple(found)


def _children(
    where: str, key: str, at: dict[str, Any] | list[Any]
) -> Iterator[tuple[str, str, Any]]:
    if isinstance(at, dict):
        for name, value in at.items():
            yield join_place(where, masked_text(name)), name, value
    else:
        for i, value in enumerate(at):
            yield f"{where}[{i}]", key, value
