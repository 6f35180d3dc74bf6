"""Reading a file of Spack, whose format is detected from its content.

The formats are spec documents (JSON, YAML, several in one file, arrays, NDJSON), listings of nodes,
lockfiles, databases, and the signed files, manifests and indexes of build caches. Any of them may
be compressed with gzip. An invalid item does not affect the others.

    bytes ── expand ──> text ── parse_values ──> values ──> by their keys: read_lockfile,
                │                                           read_database, read_document, …
                └─ a signed text: its content                     │
                                                            verify_outcomes ──> outcomes
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ingest.archives import yaml_file
from ingest.archives.content import expand
from ingest.specs.formats.buildcache import (
    Blob,
    Fetch,
    blob_content,
    is_manifest,
    is_signed,
    read_manifest,
    signed_text,
)
from ingest.specs.formats.database_index import is_database, read_database
from ingest.specs.formats.lockfile import is_lockfile, read_lockfile
from ingest.specs.formats.spec_json import (
    is_document,
    is_node,
    is_suite,
    read_document,
    read_listing,
    read_suite,
)
from ingest.specs.limits import SpecLimits
from ingest.specs.outcome import Outcome, Rejection, mark_signed, rejection
from ingest.specs.verification import verify_outcomes
from models.errors import ParseError
from models.json.reader import Value, decode, parse_values
from models.spack.graph import JsonObject, SpecError
from models.specs.credentials import credential_places, may_hold_credentials
from models.specs.document import SpecDocument

_YAML_SUFFIXES = (".yaml", ".yml")
_JSON_STARTS = ("{", "[")


def read(
    data: bytes,
    name: str,
    limits: SpecLimits | None = None,
    fetch: Fetch | None = None,
    *,
    strict: bool = False,
) -> Iterator[Outcome]:
    """Yield the outcome of each item of a file, in the order of the file.

    The nodes of a listing come last, because they share one graph. With `strict`, a document is
    rejected when a node in it does not have the hash that it states, unless the difference proves
    nothing. `fetch` returns the blobs that a manifest of a build cache names; without it, a
    manifest is rejected with the reason `manifest`.
    """
    file = _File(name, limits or SpecLimits(), fetch)
    try:
        text = decode(expand(data, file.limits.size), file.limits)
        has_signature = is_signed(text)
        text = signed_text(text) if has_signature else text
    except ParseError as error:
        yield rejection(name, error)
        return
    outcomes = file.read(text)
    signed = (mark_signed(outcome) if has_signature else outcome for outcome in outcomes)
    yield from verify_outcomes(signed, strict=strict)


def _may_refer(text: str) -> bool:
    """Return whether a key in a text may be `$ref`, which can be written with escapes."""
    return "$ref" in text or "\\" in text


def _without_references(outcome: Outcome) -> Outcome:
    return outcome if isinstance(outcome, Rejection) else replace(outcome, may_refer=False)


@dataclass(frozen=True, slots=True)
class _File:
    """What has to be known to read the text of a file."""

    name: str
    limits: SpecLimits
    fetch: Fetch | None

    def read(self, text: str) -> Iterator[Outcome]:
        """Yield the outcomes of a text, without verification."""
        is_suspicious, may_refer = may_hold_credentials(text), _may_refer(text)
        nodes: list[tuple[str, JsonObject]] = []
        is_empty = True
        for value in self._values(text):
            is_empty = False
            if value.error is not None:
                yield rejection(self.name, value.error)
            elif is_node(value.content):
                nodes.append((value.place, value.content))
            else:
                places = credential_places(value.content, value.place) if is_suspicious else ()
                yield from _with_credentials(self._outcomes(value, may_refer=may_refer), places)
        if nodes:
            contents = [node for _, node in nodes]
            places = credential_places(contents) if is_suspicious else ()
            outcomes = read_listing(nodes, self.name, self.limits)
            outcomes = outcomes if may_refer else map(_without_references, outcomes)
            yield from _with_credentials(outcomes, places)
        elif is_empty:
            yield Rejection(self.name, "", "empty", "there is nothing in the file")

    def _values(self, text: str) -> Iterator[Value]:
        is_json = text.lstrip().startswith(_JSON_STARTS)
        is_yaml = self.name.endswith(_YAML_SUFFIXES) or text.lstrip("-\n ").startswith("spec:")
        if is_yaml and not is_json:
            return yaml_file.parse_values(text, self.limits)
        return parse_values(text, self.limits)

    def _outcomes(self, value: Value, *, may_refer: bool) -> Iterator[Outcome]:
        """Yield the outcomes of a value; for the blobs of a manifest `may_refer` is already set."""
        outcomes = self._read(value)
        if may_refer or is_manifest(value.content):
            return outcomes
        return map(_without_references, outcomes)

    def _read(self, value: Value) -> Iterator[Outcome]:
        content, place = value.content, value.place
        if is_lockfile(content):
            return read_lockfile(content, self.name, self.limits)
        if is_database(content):
            return read_database(content, self.name, self.limits)
        if is_document(content):
            return iter([read_document(content, self.name, place, self.limits)])
        if is_suite(content):
            return read_suite(content, self.name, place, self.limits)
        if is_manifest(content):
            return self._manifest(content, place)
        return iter(
            [Rejection(self.name, place, "unknown", f"{_kind(content)} of an unknown form")]
        )

    def _manifest(self, content: JsonObject, place: str) -> Iterator[Outcome]:
        try:
            blobs = [blob for blob in read_manifest(content, place).blobs if blob.holds_specs]
        except SpecError as error:
            yield rejection(self.name, error)
            return
        if not blobs:
            yield Rejection(self.name, place, "no_spec", "the manifest names no spec and no index")
        for blob in blobs:
            yield from self._blob(blob, place)

    def _blob(self, blob: Blob, place: str) -> Iterator[Outcome]:
        data = self.fetch(blob) if self.fetch is not None else None
        if data is None:
            reason = "manifest" if self.fetch is None else "missing_blob"
            yield Rejection(self.name, place, reason, f"the spec is in {blob.path}")
            return
        try:
            content = blob_content(blob, data, self.limits)
        except ParseError as error:
            yield rejection(self.name, error, place)
            return
        for outcome in read(content, self.name, self.limits):
            yield _of_mirror(outcome)


def _of_mirror(outcome: Outcome) -> Outcome:
    if isinstance(outcome, Rejection):
        return outcome
    return replace(outcome, provenance=replace(outcome.provenance, origin="mirror"))


def _with_credentials(outcomes: Iterator[Outcome], places: tuple[str, ...]) -> Iterator[Outcome]:
    for outcome in outcomes:
        if places and isinstance(outcome, SpecDocument):
            yield replace(outcome, credentials=places)
        else:
            yield outcome


def _kind(content: Any) -> str:
    if isinstance(content, dict):
        return "an object"
    return "a list" if isinstance(content, list) else "a value"
