"""The launcher of a case: the `<mpirun>` of env_mach_specific.xml that CIME chooses.

Source of the format: `_find_best_mpirun_match` in CIME/XML/env_mach_specific.py. Of the elements
whose attributes equal what the case has, the one with most attributes counts. `mpilib="default"`
stands for every library except mpi-serial, which needs no launcher.

    <mpirun mpilib="default" threaded="true">
      <executable>srun</executable>
      <arguments> <arg name="num_tasks"> -n {{ total_tasks }}</arg> </arguments>
    </mpirun>
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lxml import etree

from ingest.cases.parsers.case_variables import CaseVariables
from ingest.cases.parsers.env_xml import line_of
from ingest.cases.parsers.not_understood import Report

_SERIAL, _DEFAULT = "mpi-serial", "default"
_PARTS = frozenset({"aprun_mode", "executable", "arguments", "run_exe", "run_misc_suffix"})
_COMPONENTS = ("ATM", "LND", "ICE", "OCN", "ROF", "GLC", "WAV", "IAC", "ESP", "CPL")
_LOGICALS: Mapping[str, Any] = {"true": True, "false": False}


@dataclass(frozen=True, slots=True)
class MpiRun:
    """A launcher, and the attributes for which it is meant.

    `command` is the executable and its arguments, of which CIME replaces `{{ name }}` when it
    submits the case.
    """

    line: int
    attributes: Mapping[str, str]
    command: tuple[str, ...]

    def matches(self, case: Mapping[str, Any]) -> int | None:
        """Return how many attributes equal those of a case, None when one does not."""
        count = 0
        for name, actual in case.items():
            wanted = self.attributes.get(name)
            if wanted is None or (name == "mpilib" and self.is_default and actual != _SERIAL):
                continue
            if _LOGICALS.get(wanted.lower(), wanted) != actual:
                return None
            count += 1
        return count

    @property
    def is_default(self) -> bool:
        """Whether it is for every library that has no launcher of its own."""
        return self.attributes.get("mpilib") == _DEFAULT


def parse_mpirun(root: "etree._Element", report: Report) -> Iterator[MpiRun]:
    """Yield the launchers of the file in their order."""
    for element in root.iterfind("mpirun"):
        line = line_of(element) or 0
        attributes = {str(name): str(value) for name, value in element.attrib.items()}
        for name in sorted(attributes.keys() - _VALUES.keys()):
            report(line, f"the attribute {name} of <mpirun>")
        for part in element.iterchildren("*"):
            if part.tag not in _PARTS:
                report(line_of(part) or 0, f"<{part.tag}> in <mpirun>")
        for part in element.iterfind("arguments/*"):
            if part.tag != "arg":
                report(line_of(part) or 0, f"<{part.tag}> in <arguments>")
        texts = (element.findtext("executable"), *map(_text, element.iterfind("arguments/arg")))
        command = tuple(" ".join(text.split()) for text in texts if text and not text.isspace())
        yield MpiRun(line, attributes, command)


def _text(element: "etree._Element") -> str | None:
    return element.text


def choose_mpirun(launchers: Sequence[MpiRun], case: CaseVariables, report: Report) -> list[str]:
    """Return the command of the launcher for a case, empty when it has none.

    Having none is reported, except with mpi-serial.
    """
    names = {name for launcher in launchers for name in launcher.attributes} | {"mpilib"}
    wanted = {name: value(case) for name, value in _VALUES.items() if name in names}
    counts = [launcher.matches(wanted) for launcher in launchers]
    for is_default in (False, True):
        # Of equally good ones the first counts.
        ranked = [
            (count, -number)
            for number, (launcher, count) in enumerate(zip(launchers, counts, strict=True))
            if count is not None and launcher.is_default == is_default
        ]
        if ranked:
            return list(launchers[-max(ranked)[1]].command)
    if launchers and wanted["mpilib"] != _SERIAL:
        detail = f"no <mpirun> is for {case.value('COMPILER')} and {wanted['mpilib']}"
        report(launchers[0].line, detail)
    return []


def _is_threaded(case: CaseVariables) -> bool:
    threads = (case.value(f"NTHRDS_{component}") for component in _COMPONENTS)
    return case.value("FORCE_BUILD_SMP") is True or any(
        isinstance(number, int) and number > 1 for number in threads
    )


_VALUES: Mapping[str, Callable[[CaseVariables], Any]] = {
    "compiler": lambda case: case.value("COMPILER"),
    "mpilib": lambda case: case.value("MPILIB"),
    "threaded": _is_threaded,
    "unit_testing": lambda _case: False,
    "queue": lambda case: case.value("JOB_QUEUE"),
    "comp_interface": lambda case: case.value("COMP_INTERFACE"),
}
"""What the attributes of a launcher are compared with."""
