"""Versions stand in Spack's order, their keys in the same, and a range is an interval of keys."""

import pickle
from itertools import groupby
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.spack.version import (
    INFINITY,
    MAX_ITEMS,
    MAX_LENGTH,
    VersionError,
    parse_constraint,
    parse_version,
    stored_version_key,
    version_key,
)

IN_ORDER = [
    "_",
    "a",
    "1.2-alpha",
    "1.2-alpha0",
    "1.2-alpha.1",
    "1.2-beta1",
    "1.2-rc1",
    "1.2rc10",
    "1.2",
    "git.1a=1.2",
    "git.main=1.2",
    "1.2final3",
    "1.2.Z",
    "1.2b",
    "1.2b.1",
    "1.2ba",
    "1.2.0-rc1",
    "1.2.0",
    "1.2.0.post",
    "1.2.0.1",
    "1.2.develop",
    "1.9",
    "1.10",
    "1.20240816",
    f"1.{'9' * 25}",
    f"1.1{'0' * 25}",
    f"1.1{'0' * 26}",
    "9999.9",
    "stable",
    "nightly",
    "trunk",
    "head",
    "master",
    "main",
    "develop",
    "0123456789abcdefABCDEF0123456789abcdef01",
    "git.main",
    "develop.1",
]
WORDS = ["a", "b", "ab", "p", "post", "Z", "maim", "alpha", "beta", "rc", "final", *INFINITY]


def test_versions_stand_in_spacks_order() -> None:
    keys = [version_key(text).encode() for text in IN_ORDER]
    assert keys == sorted(set(keys))


def test_versions_compare_as_their_keys_do() -> None:
    backwards = [parse_version(text) for text in reversed(IN_ORDER)]
    assert [version.text for version in sorted(backwards)] == IN_ORDER


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param("1.2.3", "1.2-3", id="dash"),
        pytest.param("1.2.3", "1_2_3", id="underscore"),
        pytest.param("1.2b3", "1.2.b.3", id="no separator before a letter"),
        pytest.param("1.2", "1.02", id="leading zero"),
        pytest.param("1.2", "1.2.", id="separator at the end"),
        pytest.param("1.2-rc1", "1.2rc.1", id="pre-release"),
        pytest.param("1.2", "1.2-final", id="final"),
        pytest.param("git.main=1.2", "main=1-2", id="git version without a prefix"),
        pytest.param("git." + "a" * 40, "a" * 40, id="commit without a prefix"),
    ],
)
def test_one_version_may_be_written_in_several_ways(one: str, other: str) -> None:
    assert parse_version(one) == parse_version(other)
    assert hash(parse_version(one)) == hash(parse_version(other))


@pytest.mark.parametrize(
    ("text", "key"),
    [
        pytest.param("1.12.3", "a1.b12.a3-", id="numbers"),
        pytest.param("1.12.3-rc2", "a1.b12.a3!rc_a2", id="pre-release"),
        pytest.param("2.9.0.post0", "a2.a9.a0._post.a0-", id="word"),
        pytest.param("develop", "~6develop-", id="develop"),
        pytest.param("git.v1.2=1.2", "a1.a2-@v1.2", id="git version"),
        pytest.param("git.feature/x", "~6develop-@feature/x", id="git ref"),
    ],
)
def test_a_key_can_be_read(text: str, key: str) -> None:
    assert version_key(text) == key


def test_a_version_says_what_it_is_made_of() -> None:
    version = parse_version("git.main=1.2b-rc3")
    assert str(version) == "git.main=1.2b-rc3"
    assert (version.release, version.stage, version.number) == ((1, 2, "b"), "rc", 3)
    assert version.ref == "main"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("", id="empty"),
        pytest.param("1.2:", id="range"),
        pytest.param("1.2,1.3", id="list"),
        pytest.param("1 2", id="blank"),
        pytest.param("1.2\n", id="line feed"),
        pytest.param("=1.2", id="exact"),
        pytest.param("1.\u0662", id="digit of another script"),
        pytest.param("git.", id="no ref"),
        pytest.param("git.main=", id="no version behind a ref"),
        pytest.param("git.main=1=2", id="two versions behind a ref"),
        pytest.param("git.main=1.2:", id="range behind a ref"),
        pytest.param("git.a@b=1", id="at in a ref"),
        pytest.param("git.\ud800", id="half a character"),
        pytest.param("1" * (MAX_LENGTH + 1), id="too long"),
    ],
)
def test_other_texts_are_no_versions(text: str) -> None:
    with pytest.raises(VersionError):
        parse_version(text)


@pytest.mark.parametrize(
    ("constraint", "inside", "outside"),
    [
        pytest.param("1.2", "1.2 1.2.11 1.2-3 1.2b 1.3-rc1", "1.1 1.2-rc1 1.20 1.3", id="prefix"),
        pytest.param("=1.2", "1.2 1_2", "1.2.0 1.2-rc1 git.a=1.2", id="exact"),
        pytest.param(":1.2.12", "0.1 1.2.12.3 a", "1.2.13 develop git.a", id="no beginning"),
        pytest.param("1.2:", "1.2 2 develop git.a=develop git.a", "1.2-rc1 1.1 1.b", id="no end"),
        pytest.param("1.2:1.4", "1.2 1.4.9 1.5-rc1 git.a=1.3", "1.5 git.a=1.5", id="range"),
        pytest.param("1.2:1.2.1", "1.2 1.2.0 1.2.1.5", "1.2.2", id="range into a prefix"),
        pytest.param(":", "_ 1 develop git.a git.a=1", "", id="anything"),
        pytest.param("develop", "develop develop.1 git.a", "main 9", id="develop"),
        pytest.param("=develop", "develop", "git.a", id="exactly develop"),
        pytest.param("main:", "main develop", "master 9999", id="infinity range"),
        pytest.param("1.2b", "1.2b 1.2b.1 1.2ba", "1.2c 1.2a", id="word"),
        pytest.param("1.2z", "1.2z 1.2z.1", "1.2zA 1.2y", id="last letter"),
        pytest.param("1.2maim", "1.2maim 1.2maimA", "1.2maio 1.2main", id="before a special word"),
        pytest.param("1.2-rc1", "1.2-rc1", "1.2-rc 1.2-rc2 1.2-rc10 1.2", id="pre-release"),
        pytest.param("1.2-rc", "1.2-rc", "1.2-rc0 1.2", id="pre-release without a number"),
        pytest.param("1.2-alpha:1.2", "1.2-rc1 1.2 1.2.5", "1.1", id="with pre-releases"),
        pytest.param("_", "_", "a 1", id="no release"),
        pytest.param("1.1,1.3:1.4", "1.1.5 1.4.1", "1.2 1.5", id="list"),
        pytest.param("1.1 , =1.3", "1.1.5 1.3", "1.3.0", id="blanks"),
        pytest.param("git.a", "git.a git.a=1 a=develop", "git.b git.xa 1 git.b=1", id="ref"),
        pytest.param("git.a=1.2", "git.a=1.2 a=1-2", "1.2 git.a git.a=1.2.1 git.ab=1.2", id="git"),
        pytest.param("git.a=1.2:1.3", "git.a=1.3.1", "1.3 git.a git.b=1.3", id="ref in a range"),
        pytest.param("git.a=:", "git.a git.a=1", "git.b", id="ref in any range"),
        pytest.param("=git.a=1.2", "git.a=1.2", "1.2", id="exact git"),
        pytest.param("a" * 40, "a" * 40, "b" * 40, id="commit"),
        pytest.param("git.a,1.2,git.b", "git.b 1.2.1 git.a=1", "1.3 git.c", id="list with refs"),
    ],
)
def test_a_constraint_holds_what_spack_says(constraint: str, inside: str, outside: str) -> None:
    asked = parse_constraint(constraint)
    assert [text for text in inside.split() if not asked.is_satisfied_by(parse_version(text))] == []
    assert [text for text in outside.split() if asked.is_satisfied_by(parse_version(text))] == []


@pytest.mark.parametrize(
    ("text", "intervals"),
    [
        pytest.param(":", [("", None)], id="anything"),
        pytest.param("1.2:1.4", [("a1.a2-", "a1.a5-")], id="range"),
        pytest.param("=1.2", [("a1.a2-", "a1.a2- ")], id="exact"),
        pytest.param("1.2:1.4,1.3:1.6,1.7,=1.2", [("a1.a2-", "a1.a8-")], id="one behind another"),
        pytest.param("3,1", [("a1-", "a2-"), ("a3-", "a4-")], id="in order"),
        pytest.param("1.2:,:3,=9", [("", None)], id="overlap"),
        pytest.param(":,1", [("", None)], id="in anything"),
    ],
)
def test_intervals_are_few_and_disjoint(text: str, intervals: list[tuple[str, Any]]) -> None:
    found = parse_constraint(text).intervals
    assert [(interval.low, interval.high) for interval in found] == intervals


def test_a_constraint_is_written_without_blanks() -> None:
    assert str(parse_constraint("1.2 , =3")) == "1.2,=3"


@pytest.mark.parametrize(
    ("text", "position"),
    [
        pytest.param("", 0, id="empty"),
        pytest.param("1.2,", 4, id="nothing behind a comma"),
        pytest.param("1.2, 1.4:1.2", 5, id="empty range"),
        pytest.param("1.2:1.1", 0, id="ends that touch"),
        pytest.param("1:2:3", 0, id="two colons"),
        pytest.param("=1.2:", 0, id="exact range"),
        pytest.param("=", 0, id="exact nothing"),
        pytest.param("1,git.=2", 2, id="no ref"),
        pytest.param("1,git.a=3:1", 2, id="empty range of a ref"),
        pytest.param("1" * (MAX_LENGTH + 1), 0, id="too long"),
        pytest.param(",".join("1" * (MAX_ITEMS + 1)), 2 * MAX_ITEMS + 1, id="too many"),
    ],
)
def test_an_error_says_where_it_is(text: str, position: int) -> None:
    with pytest.raises(VersionError) as caught:
        parse_constraint(text)
    assert caught.value.position == position


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(VersionError("detail", 3)))
    assert (str(error), error.position) == ("detail", 3)


# The rules a second time, in another way: characters in runs, compared as Python compares tuples.
STAGES = ["alpha", "beta", "rc", "final"]
Order = tuple[tuple[tuple[int, Any], ...], tuple[int, ...]]


def kind(character: str) -> int:
    return 0 if character in "._-" else 1 if character.isdigit() else 2


def order(text: str) -> Order:
    runs = ["".join(run) for group, run in groupby(text, kind) if group]
    stage: tuple[int, ...] = (3,)
    if len(runs) >= 3 and runs[-2] in STAGES and runs[-1].isdigit():
        stage = STAGES.index(runs[-2]), int(runs[-1])
        runs = runs[:-2]
    elif len(runs) >= 2 and runs[-1] in STAGES:
        stage = (STAGES.index(runs.pop()),)
    return tuple(rank(run) for run in runs), stage


def rank(run: str) -> tuple[int, Any]:
    if run.isdigit():
        return 1, int(run)
    return (2, INFINITY.index(run)) if run in INFINITY else (0, run)


def behind(text: str) -> Order:
    release, stage = order(text)
    if stage[0] != 3:
        return release, (stage[0], stage[1] + 1 if len(stage) > 1 else 0)
    if not release:
        return ((0, "A"),), stage
    *first, (group, last) = release
    if group:
        return (*first, (group, last + 1)), stage
    bumped = last[:-1] + {"Z": "a"}.get(last[-1], chr(ord(last[-1]) + 1))
    bumped = "maio" if bumped == "main" else bumped
    return (*first, (0, bumped)), stage


numbers = st.one_of(st.integers(0, 12), st.integers(0, 10**30)).map(str)
parts = st.one_of(numbers, st.sampled_from(WORDS))
standard = st.lists(st.tuples(parts, st.sampled_from(["", ".", "-", "_"])), min_size=1, max_size=5)
versions = standard.map(lambda pairs: "".join(part + mark for part, mark in pairs))
near = st.lists(st.sampled_from(["1", "2", "10", "a", "rc", "develop"]), min_size=1, max_size=3)
close_versions = near.map(".".join)
any_version = st.one_of(versions, close_versions)
refs = st.sampled_from(["main", "a", "a-b", "v1.2"])


def compare(left: Any, right: Any) -> int:
    return int(left > right) - int(left < right)


@given(any_version, any_version)
def test_keys_sort_as_the_rules_say(one: str, other: str) -> None:
    expected = compare(order(one), order(other))
    assert compare(version_key(one).encode(), version_key(other).encode()) == expected
    assert compare(parse_version(one), parse_version(other)) == expected


@given(any_version, any_version, refs, refs)
def test_a_git_version_stands_behind_its_version(one: str, other: str, ref: str, to: str) -> None:
    left, right = (order(one), ref), (order(other), to)
    git = compare(version_key(f"git.{ref}={one}"), version_key(f"git.{to}={other}"))
    assert git == compare(left, right)
    mixed = compare(version_key(f"git.{ref}={one}"), version_key(other))
    assert mixed == (compare(order(one), order(other)) or 1)


@given(close_versions, any_version, any_version, st.sampled_from(["", "git.main="]))
@example("1.2.rc", "1.2.rc", "1.2.rc", "")
def test_an_interval_holds_what_is_in_the_range(low: str, high: str, text: str, git: str) -> None:
    candidate = parse_version(git + text)
    expected = {
        f"{low}:": order(low) <= order(text),
        f":{high}": order(text) < behind(high),
        low: order(low) <= order(text) < behind(low),
        f"={low}": order(low) == order(text) and not git,
        f"git.main={low}": order(low) == order(text) and bool(git),
    }
    if order(low) < behind(high):
        expected[f"{low}:{high}"] = order(low) <= order(text) < behind(high)
    found = {asked: parse_constraint(asked).is_satisfied_by(candidate) for asked in expected}
    assert found == expected


@given(close_versions, close_versions)
def test_a_range_that_ends_before_it_begins_is_refused(low: str, high: str) -> None:
    try:
        parse_constraint(f"{low}:{high}")
    except VersionError:
        assert behind(high) <= order(low)
    else:
        assert behind(high) > order(low)


@given(st.lists(close_versions, min_size=1, max_size=6), any_version)
def test_a_list_holds_what_one_of_its_items_holds(items: list[str], text: str) -> None:
    version = parse_version(text)
    asked = parse_constraint(",".join(items))
    one = any(parse_constraint(item).is_satisfied_by(version) for item in items)
    assert asked.is_satisfied_by(version) == one
    ends = [(interval.low, interval.high) for interval in asked.intervals]
    highs = [high for _, high in ends]
    lows = [low for low, _ in ends]
    assert all(high is not None and high < low for high, low in zip(highs, lows[1:], strict=False))


@given(any_version)
def test_a_version_satisfies_itself(text: str) -> None:
    assert parse_constraint(f"={text}").is_satisfied_by(parse_version(text))


def error_in(text: str) -> VersionError | None:
    try:
        asked = parse_constraint(text)
    except VersionError as error:
        return error
    assert parse_constraint(str(asked)) == asked
    return None


@given(st.one_of(st.text(max_size=20), st.text("12.:,=- gita@rc", max_size=20)))
def test_any_text_is_a_constraint_or_an_error_with_a_position(text: str) -> None:
    error = error_in(text)
    assert error is None or 0 <= error.position <= len(text)


@pytest.mark.parametrize("text", [None, "", "1 2"])
def test_what_is_no_version_has_no_key(text: str | None) -> None:
    assert stored_version_key(text) is None


def test_the_stored_key_is_that_of_the_version() -> None:
    assert stored_version_key("1.12") == version_key("1.12")
