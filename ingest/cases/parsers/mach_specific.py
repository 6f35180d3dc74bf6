"""env_mach_specific.xml: the modules and the environment that a case runs with.

Source of the format: CIME/XML/env_mach_specific.py. Blocks of modules, environment variables and
limits of resources, and each of their elements, have attributes (`compiler="gnu"`,
`mpilib="!mpi-serial"`) that say for which values of the case's variables they apply:

    <modules compiler="gnu.*"> <command name="load">netcdf/$COMPILER-$MPILIB</command> </modules>
    <environment_variables MAX_TASKS_PER_NODE="!128">
      <env name="OMP_STACKSIZE">128M</env>
      <env source="sh">/soft/setup.sh</env>
    </environment_variables>
    <resource_limits> <resource name="RLIMIT_STACK">-1</resource> </resource_limits>

Which launcher is used is the subject of `mpirun.py`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from lxml import etree

from ingest.cases.parsers.attribute_pattern import UnsupportedError, matches
from ingest.cases.parsers.case_variables import CaseVariables
from ingest.cases.parsers.env_xml import line_of, parse_xml
from ingest.cases.parsers.incremental import Variables
from ingest.cases.parsers.mpirun import MpiRun, choose_mpirun, parse_mpirun
from ingest.cases.parsers.not_understood import Report, ignore
from models.configuration.keys import join_key

FILE = "env_mach_specific"
MODULES_KEY = f"{FILE}.modules"
SOURCES_KEY = f"{FILE}.sources"
MPIRUN_KEY = f"{FILE}.mpirun"

_NO_CONDITIONS = frozenset({"name", "source"})
_MAX_CONDITIONS = 1000
_PARTS_OF_MODULE_SYSTEM = frozenset({"init_path", "cmd_path", "modules"})

Condition = tuple[str, str]


@dataclass(frozen=True, slots=True)
class _Element:
    """A command, variable or limit, with the conditions of its block and its own."""

    line: int
    conditions: tuple[Condition, ...]
    name: str
    source: str
    text: str | None


@dataclass(frozen=True, slots=True)
class MachSpecific:
    """The content of the file, of which `settings` are what applies to a case."""

    commands: tuple[_Element, ...]
    environment: tuple[_Element, ...]
    resources: tuple[_Element, ...]
    launchers: tuple[MpiRun, ...]

    def settings(self, variables: Mapping[str, Any], report: Report = ignore) -> Variables:
        """Return by delta key what applies to a case.

        That is the module commands, a list in their order; the environment; the limits of
        resources; and the launcher, a list of its executable and arguments. `variables` are the
        variables of the case. An element whose conditions cannot be decided does not apply, and is
        reported.
        """
        case = CaseVariables(variables)
        conditions = _Conditions(case, report)
        commands = [
            f"{element.name} {_resolved(element.text or '', case).strip()}".strip()
            for element in self.commands
            if conditions.hold(element, is_of_job=False)
        ]
        settings: Variables = {MODULES_KEY: commands} if commands else {}
        for element in self.environment:
            if conditions.hold(element, is_of_job=True):
                text = None if element.text is None else _resolved(element.text, case)
                if element.name:
                    settings[join_key(FILE, "environment_variables", element.name)] = text
                else:
                    source = f"{element.source} {text or ''}".strip()
                    settings[SOURCES_KEY] = [*settings.get(SOURCES_KEY, ()), source]
        for element in self.resources:
            if conditions.hold(element, is_of_job=True):
                limit = _resolved(element.text or "", case).strip()
                settings[join_key(FILE, "resource_limits", element.name)] = limit
        command = choose_mpirun(self.launchers, case, report)
        return settings | ({MPIRUN_KEY: command} if command else {})


def parse_mach_specific(content: bytes, report: Report = ignore) -> MachSpecific:
    """Parse env_mach_specific.xml; raise what `parse_xml` raises."""
    root = parse_xml(content)
    for element in root.iterfind("module_system/*"):
        if element.tag not in _PARTS_OF_MODULE_SYSTEM:
            report(line_of(element) or 0, f"<{element.tag}> in <module_system>")
    return MachSpecific(
        tuple(_elements(root, "module_system/modules", "command", report)),
        tuple(_elements(root, "environment_variables", "env", report)),
        tuple(_elements(root, "resource_limits", "resource", report)),
        tuple(parse_mpirun(root, report)),
    )


def _elements(root: "etree._Element", blocks: str, tag: str, report: Report) -> Iterator[_Element]:
    for block in root.iterfind(blocks):
        for element in block.iterchildren("*"):
            line, name = line_of(element) or 0, element.get("name", "")
            source = element.get("source", "")
            if element.tag != tag:
                report(line, f"<{element.tag}> in <{block.tag}>")
            elif not name and not source:
                report(line, f"<{tag}> without a name")
            else:
                conditions = (*_conditions(block), *_conditions(element))
                yield _Element(line, conditions, name, source, element.text)


def _conditions(element: "etree._Element") -> Iterator[Condition]:
    for name, wanted in element.attrib.items():
        if name not in _NO_CONDITIONS:
            yield str(name), str(wanted)


def _resolved(text: str, case: CaseVariables) -> str:
    """Resolve references; those to compiler and MPI library also where other letters follow."""
    for name in ("COMPILER", "MPILIB"):
        if f"${name}" in text and (value := case.value(name)) is not None:
            text = text.replace(f"${name}", str(value))
    return case.resolved(text)


@dataclass(slots=True)
class _Conditions:
    """Decides on the conditions of a file, on each once."""

    case: CaseVariables
    report: Report
    _decided: dict[Condition, bool] = field(default_factory=dict)

    def hold(self, element: _Element, *, is_of_job: bool) -> bool:
        """Return whether all conditions hold; queues matter only to what is set for a job."""
        return all(
            self._holds(element.line, condition)
            for condition in element.conditions
            if is_of_job or condition[0] != "queue"
        )

    def _holds(self, line: int, condition: Condition) -> bool:
        if condition not in self._decided:
            decision = self._decide(*condition)
            if decision is None:
                self.report(line, "it is not clear whether {}={!r} holds".format(*condition))
            self._decided[condition] = bool(decision)
        return self._decided[condition]

    def _decide(self, name: str, wanted: str) -> bool | None:
        """Return whether a condition holds, None when that cannot be decided."""
        if name == "unit_testing":
            actual, wanted = False, wanted.upper()
        else:
            actual = self.case.value("JOB_QUEUE" if name == "queue" else name.upper())
        if actual is None or len(self._decided) >= _MAX_CONDITIONS:
            return None
        try:
            if wanted.startswith("!"):
                return not matches(wanted[1:], str(actual))
            if isinstance(actual, bool):
                return wanted == str(actual).upper()
            return matches(wanted, str(actual))
        except UnsupportedError:
            return None
