"""The variables of a case by their names alone, as CIME looks them up in all env_*.xml files."""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from models.configuration.keys import escape_name

_FILES = ("env_case", "env_run", "env_build", "env_mach_pes", "env_batch", "env_workflow")
_WITH_JOBS = ("env_workflow", "env_batch")
_JOBS = ("case_run", "case_test")
_REFERENCE = re.compile(
    r"\$(?:ENV|SHELL)\{[^{}]*+\}|\$\{(?P<braced>\w++)\}|\$(?P<plain>\w++)", re.ASCII
)
_MAX_EXPANSIONS = 16
_MAX_TEXT = 4096


class CaseVariables:
    """Looks up variables by name; those of a job, such as JOB_QUEUE, of the job that runs."""

    def __init__(self, variables: Mapping[str, Any]) -> None:
        self._variables = variables

    def value(self, name: str) -> Any:
        """Return the value of a variable with its references resolved, or None."""
        value = next((self._variables[key] for key in _keys(name) if key in self._variables), None)
        return self.resolved(value) if isinstance(value, str) else value

    def resolved(self, text: str) -> str:
        """Return a text with the values of the variables that it refers to, `$NAME` or `${NAME}`.

        References to the environment, `$ENV{HOME}` and `$SHELL{command}`, remain text, as do those
        to unknown variables and to themselves.
        """
        for _ in range(_MAX_EXPANSIONS if "$" in text and len(text) <= _MAX_TEXT else 0):
            expanded = _REFERENCE.sub(self._expanded, text)
            if expanded == text or len(expanded) > _MAX_TEXT:
                break
            text = expanded
        return text

    def _expanded(self, match: re.Match[str]) -> str:
        name = match["braced"] or match["plain"]
        keys = _keys(name) if name else iter(())
        value = next((self._variables[key] for key in keys if key in self._variables), None)
        return match[0] if value is None else str(value)


def _keys(name: str) -> Iterator[str]:
    """Yield the delta keys at which a variable can be; `NTASKS_ATM` is that of a component."""
    part = escape_name(name)
    for file in _FILES:
        yield f"{file}.{part}"
    for file in _WITH_JOBS:
        for job in _JOBS:
            yield f"{file}.{job}.{part}"
    base, _, component = part.rpartition("_")
    if base:
        for file in _FILES:
            yield f"{file}.{base}.{component}"
