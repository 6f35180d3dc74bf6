"""e3sm_timing.<CASE>.<LID>: the summary of the timing profile.

Source of the format: CIME/get_timing.py writes `KEY : value` lines, the layout of the components on
processors, and the driver's timers; of these last two nothing is kept. Old files lack some lines,
and a run of zero simulated days has no cost. Until 2018 three keys had underscores: `run_length`.
"""

import re
from dataclasses import dataclass
from datetime import datetime

from ingest.archives.content import text_lines
from ingest.cases.parsers.not_understood import Report, ignore
from models.cases.execution import Timing
from models.errors import ParseError
from models.redaction.text import masked_text

_NUMBER = re.compile(r"[+-]?[0-9]+(?:\.[0-9]*)?(?:[eE][+-]?[0-9]+)?")
_TOO_LARGE = 2**53  # beyond which a float does not hold every integer
_REQUIRED = ("Case", "LID", "Machine")
_MAX_LINE = 2000
_NUMBERS = (
    "total pes active", "mpi tasks per node", "pes per node", "pe count for cost estimate",
    "Model Cost", "Model Throughput", "Init Time", "Run Time", "Final Time", "run length",
)  # fmt: skip
_KEYS = frozenset({*_REQUIRED, "User", "Curr Date", "grid", "compset", "run type", *_NUMBERS})
_NOT_KEPT = frozenset(
    {
        "Caseroot", "Timeroot", "Driver", "stop option", "Overall Metrics",
        "Actual Ocn Init Wait Time", "Estimated Ocn Init Run Time", "Estimated Run Time Correction",
        "TOT Run Time", "CPL COMM Time", "NOTE", "More info on coupler timing",
    }
)  # fmt: skip
_TABLES = re.compile(
    r"-{4,}+ [A-Z ]++ ?-{4,}+|[- ]++"  # above the header and the timers; below the table's head
    r"|component\s++comp_pes\b.*"
    r"|\w{1,16}+ = \S++\s++[0-9].*"  # the layout of a component
    r"|[A-Z]{2,8}+ Run Time:.*|[A-Z]{2,8}+ \(pes -?[0-9]++ to -?[0-9]++\)"
    r"|CPL:\w++\s*+(?:<-++>)?+[\s0-9.:*nainf+-]*+"  # a timer of the driver
    r"|\(This correction has been applied .*|Runs Time in total .*|CPL Run Time represents .*"
)


@dataclass(frozen=True, slots=True)
class TimingProfile:
    """The header; `end_local` is the ISO local time at which the profile was written."""

    case: str
    lid: str
    machine: str
    user: str | None
    end_local: str | None
    grid: str | None
    compset: str | None
    run_type: str | None
    timing: Timing


def parse_e3sm_timing(content: bytes, report: Report = ignore) -> TimingProfile:
    """Parse a timing profile; ParseError `no_header` without Case, LID or Machine."""
    values: dict[str, str] = {}
    for number, line in enumerate(text_lines(content), 1):
        key, _, value = line[:_MAX_LINE].partition(":")
        key, value = key.strip().replace("_", " "), value.strip()
        if key in _KEYS:
            if value and key not in values:
                values[key] = masked_text(value)
                _check(number, key, value, report)
        elif line.strip() and key not in _NOT_KEPT and _TABLES.fullmatch(line.strip()) is None:
            report(number, line.strip())
    absent = [key for key in _REQUIRED if key not in values]
    if absent:
        raise ParseError("no_header", f"the timing profile has no {', '.join(absent)}")
    run_type = values.get("run type", "").partition(",")[0].strip()
    return TimingProfile(
        case=values["Case"],
        lid=values["LID"],
        machine=values["Machine"],
        user=values.get("User"),
        end_local=_iso_time(values.get("Curr Date")),
        grid=values.get("grid"),
        compset=values.get("compset"),
        run_type=run_type or None,
        timing=_timing(values),
    )


def _check(number: int, key: str, value: str, report: Report) -> None:
    """Report a value that is not of the kind that its key says."""
    is_number = key not in _NUMBERS or _number(value) is not None
    is_time = key != "Curr Date" or _iso_time(value) is not None
    if not (is_number and is_time):
        report(number, f"{key} is {value}")


def _timing(values: dict[str, str]) -> Timing:
    return Timing(
        total_pes_active=_integer(values.get("total pes active")),
        mpi_tasks_per_node=_integer(values.get("mpi tasks per node") or values.get("pes per node")),
        pe_count_for_cost_estimate=_integer(values.get("pe count for cost estimate")),
        model_cost=_number(values.get("Model Cost")),
        model_throughput=_number(values.get("Model Throughput")),
        init_seconds=_number(values.get("Init Time")),
        run_seconds=_number(values.get("Run Time")),
        final_seconds=_number(values.get("Final Time")),
        run_length_days=_number(values.get("run length")),
    )


def _iso_time(text: str | None) -> str | None:
    """Return a time that ctime() wrote, such as `Mon Jun  9 12:34:56 2025`, in ISO format."""
    try:
        return datetime.strptime(text or "", "%a %b %d %H:%M:%S %Y").isoformat()
    except ValueError:
        return None


def _number(text: str | None) -> float | None:
    match = _NUMBER.match(text or "")
    number = float(match[0]) if match else None
    return number if number is not None and abs(number) < _TOO_LARGE else None


def _integer(text: str | None) -> int | None:
    number = _number(text)
    return None if number is None else int(number)
