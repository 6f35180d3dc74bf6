"""What must not be stored: credentials that stand in the files of an execution."""

import re
from collections.abc import Mapping
from typing import Any

MASK = "***"
_SECRET_NAME = re.compile(
    r"passw(?:or)?d|passphrase|secret|token|credential|api_?key|access_?key|private_?key",
    re.IGNORECASE,
)
_IN_URL = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,20}://)[^\s/@'\"]{1,1000}@")
_SHORTEST_TOKEN = 15
_KNOWN_FORM = re.compile(
    r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_\w{20,}|glpat-[\w-]{20,}|AKIA[A-Z0-9]{16}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}\.[\w-]{10,}|xox[abpr]-[\w-]{10,}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----"
)


def without_secrets(variables: Mapping[str, Any]) -> dict[str, Any]:
    """Return the variables with credentials masked: by the variable's name, in URLs, by form."""
    return {key: without_secret(key, value) for key, value in variables.items()}


def without_secret(key: str, value: Any) -> Any:
    """Return the value of a variable with credentials masked."""
    return MASK if _is_secret(key, value) else _masked(value)


def _is_secret(key: str, value: Any) -> bool:
    holds_something = value is not None and value != "" and not isinstance(value, bool)
    return holds_something and _names_secret(key)


def _names_secret(key: str) -> bool:
    return _SECRET_NAME.search(key, key.rfind(".") + 1) is not None


def masked_text(text: str) -> str:
    """Return a text with credentials in URLs, and tokens of well-known forms, masked."""
    if "://" in text:
        text = _IN_URL.sub(rf"\g<scheme>{MASK}@", text)
    return _KNOWN_FORM.sub(MASK, text) if len(text) >= _SHORTEST_TOKEN else text


def _masked(value: Any) -> Any:
    if isinstance(value, str):
        return masked_text(value)
    if isinstance(value, list):
        return [_masked(item) for item in value]
    return value
