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
_CUT_MARGIN = 2**12
MAX_LINE_BYTES = 2**20
"""The limit of what is kept of one line of a log; the longest commands have a tenth of that."""

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
        """Yield an expanded log with credentials masked and all other bytes unchanged.

        A line of more than `MAX_LINE_BYTES` is cut, and says so at its end.
        """
        held, length, key = bytearray(), 0, PrivateKey()
        for piece in pieces:
            *lines, rest = piece.split(b"\n")
            if lines:
                held += lines[0][: MAX_LINE_BYTES - len(held)]
                ended = self._ended(bytes(held), length + len(lines[0]), key)
                whole = [self._ended(raw[:MAX_LINE_BYTES], len(raw), key) for raw in lines[1:]]
                yield b"\n".join([ended, *whole, b""])
                held.clear()
                length = 0
            held += rest[: MAX_LINE_BYTES - len(held)]
            length += len(rest)
        if length:
            yield self._ended(bytes(held), length, key)

    def _ended(self, held: bytes, length: int, key: "PrivateKey") -> bytes:
        """Return a line that has ended, of which `held` is in memory, with credentials masked.

        A credential may go on where the line is cut, so that its first part would not be masked:
        the end of what is in memory is left out as well.
        """
        if not held and not key.is_open:
            return held
        masked = self._line(held, key)
        if length <= MAX_LINE_BYTES:
            return masked
        return masked[:-_CUT_MARGIN] + b" [cut here: the line has %d bytes]" % length

    def _line(self, raw: bytes, key: "PrivateKey") -> bytes:
        text = raw.decode("utf-8", errors="surrogateescape")
        masked = MASK if key.is_key_line(text) else self.text(text)
        return masked.encode("utf-8", errors="surrogateescape")


class PrivateKey:
    """Recognizes the lines of private keys in a log, from their first line to their last.

    `is_open` says that a key has begun and not ended.
    """

    def __init__(self) -> None:
        self.is_open = False

    def is_key_line(self, line: str) -> bool:
        """Return whether the next line of the log is inside a key, between its first and last."""
        if self.is_open and _KEY_GOES_ON.fullmatch(line):
            return True
        self.is_open = False
        if "-----BEGIN " in line:
            end = line.rfind("-----END")
            self.is_open = any(match.end() > end for match in _KEY_BEGINS.finditer(line))
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
