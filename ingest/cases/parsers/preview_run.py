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
_JOB = "case.run"
_MAX_COMMAND = 4096


def parse_preview_run(content: bytes, report: Report = ignore) -> Launch:
    """Return the nodes, tasks and threads, and the commands that submit and launch case.run."""
    lines = [line.strip() for line in text_lines(content)]
    numbers: dict[str, int] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if name in _FIELDS and _NUMBER.fullmatch(value.strip()):
            numbers.setdefault(_FIELDS[name], int(value))
    commands: dict[str, str] = {}
    for name, command in _commands(lines):
        commands.setdefault(name, masked_text(command)[:_MAX_COMMAND])
    return Launch.model_validate({**numbers, **commands})


def _commands(lines: list[str]) -> Iterator[tuple[str, str]]:
    job = ""
    for line, following in pairwise([*lines, ""]):
        if line.startswith("FOR JOB:"):
            job = line.removeprefix("FOR JOB:").strip()
        elif line == "SUBMIT CMD:" and job == _JOB and following:
            yield "submit_command", following
        elif line == f"MPIRUN (job={_JOB}):" and following:
            yield "mpirun_command", following
