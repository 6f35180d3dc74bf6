"""Merging two accounts of one build attempt. Pure; the order of the accounts does not matter.

The fields of a document form groups, and each group is taken as a whole from the better account.
Which one is better is decided by these rules, in this order:

* `outcome` (status, phases, events, times, logs): success or failed is better than cancelled,
  which is better than running or not run, which are better than no status; then an account with a
  log is better than one without, and a whole log than a damaged one;
* every other group: an account that has a value is better than one that has none;
* then the kind of source: for the outcome in the order of `SOURCES`, for other groups what was
  reported over REST first; then the longer log; then the text itself.

    account              install_tree        junit               merged
    outcome              success, with log   success             from install_tree
    tests                -                   12 passed           from junit
    variables            PATH, CC, …         -                   from install_tree

Tags, sources, fingerprints and problems are the union of both. What only a person or a program
sends over REST is kept: the owner and `extra`. Reports go on after an import: while another account
of the outcome is better, that of the reports is kept in `reported`.
"""

import json
from collections.abc import Mapping
from typing import Any

from models.builds.build import BuildRecord, BuildSource
from models.problem import Problem

SOURCES: tuple[BuildSource, ...] = (
    "install_tree", "stage", "live", "log", "junit", "cdash", "monitor", "test",
)  # fmt: skip
"""The kinds of source, the preferred ones first."""

# The keys of groups are stored in `told_by`; the group of the outcome is stored as "course".
_OUTCOME = "course"
_LIVE: BuildSource = "live"

GROUPS: Mapping[str, tuple[str, ...]] = {
    _OUTCOME: (
        "status", "failed_phase", "cancelled_by", "order_key", "started_local", "ended_local",
        "phases", "error_count", "warning_count", "omitted_event_count", "event_count", "events",
        "event_words", "logs",
    ),
    "duration": ("seconds", "from_cache"),
    "message": ("message",),
    "version": ("version", "version_key"),
    "session": ("session",),
    "host": ("host",),
    "variables": ("variables",),
    "configureArgs": ("configure_args",),
    "repository": ("repository",),
    "manifest": ("manifest",),
    "tests": ("tests", "test_counts"),
}  # fmt: skip
MAX_FINGERPRINTS = 20
_MAX_PROBLEMS = 1000
_DEFINITENESS = {
    "success": 3, "failed": 3, "cancelled": 2, "running": 1, "not_run": 1, None: 0,
}  # fmt: skip


def with_sources(record: BuildRecord) -> BuildRecord:
    """Return a record of a single source, with this source noted for each group that it fills."""
    source = record.sources[0]
    told_by = {group: source for group in GROUPS if _has_value(record, group)}
    return record.model_copy(update={"told_by": told_by})


def merge(known: BuildRecord, seen: BuildRecord) -> BuildRecord:
    """Return the merged record; `known` itself when `seen` adds nothing to it."""
    merged: dict[str, Any] = {}
    told_by = dict(known.told_by)
    for group, fields in GROUPS.items():
        if _rank(seen, group) > _rank(known, group):
            merged |= {field: getattr(seen, field) for field in fields}
            told_by[group] = seen.told_by[group]
    merged |= {
        "reported": _reported_beside(told_by.get(_OUTCOME), known, seen),
        "told_by": dict(sorted(told_by.items())),
        "name": min(filter(None, (known.name, seen.name)), default=""),
        "tags": sorted({*known.tags, *seen.tags}),
        "sources": sorted({*known.sources, *seen.sources}),
        "fingerprints": sorted({*known.fingerprints, *seen.fingerprints})[:MAX_FINGERPRINTS],
        "source_path": min(filter(None, (known.source_path, seen.source_path)), default=None),
        "problems": _merge_problems(known, seen),
        "owner": known.owner or seen.owner,
        "extra": known.extra or seen.extra,
    }
    changes = {field: value for field, value in merged.items() if getattr(known, field) != value}
    return known.model_copy(update=changes) if changes else known


def replaces_outcome(known: BuildRecord, seen: BuildRecord) -> bool:
    """Return whether the merged record has the events and logs of `seen`."""
    return _rank(seen, _OUTCOME) > _rank(known, _OUTCOME)


def reported_build(known: BuildRecord) -> BuildRecord:
    """Return a build with the outcome as it was reported over REST so far."""
    if known.told_by.get(_OUTCOME) == _LIVE or (known.reported is None and known.owner is None):
        return known
    blank = BuildRecord(
        spec_hash=known.spec_hash,
        name=known.name,
        created_at=known.created_at,
        updated_at=known.updated_at,
        **(known.reported or {}),
    )
    outcome = {field: getattr(blank, field) for field in GROUPS[_OUTCOME]}
    return known.model_copy(update={**outcome, "told_by": known.told_by | {_OUTCOME: _LIVE}})


def with_report(known: BuildRecord, reported: BuildRecord) -> BuildRecord:
    """Return a build with what has been reported since `reported_build`.

    The outcome is that of the better account, and everything else as reported.
    """
    if known.told_by.get(_OUTCOME) in {None, _LIVE} or _rank(reported, _OUTCOME) > _rank(
        known, _OUTCOME
    ):
        return reported.model_copy(update={"reported": None})
    outcome = {field: getattr(known, field) for field in GROUPS[_OUTCOME]}
    told_by = reported.told_by | {_OUTCOME: known.told_by[_OUTCOME]}
    kept = {"told_by": told_by, "reported": _outcome_of(reported)}
    return reported.model_copy(update={**outcome, **kept})


def _reported_beside(
    source: BuildSource | None, known: BuildRecord, seen: BuildRecord
) -> dict[str, Any] | None:
    """Return the reported outcome to keep beside one of another `source`: the best of both."""
    if source == _LIVE:
        return None
    reports = [
        reported_build(record)
        for record in (known, seen)
        if record.reported is not None or record.told_by.get(_OUTCOME) == _LIVE
    ]
    best = max(reports, key=lambda record: _rank(record, _OUTCOME), default=None)
    return None if best is None else _outcome_of(best)


def _outcome_of(record: BuildRecord) -> dict[str, Any]:
    """Return the outcome by field; events that are stored elsewhere count as omitted."""
    outcome = record.model_dump(by_alias=False, include=set(GROUPS[_OUTCOME]))
    elsewhere = outcome["event_count"] - len(outcome["events"])
    outcome["event_count"] -= elsewhere
    outcome["omitted_event_count"] += elsewhere
    return outcome


def _has_value(record: BuildRecord, group: str) -> bool:
    empty: tuple[Any, ...] = (None, [], {}, 0, "")
    return any(getattr(record, field) not in empty for field in GROUPS[group])


def _rank(record: BuildRecord, group: str) -> tuple[Any, ...]:
    """Return the key by which accounts of a group compare: the better one has the greater key."""
    source = record.told_by.get(group)
    if source is None:  # it has no value, or an earlier version, or a spec, has given it
        return (-len(SOURCES), _text(record, group)) if _has_value(record, group) else ()
    preference = -SOURCES.index(source)
    if group != _OUTCOME:
        return (1 if source == _LIVE else preference, _text(record, group))
    lines = sum(log.lines for log in record.logs)
    is_whole = not any(log.damage for log in record.logs)
    definiteness = _DEFINITENESS[record.status]
    return (definiteness, lines > 0, is_whole, preference, lines, _text(record, group))


def _text(record: BuildRecord, group: str) -> str:
    stored = record.model_dump(mode="json", include=set(GROUPS[group]))
    return json.dumps(stored, sort_keys=True)


def _merge_problems(known: BuildRecord, seen: BuildRecord) -> list[Problem]:
    problems = {(p.file, p.reason, p.detail): p for p in (*known.problems, *seen.problems)}
    return [problems[key] for key in sorted(problems)][:_MAX_PROBLEMS]
