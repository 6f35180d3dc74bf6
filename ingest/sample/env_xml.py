"""The env_*.xml files of a case at one submission."""

import json
import zlib
from collections.abc import Iterator, Mapping
from functools import lru_cache
from itertools import groupby
from pathlib import Path
from typing import NamedTuple
from xml.sax.saxutils import escape

from ingest.sample.truth import Payload

FILES = ("env_case", "env_build", "env_run", "env_mach_pes", "env_workflow", "env_batch")
_VARIABLES = Path(__file__).with_name("variables.json")
_OPTIONAL = "%OPTIONAL%"
"""The default of a variable that only some component sets have."""
_HEADERS = {
    "env_case": "Fixed when the case is created.",
    "env_build": "Changing one of these needs a clean build.",
    "env_run": "May be changed between submissions.",
    "env_mach_pes": "Changing one of these needs a new case.setup.",
    "env_workflow": "One group for each job of the workflow.",
    "env_batch": "How jobs reach the queue.",
}
_PHRASES = (
    "Taken from the machine's defaults unless the user says otherwise.",
    "Only read when the component is active in this component set.",
    "A new value takes effect with the next submission.",
    "Units follow the coupler's convention.",
    "Leave it alone on production machines.",
    "The script that builds the namelists copies it as it stands.",
    "Ignored in test cases.",
    "See the guide of the component for what each choice means.",
    "Must agree between all components that share a grid.",
    "Derived again each time the case is set up.",
)


class Entry(NamedTuple):
    """A variable; `tail` is the part of its element that is the same in all files."""

    group: str
    id: str
    key: str
    default: str | None
    components: tuple[str, ...]
    type: str
    tail: str


def render(
    file: str,
    values: Mapping[str, str | None],
    payload: Payload,
    component_attribute: str = "compclass",
    trees: str = "",
) -> str:
    """Return one file; `values` overrides defaults by delta key, None leaves a variable unset."""
    parts = [f'<?xml version="1.0"?>\n<file id="{file}.xml" version="2.0">\n']
    parts.append(f"  <header>\n    {_HEADERS[file]}\n    </header>\n")
    present = (e for e in _entries(file, payload) if e.default != _OPTIONAL or e.key in values)
    for group, entries in groupby(present, lambda entry: entry.group):
        parts.append(f'  <group id="{group}">\n')
        for entry in entries:
            parts.extend(_entry(entry, values, component_attribute))
        parts.append("  </group>\n")
    parts.append(trees)
    parts.append("</file>\n")
    return "".join(parts)


def _entry(entry: Entry, values: Mapping[str, str | None], attribute: str) -> Iterator[str]:
    if entry.components:
        yield f'    <entry id="{entry.id}">\n      <type>{entry.type}</type>\n      <values>\n'
        for component in entry.components:
            value = values.get(f"{entry.key}.{component}", entry.default)
            yield f'        <value {attribute}="{component}">{value}</value>\n'
        yield "      </values>\n"
    else:
        value = values.get(entry.key, entry.default)
        shown = "" if value is None else f' value="{_quoted(value)}"'
        yield f'    <entry id="{entry.id}"{shown}>\n      <type>{entry.type}</type>\n'
    yield entry.tail


@lru_cache(maxsize=4096)
def _quoted(value: str) -> str:
    return escape(value, {'"': "&quot;", "\n": "&#10;"})


@lru_cache
def _entries(file: str, payload: Payload) -> tuple[Entry, ...]:
    rows = json.loads(_VARIABLES.read_text())[file]
    entries = []
    for group, name, kind, default, valid in rows:
        scope = f".{group.replace('.', '_')}" if file == "env_workflow" else ""
        value, components = default if isinstance(default, list) else (default, ())
        choices = "TRUE,FALSE" if kind == "logical" else valid
        tail = f"      <valid_values>{escape(choices)}</valid_values>\n" if choices else ""
        tail += f"      <desc>{_describe(name, payload)}</desc>\n    </entry>\n"
        key = f"{file}{scope}.{name}"
        entries.append(Entry(group, name, key, value, tuple(components), kind, tail))
    return tuple(entries)


def _describe(name: str, payload: Payload) -> str:
    words = name.lower().replace("_", " ")
    if payload == "light":
        return f"Sets {words}."
    choice = zlib.crc32(name.encode())
    phrases = [_PHRASES[(choice >> shift) % len(_PHRASES)] for shift in (0, 5, 11)]
    return f"Sets {words} for this case.\n      " + " ".join(phrases[: 1 + choice % 3])
