"""Which attempt an attempt is: the same from whatever it is read, another for another run.

Spack stamps the commands in a log to the microsecond. The first of these stamps, with the spec, is
an attempt's own, and stands in its installation, its stage, its log and its JUnit case alike: so
the host, which only an installation tells, is no part of it. An attempt that has no such stamp is
known by the text of its log, and by its host and what it installed where these are told: attempts
that say just the same are one. Where there is no log either, all that is told of it counts, and
the run of Spack that reported it.
"""

import hashlib
import re
import uuid
from collections.abc import Iterable

from ingest.builds.logs.stream import expanded, log_lines
from ingest.builds.observation import ObservedBuild
from models.errors import ParseError

_BUILDS = uuid.UUID("0a2c1f5e-3d4b-5c6a-8e7f-9b1d2c3e4f50")
_ADDED = re.compile(r"Installation of .{1,200} failed; see log for details")
"""What a report adds behind the log."""
_MICROSECONDS = len("2026-01-02T03:04:05.000000")
_PRECISE = re.compile(r"[0-9T:-]{19}\.[0-9]{1,6}")


def build_id(build: ObservedBuild, manifest_digest: str | None) -> str:
    """Return the `_id` of an attempt: a UUIDv5, so that every importer computes the same.

    The log is read where that is needed.
    """
    attempt = build.attempt
    started = attempt.started or ""
    spec = attempt.spec.hash if attempt.spec else attempt.package or ""
    if build.kind == "build" and _PRECISE.fullmatch(started):
        return stamped_id(spec, started)
    host = attempt.host.hostname if attempt.host else None
    told = [build.kind, spec, host or "", manifest_digest or "", _log_digest(build)]
    if not told[-1]:
        tests = [f"{test.name}={test.outcome}" for test in attempt.tests]
        told += [started, str(attempt.seconds), attempt.message or "", build.session or "", *tests]
        told += [] if attempt.host is None else [attempt.host.kernel_version or ""]
    return _uuid(*told)


def stamped_id(spec_hash: str, started_local: str) -> str:
    """Return the `_id` of the attempt whose first command ran at a time told to the microsecond.

    Zeros at the end may be missing.
    """
    return _uuid("build", spec_hash, started_local.ljust(_MICROSECONDS, "0"))


def is_precise(started_local: str | None) -> bool:
    """Tell whether a time is that of one attempt only: local, with a fraction of the second."""
    return started_local is not None and _PRECISE.fullmatch(started_local) is not None


def _uuid(*parts: str) -> str:
    return str(uuid.uuid5(_BUILDS, "\0".join(parts).encode("utf-8", "replace").decode()))


def _log_digest(build: ObservedBuild) -> str:
    """Return a digest of the lines that a reader sees, blank ones left out; empty without any.

    Reports change what stands around a log, and characters that XML does not have.
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
            if text and not _ADDED.fullmatch(text):
                yield text
    except ParseError:
        return  # what could be read of it counts
