"""ParseCache: the results of the files that a process parsed last.

Most files of an execution equal those of the execution before, or differ in a few values only.
"""

from collections.abc import Callable
from typing import Any, TypeVar

from ingest.cases.inventory import Artefact
from ingest.cases.parsers.case_status import History, parse_case_status
from ingest.cases.parsers.incremental import ParsedLines, Variables
from ingest.cases.parsers.not_understood import Report
from models.redaction.text import without_secret, without_secrets

_MAX_RESULTS = 1024
_MAX_PARSED_LINES = 256
_MAX_INCREMENTAL_BYTES = 2**20  # of a file that is kept to parse the next one incrementally

K = TypeVar("K")
V = TypeVar("V")


class ParseCache:
    """Results by identity of the content, and files for incremental parsing by number of lines.

    Of CaseStatus, which grows from one execution to the next, only the last one is kept.
    """

    def __init__(self) -> None:
        self._results: dict[tuple[Any, ...], Any] = {}
        self._parsed_lines: dict[tuple[Artefact, int], ParsedLines] = {}
        self._history = History()

    def result(self, identity: tuple[Any, ...], read: Callable[[], Any]) -> Any:
        """Return the result for a file of the same content, or else what `read` returns."""
        is_known = identity in self._results
        value = self._results.pop(identity) if is_known else read()
        _keep(self._results, identity, value, _MAX_RESULTS)
        return value

    def variables(
        self,
        artefact: Artefact,
        content: bytes,
        parse: Callable[[bytes, Artefact], ParsedLines],
        report: Report,
    ) -> Variables:
        """Return the variables of a file without secrets, parsed incrementally if possible."""
        parsed = self._parsed(artefact, content, parse)
        for line, text in parsed.unknown:
            report(line, text)
        return parsed.variables

    def _parsed(
        self, artefact: Artefact, content: bytes, parse: Callable[[bytes, Artefact], ParsedLines]
    ) -> ParsedLines:
        if len(content) > _MAX_INCREMENTAL_BYTES:
            return parse(content, artefact).cleaned(without_secrets)
        key = (artefact, content.count(b"\n"))
        similar = self._parsed_lines.pop(key, None)
        parsed = similar.with_content(content, without_secret) if similar else None
        if parsed is None:
            parsed = parse(content, artefact).cleaned(without_secrets)
        _keep(self._parsed_lines, key, parsed, _MAX_PARSED_LINES)
        return parsed

    def history(self, content: bytes, report: Report) -> History:
        """Return what a CaseStatus says, reading only its new lines if it continues the last."""
        self._history = parse_case_status(content, self._history)
        for line, text in self._history.unknown:
            report(line, text)
        return self._history


def _keep(kept: dict[K, V], key: K, value: V, limit: int) -> None:
    """Add a value as the latest one; when there are more than `limit`, drop the oldest."""
    kept[key] = value
    if len(kept) > limit:
        del kept[next(iter(kept))]
