"""The timing profile gives a summary, also where lines are missing."""

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ingest.cases.parsers.e3sm_timing import TimingProfile, parse_e3sm_timing
from models.cases.execution import Timing
from models.errors import ParseError
from tests.support.executions import TIMING, mutations, reason_of, sample_files

FIGURES = ["Model Cost", "Init Time", "run length", "total pes active", "mpi tasks per node"]


def profile(*lines: str) -> TimingProfile:
    return parse_e3sm_timing(TIMING + "".join(f"  {line}\n" for line in lines).encode())


def test_the_header_tells_what_ran() -> None:
    found = profile("grid : a%ne4", "compset : 2000_EAM", "run type : hybrid, continue_run = TRUE")
    assert (found.case, found.lid, found.machine, found.user) == (
        "v3.LR.amip_0001", "1000.250102-030405", "chrysalis", "jdoe",
    )  # fmt: skip
    assert (found.grid, found.compset, found.run_type) == ("a%ne4", "2000_EAM", "hybrid")


def test_the_date_of_ctime_becomes_iso() -> None:
    assert profile().end_local == "2025-01-02T06:07:08"


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        pytest.param("total pes active           : 5400 ", "total_pes_active", 5400, id="pes"),
        pytest.param("mpi tasks per node : 32", "mpi_tasks_per_node", 32, id="tasks"),
        pytest.param("pes per node : 64", "mpi_tasks_per_node", 64, id="tasks, older form"),
        pytest.param(
            "pe count for cost estimate : 1376", "pe_count_for_cost_estimate", 1376, id="n"
        ),
        pytest.param(
            "Model Cost:  7473.60   pe-hrs/simulated_year", "model_cost", 7473.6, id="cost"
        ),
        pytest.param("Model Throughput:  4.42  years/day", "model_throughput", 4.42, id="speed"),
        pytest.param("Init Time   :      81.132 seconds", "init_seconds", 81.132, id="init"),
        pytest.param("Run Time    :  9856.8 seconds 53.5 s/day", "run_seconds", 9856.8, id="run"),
        pytest.param("Final Time  :       0.325 seconds", "final_seconds", 0.325, id="final"),
        pytest.param(
            "run length  : 365 days (365.0 for ocean)", "run_length_days", 365.0, id="len"
        ),
        pytest.param("run_length  : 1825 days", "run_length_days", 1825.0, id="until 2018"),
        pytest.param("run length  : 0.99999992 days", "run_length_days", 0.99999992, id="fraction"),
        pytest.param("TOT Run Time:  1.0 seconds", "run_seconds", None, id="row of the table"),
        pytest.param("ATM Run Time:  1.0 seconds", "run_seconds", None, id="row of a component"),
        pytest.param("Model Cost: nan pe-hrs", "model_cost", None, id="not a number"),
        pytest.param("Model Cost: 1e999", "model_cost", None, id="infinite"),
        pytest.param("total pes active : " + "9" * 400, "total_pes_active", None, id="too large"),
        pytest.param("Model Cost:", "model_cost", None, id="no value"),
        pytest.param("Model Cost: ****** pe-hrs", "model_cost", None, id="Fortran overflow"),
    ],
)
def test_a_line_gives_a_figure(line: str, field: str, value: float | None) -> None:
    assert getattr(profile(line).timing, field) == value


def test_lines_that_are_missing_leave_gaps() -> None:
    found = profile()
    assert found.timing == Timing()
    assert (found.grid, found.compset, found.run_type) == (None, None, None)


def test_the_first_of_two_lines_counts() -> None:
    assert profile("Case : another", "Run Time : 1.0", "Run Time : 2.0").case == "v3.LR.amip_0001"


def test_credentials_are_masked() -> None:
    assert profile("grid : https://u:pw@host/x").grid == "https://***@host/x"


def test_a_very_long_line_is_cut() -> None:
    grid = profile("grid : " + "x" * 10_000).grid
    assert grid is not None
    assert 1900 < len(grid) < 2000


def test_the_case_root_is_not_taken_for_the_case() -> None:
    content = TIMING.replace(b"  Case ", b"  Caseroot    : /x\n  Case ")
    assert parse_e3sm_timing(content).case == "v3.LR.amip_0001"


@pytest.mark.parametrize(
    "date",
    [
        pytest.param("", id="empty"),
        pytest.param("Thu Foo  2 06:07:08 2025", id="no month"),
        pytest.param("Thu Feb 30 06:07:08 2025", id="no day"),
        pytest.param("2025-01-02", id="another form"),
    ],
)
def test_a_date_that_is_none_is_not_told(date: str) -> None:
    content = TIMING.replace(b"Thu Jan  2 06:07:08 2025", date.encode())
    assert parse_e3sm_timing(content).end_local is None


@pytest.mark.parametrize("line", ["Case", "LID", "Machine"])
def test_a_profile_must_tell_what_it_is_of(line: str) -> None:
    with pytest.raises(ParseError, match=f"no_header.*{line}"):
        parse_e3sm_timing(TIMING.replace(f"  {line} ".encode(), b"  Other "))


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(TIMING.replace(b"\n", b"\r\n"), id="CR LF"),
        pytest.param(b"\xef\xbb\xbf" + TIMING, id="byte order mark"),
        pytest.param(TIMING + b"\xff\xfe\n", id="not UTF-8"),
    ],
)
def test_the_form_of_the_text_does_not_matter(content: bytes) -> None:
    assert parse_e3sm_timing(content) == parse_e3sm_timing(TIMING)


@given(st.one_of(st.binary(), mutations(sample_files()["e3sm_timing"]), mutations(TIMING)))
def test_nothing_is_raised_but_parse_errors(content: bytes) -> None:
    assert reason_of(lambda: parse_e3sm_timing(content)) in {None, "no_header"}


@given(mutations(TIMING + b"".join(f"  {line}: 1e9\n".encode() for line in FIGURES)))
def test_figures_are_such_as_mongodb_stores(content: bytes) -> None:
    assume(reason_of(lambda: parse_e3sm_timing(content)) is None)
    timing = parse_e3sm_timing(content).timing
    figures = [figure for figure in timing.model_dump().values() if figure is not None]
    assert all(math.isfinite(figure) and abs(figure) < 2**53 for figure in figures)


TABLES = """  Driver      : CPL7
  run_type    : startup, continue_run = FALSE (inittype = TRUE)
  stop_option : ndays, stop_n = 5

  component       comp_pes    root_pe   tasks  x threads instances (stride)
  ---------        ------     -------   ------   ------  ---------  ------
  cpl = cpl        1           0        1      x 1       1      (1     )

  Overall Metrics:
    Actual Ocn Init Wait Time     :       0.000 seconds
      (This correction has been applied to the ocean and total run times)

Runs Time in total seconds, seconds/model-day, and model-years/wall-day
CPL Run Time represents time in CPL pes alone, not including time associated with the rest
    TOT Run Time:   12537.470 seconds        0.199 seconds/mday      1192.20 myears/wday
    ICE Run Time:         nan seconds          inf seconds/mday         0.00 myears/wday
    CPL COMM Time:    122.151 seconds        0.002 seconds/mday    122366.58 myears/wday

---------------- DRIVER TIMING FLOWCHART ---------------------

   NOTE: min:max driver timers (seconds/day):
                            CPL (pes 0 to 63)

  CPL:CLOCK_ADVANCE           0.004:   0.004
  CPL:C2L                        <---->           0.001:********

More info on coupler timing:
  CPL:lndprep_atm2lnd     12345.000:12345.000
"""


def test_the_tables_are_known() -> None:
    found: list[str] = []
    tables = "\n".join(line.rstrip() + " " for line in TABLES.splitlines())
    parse_e3sm_timing(TIMING + tables.encode(), lambda _, text: found.append(text))
    assert found == []
