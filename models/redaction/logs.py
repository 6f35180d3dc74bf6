"""Redaction of build files: masks the credentials of a build environment in texts and logs."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from models.redaction.names import is_credential_name
from models.redaction.text import MASK, masked_text

_SECRET_NAME = re.compile(
    r"AUTH|PASS|PASSWD|(?:^|_)PWD?(?:_|$)|CRED|COOKIE|SESSION|SIGNING|JWT|(?:^|_)PAT(?:_|$)"
    r"|(?:^|_)KEYS?(?:_|$)|PRIVATE|TOKEN|SECRET",
    re.IGNORECASE,
)
_NAMES_OF_PATHS = ("_SOCK", "_FILE", "_PATH", "_DIR", "PWD")
_MIN_SECRET = 8
_MAX_LINE = 2**14
_KEY_BEGINS = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_KEY_GOES_ON = re.compile(
    r"[\s>+|\"']{0,80}(?:[A-Za-z0-9+/=]*+|(?:Proc-Type|DEK-Info|Version|Comment): .*)[\\n\"',\s]*"
)


def is_secret_name(name: str) -> bool:
    """Return whether a variable or option of this name may contain a credential."""
    return _SECRET_NAME.search(name) is not None or is_credential_name(name)


@dataclass(frozen=True, slots=True)
class Redactor:
    """Masks credentials: those with known values, those in URLs, and those of well-known forms."""

    known: re.Pattern[str] | None = None

    def text(self, text: str) -> str:
        """Return the text with credentials masked and everything else unchanged."""
        masked = masked_text(text)
        return masked if self.known is None else self.known.sub(MASK, masked)

    def log(self, pieces: Iterable[bytes]) -> Iterator[bytes]:
        """Yield an expanded log with credentials masked and all other bytes unchanged."""
        rest, key = b"", PrivateKey()
        for piece in pieces:
            *lines, rest = (rest + piece).split(b"\n")
            if lines:
                yield b"".join(self._line(raw, key) + b"\n" for raw in lines)
            while len(rest) > 2 * _MAX_LINE:
                cut = self._cut(rest[: 2 * _MAX_LINE])
                yield self._line(rest[:cut], key)
                rest = rest[cut:]
        if rest:
            yield self._line(rest, key)

    def _cut(self, start: bytes) -> int:
        """Return a position where an overlong line can be cut without splitting a credential."""
        whole = self._masked(start)
        cut = _MAX_LINE
        while cut and self._masked(start[:cut]) + self._masked(start[cut:]) != whole:
            cut //= 2
        return cut or len(start)

    def _masked(self, raw: bytes) -> bytes:
        return self._line(raw, PrivateKey())

    def _line(self, raw: bytes, key: "PrivateKey") -> bytes:
        text = raw.decode("utf-8", errors="surrogateescape")
        masked = MASK if key.is_key_line(text) else self.text(text)
        return masked.encode("utf-8", errors="surrogateescape")


class PrivateKey:
    """Recognizes the lines of private keys in a log, from their first line to their last."""

    def __init__(self) -> None:
        self._is_open = False

    def is_key_line(self, line: str) -> bool:
        """Return whether the next line of the log is inside a key, between its first and last."""
        if self._is_open and _KEY_GOES_ON.fullmatch(line):
            return True
        self._is_open = "-----BEGIN " in line and (
            any(line.find("-----END", match.end()) < 0 for match in _KEY_BEGINS.finditer(line))
        )
        return False


DEFAULT_REDACTOR = Redactor()


def redactor_of(*dumps: Mapping[str, str]) -> Redactor:
    """Return a redactor that masks the values of secret variables in these environments.

    Each line of a value counts; values shorter than 8 characters and the variables of paths are
    left out.
    """
    values = {
        line.strip()
        for variables in dumps
        for name, value in variables.items()
        if is_secret_name(name) and not name.endswith(_NAMES_OF_PATHS)
        for line in value.splitlines()
        if len(line.strip()) >= _MIN_SECRET
    }
    if not values:
        return Redactor()
    longest_first = sorted(values, key=lambda value: (-len(value), value))
    return Redactor(re.compile("|".join(re.escape(value) for value in longest_first)))
