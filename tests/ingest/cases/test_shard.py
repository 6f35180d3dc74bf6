"""Shards share an archive out, every case to one of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.shard import Shard, parse_shard
from models.errors import UsageError

PATHS = [f"/a/jdoe/case{number}/1.250101-000000" for number in range(50)]


@given(st.text(), st.integers(1, 9))
def test_every_path_is_in_one_shard(path: str, count: int) -> None:
    assert sum(Shard(number, count).has(path) for number in range(1, count + 1)) == 1


def test_shards_are_of_about_the_same_size() -> None:
    sizes = [sum(map(Shard(number, 4).has, PATHS)) for number in range(1, 5)]
    assert all(5 < size < 20 for size in sizes)


def test_the_executions_of_a_case_are_together_wherever_the_archive_lies() -> None:
    shard = Shard(1, 2)
    for path in PATHS:
        elsewhere = path.replace("/a/", "/mnt/x.tar!b/").replace("1.250101", "2.260101")
        assert shard.has(path) == shard.has(elsewhere)


def test_a_shard_is_read_from_text() -> None:
    assert parse_shard("2/3") == Shard(2, 3)


@pytest.mark.parametrize("text", ["", "1", "0/3", "4/3", "1/0", "a/b", "1/3/5", "-1/3", "1/3\n"])
def test_what_is_no_shard_is_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_shard(text)
