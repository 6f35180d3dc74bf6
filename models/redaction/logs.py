"""Credentials of a build environment, kept out of all that is taken from its files."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from models.redaction.names import names_secret
from models.redaction.text import MASK, masked_text

_SECRET_NAME = re.compile(
    r"AUTH|PASS|PASSWD|(?:^|_)PWD?(?:_|$)|CRED|COOKIE|SESSION|SIGNING|JWT|(?:^|_)PAT(?:_|$)"
    r"|(?:^|_)KEYS?(?:_|$)|PRIVATE|TOKEN|SECRET",
    re.IGNORECASE,
)
_NAMES_OF_PATHS = ("_SOCK", "_FILE", "_PATH", "_DIR", "PWD")
_SHORTEST_SECRET = 8
_LONGEST_LINE = 2**14
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_GOES_ON = re.compile(
    r"[\s>+|\"']{0,80}(?:[A-Za-z0-9+/=]*+|(?:Proc-Type|DEK-Info|Version|Comment): .*)[\\n\"',\s]*"
)


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
        held, key = b"", PrivateKey()
        for piece in pieces:
            *whole, held = (held + piece).split(b"\n")
            if whole:
                yield b"".join(self._line(raw, key) + b"\n" for raw in whole)
            while len(held) > 2 * _LONGEST_LINE:
                cut = self._cut(held[: 2 * _LONGEST_LINE])
                yield self._line(held[:cut], key)
                held = held[cut:]
        if held:
            yield self._line(held, key)

    def _cut(self, begin: bytes) -> int:
        """Return where a line that is too long to be held may be cut: not in a credential."""
        whole = self._masked(begin)
        cut = _LONGEST_LINE
        while cut and self._masked(begin[:cut]) + self._masked(begin[cut:]) != whole:
            cut //= 2
        return cut or len(begin)

    def _masked(self, raw: bytes) -> bytes:
        return self._line(raw, PrivateKey())

    def _line(self, raw: bytes, key: "PrivateKey") -> bytes:
        text = raw.decode("utf-8", errors="surrogateescape")
        masked = MASK if key.holds(text) else self.text(text)
        return masked.encode("utf-8", errors="surrogateescape")


class PrivateKey:
    """Follows a log through the lines of a private key, of which only the first says what it is."""

    def __init__(self) -> None:
        self._is_open = False

    def holds(self, line: str) -> bool:
        """Tell whether the next line is one of a key, behind its first and before its last."""
        if self._is_open and _KEY_GOES_ON.fullmatch(line):
            return True
        self._is_open = "-----BEGIN " in line and (
            any(line.find("-----END", each.end()) < 0 for each in _KEY_BEGINS.finditer(line))
        )
        return False


DEFAULT_REDACTOR = Redactor()


def redactor_of(*dumps: Mapping[str, str]) -> Redactor:
    """Return what masks the values of those variables of environments that are credentials."""
    values = {
        line.strip()
        for variables in dumps
        for name, value in variables.items()
        if is_secret_name(name) and not name.endswith(_NAMES_OF_PATHS)
        for line in value.splitlines()
        if len(line.strip()) >= _SHORTEST_SECRET
    }
    if not values:
        return Redactor()
    longest_first = sorted(values, key=lambda value: (-len(value), value))
    return Redactor(re.compile("|".join(re.escape(value) for value in longest_first)))
