"""Credentials of a build environment, kept out of all that is taken from its files."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ingest.secret_names import names_secret
from ingest.secrets import MASK, masked_text

_SECRET_NAME = re.compile(
    r"AUTH|PASS|PASSWD|(?:^|_)PWD?(?:_|$)|CRED|COOKIE|SESSION|SIGNING|JWT|(?:^|_)PAT(?:_|$)"
    r"|(?:^|_)KEYS?(?:_|$)|PRIVATE|TOKEN|SECRET",
    re.IGNORECASE,
)
_NAMES_OF_PATHS = ("_SOCK", "_FILE", "_PATH", "_DIR", "PWD")
_SHORTEST_SECRET = 8
_LONGEST_LINE = 2**12


def is_secret_name(name: str) -> bool:
    """Tell whether a variable or option of this name may hold a credential."""
    return _SECRET_NAME.search(name) is not None or names_secret(name)


@dataclass(frozen=True, slots=True)
class Redactor:
    """Masks credentials: those that are known by value, those in URLs, and of well-known forms."""

    known: re.Pattern[str] | None = None

    def text(self, text: str) -> str:
        """Return a text without credentials; what is none stays as it is."""
        masked = masked_text(text)
        return masked if self.known is None else self.known.sub(MASK, masked)

    def log(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield an expanded log without credentials; all other bytes stay as they are."""
        held = b""
        for piece in pieces:
            *whole, held = (held + piece).split(b"\n")
            if whole:
                yield b"".join(self._line(raw) + b"\n" for raw in whole)
            while len(held) > _LONGEST_LINE:
                cut = held.rfind(b" ", 0, _LONGEST_LINE) + 1 or _LONGEST_LINE
                yield self._line(held[:cut])
                held = held[cut:]
        if held:
            yield self._line(held)

    def _line(self, raw: bytes) -> bytes:
        text = raw.decode("utf-8", errors="surrogateescape")
        return self.text(text).encode("utf-8", errors="surrogateescape")


NOTHING_KNOWN = Redactor()


def redactor_of(variables: Mapping[str, str]) -> Redactor:
    """Return what masks the values of those variables of an environment that are credentials."""
    values = {
        line.strip()
        for name, value in variables.items()
        if is_secret_name(name) and not name.endswith(_NAMES_OF_PATHS)
        for line in value.splitlines()
        if len(line.strip()) >= _SHORTEST_SECRET
    }
    if not values:
        return Redactor()
    longest_first = sorted(values, key=lambda value: (-len(value), value))
    return Redactor(re.compile("|".join(re.escape(value) for value in longest_first)))
