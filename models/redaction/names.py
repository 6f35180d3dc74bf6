"""Names of credentials: of variables, of options, and of parameters in URLs."""

import re
from functools import lru_cache

_SHORT = 128  # short names are cached: the same few thousand are in the files of every execution
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


def is_credential_name(name: str) -> bool:
    """Return whether a name suggests that its value is a credential.

        anywhere in the name    password, token, secret, …
        as a whole word         auth, jwt, cookie, …
        as the last word        key, pass, pwd, …

    Words end at underscores, digits and changes to upper case.
    """
    return _is_secret_short(name) if len(name) <= _SHORT else _is_secret(name)


def is_clearly_credential_name(name: str) -> bool:
    """Return whether a name suggests a credential even where it may not name anything."""
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
