"""README.case: the command that created a case.

Source of the format: CIME writes the argument vector of create_newcase as the first event, with
single or double dashes, as it was typed.
"""

import shlex
from dataclasses import dataclass

from ingest.archives.content import text_lines
from ingest.cases.parsers.not_understood import Report, ignore
from models.errors import ParseError

_MAX_QUOTED = 65_536  # shlex takes time that grows with the square of the length
_COMMANDS = ("create_newcase", "create_clone")


@dataclass(frozen=True, slots=True)
class ReadmeCase:
    """The options of the command; `compset` and `grid` are short aliases if these were typed."""

    compset: str | None
    grid: str | None
    compiler: str | None
    machine: str | None
    case_group: str | None


def parse_readme_case(content: bytes, report: Report = ignore) -> ReadmeCase:
    """Parse README.case; ParseError `no_command` without create_newcase or create_clone."""
    for line in text_lines(content):
        words = _words(line)
        if any(word.rsplit("/", 1)[-1] in _COMMANDS for word in words):
            options = _options(words)
            return ReadmeCase(
                compset=options.get("compset"),
                grid=options.get("res") or options.get("grid"),
                compiler=options.get("compiler"),
                machine=options.get("mach") or options.get("machine"),
                case_group=options.get("case-group"),
            )
    raise ParseError("no_command", "no create_newcase command was found")


def _words(line: str) -> list[str]:
    if not any(command in line for command in _COMMANDS):
        return []
    if len(line) > _MAX_QUOTED:
        return line.split()
    try:
        return shlex.split(line)
    except ValueError:
        return line.split()


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
