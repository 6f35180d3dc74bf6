"""Advisories about versions of packages, as OSV writes them or in a table. Pure.

Source of the OSV format and of how its events are evaluated: ossf.github.io/osv-schema. Versions
compare as Spack compares them.

    package,range,id                          a table: a range of versions in Spack's syntax
    zlib,:1.2.12,CVE-2022-37434
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from models.errors import UsageError
from models.spack.version import (
    Version,
    VersionConstraint,
    VersionError,
    parse_constraint,
    parse_version,
)

MAX_ADVISORIES = 100
_PACKAGE = re.compile(r"[a-z0-9_][a-z0-9_-]{0,199}")
_PREFIXES = {"pypi": "py-", "cran": "r-", "bioconductor": "r-", "cpan": "perl-"}
_UPSTREAM = frozenset({"", "spack", "oss-fuzz", "generic", "git"})
_EVENTS = ("introduced", "fixed", "last_affected", "limit")
_MAX_TEXT = 200


class AdvisoryError(UsageError):
    """The whole text is no list of advisories."""


@dataclass(frozen=True, slots=True)
class Event:
    """A version at which a package becomes affected, or is no longer; None is the first version."""

    kind: str
    version: Version | None

    def applies_to(self, version: Version) -> bool:
        """Return whether a version has come to this event."""
        if self.version is None:
            return True
        if self.kind == "last_affected":
            return version.key > self.version.key
        return version.key >= self.version.key


@dataclass(frozen=True, slots=True)
class Advisory:
    """An advisory about one package; `problems` say what in it could not be decided.

    A version is affected that is one of `versions` (keys), in one of `ranges` (the events of each
    in the order of their versions), or satisfies the `constraint`.
    """

    id: str
    package: str | None
    aliases: tuple[str, ...] = ()
    summary: str | None = None
    versions: frozenset[str] = frozenset()
    ranges: tuple[tuple[Event, ...], ...] = ()
    constraint: VersionConstraint | None = None
    problems: tuple[str, ...] = field(default=())

    def affects(self, text: str) -> bool:
        """Return whether a version is affected; raise VersionError when it is none."""
        version = parse_version(text)
        return (
            version.key in self.versions
            or (self.constraint is not None and self.constraint.is_satisfied_by(version))
            or any(_is_within(events, version) for events in self.ranges)
        )


def _is_within(events: Iterable[Event], version: Version) -> bool:
    is_affected = False
    limits = [event for event in events if event.kind == "limit"]
    for event in events:
        if event.kind != "limit" and event.applies_to(version):
            is_affected = event.kind == "introduced"
    return is_affected and (not limits or any(not limit.applies_to(version) for limit in limits))


def parse_table(text: str) -> list[Advisory]:
    """Return the advisories of a CSV with the columns `package`, `range` and optionally `id`.

    A line that is wrong becomes an advisory with a problem. Raise AdvisoryError for another header.
    """
    reader = csv.DictReader(io.StringIO(text.removeprefix("\ufeff")), strict=True)
    try:
        names = [name.strip().lower() for name in reader.fieldnames or ()]
        if not {"package", "range"} <= set(names) <= {"package", "range", "id"}:
            raise AdvisoryError("the first line of the table must be: package,range,id")
        reader.fieldnames = names
        return [_of_line(reader.line_num, row) for row in _limited(reader)]
    except csv.Error as error:
        raise AdvisoryError(f"line {reader.line_num} is not CSV: {error}") from None


def _of_line(number: int, row: Mapping[str | None, Any]) -> Advisory:
    package, text = (row.get("package") or "").strip(), (row.get("range") or "").strip()
    advisory = Advisory((row.get("id") or "").strip()[:_MAX_TEXT] or f"line {number}", package)
    if row.get(None):
        return _undecided(advisory, "the line has more values than columns")
    if _PACKAGE.fullmatch(package) is None:
        return _undecided(advisory, f"{package[:_MAX_TEXT]!r} is not the name of a package")
    try:
        constraint = parse_constraint(text.removeprefix("@") or ":")
    except VersionError as error:
        return _undecided(advisory, error.detail[:_MAX_TEXT])
    return replace(advisory, constraint=constraint)


def parse_osv(content: Any) -> list[Advisory]:
    """Return the advisories of one OSV record, a list of records, or `{"vulns": […]}`.

    One for each affected package. Raise AdvisoryError for anything else.
    """
    records = content.get("vulns", [content]) if isinstance(content, dict) else content
    if not isinstance(records, list) or not all(isinstance(each, dict) for each in records):
        raise AdvisoryError('the body must be an OSV record, a list of them, or {"vulns": […]}')
    found = (advisory for number, record in enumerate(records) for advisory in _of(number, record))
    return list(_limited(found))


def _limited(items: Iterable[Any]) -> Iterator[Any]:
    for number, item in enumerate(items):
        if number == MAX_ADVISORIES:
            raise AdvisoryError(f"there are more than {MAX_ADVISORIES} advisories: send fewer")
        yield item


def _of(number: int, record: Mapping[str, Any]) -> Iterator[Advisory]:
    id_ = record.get("id")
    advisory = Advisory(
        id_[:_MAX_TEXT] if isinstance(id_, str) and id_ else f"record {number + 1}",
        None,
        aliases=tuple(_texts(record.get("aliases"))),
        summary=next(_texts([record.get("summary")]), None),
    )
    affected = record.get("affected")
    if not isinstance(affected, list) or not affected:
        yield _undecided(advisory, "it names no affected package")
        return
    for item in affected:
        yield (
            _of_package(advisory, item)
            if isinstance(item, dict)
            else _undecided(advisory, "an item of affected is no object")
        )


def _of_package(advisory: Advisory, item: Mapping[str, Any]) -> Advisory:
    package = item.get("package")
    name, reason = _spack_name(package if isinstance(package, dict) else {})
    if name is None:
        return _undecided(advisory, reason)
    advisory = replace(advisory, package=name)
    versions: set[str] = set()
    for text in _texts(item.get("versions")):
        # Upstream's tags have a letter before the version.
        for spelled in {text, text.removeprefix("v")}:
            try:
                versions.add(parse_version(spelled).key)
            except VersionError:
                advisory = _undecided(advisory, f"{spelled!r} is not a version to Spack")
    advisory = replace(advisory, versions=frozenset(versions))
    ranges = item.get("ranges")
    for each in ranges if isinstance(ranges, list) else ():
        advisory = _with_range(advisory, each if isinstance(each, dict) else {})
    if not advisory.versions and not advisory.ranges and not advisory.problems:
        return _undecided(advisory, "it names neither versions nor ranges")
    return advisory


def _spack_name(package: Mapping[str, Any]) -> tuple[str | None, str]:
    """Return the name that a package has in Spack; None if it has none, and why."""
    name, ecosystem = package.get("name"), package.get("ecosystem")
    kind = ecosystem.partition(":")[0].lower() if isinstance(ecosystem, str) else ""
    if not isinstance(name, str):
        return None, "it does not name its package"
    if kind not in _UPSTREAM and kind not in _PREFIXES:
        known = f"the packages of {str(ecosystem)[:_MAX_TEXT]} are not known by Spack's names"
        return None, f"{known}, and their versions are their own"
    spelled = name.lower().replace("_", "-").replace(".", "-").replace("::", "-")
    if kind in _UPSTREAM:
        spelled = name.lower()
    full = _PREFIXES.get(kind, "") + spelled
    if _PACKAGE.fullmatch(full) is None:
        return None, f"{name[:_MAX_TEXT]!r} is not the name of a package"
    return full, ""


def _with_range(advisory: Advisory, item: Mapping[str, Any]) -> Advisory:
    if item.get("type") == "GIT":
        if advisory.versions:
            return advisory  # which lists the versions of these commits
        return _undecided(advisory, "a range of commits: their versions are not known")
    events = []
    for event in item.get("events") or ():
        if not isinstance(event, dict) or len(event) != 1 or next(iter(event)) not in _EVENTS:
            return _undecided(advisory, f"the event {str(event)[:_MAX_TEXT]} is not known")
        kind, text = next(iter(event.items()))
        if (kind, text) == ("limit", "*"):
            continue
        try:
            version = None if (kind, text) == ("introduced", "0") else parse_version(str(text))
        except VersionError as error:
            return _undecided(advisory, f"the event {kind} {str(text)[:_MAX_TEXT]!r}: {error}")
        events.append(Event(kind, version))
    events.sort(key=lambda event: event.version.key if event.version else "")
    if not any(event.kind == "introduced" for event in events):
        return _undecided(advisory, "a range does not say where it begins")
    return replace(advisory, ranges=(*advisory.ranges, tuple(events)))


def _undecided(advisory: Advisory, problem: str) -> Advisory:
    return replace(advisory, problems=(*advisory.problems, problem))


def _texts(values: Any) -> Iterator[str]:
    for value in values if isinstance(values, list) else ():
        if isinstance(value, str) and value:
            yield value[:_MAX_TEXT]
