"""The id of an attempt to build: the same from every kind of file, different for another run.

Spack stamps the commands in a log to the microsecond. The first stamp, with the spec, identifies
an attempt, and it is the same in the installation, the stage, the log and the JUnit case. The host
is not a part of the id, because only an installation contains it. What the id is computed from:

    log with a stamp        spec, first stamp
    log without a stamp     spec, host, digests of the installed files and of the text of the log
    no log                  spec, host, digest of the installed files, and all other information
                            about the attempt, with the run of Spack that reported it

Attempts without a stamp that are alike in all of this count as one.
"""

import hashlib
import re
import uuid
from collections.abc import Iterable

from ingest.builds.logs.stream import expanded, log_lines
from ingest.builds.observation import ObservedBuild
from models.errors import ParseError

_NAMESPACE = uuid.UUID("0a2c1f5e-3d4b-5c6a-8e7f-9b1d2c3e4f50")
_LINE_OF_REPORT = re.compile(r"Installation of .{1,200} failed; see log for details")
"""A line that reports append to the log."""
_MICROSECONDS = len("2026-01-02T03:04:05.000000")
_PRECISE = re.compile(r"[0-9T:-]{19}\.[0-9]{1,6}")


def build_id(build: ObservedBuild, manifest_digest: str | None) -> str:
    """Return the `_id` of an attempt: a UUIDv5, so that every importer computes the same.

    Read the logs if the attempt has no precise start time.
    """
    attempt = build.attempt
    started = attempt.started or ""
    spec = attempt.spec.hash if attempt.spec else attempt.package or ""
    if build.kind == "build" and _PRECISE.fullmatch(started):
        return stamped_id(spec, started)
    host = attempt.host.hostname if attempt.host else None
    log_digest = _log_digest(build)
    parts = [build.kind, spec, host or "", manifest_digest or "", log_digest]
    if not log_digest:
        tests = [f"{test.name}={test.outcome}" for test in attempt.tests]
        parts += [started, str(attempt.seconds), attempt.message or "", build.session or "", *tests]
        parts += [] if attempt.host is None else [attempt.host.kernel_version or ""]
    return _uuid(*parts)


def stamped_id(spec_hash: str, started_local: str) -> str:
    """Return the `_id` of the attempt whose first command ran at a time with microseconds.

    Trailing zeros of the time may be missing.
    """
    return _uuid("build", spec_hash, started_local.ljust(_MICROSECONDS, "0"))


def is_precise(started_local: str | None) -> bool:
    """Return whether a time identifies an attempt: it is local and has a fraction of a second."""
    return started_local is not None and _PRECISE.fullmatch(started_local) is not None


def _uuid(*parts: str) -> str:
    return str(uuid.uuid5(_NAMESPACE, "\0".join(parts).encode("utf-8", "replace").decode()))


def _log_digest(build: ObservedBuild) -> str:
    """Return a digest of the visible text of all lines that are not blank; empty without any.

    A digest of the bytes would differ in reports, which change the white space around a log and
    the characters that XML does not allow.
    """
    digest = hashlib.sha256()
    is_empty = True
    for name in sorted(build.logs):
        for text in _texts(build.logs[name]()):
            digest.update(text.encode("utf-8", "replace") + b"\n")
            is_empty = False
    return "" if is_empty else digest.hexdigest()


def _texts(chunks: Iterable[bytes]) -> Iterable[str]:
    try:
        for line in log_lines(expanded(chunks)):
            text = line.text.strip()
            if text and not _LINE_OF_REPORT.fullmatch(text):
                yield text
    except ParseError:
        return  # the digest covers what could be read
