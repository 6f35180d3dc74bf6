"""The directory in which Spack 0.17 and 0.18 saved their messages to Spack Monitor.

Source of the format: Spack's monitor.py. The files are

    spec-<name>-<version>-config.json       a spec
    build-metadata-<id>.json                the host of a build, and the full hash of its spec
    build-<build id>-phase-<phase>.json     outcome and output of a phase
    build-<build id>-status.json            outcome of the build

The build id is the MD5 of the metadata in Python's notation; the id of the metadata file is
either that or the full hash.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, NamedTuple

from ingest.archives.json_file import parse_object, text_of
from ingest.builds.formats.attempt import BuildAttempt, LogFile
from ingest.builds.formats.build_files import MAX_FILE_BYTES, BuildFiles, Files
from ingest.builds.formats.environment import host_of
from ingest.builds.formats.spec_name import SpecName
from ingest.builds.formats.suite_stage import root_node
from ingest.builds.logs.phases import Phase, PhaseSpan
from ingest.builds.logs.report import LogOptions, LogReport, join_reports, read_log
from models.builds.build import BuildStatus, PhaseStatus
from models.redaction.logs import Redactor

_CONFIG = re.compile(r"spec-.{1,300}\.json")
_METADATA = re.compile(r"build-metadata-(?P<id>[A-Za-z0-9_]{1,100})\.json")
_PHASE = re.compile(r"build-(?P<build>[0-9a-f]{1,64})-phase-(?P<phase>.{1,100})\.json")
_STATUS = re.compile(r"build-(?P<build>[0-9a-f]{1,64})-status\.json")
_STATUSES: dict[object, BuildStatus] = {
    "SUCCESS": "success", "FAILED": "failed", "CANCELLED": "cancelled", "NOTRUN": "not_run",
}  # fmt: skip
_OUTCOMES: dict[object, PhaseStatus] = {"SUCCESS": "success", "ERROR": "failed", "FAILED": "failed"}
_END = "\n"


class _SavedPhase(NamedTuple):
    name: str
    status: PhaseStatus
    report: LogReport
    output: bytes


def read_monitor_directory(files: Files, redactor: Redactor) -> tuple[BuildAttempt, ...]:
    """Return the builds of a directory, sorted by the names of their metadata files.

    Files that cannot be read are in the problems of the attempts; phases of unknown builds are
    ignored. The files do not keep the order of the phases: known names come in the order in which
    Spack's builders run them, other names are sorted.
    """
    reader = BuildFiles(files)
    roots = list(_roots(reader))
    builds = list(_metadata(reader))
    attempts = []
    for ids, data in builds:
        is_only = len(builds) == 1
        phases = _phases(reader, None if is_only else ids, redactor)
        status = _status(reader, None if is_only else ids)
        attempts.append(_attempt(reader, data, roots, phases, status))
    return tuple(attempts)


def _roots(reader: BuildFiles) -> Iterator[Mapping[str, Any]]:
    """Yield the root of each spec."""
    for name in reader.names():
        if _CONFIG.fullmatch(name):
            document = reader.parse(parse_object, name)
            if document is not None:
                yield root_node(document)


def _metadata(reader: BuildFiles) -> Iterator[tuple[set[str], dict[str, Any]]]:
    """Yield the possible build ids and the content of each metadata file."""
    for name in reader.names():
        match = _METADATA.fullmatch(name)
        data = reader.parse(parse_object, name) if match else None
        if match and data is not None:
            digest = hashlib.md5(str(data).encode(), usedforsecurity=False).hexdigest()
            yield {match["id"], digest}, data


def _phases(reader: BuildFiles, ids: set[str] | None, redactor: Redactor) -> list[_SavedPhase]:
    """Return the phases of the build with one of the `ids`; None means all phases."""
    phases = []
    for name in reader.names():
        match = _PHASE.fullmatch(name)
        if match is None or (ids is not None and match["build"] not in ids):
            continue
        saved = reader.parse(parse_object, name)
        if saved is None:
            continue
        phase = text_of(saved.get("phase_name")) or match["phase"]
        output = text_of(saved.get("output"), MAX_FILE_BYTES) or ""
        log = f"{output.removesuffix(_END)}{_END}".encode() if output else b""
        report = read_log([log], LogOptions(phase=phase, redactor=redactor))
        status = _OUTCOMES.get(text_of(saved.get("status")), "unknown")
        phases.append(_SavedPhase(phase, status, report, log))
    return sorted(phases, key=_order)


def _order(phase: _SavedPhase) -> tuple[int, str]:
    known = ("autoreconf", "bootstrap", "cmake", "configure", "edit", "meson", "qmake", "build")
    position = known.index(phase.name) if phase.name in known else len(known)
    return (len(known) + 1 if phase.name == "install" else position), phase.name


def _status(reader: BuildFiles, ids: set[str] | None) -> BuildStatus | None:
    for name in reader.names():
        match = _STATUS.fullmatch(name)
        if match is not None and (ids is None or match["build"] in ids):
            saved = reader.parse(parse_object, name)
            return None if saved is None else _STATUSES.get(text_of(saved.get("status")))
    return None


def _attempt(
    reader: BuildFiles,
    data: Mapping[str, Any],
    roots: list[Mapping[str, Any]],
    phases: list[_SavedPhase],
    status: BuildStatus | None,
) -> BuildAttempt:
    full_hash = text_of(data.get("full_hash"))
    same = (root for root in roots if full_hash and root.get("full_hash") == full_hash)
    root = next(same, None) or root_node(data)
    report = join_reports(_shifted([phase.report for phase in phases]))
    failed = next((phase.name for phase in phases if phase.status == "failed"), None)
    package = text_of(root.get("name")) or report.package
    tags = text_of(data.get("tags")) or ""
    return BuildAttempt(
        "monitor",
        _spec(root, full_hash),
        status or ("failed" if failed else None),
        tuple(
            Phase(phase.name, phase.status, None, span.started if span else None, span)
            for phase, span in zip(phases, _spans(phases), strict=True)
        ),
        failed,
        report.events,
        report.errors,
        report.warnings,
        report.omitted,
        host=host_of(data),
        package=package,
        tags=tuple(dict.fromkeys(tag for part in tags.split(",") if (tag := part.strip()))),
        logs=(LogFile("output", None, report.lines, report.size),) if report.size else (),
        log_content=b"".join(phase.output for phase in phases) or None,
        problems=tuple(reader.problems),
    )


def _spec(root: Mapping[str, Any], full_hash: str | None) -> SpecName | None:
    """Return the spec with the field `hash` of its document, or else with its full hash."""
    name, spec_hash = text_of(root.get("name")), text_of(root.get("hash")) or full_hash
    if name is None or spec_hash is None:
        return None
    return SpecName(name, text_of(root.get("version")), spec_hash)


def _shifted(reports: list[LogReport]) -> list[LogReport]:
    """Return the reports with lines and bytes counted as if their logs were joined in order."""
    lines = size = 0
    shifted = []
    for report in reports:
        events = tuple(replace(e, log_line=e.log_line + lines) for e in report.events)
        spans = tuple(
            replace(
                span,
                first_line=span.first_line + lines,
                last_line=span.last_line + lines,
                offset=span.offset + size,
                end=span.end + size,
            )
            for span in report.phases
        )
        shifted.append(replace(report, events=events, phases=spans))
        lines, size = lines + report.lines, size + report.size
    return shifted


def _spans(phases: list[_SavedPhase]) -> list[PhaseSpan | None]:
    """Return the part of the joined log that belongs to each phase."""
    reports = _shifted([phase.report for phase in phases])
    return [report.phases[0] if report.phases else None for report in reports]
