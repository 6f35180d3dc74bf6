"""Advisories: OSV's own rule of evaluation, and tables; nothing is dropped in silence."""

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.advisories.advisory import AdvisoryError, parse_osv, parse_table
from models.spack.version import version_key


def record(*events: dict[str, str], **others: Any) -> dict[str, Any]:
    ranges = [{"type": "SEMVER", "events": list(events)}] if events else []
    package = {"ecosystem": "OSS-Fuzz", "name": "zlib"}
    return {"id": "X-1", "affected": [{"package": package, "ranges": ranges, **others}]}


@pytest.mark.parametrize(
    ("events", "affected", "others"),
    [
        ([{"introduced": "0"}, {"fixed": "1.2.13"}], "1.2 1.2.12 1.2.12.1", "1.2.13 1.3 develop"),
        ([{"introduced": "1.2"}, {"last_affected": "1.2.12"}], "1.2 1.2.12", "1.1 1.2.12.1 1.3"),
        ([{"introduced": "0"}], "0.1 develop", ""),
        (
            [{"fixed": "2"}, {"introduced": "1"}, {"introduced": "3"}, {"fixed": "3.1"}],
            "1 1.9 3.0",
            "0.9 2 2.5 3.1 4",
        ),
        ([{"introduced": "1"}, {"limit": "2"}], "1 1.5", "0.5 2 3"),
        ([{"introduced": "1"}, {"limit": "*"}], "1 9", "0.5"),
        ([{"introduced": "1.2"}, {"fixed": "1.3"}], "1.2 1.3-rc1", "1.2-rc1 1.3"),
    ],
)
def test_events_are_evaluated_as_osv_says(
    events: list[dict[str, str]], affected: str, others: str
) -> None:
    (advisory,) = parse_osv(record(*events))
    assert advisory.problems == ()
    assert [text for text in affected.split() if not advisory.affects(text)] == []
    assert [text for text in others.split() if advisory.affects(text)] == []


_VERSIONS = st.sampled_from(["0.5", "1", "1.2", "1.2.3", "2", "2.1", "3", "develop"])


@given(st.lists(st.tuples(_VERSIONS, _VERSIONS), max_size=3), _VERSIONS)
def test_half_open_ranges_are_what_they_are(pairs: list[tuple[str, str]], text: str) -> None:
    ranges = [
        {"type": "ECOSYSTEM", "events": [{"introduced": low}, {"fixed": high}]}
        for low, high in pairs
        if version_key(low) < version_key(high)
    ]
    (advisory,) = parse_osv(record(ranges=ranges, versions=["9"]))
    expected = any(
        version_key(each["events"][0]["introduced"])  # type: ignore[index]
        <= version_key(text)
        < version_key(each["events"][1]["fixed"])  # type: ignore[index]
        for each in ranges
    )
    assert advisory.affects(text) == expected


def test_listed_versions_may_have_the_letter_of_a_tag() -> None:
    (advisory,) = parse_osv(record(versions=["v1.2.11", "1.2.12"]))
    assert [advisory.affects(v) for v in ("1.2.11", "1.2.12", "1.2.12.1")] == [True, True, False]


@pytest.mark.parametrize(
    ("package", "name"),
    [
        ({"ecosystem": "PyPI", "name": "Jinja2"}, "py-jinja2"),
        ({"ecosystem": "PyPI", "name": "ruamel.yaml"}, "py-ruamel-yaml"),
        ({"ecosystem": "CRAN", "name": "readxl"}, "r-readxl"),
        ({"name": "zlib"}, "zlib"),
        ({"ecosystem": "Debian:12", "name": "zlib"}, None),
        ({"ecosystem": "npm", "name": "@a/b"}, None),
    ],
)
def test_packages_have_spacks_names_or_are_not_decided(
    package: dict[str, str], name: str | None
) -> None:
    given = {"id": "X", "affected": [{"package": package, "versions": ["1"]}]}
    (advisory,) = parse_osv(given)
    assert advisory.package == name
    assert bool(advisory.problems) == (name is None)


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        ({"id": "X"}, "names no affected package"),
        ({"id": "X", "affected": [1]}, "no object"),
        (record(), "neither versions nor ranges"),
        (record({"introduced": "0"}, {"repaired": "1"}), "is not known"),
        (record({"fixed": "1"}), "where it begins"),
        (record({"introduced": "a b"}), "introduced 'a b'"),
        (record(ranges=[{"type": "GIT", "events": [{"introduced": "0"}]}]), "range of commits"),
        (record(versions=["a b"]), "'a b' is not a version"),
    ],
)
def test_what_is_not_understood_is_said(given: dict[str, Any], problem: str) -> None:
    (advisory,) = parse_osv(given)
    assert problem in " ".join(advisory.problems)


def test_a_list_and_an_answer_of_osv_are_read() -> None:
    one = record({"introduced": "0"})
    assert len(parse_osv([one, one])) == 2
    assert len(parse_osv({"vulns": [one]})) == 1
    assert [each.id for each in parse_osv([{"affected": []}])] == ["record 1"]


@pytest.mark.parametrize("content", [3, "x", None, [1], {"vulns": 3}, [record()] * 101])
def test_what_is_no_list_of_advisories_is_refused(content: Any) -> None:
    with pytest.raises(AdvisoryError):
        parse_osv(json.loads(json.dumps(content)))


def test_a_table_has_ranges_of_spack() -> None:
    text = '\ufeffpackage,range,id\r\nzlib,:1.2.12,CVE-1\r\nhdf5,"1.10,1.12:1.14",\r\ncurl,,\r\n'
    zlib, hdf5, curl = parse_table(text)
    assert (zlib.id, hdf5.id) == ("CVE-1", "line 3")
    assert zlib.affects("1.2.12.1")
    assert not zlib.affects("1.2.13")
    assert hdf5.affects("1.10.4")
    assert not hdf5.affects("1.11")
    assert curl.affects("1")


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("zlib,1:0", "the range '1:0' is empty"),
        ("Z lib,1", "not the name of a package"),
        (",1", "not the name of a package"),
        ("zlib,1,a,b", "more values"),
    ],
)
def test_a_wrong_line_costs_only_itself(line: str, problem: str) -> None:
    wrong, right = parse_table(f"package,range,id\n{line}\nzlib,1\n")
    assert problem in wrong.problems[0]
    assert not wrong.affects("1")
    assert right.affects("1.2")


@pytest.mark.parametrize(
    "text", ["", "name,range\nzlib,1", "package,range\n" + "zlib,1\n" * 101, 'package,range\n"a']
)
def test_another_table_is_refused(text: str) -> None:
    with pytest.raises(AdvisoryError):
        parse_table(text)


@given(st.text(max_size=60))
def test_any_table_is_read_or_refused(text: str) -> None:
    with suppress(AdvisoryError):
        assert all(each.id for each in parse_table(f"package,range\n{text}"))
