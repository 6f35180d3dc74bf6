"""LIDs are recognised, and stand in the order in which they were made."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.cases.lid import Lid, parse_lid


def lid(text: str) -> Lid:
    parsed = parse_lid(text)
    assert parsed is not None
    return parsed


@pytest.mark.parametrize(
    ("text", "job_id", "number", "time"),
    [
        pytest.param("63117.210714-233452", "63117", 63117, "2021-07-14T23:34:52", id="slurm"),
        pytest.param("984.host1.250624-005501", "984.host1", 984, "2025-06-24T00:55:01", id="pbs"),
        pytest.param("12h.1.250624-005501", None, None, None, id="text after the number"),
        pytest.param(
            "12[3].h-1.250624-005501", "12[3].h-1", 12, "2025-06-24T00:55:01", id="array of jobs"
        ),
        pytest.param(
            "12.[3].x_y.250624-005501", "12.[3].x_y", 12, "2025-06-24T00:55:01", id="dots"
        ),
        pytest.param("250102-030405", None, -1, "2025-01-02T03:04:05", id="no batch system"),
        pytest.param("7.690102-030405", "7", 7, "2069-01-02T03:04:05", id="a year past the pivot"),
        pytest.param("7.000229-000000", "7", 7, "2000-02-29T00:00:00", id="leap day"),
        pytest.param("007.250102-030405", "007", 7, "2025-01-02T03:04:05", id="leading zeros"),
    ],
)
def test_a_lid_tells_its_job_and_its_time(
    text: str, job_id: str | None, number: int | None, time: str | None
) -> None:
    parsed = parse_lid(text)
    found = (parsed.job_id, parsed.job_number, parsed.local_time) if parsed else (None, None, None)
    assert found == (job_id, number, time)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("1.251301-000000", id="month 13"),
        pytest.param("1.250229-000000", id="no leap year"),
        pytest.param("1.250101-240000", id="hour 24"),
        pytest.param("1.250101-000060", id="second 60"),
        pytest.param("1.250101-000000\n", id="line feed behind it"),
        pytest.param(" 1.250101-000000", id="blank before it"),
        pytest.param("1.250101-000000.gz", id="suffix behind it"),
        pytest.param("e3sm.log.1.250101-000000", id="file name"),
        pytest.param("1..250101-000000", id="empty part"),
        pytest.param("1.250101_000000", id="underscore"),
        pytest.param("\u0661.250101-000000", id="digits of another script"),
        pytest.param("1234567890123456789.250101-000000", id="number of 19 digits"),
        pytest.param("1." + "a." * 9 + "250101-000000", id="too many parts"),
        pytest.param("../1.250101-000000", id="path"),
    ],
)
def test_other_names_are_no_lids(text: str) -> None:
    assert parse_lid(text) is None


def test_lids_stand_by_time_before_job_id() -> None:
    assert lid("9.250101-000000") < lid("1.250101-000001")


def test_lids_of_one_second_stand_by_the_number_of_the_job() -> None:
    assert lid("999999.250101-000000") < lid("1000000.250101-000000")


def test_a_lid_without_a_job_stands_before_those_with_one() -> None:
    assert lid("250101-000000") < lid("0.250101-000000")


stamps = st.datetimes().map(lambda moment: f"{moment:%y%m%d-%H%M%S}")
jobs = st.one_of(
    st.just(""),
    st.builds(
        "{}{}.".format,
        st.integers(0, 10**18 - 1),
        st.sampled_from(["", ".host", ".a.b", ".[1]", "[3]", "[10].host"]),
    ),
)
lids = st.builds(
    "{}{}".format, jobs, st.one_of(st.sampled_from(["250101-000000", "250101-000001"]), stamps)
).filter(lambda text: parse_lid(text) is not None)


@given(lids, lids)
def test_the_order_key_sorts_as_lids_do(one: str, other: str) -> None:
    left, right = lid(one), lid(other)
    assert (left < right) == (left.order_key < right.order_key)


@given(lids)
def test_a_lid_keeps_its_text(text: str) -> None:
    assert lid(text).text == text


@given(st.text(alphabet="0123456789.-ab[]", max_size=40))
def test_what_is_a_lid_ends_in_its_stamp(text: str) -> None:
    parsed = parse_lid(text)
    stamp = text[-13:]
    assert parsed is None or (
        text == f"{parsed.job_id}.{stamp}" if parsed.job_id else stamp == text
    )
