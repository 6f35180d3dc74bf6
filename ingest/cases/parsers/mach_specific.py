"""env_mach_specific.xml: the modules and the environment that a case runs with.

Source of the format: CIME/XML/env_mach_specific.py. Blocks of modules and of environment variables
carry attributes (`compiler="gnu"`, `mpilib="!mpi-serial"`) that say for which builds they count.
CIME reads these as regular expressions; the few forms that it has are read here, in linear time.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from ingest.cases.parsers.env_xml import parse_xml
from ingest.cases.parsers.incremental import Variables
from models.configuration.keys import join_key

FILE = "env_mach_specific"
MODULES_KEY = f"{FILE}.modules"

_LONGEST_PATTERN = 64
_NOT_READ = frozenset("()[]{}+?^$\\*")
_ANYTHING = ".*"


def parse_mach_specific(content: bytes, variables: Mapping[str, Any]) -> Variables:
    """Return the modules, a list of commands in order, and the environment variables, by delta key.

    `variables` are those of the case: its compiler, MPI library and so on choose the blocks.
    """
    root = parse_xml(content)
    modules = [
        " ".join((command.get("name", ""), (command.text or "").strip())).strip()
        for block in root.iterfind("module_system/modules")
        if _counts(block, variables)
        for command in block.iterfind("command")
    ]
    found: Variables = dict(_environment(root, variables))
    if modules:
        found[MODULES_KEY] = modules
    return found


def _environment(
    root: "etree._Element", variables: Mapping[str, Any]
) -> Iterator[tuple[str, str | None]]:
    for block in root.iterfind("environment_variables"):
        if _counts(block, variables):
            for variable in block.iterfind("env"):
                name = variable.get("name")
                if name:
                    yield join_key(FILE, "environment_variables", name), variable.text


def _counts(block: "etree._Element", variables: Mapping[str, Any]) -> bool:
    """Tell whether a block is for this case: all its attributes are those of the case's build."""
    return all(
        _matches(str(wanted), _setting(str(name), variables))
        for name, wanted in block.attrib.items()
    )


def _matches(wanted: str, actual: str) -> bool:
    """Tell whether a setting is what an attribute wants; `!` in front is for all that is not."""
    pattern = wanted.removeprefix("!")
    return _is_meant(pattern, actual) == (pattern == wanted)


def _is_meant(pattern: str, actual: str) -> bool:
    """Tell whether a pattern means the whole of a setting.

    A pattern is text, with `.` and `.*`, and `|` between alternatives. Anything else that has a
    meaning in regular expressions stands for itself, and so does what is too long.
    """
    if not {".", "|"}.intersection(pattern) or max(len(pattern), len(actual)) > _LONGEST_PATTERN:
        return pattern == actual
    if not _NOT_READ.isdisjoint(pattern.replace(_ANYTHING, "")):
        return pattern == actual
    return _Automaton(pattern).accepts(actual)


class _Automaton:
    """All ways to read a pattern at once: a state is a bit, so that no way is gone back."""

    def __init__(self, pattern: str) -> None:
        self._start = self._end = self._any = self._staying = 0
        self._by_character: dict[str, int] = {}
        state = 1
        for alternative in pattern.split("|"):
            self._start |= state
            for index, text in enumerate(alternative.split(_ANYTHING)):
                if index and not self._staying & (state >> 1):
                    self._staying |= state
                    state <<= 1
                state = self._add_text(text, state)
            self._end |= state
            state <<= 1

    def _add_text(self, text: str, state: int) -> int:
        for character in text:
            if character == ".":
                self._any |= state
            else:
                self._by_character[character] = self._by_character.get(character, 0) | state
            state <<= 1
        return state

    def accepts(self, text: str) -> bool:
        states = self._skipping(self._start)
        for character in text:
            moving = states & (self._any | self._by_character.get(character, 0))
            states = self._skipping((moving << 1) | (states & self._staying))
        return states & self._end != 0

    def _skipping(self, states: int) -> int:
        """Add the states behind each `.*`, which may stand for nothing."""
        return states | ((states & self._staying) << 1)


def _setting(name: str, variables: Mapping[str, Any]) -> str:
    value = variables.get(f"env_build.{name.upper()}")
    return str(value).upper() if isinstance(value, bool) else str(value or "")
