"""Two accounts of one attempt made into one. Pure; the order in which they come does not matter.

A document is made of groups of fields, and of each group the better account counts as a whole:

* `course` (status, phases, events, times, logs): one that tells what became of the attempt before
  one that does not, one with a log before one without, one whose log is whole before a damaged one;
* every other group: one that says something before one that says nothing;
* then the kind of source, in the order of `SOURCES`; then the longer log; then the text itself.

Tags, sources, fingerprints and problems are those of both. What a person or a program said over
REST stays: the owner, the session, `extra`.
"""

import json
from collections.abc import Mapping
from typing import Any

from models.builds.build import BuildRecord, BuildSource

SOURCES: tuple[BuildSource, ...] = (
    "install_tree", "stage", "live", "log", "junit", "cdash", "monitor", "test",
)  # fmt: skip
GROUPS: Mapping[str, tuple[str, ...]] = {
    "course": (
        "status", "failed_phase", "cancelled_by", "order_key", "started_local", "ended_local",
        "phases", "error_count", "warning_count", "omitted_event_count", "event_count", "events",
        "event_words", "logs",
    ),
    "duration": ("seconds", "from_cache"),
    "message": ("message",),
    "version": ("version", "version_key"),
    "host": ("host",),
    "variables": ("variables",),
    "configureArgs": ("configure_args",),
    "repository": ("repository",),
    "manifest": ("manifest",),
    "tests": ("tests", "test_counts"),
}  # fmt: skip
MOST_FINGERPRINTS = 20
_DEFINITE = {"success": 3, "failed": 3, "cancelled": 2, "running": 1, "not_run": 1, None: 0}


def with_sources(record: BuildRecord) -> BuildRecord:
    """Return a record of one source with what it tells noted."""
    source = record.sources[0]
    told = {group: source for group in GROUPS if _tells(record, group)}
    return record.model_copy(update={"told_by": told})


def merge(known: BuildRecord, seen: BuildRecord) -> BuildRecord:
    """Return what both accounts tell; `known` itself when the other tells nothing new."""
    changes: dict[str, Any] = {}
    told_by = dict(known.told_by)
    for group, fields in GROUPS.items():
        if _rank(seen, group) > _rank(known, group):
            changes |= {field: getattr(seen, field) for field in fields}
            told_by[group] = seen.told_by[group]
    changes |= {
        "told_by": dict(sorted(told_by.items())),
        "name": known.name or seen.name,
        "tags": sorted({*known.tags, *seen.tags}),
        "sources": sorted({*known.sources, *seen.sources}),
        "fingerprints": sorted({*known.fingerprints, *seen.fingerprints})[:MOST_FINGERPRINTS],
        "source_path": min(filter(None, (known.source_path, seen.source_path)), default=None),
        "problems": _problems(known, seen),
        "owner": known.owner or seen.owner,
        "session": known.session or seen.session,
    }
    news = {field: value for field, value in changes.items() if getattr(known, field) != value}
    return known.model_copy(update=news) if news else known


def replaces_outcome(known: BuildRecord, seen: BuildRecord) -> bool:
    """Tell whether the events and logs of the merged record are those of `seen`."""
    return _rank(seen, "course") > _rank(known, "course")


def _tells(record: BuildRecord, group: str) -> bool:
    empty: tuple[Any, ...] = (None, [], {}, 0, "")
    return any(getattr(record, field) not in empty for field in GROUPS[group])


def _rank(record: BuildRecord, group: str) -> tuple[Any, ...]:
    source = record.told_by.get(group)
    if source is None:
        return ()
    place = -SOURCES.index(source)
    if group != "course":
        return (place, _text(record, group))
    lines = sum(log.lines for log in record.logs)
    is_whole = not any(log.damage for log in record.logs)
    return (_DEFINITE[record.status], lines > 0, is_whole, place, lines, _text(record, group))


def _text(record: BuildRecord, group: str) -> str:
    stored = record.model_dump(mode="json", include=set(GROUPS[group]))
    return json.dumps(stored, sort_keys=True)


def _problems(known: BuildRecord, seen: BuildRecord) -> list[Any]:
    every = {(p.file, p.reason, p.detail): p for p in (*known.problems, *seen.problems)}
    return [every[key] for key in sorted(every)][:1000]
