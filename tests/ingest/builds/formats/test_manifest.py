"""A manifest tells what was installed, and never where."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.builds.formats.manifest import Manifest, parse_manifest
from models.builds.manifest import ManifestEntry
from tests.support.executions import reason_of

HASH = "a" * 32
PREFIX = f"/home/me/opt/linux/zlib-1.3-{HASH}"
DIR, FILE, LINK = 0o42755, 0o100644, 0o120777


def parsed(entries: dict[str, Any]) -> Manifest:
    return parse_manifest(json.dumps(entries).encode())


def whole(**fields: Any) -> dict[str, Any]:
    return {f"{PREFIX}/.spack": {"mode": DIR}, f"{PREFIX}/lib/x": fields}


def entry(**fields: Any) -> ManifestEntry:
    return parsed(whole(**fields)).entries[-1]


def test_a_file_has_size_and_hash() -> None:
    fields = {"mode": FILE, "owner": 0, "group": 0, "hash": "MONF", "time": 1.5, "size": 7}
    expected = ManifestEntry(path="lib/x", type="file", mode=FILE, size=7, hash="MONF")
    assert entry(**fields) == expected


def test_the_prefix_itself_is_an_entry() -> None:
    found = parsed({PREFIX: {"mode": DIR}} | whole(mode=DIR))
    assert [e.path for e in found.entries] == [".", ".spack", "lib/x"]
    assert found.directory == f"zlib-1.3-{HASH}"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"mode": DIR}, "dir"),
        ({"mode": FILE}, "file"),
        ({"mode": LINK, "dest": "y"}, "link"),
        ({"mode": LINK}, "link"),
        ({"mode": FILE, "type": "link", "dest": "y"}, "link"),
        ({"mode": DIR, "type": "dir"}, "dir"),
        ({"hash": "A"}, "file"),
        ({"type": "socket", "mode": 0o140755}, "other"),
        ({}, "other"),
    ],
)
def test_the_type_is_told_or_seen(fields: dict[str, Any], expected: str) -> None:
    assert entry(**fields).type == expected


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        pytest.param("y.so", "y.so", id="relative"),
        pytest.param("../../../etc", "../../../etc", id="relative and outside"),
        pytest.param(f"{PREFIX}/lib/y.so", "y.so", id="beside"),
        pytest.param(f"{PREFIX}/libexec/cc", "../libexec/cc", id="inside"),
        pytest.param(f"{PREFIX}", "..", id="the prefix"),
        pytest.param(f"{PREFIX}//lib/../bin/y", "../bin/y", id="not normal"),
        pytest.param("/usr/lib/y.so", "/usr/lib/y.so", id="outside"),
        pytest.param(f"{PREFIX}-other/y", f"{PREFIX}-other/y", id="sibling"),
    ],
)
def test_the_target_of_a_link_inside_is_relative(target: str, expected: str) -> None:
    assert entry(mode=LINK, dest=target).target == expected


@pytest.mark.parametrize(
    "fields",
    [{"mode": "x", "size": -1, "hash": 3}, {"mode": True, "size": 1.5}, {"size": 2**63, "dest": 1}],
)
def test_fields_that_make_no_sense_are_not_known(fields: dict[str, Any]) -> None:
    found = entry(**fields)
    assert (found.mode, found.size, found.hash, found.target) == (None, None, None, None)


@pytest.mark.parametrize("value", [None, 1, "x", []])
def test_an_entry_that_is_none_is_kept_by_its_path(value: object) -> None:
    found = parsed({f"{PREFIX}/.spack": {"mode": DIR}, f"{PREFIX}/x": value})
    assert found.entries[-1] == ManifestEntry(path="x", type="other")


def test_without_metadata_the_prefix_is_named_with_a_hash() -> None:
    found = parsed({f"{PREFIX}/lib/a": {}, f"{PREFIX}/lib/b": {}})
    assert [e.path for e in found.entries] == ["lib/a", "lib/b"]


def test_without_any_name_the_prefix_is_what_all_have_in_common() -> None:
    found = parsed({"/opt/x": {"mode": DIR}, "/opt/x/a": {}, "/opt/x/b/c": {}})
    assert [e.path for e in found.entries] == [".", "a", "b/c"]


def test_what_lies_elsewhere_is_counted_only() -> None:
    found = parsed(whole() | {"/etc/passwd": {}, f"{PREFIX}/../x": {}, "rel": {}})
    assert [e.path for e in found.entries] == [".spack", "lib/x"]
    assert found.outside == 3


def test_a_metadata_directory_further_down_is_no_prefix() -> None:
    found = parsed(whole() | {f"{PREFIX}/share/.spack": {"mode": DIR}})
    assert [e.path for e in found.entries] == [".spack", "lib/x", "share/.spack"]


def test_an_empty_manifest_has_no_entries() -> None:
    assert parsed({}) == Manifest(())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        pytest.param(b"", "not_json", id="empty"),
        pytest.param(b"[]", "not_object", id="list"),
        pytest.param(b'{"a":{}}', "no_prefix", id="only relative paths"),
        pytest.param(b'{"/a":' * 5000, "not_json", id="deep"),
        pytest.param(b'{"/a":NaN}', "not_json", id="not a number"),
        pytest.param(b'{"/\\ud800":1}', "not_json", id="half a character"),
    ],
)
def test_what_is_no_manifest_is_refused(content: bytes, reason: str) -> None:
    assert reason_of(lambda: parse_manifest(content)) == reason


paths = st.text(st.sampled_from("/.ab-"), max_size=12).map(lambda path: f"/{path}")
values = st.one_of(st.integers(), st.text(max_size=5), paths, st.none())
fields = st.dictionaries(st.sampled_from(["mode", "dest", "type", "size", "hash"]), values)


@given(st.dictionaries(st.one_of(paths, paths.map(PREFIX.__add__)), fields, max_size=6))
def test_no_path_of_an_entry_leads_out_of_the_prefix(entries: dict[str, Any]) -> None:
    content = json.dumps(entries).encode()
    if reason_of(lambda: parse_manifest(content)):
        return
    found = parse_manifest(content)
    assert len(found.entries) + found.outside == len(entries)
    assert not any(e.path.startswith(("/", "../")) for e in found.entries)


@given(st.binary())
def test_any_bytes_give_a_manifest_or_a_documented_error(content: bytes) -> None:
    reasons = {None, "not_json", "not_object", "no_prefix"}
    assert reason_of(lambda: parse_manifest(content)) in reasons


@pytest.mark.slow
def test_a_manifest_of_50_000_files_is_read() -> None:
    entries = {f"{PREFIX}/lib/{i}": {"mode": FILE, "hash": "A", "size": i} for i in range(50_000)}
    assert len(parsed(entries).entries) == 50_000
