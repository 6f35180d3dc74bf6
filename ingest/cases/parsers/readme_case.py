"""README.case: the command that created a case.

Source of the format: CIME writes the argument vector of create_newcase as the first event, with
single or double dashes, as it was typed. The file of a clone begins with create_clone, which says
neither compset nor grid, and goes on with the file of the case that was cloned. A test has the
command create_test below.
"""

import re
import shlex
from dataclasses import dataclass

from ingest.archives.content import text_lines
from ingest.cases.parsers.not_understood import Report, ignore
from models.errors import ParseError

_MAX_QUOTED = 65_536  # shlex takes time that grows with the square of the length
_COMMANDS = ("create_newcase", "create_clone", "create_test")
_CREATES_FROM_NOTHING = "create_newcase"
_TEST = re.compile(
    r"[A-Z][A-Za-z0-9_-]*\.(?P<grid>[\w%-]+)\.(?P<compset>[\w%-]+)"
    r"\.(?P<machine>[\w-]+)_(?P<compiler>[a-z0-9-]+)(?:\.\S*)?"
)


@dataclass(frozen=True, slots=True)
class ReadmeCase:
    """The options of the command; `compset` and `grid` are short aliases if these were typed."""

    compset: str | None
    grid: str | None
    compiler: str | None
    machine: str | None
    case_group: str | None


def parse_readme_case(content: bytes, report: Report = ignore) -> ReadmeCase:
    """Parse README.case; ParseError `no_command` without create_newcase or create_clone.

    What a clone's own command does not say is taken from those of the cases it was cloned from.
    Nothing else is kept. Not understood is a command whose quotes do not match.
    """
    options: dict[str, str] = {}
    found = ""
    for number, line in enumerate(text_lines(content), 1):
        words = _words(number, line, report)
        command = next(filter(None, map(_command, words)), "")
        if command and found != _CREATES_FROM_NOTHING:
            found = command
            said = _options_of_test(words) if command == "create_test" else _options(words)
            options = said | options
    if not found:
        raise ParseError("no_command", "no create_newcase command was found")
    return ReadmeCase(
        compset=options.get("compset"),
        grid=options.get("res") or options.get("grid"),
        compiler=options.get("compiler"),
        machine=options.get("mach") or options.get("machine"),
        case_group=options.get("case-group"),
    )


def _command(word: str) -> str:
    """Return the command that a word calls, or empty."""
    name = word.rsplit("/", 1)[-1].removesuffix(".py")
    return name if name in _COMMANDS else ""


def _words(number: int, line: str, report: Report) -> list[str]:
    if not any(command in line for command in _COMMANDS):
        return []
    if len(line) > _MAX_QUOTED:
        return line.split()
    try:
        return shlex.split(line)
    except ValueError:
        report(number, line)
        return line.split()


def _options_of_test(words: list[str]) -> dict[str, str]:
    """Return what the only test of create_test says: `SMS.GRID.COMPSET.MACHINE_COMPILER`."""
    tests = [test.groupdict() for test in map(_TEST.fullmatch, words) if test]
    return tests[0] if len(tests) == 1 else {}


def _options(words: list[str]) -> dict[str, str]:
    options: dict[str, str] = {}
    for word, following in zip(words, [*words[1:], "-"], strict=True):
        if not word.startswith("-"):
            continue
        name, equals, value = word.lstrip("-").partition("=")
        if not equals:
            value = "" if following.startswith("-") else following
        if value:
            options.setdefault(name.replace("_", "-"), value)
    return options
