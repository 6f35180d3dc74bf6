"""Accounts of one attempt make one document, whatever the order in which they come."""

from datetime import UTC, datetime
from typing import Any, get_args

from hypothesis import given
from hypothesis import strategies as st

from models.builds.build import BuildEvent, BuildLog, BuildRecord, BuildSource
from models.builds.merge import GROUPS, SOURCES, merge, with_sources

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def account(source: BuildSource, **fields: Any) -> BuildRecord:
    base = {"spec_hash": "h", "name": "p", "sources": [source]}
    return with_sources(BuildRecord(**base, **fields, created_at=NOW, updated_at=NOW))


LOGS = st.builds(
    BuildLog, name=st.just("l"), digest=st.sampled_from("ab"), lines=st.integers(0, 2),
    damage=st.sampled_from([None, "damaged"]),
)  # fmt: skip
EVENTS = st.builds(
    BuildEvent, severity=st.sampled_from(["error", "warning"]), kind=st.just("make"),
    text=st.sampled_from("xy"), log_line=st.integers(1, 2),
)  # fmt: skip
ACCOUNTS = st.builds(
    account,
    st.sampled_from(SOURCES),
    status=st.sampled_from([None, "success", "failed", "cancelled", "running", "not_run"]),
    logs=st.lists(LOGS, max_size=1),
    events=st.lists(EVENTS, max_size=2),
    message=st.sampled_from([None, "a", "b"]),
    seconds=st.sampled_from([None, 1.5]),
    tags=st.lists(st.sampled_from("abc"), unique=True).map(sorted),
    fingerprints=st.lists(st.sampled_from("abc"), max_size=1),
    source_path=st.sampled_from([None, "a", "b"]),
)


@given(ACCOUNTS, ACCOUNTS, ACCOUNTS)
def test_the_order_does_not_matter(a: BuildRecord, b: BuildRecord, c: BuildRecord) -> None:
    assert merge(merge(a, b), c) == merge(merge(c, a), b) == merge(merge(b, c), a)


@given(ACCOUNTS, ACCOUNTS)
def test_what_was_merged_tells_nothing_new(a: BuildRecord, b: BuildRecord) -> None:
    merged = merge(a, b)
    assert merge(merged, a) is merged
    assert merge(merged, b) is merged


def test_an_outcome_is_better_than_none_and_a_whole_log_than_a_damaged_one() -> None:
    whole = BuildLog(name="l", digest="a", lines=5)
    damaged = whole.model_copy(update={"lines": 9, "damage": "truncated"})
    unknown = account("install_tree", logs=[whole])
    failed = account("junit", status="failed", logs=[damaged])
    better = account("log", status="failed", logs=[whole])
    assert merge(unknown, failed).status == "failed"
    assert merge(failed, better).logs == [whole]
    assert merge(better, failed).told_by["course"] == "log"


def test_every_field_has_a_rule() -> None:
    grouped = {field for fields in GROUPS.values() for field in fields}
    joined = {
        "told_by", "name", "tags", "sources", "fingerprints", "source_path", "problems", "reported",
    }  # fmt: skip
    kept = {
        "spec_hash", "kind", "owner", "session", "extra", "ingestion_id", "revision", "created_at",
        "updated_at", "failed_phase",
    }  # fmt: skip
    assert grouped | joined | kept == set(BuildRecord.model_fields)
    assert set(SOURCES) == set(get_args(BuildSource))
