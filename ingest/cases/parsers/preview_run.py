"""preview_run.log: how the job was submitted and launched.

Source of the format: CIME's case.preview_run. `CASE INFO` contains `  nodes: 29` and so on. Below
`BATCH INFO`, each job has a `SUBMIT CMD:` and an `MPIRUN (job=…):`, each followed by a line with
the command.
"""

import re
from collections.abc import Iterator
from itertools import pairwise

from ingest.archives.content import text_lines
from ingest.cases.parsers.not_understood import Report, ignore
from models.cases.execution import Launch
from models.redaction.text import masked_text

_FIELDS = {
    "nodes": "nodes",
    "total tasks": "total_tasks",
    "tasks per node": "tasks_per_node",
    "thread count": "thread_count",
    "ngpus per node": "gpus_per_node",
}
_NUMBER = re.compile(r"[0-9]{1,9}")
_CASE = "CASE INFO:"
_SECTIONS = (_CASE, "BATCH INFO:")
_JOBS = ("case.run", "case.test")  # a case has either, a test the second
_MAX_COMMAND = 4096


def parse_preview_run(content: bytes, report: Report = ignore) -> Launch:
    """Return the nodes, tasks and threads, and the commands that submit and launch the job.

    Nothing else is kept. Not understood is a number that is none, other information on the case,
    and the lack of a command.
    """
    lines = [line.strip() for line in text_lines(content)]
    numbers = _numbers(lines, report)
    commands: dict[str, str] = {}
    for number, name, command in _commands(lines):
        if command:
            commands.setdefault(name, masked_text(command)[:_MAX_COMMAND])
        else:
            report(number, f"{lines[number - 1]} without a command")
    return Launch.model_validate({**numbers, **commands})


def _numbers(lines: list[str], report: Report) -> dict[str, int]:
    numbers: dict[str, int] = {}
    section = ""
    for number, line in enumerate(lines, 1):
        name, colon, value = line.partition(":")
        if line in _SECTIONS:
            section = line
        elif name in _FIELDS and _NUMBER.fullmatch(value.strip()):
            numbers.setdefault(_FIELDS[name], int(value))
        elif colon and (name in _FIELDS or section == _CASE):
            report(number, line)
    return numbers


def _commands(lines: list[str]) -> Iterator[tuple[int, str, str]]:
    """Yield for each command of the job the line that announces it, its field and its text."""
    job = ""
    for number, (line, following) in enumerate(pairwise([*lines, ""]), 1):
        if line.startswith("FOR JOB:"):
            job = line.removeprefix("FOR JOB:").strip()
        elif job in _JOBS and line == "SUBMIT CMD:":
            yield number, "submit_command", following
        elif job in _JOBS and line == f"MPIRUN (job={job}):":
            yield number, "mpirun_command", following
