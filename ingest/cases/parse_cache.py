"""What a process remembers of the files that it parsed last.

Most files of an execution are, byte for byte or but for a few values, those of the one before.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from ingest.cases.inventory import Artefact
from ingest.cases.parsers.case_status import History, parse_case_status
from ingest.cases.parsers.incremental import ParsedLines, Variables
from models.cases.case_run import Attempt
from models.redaction.text import without_secret, without_secrets

_MOST_READINGS = 1024
_MOST_SHEETS = 256
_LARGEST = 2**20  # bytes of a file that is remembered line by line

K = TypeVar("K")
V = TypeVar("V")


class ParseCache:
    """Readings of files by what identifies their content, their sheets by number of lines.

    Of CaseStatus, which grows from one execution to the next, the last is remembered.
    """

    def __init__(self) -> None:
        self._readings: dict[tuple[Any, ...], Any] = {}
        self._sheets: dict[tuple[Artefact, int], ParsedLines] = {}
        self._history = History()

    def reading(self, identity: tuple[Any, ...], read: Callable[[], Any]) -> Any:
        """Return what was read from a file of the same content, else read it now."""
        known = identity in self._readings
        value = self._readings.pop(identity) if known else read()
        _keep(self._readings, identity, value, _MOST_READINGS)
        return value

    def variables(
        self, artefact: Artefact, content: bytes, parse: Callable[[bytes, Artefact], ParsedLines]
    ) -> Variables:
        """Return the variables of a file, without secrets, parsing only what is new in it."""
        if len(content) > _LARGEST:
            return without_secrets(parse(content, artefact).variables)
        place = (artefact, content.count(b"\n"))
        alike = self._sheets.pop(place, None)
        sheet = alike.with_content(content, without_secret) if alike else None
        if sheet is None:
            sheet = parse(content, artefact).cleaned(without_secrets)
        _keep(self._sheets, place, sheet, _MOST_SHEETS)
        return sheet.variables

    def runs(self, content: bytes) -> list[Attempt]:
        """Return the runs that a CaseStatus tells of, reading only what is new in it."""
        self._history = parse_case_status(content, self._history)
        return self._history.runs


def _keep(kept: dict[K, V], key: K, value: V, most: int) -> None:
    kept[key] = value
    if len(kept) > most:
        del kept[next(iter(kept))]
