"""EAMxx: the parameters of the atmosphere, in XML and YAML instead of Fortran namelists.

Source of the formats: components/eamxx/cime_config of E3SM. A parameter is an element without
children; those around it are groups. Its type is that of the attribute, or else follows from its
value; only `array(…)` is a list. Other attributes describe it (`doc`, `constraints`):

    <namelist>
      <atmosphere_processes>
        <shoc>
          <lambda_low type="real" doc="…">0.001</lambda_low>
          <fields type="array(string)">qc,qv</fields>

`scream_input.yaml` is made from that file, with blanks for `__` in names. Each further YAML file
describes an output stream.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeAlias

from lxml import etree

from ingest.archives.yaml_file import parse_values
from ingest.cases.parsers.env_xml import line_of, parse_xml
from ingest.cases.parsers.incremental import Variables
from ingest.cases.parsers.not_understood import Report, ignore
from models.configuration.keys import MAX_PARTS, join_key
from models.errors import ParseError
from models.json.reader import JsonLimits

Path: TypeAlias = tuple[str, ...]

_INPUT = "scream_input"
_ARRAY = "array("
_MAX_INT64 = 2**63
_MAX_VALUES = 100_000
_LIMITS = JsonLimits(values=_MAX_VALUES, depth=MAX_PARTS - 1)
_LOGICALS = {"true": True, "false": False}


def parse_eamxx_xml(content: bytes, file: str, report: Report = ignore) -> Variables:
    """Return the parameters by delta key: `file` and the elements around them.

    Of elements of one name in a group, the second is called `name#2`. ParseError as `parse_xml`,
    or `too_deep`.
    """
    root = parse_xml(content, "namelist")
    variables: Variables = {}
    for path, element in _parameters(root):
        if len(path) >= MAX_PARTS:
            raise ParseError("too_deep", f"elements are nested more than {MAX_PARTS - 1} deep")
        text = (element.text or "").strip()
        declared = element.get("type", "")
        try:
            variables[join_key(file, *path)] = _typed(text, declared)
        except ValueError:
            variables[join_key(file, *path)] = text or None
            line = line_of(element) or 0
            report(line, f"{element.tag} is declared {declared[:50]!r}, and is {text[:100]!r}")
    return variables


def _parameters(root: "etree._Element") -> Iterator[tuple[Path, "etree._Element"]]:
    """Yield the elements without children, with their path below the root, in their order."""
    waiting: list[tuple[Path, etree._Element]] = [((), root)]
    while waiting:
        path, element = waiting.pop()
        children = [child for child in element if isinstance(child.tag, str)]
        if path and not children:
            yield path, element
        names = _numbered([str(etree.QName(child).localname) for child in children])
        below = [((*path, name), child) for name, child in zip(names, children, strict=True)]
        waiting += reversed(below)


def _numbered(names: Sequence[str]) -> list[str]:
    seen: Counter[str] = Counter()
    numbered = []
    for name in names:
        seen[name] += 1
        numbered.append(name if seen[name] == 1 else f"{name}#{seen[name]}")
    return numbered


def _typed(text: str, declared: str) -> Any:
    """Return a value of the declared type; ValueError when it is none. Empty is null."""
    if declared.startswith(_ARRAY):
        kind = declared.removeprefix(_ARRAY).removesuffix(")")
        read = _READERS[kind] if kind in _READERS else _refuse(declared)
        return [read(item) for item in map(str.strip, text.split(",")) if item] or None
    if not text:
        return None
    return _READERS[declared](text) if declared in _READERS else _refuse(declared)


def _refuse(declared: str) -> Any:
    raise ValueError(declared)


def _inferred(text: str) -> Any:
    for read in (_logical, _integer, _real):
        try:
            return read(text)
        except ValueError:
            continue
    return text


def _logical(text: str) -> bool:
    if text.lower() not in _LOGICALS:
        raise ValueError(text)
    return _LOGICALS[text.lower()]


def _integer(text: str) -> int:
    number = int(text) if len(text) < 20 and text.isascii() and "_" not in text else None
    if number is None or not -_MAX_INT64 <= number < _MAX_INT64:
        raise ValueError(text)
    return number


def _real(text: str) -> float | str:
    """Return a real; one that is not finite, which JSON lacks, as its text."""
    if "_" in text or not text.isascii():
        raise ValueError(text)
    number = float(text)
    return number if math.isfinite(number) else text


def _declared_integer(text: str) -> int:
    """Return the integer that a text such as `5`, `5.0` or `1e3` is."""
    try:
        return _integer(text)
    except ValueError:
        number = _real(text)
        if isinstance(number, str) or not number.is_integer():
            raise
        return _integer(str(int(number)))


_READERS: dict[str, Callable[[str], Any]] = {
    "": _inferred,
    "logical": _logical,
    "integer": _declared_integer,
    "real": _real,
    "string": str,
    "file": str,
}


def parse_eamxx_yaml(content: bytes, file: str, report: Report = ignore) -> Variables:
    """Return the values of a YAML file by delta key: `file` and the keys around them.

    Lists of plain values are lists; other items are known by their number, from 0. ParseError
    `not_yaml`, `too_many_values`, `too_deep`, `duplicate_key` or `bad_number`.
    """
    variables: Variables = {}
    for number, value in enumerate(parse_values(content.decode("utf-8", "replace"), _LIMITS)):
        if value.error is not None:
            raise ParseError(value.error.reason, value.error.text)
        if number or not isinstance(value.content, dict | None):
            report(0, "a YAML file of EAMxx is one map; another value is in it")
            continue
        for path, item in _leaves(value.content or {}):
            is_input = file.startswith(_INPUT)
            names = [part.replace(" ", "__") for part in path] if is_input else path
            variables[join_key(file, *names)] = item
    return variables


def _leaves(content: dict[str, Any]) -> Iterator[tuple[list[str], Any]]:
    """Yield the values that are not maps, and not lists of maps or lists, with their paths."""
    waiting: list[tuple[list[str], Any]] = [([], content)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, dict):
            waiting += reversed([([*path, name], item) for name, item in value.items()])
        elif isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
            waiting += reversed([([*path, str(i)], item) for i, item in enumerate(value)])
        else:
            yield path, value if value != [] else None
