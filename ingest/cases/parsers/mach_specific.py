"""env_mach_specific.xml: the modules and the environment that a case runs with.

Source of the format: CIME/XML/env_mach_specific.py. Blocks of modules and of environment variables
have attributes (`compiler="gnu"`, `mpilib="!mpi-serial"`) that say to which builds they apply. CIME
takes these for regular expressions. The few forms that occur are matched here in linear time.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from ingest.cases.parsers.env_xml import line_of, parse_xml
from ingest.cases.parsers.incremental import Variables
from ingest.cases.parsers.not_understood import Report, ignore
from models.configuration.keys import join_key

FILE = "env_mach_specific"
MODULES_KEY = f"{FILE}.modules"

_MAX_PATTERN = 64
_UNSUPPORTED = frozenset("()[]{}+?^$\\*")
_ANYTHING = ".*"


def parse_mach_specific(
    content: bytes, variables: Mapping[str, Any], report: Report = ignore
) -> Variables:
    """Return by delta key the module commands, a list in their order, and environment variables.

    `variables` are the variables of the case: its compiler, its MPI library and so on choose the
    blocks that apply.
    """
    root = parse_xml(content)
    modules = [
        " ".join((command.get("name", ""), (command.text or "").strip())).strip()
        for block in root.iterfind("module_system/modules")
        if _applies(block, variables)
        for command in block.iterfind("command")
    ]
    settings: Variables = dict(_environment(root, variables, report))
    if modules:
        settings[MODULES_KEY] = modules
    return settings


def _environment(
    root: "etree._Element", variables: Mapping[str, Any], report: Report
) -> Iterator[tuple[str, str | None]]:
    for block in root.iterfind("environment_variables"):
        if _applies(block, variables):
            for variable in block.iterfind("env"):
                name = variable.get("name")
                if name:
                    yield join_key(FILE, "environment_variables", name), variable.text
                else:
                    report(line_of(variable) or 0, "an environment variable without a name")


def _applies(block: "etree._Element", variables: Mapping[str, Any]) -> bool:
    """Return whether a block applies to this case: all its attributes match the case's build."""
    return all(
        _matches(str(wanted), _setting(str(name), variables))
        for name, wanted in block.attrib.items()
    )


def _matches(wanted: str, actual: str) -> bool:
    """Return whether a setting matches an attribute; a leading `!` inverts the match."""
    pattern = wanted.removeprefix("!")
    return _matches_whole(pattern, actual) == (pattern == wanted)


def _matches_whole(pattern: str, actual: str) -> bool:
    """Return whether a pattern matches the whole of a setting.

    A pattern is text with `.`, `.*`, and `|` between alternatives. With any other operator of
    regular expressions, and when it is too long, it matches only the same text.
    """
    if not {".", "|"}.intersection(pattern) or max(len(pattern), len(actual)) > _MAX_PATTERN:
        return pattern == actual
    if not _UNSUPPORTED.isdisjoint(pattern.replace(_ANYTHING, "")):
        return pattern == actual
    return _Automaton(pattern).accepts(actual)


class _Automaton:
    """A nondeterministic automaton for a pattern: a state is a bit, and all run at the same time.

    So there is no backtracking. The pattern `a.*b` has the states

        1 --a--> 2 --(nothing)--> 4 --b--> 8, the end
                 2 --any--> 2     it stays, because `.*` follows
    """

    def __init__(self, pattern: str) -> None:
        self._start = self._end = self._any = self._loops = 0
        self._by_character: dict[str, int] = {}
        state = 1
        for alternative in pattern.split("|"):
            self._start |= state
            for index, text in enumerate(alternative.split(_ANYTHING)):
                if index and not self._loops & (state >> 1):  # `.*.*` means the same as `.*`
                    self._loops |= state
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
        states = self._skip_loops(self._start)
        for character in text:
            moving = states & (self._any | self._by_character.get(character, 0))
            states = self._skip_loops((moving << 1) | (states & self._loops))
        return states & self._end != 0

    def _skip_loops(self, states: int) -> int:
        """Add the state after each `.*`, because that also matches nothing."""
        return states | ((states & self._loops) << 1)


def _setting(name: str, variables: Mapping[str, Any]) -> str:
    value = variables.get(f"env_build.{name.upper()}")
    return str(value).upper() if isinstance(value, bool) else str(value or "")
