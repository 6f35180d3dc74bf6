"""Reports come from outside: hostile XML is refused, and odd output of builds is not."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.builds.formats.xml_report import MAX_REPORT_BYTES, MAX_TAGS, parse_report
from models.errors import ParseError
from tests.support.executions import reason_of


def text_of(content: bytes) -> str | None:
    return parse_report(content, "Site").findtext("a")


def bomb(use: str) -> bytes:
    levels = "".join(f'<!ENTITY l{i + 1} "{f"&l{i};" * 10}">' for i in range(12))
    return (
        f'<!DOCTYPE Site [<!ENTITY l0 "lol">{levels}]><Site><a b="{use}">{use}</a></Site>'.encode()
    )


@pytest.mark.parametrize(
    ("content", "reasons"),
    [
        pytest.param(b"", {"not_xml"}, id="empty"),
        pytest.param(b"plain", {"not_xml"}, id="text"),
        pytest.param(b"<Site>", {"not_xml"}, id="cut"),
        pytest.param(b"<other/>", {"wrong_root"}, id="other root"),
        pytest.param(b"<!DOCTYPE Site><Site/>", {"doctype"}, id="document type"),
        pytest.param(
            b'<!DOCTYPE Site SYSTEM "file:///etc/passwd"><Site/>', {"doctype"}, id="external DTD"
        ),
        pytest.param(
            b'<!DOCTYPE Site [<!ENTITY x SYSTEM "file:///etc/passwd">]><Site><a>&x;</a></Site>',
            {"doctype", "not_xml"}, id="external entity",
        ),
        pytest.param(
            b'<!DOCTYPE Site [<!ENTITY % x SYSTEM "http://127.0.0.1:9/">%x;]><Site/>',
            {"doctype", "not_xml"}, id="parameter entity",
        ),
        pytest.param(bomb("&l12;"), {"doctype", "not_xml", "too_large"}, id="billion laughs"),
        pytest.param(b"<Site>" + b"<a>" * 10**6, {"not_xml", "too_large"}, id="deep"),
        pytest.param(b"<Site>" + b"a" * 11_000_000 + b"</Site>", {"too_large"}, id="huge text"),
        pytest.param(b"<" * (MAX_REPORT_BYTES + 1), {"too_large"}, id="huge file"),
        pytest.param(b"<Site>&nothing;</Site>", {"not_xml"}, id="unknown entity"),
    ],
)  # fmt: skip
def test_hostile_xml_is_refused(content: bytes, reasons: set[str]) -> None:
    with pytest.raises(ParseError) as caught:
        parse_report(content, "Site")
    assert caught.value.reason in reasons


@pytest.mark.parametrize(
    ("content", "text"),
    [
        pytest.param(b"<Site><a>\x1b[1mx</a></Site>", "\ufffd[1mx", id="escape"),
        pytest.param(b"<Site><a>\0x</a></Site>", "\ufffdx", id="NUL"),
        pytest.param(b"<Site><a>\xffx</a></Site>", "\ufffdx", id="not UTF-8"),
        pytest.param(b"<Site><a>&#27;x&#x41;</a></Site>", "\ufffdxA", id="reference"),
        pytest.param(
            b'<?xml version="1.0" encoding="UTF-8"?>\n<Site><a>\x08x</a></Site>',
            "\ufffdx",
            id="head",
        ),
        pytest.param("<Site><a>\u00e4</a></Site>".encode("utf-16"), "\u00e4", id="UTF-16"),
    ],
)
def test_what_a_build_prints_does_not_spoil_the_report(content: bytes, text: str) -> None:
    assert text_of(content) == text


@given(st.one_of(st.binary(), st.text("<>/&;#x1Site ").map(str.encode)))
def test_any_bytes_give_a_root_or_a_documented_error(content: bytes) -> None:
    reasons = {None, "not_xml", "wrong_root", "doctype", "too_large"}
    assert reason_of(lambda: parse_report(content, "Site")) in reasons


@pytest.mark.slow
@pytest.mark.parametrize("pattern", [b"&#27;", b"&#", b"<", b"<!--", b"<?xml ", b"<![CDATA["])
def test_hostile_reports_take_no_more_time_than_their_length(pattern: bytes) -> None:
    start = time.process_time()
    reason_of(lambda: parse_report(b"<Site>" + pattern * (2_000_000 // len(pattern)), "Site"))
    assert time.process_time() - start < 10


def test_a_report_of_very_many_tags_is_refused_before_it_takes_memory() -> None:
    assert reason_of(lambda: parse_report(b"<Site>" + b"<a/>" * MAX_TAGS, "Site")) == "too_large"


def test_what_the_output_of_a_build_contains_are_no_tags() -> None:
    output = b"<a>\n" * (MAX_TAGS + 1)
    assert text_of(b"<Site><a><![CDATA[" + output + b"]]></a></Site>") == output.decode()


def test_beginnings_of_output_without_an_end_are_searched_once() -> None:
    assert reason_of(lambda: parse_report(b"<![CDATA[" * 2 * MAX_TAGS, "Site")) == "not_xml"
