"""Finds out what a file of Spack is, by what is in it, and reads it.

Known are spec documents (JSON, YAML, several in one file, arrays, NDJSON), listings of nodes,
lockfiles, databases, and of build caches signed files, manifests and indexes; all of them perhaps
gzipped. One bad item costs itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ingest.archives.content import expand
from ingest.specs.formats import spec_yaml, strict_json
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
from ingest.specs.formats.strict_json import Limits, Value
from ingest.specs.outcome import Outcome, Rejected, rejected, signed
from ingest.specs.verification import verified
from models.errors import ParseError
from models.spack.graph import JsonObject, SpecError
from models.specs.credentials import credential_places, may_hold_credentials
from models.specs.document import SpecDocument

_YAML_SUFFIXES = (".yaml", ".yml")
_JSON_STARTS = ("{", "[")


def read(
    data: bytes, name: str, limits: Limits | None = None, fetch: Fetch | None = None
) -> Iterator[Outcome]:
    """Give the outcome of each item of a file, in the order of the file.

    Nodes of a listing come last, as they belong together. A document is refused when any node in
    it, where that says something, does not have the hash that it states. `fetch` gives the blobs
    that a manifest of a build cache names; without it, a manifest is refused as `manifest`.
    """
    file = _File(name, limits or Limits(), fetch)
    try:
        text = strict_json.decode(expand(data, file.limits.size), file.limits)
        is_in_clear = is_signed(text)
        text = signed_text(text) if is_in_clear else text
    except ParseError as error:
        yield rejected(name, error)
        return
    outcomes = file.read(text)
    yield from verified(signed(outcome) if is_in_clear else outcome for outcome in outcomes)


def _may_refer(text: str) -> bool:
    """Tell whether a key in a text, however it is escaped, may be `$ref`."""
    return "$ref" in text or "\\" in text


def _without_references(outcome: Outcome) -> Outcome:
    return outcome if isinstance(outcome, Rejected) else replace(outcome, may_refer=False)


@dataclass(frozen=True, slots=True)
class _File:
    name: str
    limits: Limits
    fetch: Fetch | None

    def read(self, text: str) -> Iterator[Outcome]:
        is_watched, may_refer = may_hold_credentials(text), _may_refer(text)
        listed: list[tuple[str, JsonObject]] = []
        is_empty = True
        for value in self._values(text):
            is_empty = False
            if value.error is not None:
                yield rejected(self.name, value.error)
            elif is_node(value.content):
                listed.append((value.place, value.content))
            else:
                places = credential_places(value.content, value.place) if is_watched else ()
                yield from _with_credentials(self._outcomes(value, may_refer=may_refer), places)
        if listed:
            contents = [node for _, node in listed]
            places = credential_places(contents) if is_watched else ()
            found = read_listing(listed, self.name, self.limits)
            found = found if may_refer else map(_without_references, found)
            yield from _with_credentials(found, places)
        elif is_empty:
            yield Rejected(self.name, "", "empty", "there is nothing in the file")

    def _values(self, text: str) -> Iterator[Value]:
        is_json = text.lstrip().startswith(_JSON_STARTS)
        is_yaml = self.name.endswith(_YAML_SUFFIXES) or text.lstrip("-\n ").startswith("spec:")
        if is_yaml and not is_json:
            return spec_yaml.values(text, self.limits)
        return strict_json.values(text, self.limits)

    def _outcomes(self, value: Value, *, may_refer: bool) -> Iterator[Outcome]:
        """Give the outcomes of a value; the blobs of a manifest have texts of their own."""
        found = self._read(value)
        return found if may_refer or is_manifest(value.content) else map(_without_references, found)

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
        return iter([Rejected(self.name, place, "unknown", f"{_kind(content)} of another form")])

    def _manifest(self, content: JsonObject, place: str) -> Iterator[Outcome]:
        try:
            blobs = [blob for blob in read_manifest(content, place).blobs if blob.holds_specs]
        except SpecError as error:
            yield rejected(self.name, error)
            return
        if not blobs:
            yield Rejected(self.name, place, "no_spec", "the manifest names no spec and no index")
        for blob in blobs:
            yield from self._blob(blob, place)

    def _blob(self, blob: Blob, place: str) -> Iterator[Outcome]:
        data = self.fetch(blob) if self.fetch is not None else None
        if data is None:
            reason = "manifest" if self.fetch is None else "missing_blob"
            yield Rejected(self.name, place, reason, f"the spec is in {blob.path}")
            return
        try:
            content = blob_content(blob, data, self.limits)
        except ParseError as error:
            yield rejected(self.name, error, place)
            return
        for outcome in read(content, self.name, self.limits):
            yield _of_mirror(outcome)


def _of_mirror(outcome: Outcome) -> Outcome:
    if isinstance(outcome, Rejected):
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
