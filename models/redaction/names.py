"""Which names are those of credentials: of variables, of options, of parameters in URLs."""

import re
from functools import lru_cache

_SHORT = 128  # the same few thousand names stand in the files of every execution
_ANYWHERE = re.compile(
    r"passw|pass[_-]?phrase|passcode|pswd|secret|token|credential|authorization"
    r"|(?:api|access|private|ssh|signing|encryption|account)[_-]?key",
    re.IGNORECASE,
)
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]++")
_WORDS = frozenset({"auth", "oauth", "cred", "creds", "jwt", "bearer", "cookie", "cookies"})
_LAST_WORDS = frozenset({"key", "keys"})
_LAST_OF_SEVERAL = frozenset({"pw", "pwd", "pat"})
_WORKING_DIRECTORIES = frozenset({"old", "o"})
_ORDINARY_PASSES = (
    "bypass", "compass", "encompass", "highpass", "lowpass", "bandpass", "npass", "onepass",
    "twopass", "multipass", "surpass", "overpass", "underpass", "trespass",
)  # fmt: skip


def names_secret(name: str) -> bool:
    """Tell whether what has this name sounds like a credential.

    `password`, `token`, `secret` and the like tell it wherever they stand, `AUTH` as a word of its
    own, `KEY` and `PASS` as the last word. Words end at underscores, digits and humps.
    """
    return _is_secret_short(name) if len(name) <= _SHORT else _is_secret(name)


def clearly_names_secret(name: str) -> bool:
    """Tell whether a name is one of a credential even where many other things could stand."""
    return _ANYWHERE.search(name) is not None or name.lower() in {"cookie", "set-cookie", "bearer"}


def _is_secret(name: str) -> bool:
    if _ANYWHERE.search(name) is not None:
        return True
    words = [word.lower() for word in _WORD.findall(name)]
    if not words:
        return False
    last = words[-1]
    return (
        last in _LAST_WORDS
        or (last.endswith("pass") and last not in _ORDINARY_PASSES)
        or (last in _LAST_OF_SEVERAL and len(words) > 1 and words[-2] not in _WORKING_DIRECTORIES)
        or not _WORDS.isdisjoint(words)
    )


_is_secret_short = lru_cache(maxsize=65536)(_is_secret)
