"""A file read as its difference to another one gives what parsing it would give."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.parsers import incremental as sheet
from ingest.cases.parsers.env_xml import parse_env_lines, parse_env_xml
from ingest.cases.parsers.incremental import ParsedLines
from ingest.cases.parsers.namelist import parse_namelist, parse_namelist_lines
from models.errors import ParseError
from tests.support.executions import mutations, sample_files

ENV = sample_files()["env_run"]
NAMELIST = sample_files()["drv_in"]
XML = b"""<?xml version="1.0"?>
<file id="env_run.xml">
<group id="g">
<entry id="A" value="1">
<type>integer</type></entry>
<entry id="B" value="x"/>
<entry id="L" value="1"><type>integer</type></entry>
<!--
<entry id="B" value="x"/>
-->
<entry id="N"><type>integer</type>
<values>
<value compclass="ATM">4</value>
</values></entry>
</group></file>
"""
NML = b"""&g
 a = 1
 b = 'x',
     'y'
 c = 2, 3
 d = 1 e = 2
 s(1) = 1
 s(2) = 2
 t(4) = 1
 u = 1
 u(2) = 2
 v = 1
 v = 1
 w(2) % x = 1
 l = .true.
 m = 1, 2, 3
 m = , 8
 n = (1, 2)
 o = 1
 more words
 y(1:2) = 1, 2
/
outside = 1
&h a = 1
/
"""


def keep(_key: str, value: object) -> object:
    return value


def read_anew(known: ParsedLines, content: bytes) -> ParsedLines | None:
    return known.with_content(content, keep)


@pytest.mark.parametrize(
    ("old", "new", "key", "value"),
    [
        pytest.param(b'"A" value="1"', b'"A" value="25"', "env_run.A", 25, id="integer"),
        pytest.param(b'"A" value="1"', b'"A" value=""', "env_run.A", "", id="emptied"),
        pytest.param(b'="x"/>\n<entry', b'="y"/>\n<entry', "env_run.B", "y", id="text"),
        pytest.param(b'"L" value="1"', b'"L" value="-7"', "env_run.L", -7, id="with its type"),
        pytest.param(b">4<", b">8<", "env_run.N.ATM", 8, id="of a component"),
    ],
)  # fmt: skip
def test_a_value_of_xml_is_read_from_its_line(
    old: bytes, new: bytes, key: str, value: object
) -> None:
    assert old in XML
    content = XML.replace(old, new, 1)
    found = read_anew(parse_env_lines(XML, "env_run"), content)
    assert found is not None
    assert found.variables == parse_env_xml(content, "env_run")
    assert found.variables[key] == value


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b'<!--\n<entry id="B" value="x"/>', b'<!--\n<entry id="B" value="y"/>',
                     id="in a comment"),
        pytest.param(b'value="1"', b'value="&lt;"', id="an entity"),
        pytest.param(b'value="1"', b'value="1" x="2"', id="another attribute"),
        pytest.param(b'id="A"', b'id="C"', id="another name"),
        pytest.param(b"<type>integer", b"<type>char", id="another type"),
        pytest.param(b'"1"><type>integer', b'"1"><type>logical', id="another type in its line"),
        pytest.param(b'"1"><type>', b'"><type>', id="no quote before the value"),
        pytest.param(b'value="1"', b"value='1'", id="other quotes"),
        pytest.param(b"</file>", b"\n</file>", id="another line"),
    ],
)  # fmt: skip
def test_anything_else_in_xml_has_to_be_parsed(old: bytes, new: bytes) -> None:
    assert old in XML
    assert read_anew(parse_env_lines(XML, "env_run"), XML.replace(old, new, 1)) is None


def test_only_values_that_are_new_are_cleaned() -> None:
    known = parse_env_lines(XML, "env_run")
    found = known.with_content(
        XML.replace(b'"A" value="1"', b'"A" value="2"'), lambda key, value: f"{key} was {value}"
    )
    assert found is not None
    assert found.variables == known.variables | {"env_run.A": "env_run.A was 2"}


@pytest.mark.parametrize(
    ("old", "new", "key", "value"),
    [
        pytest.param(b"a = 1\n b", b"a = .true. ! new\n b", "f.g.a", True, id="value"),
        pytest.param(b"c = 2, 3", b"c = 3*4", "f.g.c", [4, 4, 4], id="list"),
        pytest.param(
            b"c = 2, 3", b"c = 'ff'Z, (1,2)", "f.g.c", ["z'ff'", "(1.0,2.0)"], id="constants"
        ),
        pytest.param(b"w(2) % x = 1", b"W( 02)%x = 3", "f.g.w(2)%x", 3, id="derived type"),
        pytest.param(b"= .true.", b"= .False_alarm", "f.g.l", False, id="logical"),
        pytest.param(b"n = (1, 2)", b"n = 1-6, inf", "f.g.n", [1e-6, "Infinity"], id="reals"),
    ],
)
def test_a_value_of_a_namelist_is_read_from_its_line(
    old: bytes, new: bytes, key: str, value: object
) -> None:
    content = NML.replace(old, new, 1)
    found = read_anew(parse_namelist_lines(NML, "f"), content)
    assert found is not None
    assert found.variables == parse_namelist(content, "f")
    assert found.variables[key] == value


@pytest.mark.parametrize(
    ("old", "new"),
    [
        pytest.param(b"a = 1\n b", b"a = 'x\n b", id="a string that goes on"),
        pytest.param(b"c = 2, 3", b"c = 2 /", id="the end of a group"),
        pytest.param(b"a = 1\n b", b"a = 1 &h\n b", id="another group"),
        pytest.param(b"a = 1\n b", b"a = &h &end\n b", id="another group with its end"),
        pytest.param(b"a = 1\n b", b"z = 1\n b", id="another name"),
        pytest.param(b"d = 1 e", b"d = 2 e", id="two in one line"),
        pytest.param(b"'y'", b"'z'", id="the second line of a value"),
        pytest.param(b"s(1) = 1", b"s(1) = 5", id="an element of a list"),
        pytest.param(b"t(4) = 1", b"t(4) = 5", id="an element alone"),
        pytest.param(b"u = 1", b"u = 5", id="a list that an element is merged into"),
        pytest.param(b"m = 1, 2, 3", b"m = 1, 2, 4", id="a list that is changed later"),
        pytest.param(b"m = , 8", b"m = , 9", id="a change of a list"),
        pytest.param(b"n = (1, 2)", b"n = (1,", id="half a constant"),
        pytest.param(b"c = 2, 3", b"c = 2, 3 words", id="words that are not understood"),
        pytest.param(b"o = 1", b"o = 2", id="a list that words belong to"),
        pytest.param(b"more words", b"no words", id="words"),
        pytest.param(b" v = 1\n v", b" v = 5\n v", id="a value that is set again"),
        pytest.param(b"= 1, 2\n/", b"= 1, 2, 3\n/", id="more than fits into a section"),
        pytest.param(b"outside = 1", b"outside = 2", id="outside of groups"),
        pytest.param(b"&h a = 1", b"&h a = 2", id="a line that begins a group"),
    ],
)
def test_anything_else_in_a_namelist_has_to_be_parsed(old: bytes, new: bytes) -> None:
    assert old in NML
    assert read_anew(parse_namelist_lines(NML, "f"), NML.replace(old, new, 1)) is None


@pytest.mark.slow
@given(mutations(ENV))
def test_xml_of_any_kind_is_read_as_it_would_be_parsed(content: bytes) -> None:
    found = read_anew(parse_env_lines(ENV, "env_run"), content)
    if found is not None:
        assert found.variables == parse_env_xml(content, "env_run")


@pytest.mark.slow
@given(mutations(NAMELIST))
def test_a_namelist_of_any_kind_is_read_as_it_would_be_parsed(content: bytes) -> None:
    found = read_anew(parse_namelist_lines(NAMELIST, "drv_in"), content)
    if found is not None:
        assert found.variables == parse_namelist(content, "drv_in")


TEXTS = st.lists(st.sampled_from([b"", b"a", b"ab", b"b"]), max_size=12).map(b"\n".join)


@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_only_lines_that_are_the_same_are_not_cut_out(
    start: bytes, before: bytes, after: bytes, end: bytes
) -> None:
    old, new = start + before + end, start + after + end
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheet, "_LARGE", 0)
        first, ours, theirs = sheet._differing_lines(old, new)
    old_lines, new_lines = old.split(b"\n"), new.split(b"\n")
    rest = len(old_lines) - first - len(ours)
    assert old_lines[first : first + len(ours)] == ours
    assert new_lines[first : len(new_lines) - rest] == theirs
    assert old_lines[:first] == new_lines[:first]
    assert old_lines[len(old_lines) - rest :] == new_lines[len(new_lines) - rest :]


@pytest.mark.parametrize("new", [b"c = 2, 3 words", b"c = 5 = 6", b"c = 1 # note", b"c = ( 2"])
def test_what_is_not_understood_in_a_new_line_is_parsed_and_told(new: bytes) -> None:
    content = NML.replace(b"c = 2, 3", new)
    assert read_anew(parse_namelist_lines(NML, "f"), content) is None
    known = {line for line, _ in parse_namelist_lines(NML, "f").unknown}
    assert {line for line, _ in parse_namelist_lines(content, "f").unknown} - known == {5}


LINE = re.compile(rb"(?m)^ *\w[\w %()]* *= *(.*)$")


@given(
    st.lists(st.sampled_from([*"abtz1 ,'\"!/&$=+-()*%.#@\n", "inf"]), max_size=8).map("".join),
    st.data(),
)
def test_any_value_in_a_namelist_is_read_as_it_would_be_parsed(
    text: str, data: st.DataObject
) -> None:
    match = data.draw(st.sampled_from(list(LINE.finditer(NML))))
    content = NML[: match.start(1)] + text.encode() + NML[match.end(1) :]
    found = read_anew(parse_namelist_lines(NML, "f"), content)
    if found is not None:
        try:
            expected = parse_namelist(content, "f")
            unknown = parse_namelist_lines(content, "f").unknown
        except ParseError:
            expected, unknown = {}, []
        assert found.variables == expected
        assert found.unknown == unknown
