"""CIME's env_*.xml: the variables of a case.

Source of the format: CIME/XML/entry_id.py. `<type>` is char, integer, logical or real; an entry
without the value attribute is unset, unless each component has its own value:

    <group id="…">
      <entry id="STOP_N" value="5"> <type>integer</type> </entry>
      <entry id="NTASKS"> <type>integer</type>
        <values> <value compclass="ATM">512</value> <value compclass="ICE">64</value> </values>
      </entry>
    </group>
"""

import math
import re
from collections import Counter
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ingest.cases.parsers.incremental import ParsedLines, ValueLine, Variables
from ingest.cases.parsers.not_understood import Report, ignore
from models.configuration.keys import escape_name, join_key
from models.errors import ParseError

_INTEGER = re.compile(r"[+-]?[0-9]{1,19}")
_REAL = re.compile(r"[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eEdD][+-]?[0-9]++)?")
_LOGICALS = {
    "true": True, ".true.": True, "t": True, ".t.": True,
    "false": False, ".false.": False, "f": False, ".f.": False,
}  # fmt: skip
_MAX_INT64 = 2**63
_MAX_BYTES = 32 * 2**20
_MAX_MARKUP = 250_000  # tens of times as many as the largest files have
_ENCODING = re.compile(rb"""<\?xml[^>]*?encoding\s*+=\s*+["'](?P<name>[^"'>]*+)""")
_TAGS_AS_IN_ASCII = re.compile(
    rb"(?i)utf-?8|utf-?16(?:[bl]e)?|us-ascii|ascii|iso-8859-\d+|latin-?\d|(?:windows-|cp)125\d"
)
_MAX_VALUE = 1000
_EBCDIC = b"\x4c\x6f\xa7\x94"
_MAX_LINE = 65_000  # libxml2 does not count lines beyond that
_PARTS: dict[str, frozenset[str]] = {
    "file": frozenset(
        {
            "header", "comment", "group", "entry", "batch_system", "components", "module_system",
            "environment_variables", "resource_limits", "mpirun",
        }
    ),
    "group": frozenset({"entry", "desc", "comment", "header"}),
    "entry": frozenset(
        {
            "type", "valid_values", "default_value", "file", "group", "category", "match", "values",
            "value", "desc", "schema",
        }
    ),
    "values": frozenset({"value"}),
}  # fmt: skip
"""The elements that CIME's schemas allow in an element; only those of entries become variables."""
_TYPES = frozenset({"char", "integer", "logical", "real"})
_SUPERSETS_OF_ASCII = {"UTF-8", "US-ASCII", "ASCII", "ISO-8859-1"}
_PLAIN = re.compile(rb"[ !#-%'-;=?-~]*+")  # unchanged by XML, in attributes and in text
_ENTRY_LINE = re.compile(
    rb"""[ \t]*<entry[ ]id="(?P<name>\w+)"[ ]value="(?P<value>[ !#-%'-;=?-~]*+)"[ ]?/?>"""
    rb"""(?:<type>\w+</type>)?(?:</entry>)?[ \t]*"""
)
_VALUE_LINE = re.compile(
    rb"""[ \t]*<value[ ]compclass="(?P<name>\w+)">(?P<value>[ !#-%'-;=?-~]*+)</value>[ \t]*"""
)


def parse_env_xml(content: bytes, file: str, report: Report = ignore) -> Variables:
    """Return the variables by delta key; `file` is the name without `.xml`, such as `env_run`.

    Keys are `file.ID`, or `file.ID.COMPONENT` when each component has its own value. Job groups
    (`case.run`, and all groups of env_workflow) come between file and ID, with underscores for
    their dots, because the same ids appear in each. So does any group with an id that another group
    repeats.
    """
    root = parse_xml(content)
    for line, text in _unknown(root):
        report(line, text)
    return {value.key: value.value for value in _read_values(root, file)}


def parse_env_lines(content: bytes, file: str) -> ParsedLines:
    """Return the variables that `parse_env_xml` returns, and the lines that can be read alone."""
    root = parse_xml(content)
    values = _read_values(root, file)
    is_ascii = (root.getroottree().docinfo.encoding or "UTF-8").upper() in _SUPERSETS_OF_ASCII
    line_count = min(content.count(b"\n") + 1, _MAX_LINE)
    lines: dict[int, ValueLine] = {}
    for value in values if is_ascii else ():
        number = (line_of(value.element) or 0) - 1
        name = value.element.get("id") or value.element.get("compclass")
        if name is not None and 0 <= number < line_count:
            lines[number] = ValueLine(value.key, name, value.type_name)
    variables = {value.key: value.value for value in values}
    return ParsedLines(content, variables, lines, _reparse_line, tuple(_unknown(root)))


def _unknown(root: "etree._Element") -> Iterator[tuple[int, str]]:
    """Yield line and description of the elements that do not say what they should."""
    for element in root.iter(*_PARTS):
        for part in element.iterchildren("*"):
            if part.tag not in _PARTS[str(element.tag)]:
                yield line_of(part) or 0, f"<{part.tag}> in <{element.tag}>"
        if element.tag == "entry":
            fault = _fault_of(element)
            if fault:
                yield line_of(element) or 0, fault


def _fault_of(entry: "etree._Element") -> str:
    """Return what is wrong with an entry, empty for most."""
    name = entry.get("id")
    type_name = (entry.findtext("type") or "char").strip()
    if not name:
        return "an entry without an id"
    if type_name not in _TYPES:
        return f"{name} has the type {type_name}"
    is_bare = any(not value.attrib for value in entry.iterfind("values/value"))
    return f"{name} has a value for no component" if is_bare else ""


@dataclass(frozen=True, slots=True)
class _Value:
    """The value of a variable, and the element that contains it."""

    key: str
    value: Any
    type_name: str
    element: "etree._Element"


def _read_values(root: "etree._Element", file: str) -> list[_Value]:
    entries = [
        (_group(entry), entry.get("id", ""), entry)
        for entry in root.iter("entry")
        if entry.get("id")
    ]
    repeated = Counter(name for _, name in {(group, name) for group, name, _ in entries})
    values: dict[str, _Value] = {}
    for group, name, entry in entries:
        needs_group = file == "env_workflow" or "." in group or repeated[name] > 1
        key = _key(file, group if needs_group else "", name)
        for value in _values(key, entry):
            values[value.key] = value
    _refuse_conflicts(values)
    return list(values.values())


def line_of(element: "etree._Element") -> int | None:
    """Return the number of the line in which an element ends its first tag, if it is known."""
    line: int | None = element.sourceline  # type: ignore[assignment]
    return line


def _reparse_line(line: ValueLine, old: bytes, new: bytes) -> tuple[Any, Any] | None:
    """Return the values in two versions of a line that contains nothing but the tag of a value."""
    match = _ENTRY_LINE.fullmatch(old) or _VALUE_LINE.fullmatch(old)
    if match is None or match["name"].decode() != line.name:
        return None
    before, after = old[: match.start("value")], old[match.end("value") :]
    size = len(new) - len(before) - len(after)
    if size < 0 or not new.startswith(before) or not new.endswith(after):
        return None
    middle = new[len(before) : len(before) + size]
    if _PLAIN.fullmatch(middle) is None:
        return None
    known, update = (text.decode("ascii") for text in (match["value"], middle))
    return typed_value(known, line.type_name), typed_value(update, line.type_name)


def _refuse_conflicts(variables: Collection[str]) -> None:
    """Raise ParseError `conflict` when a variable with a value has others below its key.

    No document can store both `a` and `a.b`.
    """
    for key in variables:
        parent = key.rpartition(".")[0]
        while parent:
            if parent in variables:
                raise ParseError("conflict", f"{parent[:80]} has a value, and so has {key[:80]}")
            parent = parent.rpartition(".")[0]


def parse_xml(content: bytes, root_name: str = "file") -> "etree._Element":
    """Return the root, a `root_name`, of an XML file that CIME or a component wrote.

    Raise ParseError `not_xml`, `wrong_root`, `doctype` (no document type may be declared),
    `too_large` (more than 32 MiB) or `too_many_elements` (more than 250,000 characters `<` and `=`,
    counted before the tree is built, because that takes up to a hundred times the size of the file
    in memory).
    """
    _refuse_bombs(content)
    parser = etree.XMLParser(
        resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False, remove_pis=True
    )
    try:
        root = etree.fromstring(content, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise ParseError("not_xml", str(error)[:300]) from error
    if root.getroottree().docinfo.internalDTD is not None:
        raise ParseError("doctype", "a document type declaration is not allowed")
    if root.tag != root_name:
        detail = f"the root element is <{str(root.tag)[:80]}>, not <{root_name}>"
        raise ParseError("wrong_root", detail)
    return root


def _refuse_bombs(content: bytes) -> None:
    if len(content) > _MAX_BYTES:
        raise ParseError("too_large", f"the file has more than {_MAX_BYTES} bytes")
    if content.count(b"<") + content.count(b"=") > _MAX_MARKUP:
        detail = f"there are more than {_MAX_MARKUP} tags and attributes"
        raise ParseError("too_many_elements", detail)
    declared = _ENCODING.match(content.removeprefix(b"\xef\xbb\xbf"))
    is_known = declared is None or _TAGS_AS_IN_ASCII.fullmatch(declared["name"])
    if not is_known or content.startswith(_EBCDIC):
        raise ParseError("not_xml", "tags cannot be counted in its encoding")


def _group(entry: "etree._Element") -> str:
    parent = entry.getparent()
    if parent is None or parent.tag != "group":
        return ""
    return parent.get("id", "")


def _key(file: str, group: str, name: str) -> str:
    if not group:
        return join_key(file, name)
    return ".".join((escape_name(file), escape_name(group.replace(".", "_")), escape_name(name)))


def _values(key: str, entry: "etree._Element") -> Iterator[_Value]:
    type_name = (entry.findtext("type") or "char").strip()
    text = entry.get("value")
    components = [value for value in entry.iterfind("values/value") if value.attrib]
    if text is None and components:
        for value in components:
            component = value.get("compclass") or value.get("component") or value.values()[0]
            name = f"{key}.{escape_name(str(component))}"
            yield _Value(name, typed_value(value.text or "", type_name), type_name, value)
        return
    if text is None:
        text = (entry.text or "").strip() or None
    yield _Value(key, None if text is None else typed_value(text, type_name), type_name, entry)


def typed_value(text: str, type_name: str) -> str | int | float | bool:
    """Return a value in CIME's type; text that is not of the type is returned unchanged.

    Every reference to another variable, such as `$STOP_N`, is such a text.
    """
    stripped = text.strip()
    if len(stripped) > _MAX_VALUE:
        return text
    if type_name == "logical":
        return _LOGICALS.get(stripped.lower(), text)
    if type_name == "integer" and _INTEGER.fullmatch(stripped):
        number = int(stripped)
        return number if -_MAX_INT64 <= number < _MAX_INT64 else text
    if type_name == "real" and _REAL.fullmatch(stripped):
        real = float(stripped.lower().replace("d", "e"))
        return real if math.isfinite(real) else text
    return text
