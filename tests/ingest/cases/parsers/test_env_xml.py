"""env_*.xml gives the variables of a case by delta key, and hostile XML gives an error."""

import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.cases.parsers.env_xml import parse_env_xml, typed_value
from models.configuration.keys import flatten, nest
from models.errors import ParseError
from tests.support.executions import entry, env_xml, group, mutations, reason_of, sample_files


def parsed(*groups: str, file: str = "env_run") -> dict[str, Any]:
    return parse_env_xml(env_xml(*groups), file)


def test_a_variable_has_the_key_of_its_file() -> None:
    assert parsed(group("run_desc", entry("CASESTR", "UNSET"))) == {"env_run.CASESTR": "UNSET"}


def test_a_variable_without_value_is_unset() -> None:
    assert parsed(group("g", entry("CASE_GROUP", None))) == {"env_run.CASE_GROUP": None}


def test_an_empty_value_is_empty_text() -> None:
    assert parsed(group("g", entry("A", ""))) == {"env_run.A": ""}


def test_the_value_may_stand_between_the_tags() -> None:
    assert parsed('<entry id="A"> text <type>char</type></entry>') == {"env_run.A": "text"}


@pytest.mark.parametrize("attribute", ["compclass", "component", "other"])
def test_each_component_may_have_its_own_value(attribute: str) -> None:
    values = (
        f'<values><value {attribute}="ATM">5</value><value {attribute}="LND"> 7 </value></values>'
    )
    found = parsed(group("g", f'<entry id="NTASKS"><type>integer</type>{values}</entry>'))
    assert found == {"env_run.NTASKS.ATM": 5, "env_run.NTASKS.LND": 7}


@pytest.mark.parametrize("attribute", ["compclass", "component"])
def test_the_component_of_a_value_is_told_by_its_name(attribute: str) -> None:
    value = f'<value other="x" {attribute}="ATM">5</value>'
    found = parsed(f'<entry id="NTASKS"><values>{value}</values></entry>')
    assert found == {"env_run.NTASKS.ATM": "5"}


def test_a_value_of_its_own_counts_before_those_of_components() -> None:
    values = '<values><value compclass="ATM">5</value></values>'
    assert parsed(f'<entry id="A" value="1">{values}</entry>') == {"env_run.A": "1"}


def test_groups_of_jobs_are_part_of_the_key() -> None:
    job = group("case.run", entry("JOB_QUEUE", "debug")), group("case.st", entry("ONE", "1"))
    found = parsed(*job, file="env_workflow")
    assert found == {"env_workflow.case_run.JOB_QUEUE": "debug", "env_workflow.case_st.ONE": "1"}


def test_the_group_is_part_of_the_key_where_an_id_stands_in_several() -> None:
    found = parsed(group("one", entry("A", "1"), entry("B", "1")), group("two", entry("A", "2")))
    assert found == {"env_run.one.A": "1", "env_run.two.A": "2", "env_run.B": "1"}


def test_an_id_that_stands_twice_in_one_group_needs_no_group() -> None:
    assert parsed(group("g", entry("A", "1"), entry("A", "2"))) == {"env_run.A": "2"}


@pytest.mark.parametrize(
    ("file", "name", "key"),
    [
        pytest.param("env_workflow", "main", "env_workflow.main.A", id="of the workflow"),
        pytest.param("env_batch", "case.run", "env_batch.case_run.A", id="of a job"),
        pytest.param("env_batch", "main", "env_batch.A", id="of anything else"),
    ],
)
def test_the_only_group_is_part_of_the_key_if_it_is_one_of_jobs(
    file: str, name: str, key: str
) -> None:
    assert parsed(group(name, entry("A", "1")), file=file) == {key: "1"}


def test_an_entry_outside_of_groups_is_taken() -> None:
    assert parsed(entry("A", "1")) == {"env_run.A": "1"}


def test_an_entry_without_an_id_is_passed_over() -> None:
    assert parsed('<entry value="1"/>', '<entry id="" value="1"/>') == {}


def test_names_that_mongodb_would_not_take_are_escaped() -> None:
    assert parsed(entry("a.b$", "1")) == {"env_run.a\u2024b\uff04": "1"}


def test_xml_escapes_are_undone() -> None:
    assert parsed(entry("A", "&gt;&gt; log 2&gt;&amp;1&#10;")) == {"env_run.A": ">> log 2>&1\n"}


@pytest.mark.parametrize(
    ("text", "type_name", "value"),
    [
        pytest.param("TRUE", "logical", True, id="true"),
        pytest.param(" .false. ", "logical", False, id="Fortran false"),
        pytest.param("t", "logical", True, id="short true"),
        pytest.param("$DEBUG", "logical", "$DEBUG", id="reference to a logical"),
        pytest.param("1", "logical", "1", id="number that should be logical"),
        pytest.param("-012", "integer", -12, id="integer"),
        pytest.param("9223372036854775807", "integer", 2**63 - 1, id="largest integer"),
        pytest.param("-9223372036854775808", "integer", -(2**63), id="smallest integer"),
        pytest.param("9223372036854775808", "integer", "9223372036854775808", id="too large"),
        pytest.param("9" * 5000, "integer", "9" * 5000, id="far too large"),
        pytest.param("1.0", "integer", "1.0", id="real that should be an integer"),
        pytest.param("\u0663", "integer", "\u0663", id="digit of another script"),
        pytest.param("1_000", "integer", "1_000", id="underscore"),
        pytest.param("6.0D-1", "real", 0.6, id="Fortran real"),
        pytest.param(".5", "real", 0.5, id="no digit before the point"),
        pytest.param("5.", "real", 5.0, id="no digit behind the point"),
        pytest.param("1e999", "real", "1e999", id="infinite"),
        pytest.param("nan", "real", "nan", id="not a number"),
        pytest.param("", "integer", "", id="empty integer"),
        pytest.param(" a ", "char", " a ", id="blanks in text"),
        pytest.param("5", "unheard_of", "5", id="unknown type"),
    ],
)
def test_a_value_is_of_its_type_if_it_can_be(text: str, type_name: str, value: object) -> None:
    found = typed_value(text, type_name)
    assert (found, type(found)) == (value, type(value))


digits = st.text(alphabet="0123456789.+-eEdD ", max_size=400)


@given(st.text() | digits, st.sampled_from(["logical", "integer", "real", "char"]))
def test_numbers_are_such_as_mongodb_stores(text: str, type_name: str) -> None:
    value = typed_value(text, type_name)
    if isinstance(value, float):
        assert math.isfinite(value)
    elif isinstance(value, int):
        assert -(2**63) <= value < 2**63
    else:
        assert value == text


def billion_laughs(use: str) -> bytes:
    levels = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(12))
    return f'<!DOCTYPE file [<!ENTITY l0 "lol">{levels}]>{use}'.encode()


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        pytest.param(b"", {"not_xml"}, id="empty"),
        pytest.param(b"plain text", {"not_xml"}, id="text"),
        pytest.param(b"<file>", {"not_xml"}, id="cut"),
        pytest.param(b"<file/><file/>", {"not_xml"}, id="two roots"),
        pytest.param(b"<file a='1' a='2'/>", {"not_xml"}, id="attribute twice"),
        pytest.param(b"<file>\0</file>", {"not_xml"}, id="null"),
        pytest.param(b"<file>\xff</file>", {"not_xml"}, id="not UTF-8"),
        pytest.param(b"<file>&nothing;</file>", {"not_xml"}, id="unknown entity"),
        pytest.param(
            b'<?xml version="1.0" encoding="no-such"?><file/>', {"not_xml"}, id="encoding"
        ),
        pytest.param(b"<config/>", {"wrong_root"}, id="other root"),
        pytest.param(b'<file xmlns="urn:x"/>', {"wrong_root"}, id="other namespace"),
        pytest.param(b"<!DOCTYPE file><file/>", {"doctype"}, id="document type"),
        pytest.param(
            b'<!DOCTYPE file SYSTEM "file:///etc/passwd"><file/>', {"doctype"}, id="external DTD"
        ),
        pytest.param(
            b'<!DOCTYPE file [<!ENTITY x SYSTEM "file:///etc/passwd">]><file>&x;</file>',
            {"doctype", "not_xml"},
            id="external entity",
        ),
        pytest.param(
            b'<!DOCTYPE file [<!ENTITY % x SYSTEM "http://127.0.0.1:9/">%x;]><file/>',
            {"doctype", "not_xml"},
            id="parameter entity",
        ),
        pytest.param(
            billion_laughs("<file>&l12;</file>"), {"doctype", "not_xml"}, id="billion laughs"
        ),
        pytest.param(
            billion_laughs('<file><entry id="A" value="&l12;"/></file>'),
            {"doctype", "not_xml"},
            id="billion laughs in an attribute",
        ),
        pytest.param(b"<file>" + b"<a>" * 10**5, {"not_xml"}, id="deep nesting"),
        pytest.param(
            b"<file>" + b"<a/>" * 10**6 + b"</file>", {"too_many_elements"}, id="elements"
        ),
        pytest.param(
            b"<file " + b"".join(b"a%d='' " % i for i in range(10**6)) + b"/>",
            {"too_many_elements"},
            id="attributes",
        ),
        pytest.param(b"<file>" + b" " * 2**25 + b"</file>", {"too_large"}, id="more than 32 MiB"),
        pytest.param(
            b"<?xml version='1.0' " + b" " * 999 + b"encoding='UTF-7'?><file>+ADw-a/+AD4-</file>",
            {"not_xml"},
            id="tags that cannot be counted",
        ),
        pytest.param(
            "<?xml version='1.0' encoding='IBM037'?><file/>".encode("cp037"),
            {"not_xml"},
            id="EBCDIC",
        ),
    ],
)
def test_hostile_xml_is_refused(content: bytes, reasons: set[str]) -> None:
    with pytest.raises(ParseError) as caught:
        parse_env_xml(content, "env_run")
    assert caught.value.reason in reasons


UMLAUT = entry("A", "\u00e4")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(env_xml(UMLAUT), id="UTF-8"),
        pytest.param(b"\xef\xbb\xbf" + env_xml(UMLAUT), id="byte order mark"),
        pytest.param(env_xml(UMLAUT).decode().encode("utf-16"), id="UTF-16"),
        pytest.param(
            f'<?xml version="1.0" encoding="latin1"?><file>{UMLAUT}</file>'.encode("latin1"),
            id="Latin 1",
        ),
    ],
)
def test_the_encoding_does_not_matter(content: bytes) -> None:
    assert parse_env_xml(content, "env_run") == {"env_run.A": "\u00e4"}


@pytest.mark.parametrize(
    "groups",
    [
        pytest.param(
            (
                entry("N", "1"),
                '<entry id="N"><values><value compclass="A">1</value></values></entry>',
            ),
            id="a value, and one for each component",
        ),
        pytest.param(
            (group("A", entry("B", "1")), group("z", entry("B", "2"), entry("A", "3"))),
            id="a variable that is called like a group",
        ),
    ],
)
def test_a_key_that_goes_on_below_a_value_is_refused(groups: tuple[str, ...]) -> None:
    with pytest.raises(ParseError, match="conflict"):
        parsed(*groups)


hostile_ids = st.sampled_from(["A", "B", "case.run", "case_run", "canonical", "$x", "", "A.B"])
components = st.lists(hostile_ids, max_size=2)


@st.composite
def odd_files(draw: st.DrawFn) -> bytes:
    groups = []
    for _ in range(draw(st.integers(1, 3))):
        entries = []
        for name in draw(st.lists(hostile_ids, max_size=3)):
            own = "".join(f'<value compclass="{c}">1</value>' for c in draw(components))
            entries.append(f'<entry id="{name}"><values>{own}</values></entry>')
        groups.append(group(draw(hostile_ids), *entries))
    return env_xml(*groups)


@given(odd_files(), st.sampled_from(["env_run", "env_workflow"]))
def test_what_is_parsed_can_be_stored(content: bytes, file: str) -> None:
    reason = reason_of(lambda: parse_env_xml(content, file))
    variables = {} if reason else parse_env_xml(content, file)
    assert reason in {None, "conflict"}
    assert flatten(nest(variables)) == variables


def test_a_long_number_that_is_none_is_text() -> None:
    text = "1" * 1_000_000 + "x"
    assert parsed(entry("A", text, "real")) == {"env_run.A": text}


@given(st.binary())
def test_arbitrary_bytes_raise_nothing_but_parse_errors(content: bytes) -> None:
    with pytest.raises(ParseError):
        parse_env_xml(content, "env_run")


@settings(deadline=None, max_examples=60)
@given(mutations(sample_files()["env_workflow"]))
def test_a_mutated_file_raises_nothing_but_parse_errors(content: bytes) -> None:
    reason = reason_of(lambda: parse_env_xml(content, "env_run"))
    assert reason in {None, "not_xml", "wrong_root", "doctype", "conflict"}


def test_a_file_of_the_made_archive_is_read_whole() -> None:
    content = sample_files()["env_run"]
    variables = parse_env_xml(content, "env_run")
    ids = {key.split(".")[1] for key in variables}
    assert len(ids) == content.count(b"<entry id=")
