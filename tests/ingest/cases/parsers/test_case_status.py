"""CaseStatus tells what became of each run of a case."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.cases.parsers.case_status import parse_case_status
from models.cases.case import CaseChange, FailedBuild
from models.cases.case_run import CaseRun, Outcome, find_run
from models.errors import ParseError
from tests.support.executions import lid_of, mutations, sample_files

RULE = " " + "-" * 51
DAY = "2025-01-02"


def status(*events: str) -> bytes:
    return "".join(f"{DAY} {event}\n{RULE}\n" for event in events).encode()


def told(*events: str) -> list[tuple[str | None, str | None, Outcome]]:
    attempts = parse_case_status(status(*events)).runs
    return [(a.job_id, a.end and a.end[11:], a.outcome) for a in attempts]


START, SUCCESS = "03:00:00: case.run starting 11", "04:00:00: case.run success 11"
ERROR = "04:00:00: case.run error \nERROR: RUN FAIL: Command 'srun' failed"


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param((), [], id="nothing"),
        pytest.param((START, SUCCESS), [("11", "04:00:00", "completed")], id="success"),
        pytest.param((START, ERROR), [("11", "04:00:00", "failed")], id="error"),
        pytest.param((START,), [("11", None, "running")], id="no end yet"),
        pytest.param(
            (START, "03:00:02: model execution starting 11"),
            [("11", None, "running")],
            id="the model runs",
        ),
        pytest.param(
            (START, "03:00:02: model execution success 11", ERROR),
            [("11", "04:00:00", "failed")],
            id="the model ends well, and the run does not",
        ),
        pytest.param(
            (START, "05:00:00: xmlchange success <command> ./xmlchange A=1  </command>"),
            [("11", None, "unknown")],
            id="killed, then the user goes on",
        ),
        pytest.param(
            (START, "05:00:00: something else was done"),
            [("11", None, "unknown")],
            id="killed, then a line of another form",
        ),
        pytest.param(
            (START, "03:10:00: Starting script x.sh", "03:20:00: Completed script x.sh"),
            [("11", None, "running")],
            id="scripts of a run that goes on",
        ),
        pytest.param(
            (START, "05:00:00: case.submit starting 12"),
            [("11", None, "unknown")],
            id="killed, then submitted again",
        ),
        pytest.param(
            (START, "05:00:00: case.run starting 12", "06:00:00: case.run success 12"),
            [("11", None, "unknown"), ("12", "06:00:00", "completed")],
            id="killed, then another job",
        ),
        pytest.param(
            (
                START,
                "05:00:00: case.run starting 12",
                "06:00:00: model execution error \nERROR: Command: 'srun' failed",
                "06:00:01: case.run error \nERROR: RUN FAIL: Command 'srun' failed",
            ),
            [("11", None, "unknown"), ("12", "06:00:00", "failed")],
            id="killed, then another job whose model fails",
        ),
        pytest.param(
            (START, ERROR, "05:00:00: case.run starting 11", "06:00:00: case.run success 11"),
            [("11", "04:00:00", "failed"), ("11", "06:00:00", "completed")],
            id="retry of the same job",
        ),
        pytest.param(
            (START, "03:30:00: case.run starting 11", "04:00:00: case.run success 11"),
            [("11", None, "unknown"), ("11", "04:00:00", "completed")],
            id="retry of the same job that was killed",
        ),
        pytest.param(
            ("03:00:00: case.run starting ", "04:00:00: case.run success "),
            [(None, "04:00:00", "completed")],
            id="no job ids",
        ),
        pytest.param(
            (START, "03:10:00: st_archive starting ", "03:20:00: st_archive success ", SUCCESS),
            [("11", "04:00:00", "completed")],
            id="archiving goes on meanwhile",
        ),
        pytest.param(
            (START, "03:10:00: st_archive starting ", "03:20:00: case.st_archive success 12"),
            [("11", None, "running")],
            id="no end yet, while another job archives",
        ),
        pytest.param(
            (START, "03:10:00: Starting script x.sh", "03:20:00: Completed script x.sh", SUCCESS),
            [("11", "04:00:00", "completed")],
            id="scripts of the run",
        ),
        pytest.param(
            (
                START,
                "03:30:00: case.run starting 12",
                "03:40:00: case.run error ",
                "04:00:00: case.run success 12",
            ),
            [("11", "03:40:00", "failed"), ("12", "04:00:00", "completed")],
            id="an error is not that of the later job, which succeeds",
        ),
        pytest.param(
            (
                START,
                "03:10:00: case.run starting 12",
                "03:20:00: case.run starting 13",
                "03:40:00: model execution error ",
                "03:40:01: case.run error ",
                "04:00:00: case.run success 13",
                "05:00:00: case.run success 12",
            ),
            [
                ("11", "03:40:00", "failed"),
                ("12", "05:00:00", "completed"),
                ("13", "04:00:00", "completed"),
            ],
            id="an error that is given on twice",
        ),
        pytest.param(
            (
                START,
                "03:30:00: case.run starting 12",
                "03:40:00: case.run error ",
                "04:00:00: model execution success 12",
            ),
            [("11", "03:40:00", "failed"), ("12", None, "running")],
            id="an error before the model of the later job succeeds",
        ),
        pytest.param(
            (
                START,
                "03:30:00: case.run starting 12",
                "03:40:00: case.run error ",
                "03:50:00: case.run starting 13",
                "04:00:00: model execution success 12",
                "05:00:00: case.run success 13",
            ),
            [
                ("11", "03:40:00", "failed"),
                ("12", None, "unknown"),
                ("13", "05:00:00", "completed"),
            ],
            id="the later job succeeds no further than its model",
        ),
        pytest.param(
            (
                START,
                "03:30:00: case.run starting 12",
                "03:40:00: model execution error ",
                "03:40:02: model execution starting 11",
                "04:00:00: case.run success 12",
                "05:00:00: case.run success 11",
            ),
            [("11", "05:00:00", "completed"), ("12", "04:00:00", "completed")],
            id="the model of one job starts after that of another fails",
        ),
        pytest.param(
            (START, ERROR, "05:00:00: case.run success 11"),
            [("11", "05:00:00", "completed")],
            id="an error of nobody",
        ),
        pytest.param(
            (
                START,
                "03:30:00: case.run starting 11",
                "03:40:00: case.run error ",
                "04:00:00: case.run success 11",
            ),
            [("11", None, "unknown"), ("11", "04:00:00", "completed")],
            id="an error is not that of a try before",
        ),
        pytest.param(
            (START, "03:30:00: case.run starting ", SUCCESS),
            [("11", "04:00:00", "completed"), (None, None, "running")],
            id="a success is of its own job before one without an id",
        ),
        pytest.param(
            (START, SUCCESS, "05:00:00: model execution error ", "05:00:01: case.run error "),
            [("11", "04:00:00", "completed")],
            id="an error after the end",
        ),
        pytest.param((SUCCESS,), [], id="end without a start"),
        pytest.param(
            (SUCCESS, ERROR, START), [("11", None, "running")], id="ends before the start"
        ),
        pytest.param(
            (START, "04:00:00: case.run success 12"), [("11", None, "running")], id="another's end"
        ),
        pytest.param(
            ("03:00:00: case.run starting 9.host", "04:00:00: case.run success 9.host"),
            [("9.host", "04:00:00", "completed")],
            id="job id of PBS",
        ),
    ],
)
def test_the_history_tells_the_outcome_of_each_run(
    events: tuple[str, ...], expected: list[tuple[str | None, str | None, Outcome]]
) -> None:
    assert told(*events) == expected


def test_an_error_is_not_that_of_a_job_which_was_killed_long_before() -> None:
    events = "".join(
        f"{event}\n{RULE}\n"
        for event in (
            "2024-12-01 08:00:00: case.run starting 9",
            "2025-01-02 03:00:00: case.run starting 11",
            "2025-01-02 03:10:00: case.run error ",
            "2025-01-02 04:00:00: case.run success 11",
        )
    )
    runs = parse_case_status(events.encode()).runs
    assert [(run.job_id, run.end, run.outcome) for run in runs] == [
        ("9", None, "unknown"),
        ("11", "2025-01-02T04:00:00", "completed"),
    ]


def test_the_tries_of_one_job_are_told_apart() -> None:
    assert told(
        START,
        "03:10:00: model execution error ",
        "03:10:05: model execution starting 11",
        "03:20:00: model execution error ",
        "03:20:05: model execution starting 11",
        "04:00:00: model execution success 11",
        SUCCESS,
    ) == [
        ("11", "03:10:00", "failed"),
        ("11", "03:20:00", "failed"),
        ("11", "04:00:00", "completed"),
    ]


LOG = "/scratch/run/e3sm.log.11.250102-030000"
RUN_FAIL = (
    "04:00:01: case.run error \nERROR: RUN FAIL: Command 'srun -n 5 e3sm.exe' failed\n"
    f"See log file for details: {LOG}"
)


def failures(*events: str) -> list[tuple[str | None, str | None, str | None]]:
    runs = parse_case_status(status(*events)).runs
    return [(run.failed_phase, run.failure, run.failure_log) for run in runs]


def test_a_run_that_failed_tells_the_phase_the_error_and_its_log() -> None:
    text = RUN_FAIL.partition("\n")[2]
    model = "04:00:00: model execution error \nERROR: Command: 'srun -n 5 e3sm.exe' failed"
    assert failures(START, model, RUN_FAIL) == [("model execution", text, LOG)]
    assert failures(START, RUN_FAIL) == [("case.run", text, LOG)]
    assert failures(START, model) == [("model execution", model.partition("\n")[2], None)]
    assert failures(START, "04:00:00: case.run error ") == [("case.run", None, None)]
    assert failures(START, SUCCESS) == [(None, None, None)]


def test_a_job_whose_model_runs_again_has_completed() -> None:
    again = (
        "03:10:05: model execution starting 11",
        "04:00:00: model execution success 11",
        SUCCESS,
    )
    error = "03:10:00: model execution error \nERROR: Command: 'srun' failed"
    assert told(START, error, *again) == [
        ("11", "03:10:00", "failed"),
        ("11", "04:00:00", "completed"),
    ]
    assert failures(START, error, *again) == [
        ("model execution", "ERROR: Command: 'srun' failed", None),
        (None, None, None),
    ]


def test_an_error_that_is_given_to_another_run_takes_its_text_along() -> None:
    events = (START, "03:30:00: case.run starting 12", RUN_FAIL, "05:00:00: case.run success 12")
    assert failures(*events) == [("case.run", RUN_FAIL.partition("\n")[2], LOG), (None,) * 3]


def test_an_error_may_have_rules_of_its_own_and_empty_lines() -> None:
    text = f"ERROR: Command failed with error '\n{'-' * 74}\n\nmpirun noticed'"
    assert failures(START, f"04:00:00: case.run error \n{text}") == [("case.run", text, None)]


def test_credentials_in_an_error_are_masked_and_its_text_is_cut() -> None:
    error = f"04:00:00: case.run error \nERROR: git clone https://me:hunter2@h/r {'x' * 9999}"
    ((_, text, _),) = failures(START, error)
    assert text is not None
    assert text.startswith("ERROR: git clone https://***@h/r xxx")
    assert len(text) == 1000


def test_failed_builds_are_told_with_their_logs() -> None:
    error = "ERROR: BUILD FAIL: eam.buildlib failed, cat /b/atm.bldlog.1"
    history = parse_case_status(
        status(
            "01:00:00: case.build starting ",
            f"01:10:00: case.build error \n{error}",
            "02:00:00: case.build (MODEL_BUILD) error \nERROR: no space",
            "02:30:00: case.build success ",
        )
    )
    first, second = history.failed_builds
    assert first == FailedBuild(
        time=f"{DAY}T01:10:00", phase="case.build", text=error, log="/b/atm.bldlog.1"
    )
    assert second == FailedBuild(
        time=f"{DAY}T02:00:00", phase="case.build (MODEL_BUILD)", text="ERROR: no space"
    )


def test_changes_of_variables_are_told_with_their_commands() -> None:
    history = parse_case_status(
        status(
            "01:00:00: xmlchange success <command> ./xmlchange STOP_N=5  </command>",
            "01:01:00: xmlchange success <command> ./xmlchange --id A --val one\ntwo </command>",
            "01:02:00: xmlchange success <command> ./xmlchange U=https://me:hunter2@h/r </command>",
        )
    )
    assert history.changes == (
        CaseChange(time=f"{DAY}T01:00:00", command="./xmlchange STOP_N=5"),
        CaseChange(time=f"{DAY}T01:01:00", command="./xmlchange --id A --val one\ntwo"),
        CaseChange(time=f"{DAY}T01:02:00", command="./xmlchange U=https://***@h/r"),
    )


OLD = f"""{DAY} 01:00:00: <command> ./xmlchange STOP_N=5  </command>
{DAY} 01:01:00: case.setup starting
{DAY} 01:02:00: case.setup complete
{DAY} 01:03:00: cleanbuild atm lnd
{DAY} 01:04:00: case.build starting
{DAY} 01:05:00: case.build complete
{DAY} 02:00:00: Run started~
{DAY} 03:00:00: Run SUCCESSFUL
{DAY} 03:01:00: st_archiving starting
{DAY} 03:02:00: st_archiving completed
{DAY} 03:03:00: resubmitting from st_archive
{DAY} 04:00:00: Run started~
{DAY} 05:00:00: Model did not complete - see /run/cpl.log.250102-040000~
~
{DAY} 06:00:00: Run started~
{DAY} 07:00:00:  Run FAILED~
{DAY} 08:00:00: Run started~
""".replace("~", " ")


def test_the_history_of_cime_before_5_3_is_read() -> None:
    history = parse_case_status(OLD.encode())
    log = "/run/cpl.log.250102-040000"
    assert history.runs == [
        CaseRun(None, f"{DAY}T02:00:00", f"{DAY}T03:00:00", "completed", is_guessed=True),
        CaseRun(
            None, f"{DAY}T04:00:00", f"{DAY}T05:00:00", "failed", True,
            "case.run", f"Model did not complete - see {log}", log,
        ),
        CaseRun(
            None, f"{DAY}T06:00:00", f"{DAY}T07:00:00", "failed", True, "case.run", "Run FAILED"
        ),
        CaseRun(None, f"{DAY}T08:00:00", None, "running"),
    ]  # fmt: skip
    assert history.changes == (CaseChange(time=f"{DAY}T01:00:00", command="./xmlchange STOP_N=5"),)
    assert history.unknown == ()


@given(st.data())
def test_errors_and_changes_are_read_on_from_anywhere(data: st.DataObject) -> None:
    content = OLD.encode() + status(
        START, RUN_FAIL, "05:00:00: xmlchange success <command> a\nb </command>", "05:01:00: what"
    )
    before = parse_case_status(content[: data.draw(st.integers(0, len(content)))])
    assert parse_case_status(content, before) == parse_case_status(content)


_JOBS = st.lists(st.sampled_from(["success", "error", "killed"]), min_size=1, max_size=5)


@st.composite
def overlapping_jobs(draw: st.DrawFn) -> tuple[list[str], list[str]]:
    """Draw the events of jobs that run at the same time, and how each of these ends."""
    ends = draw(_JOBS)
    order = draw(st.permutations([*range(len(ends))] * 2))
    events, started = [], set()
    for minute, job in enumerate(order):
        time = f"03:{minute:02}:00: case.run"
        if job not in started:
            started.add(job)
            events.append(f"{time} starting {job}")
        elif ends[job] != "killed":
            events.append(f"{time} {ends[job]} {job if ends[job] == 'success' else ''}")
    return events, ends


@given(overlapping_jobs())
def test_a_job_that_tells_its_success_has_succeeded(jobs: tuple[list[str], list[str]]) -> None:
    events, ends = jobs
    found = {job_id: (end, outcome) for job_id, end, outcome in told(*events)}
    for job, end in enumerate(ends):
        ended = next((event[:8] for event in events if event.endswith(f" success {job}")), None)
        assert (found[str(job)] == (ended, "completed")) == (end == "success")
    failed = [outcome for _, outcome in found.values() if outcome == "failed"]
    assert len(failed) <= ends.count("error")


@given(overlapping_jobs(), st.data())
def test_jobs_that_overlap_are_read_on_from_anywhere(
    jobs: tuple[list[str], list[str]], data: st.DataObject
) -> None:
    content = status(*jobs[0])
    before = parse_case_status(content[: data.draw(st.integers(0, len(content)))])
    assert parse_case_status(content, before) == parse_case_status(content)


def test_of_very_many_runs_the_last_are_told() -> None:
    runs = parse_case_status(
        status(*(f"03:00:00: case.run starting {n}" for n in range(5001)))
    ).runs
    assert [run.job_id for run in runs] == [str(n) for n in range(1, 5001)]


def test_an_end_is_looked_for_among_the_latest_runs_only() -> None:
    others = [f"03:00:00: case.run starting {n}" for n in range(100, 300)]
    assert told(START, *others[:-1], SUCCESS)[0] == ("11", "04:00:00", "completed")
    assert told(START, *others, SUCCESS)[0] == ("11", None, "unknown")


def test_times_are_iso_local_times() -> None:
    (attempt,) = parse_case_status(status(START, SUCCESS)).runs
    assert (attempt.start, attempt.end) == (f"{DAY}T03:00:00", f"{DAY}T04:00:00")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda data: data.replace(b"\n", b"\r\n"), id="CR LF"),
        pytest.param(lambda data: b"\xef\xbb\xbf" + data, id="byte order mark"),
        pytest.param(lambda data: b"\n" + data, id="empty line first"),
        pytest.param(lambda data: data.rstrip(b"\n"), id="no line feed at the end"),
        pytest.param(lambda data: data.replace(b"\n", b" \n"), id="blanks at the ends"),
        pytest.param(lambda data: data + b"\xff\xfe nonsense\n", id="not UTF-8"),
        pytest.param(lambda data: data + b"2025-01-02 05:00:00: case.ru", id="cut"),
    ],
)
def test_the_form_of_the_text_does_not_matter(change: Callable[[bytes], bytes]) -> None:
    data = status(START, SUCCESS)
    assert parse_case_status(change(data)).runs == parse_case_status(data).runs


@given(st.data())
def test_a_history_that_goes_on_is_that_of_the_whole_file(data: st.DataObject) -> None:
    content = data.draw(mutations(sample_files()["case_status"]))
    cut = data.draw(st.integers(0, len(content)))
    before = parse_case_status(content[:cut])
    assert parse_case_status(content, before) == parse_case_status(content)


@pytest.mark.parametrize(
    "start",
    [
        pytest.param(status(START), id="a run under way"),
        pytest.param(status(START, SUCCESS)[:-1], id="half a line"),
        pytest.param(status("01:00:00: case.run starting 9"), id="of another case"),
        pytest.param(b"\n", id="an empty line before a byte order mark"),
    ],
)
def test_what_was_read_before_changes_nothing(start: bytes) -> None:
    for content in (status(START, SUCCESS), start + b"\xef\xbb\xbf" + status(START, SUCCESS)):
        assert parse_case_status(content, parse_case_status(start)) == parse_case_status(content)


LID = lid_of("11.250102-030000")


def attempt(job_id: str | None, start: str, outcome: Outcome = "completed") -> CaseRun:
    return CaseRun(job_id, f"{DAY}T{start}", None, outcome)


OTHER, OWN = attempt("10", "02:59:59"), attempt("11", "03:00:05")


@pytest.mark.parametrize(
    ("attempts", "expected"),
    [
        pytest.param([], None, id="none"),
        pytest.param([OTHER, OWN], OWN, id="the job's, not the nearest"),
        pytest.param([OTHER], None, id="only another job's"),
        pytest.param([attempt("11", "01:00:00"), OWN], OWN, id="the nearest of the job's"),
        pytest.param([OWN, attempt("11", "05:00:00")], OWN, id="the nearest, and then another"),
        pytest.param([OWN, attempt("12", "05:00:00")], OWN, id="lines of a later job"),
        pytest.param(
            [attempt("11", "01:00:00")], attempt("11", "01:00:00"), id="the job's, however far"
        ),
        pytest.param([attempt(None, "03:00:05")], attempt(None, "03:00:05"), id="no id, but near"),
        pytest.param([attempt(None, "03:20:00")], None, id="no id, and far"),
        pytest.param([attempt("0011", "03:00:00")], attempt("0011", "03:00:00"), id="zeros"),
        pytest.param(
            [attempt("11.host", "03:00:00")], attempt("11.host", "03:00:00"), id="with a host"
        ),
        pytest.param([attempt("11", "99:99:99")], attempt("11", "99:99:99"), id="no time of day"),
        pytest.param([attempt("9" * 5000, "03:00:00")], None, id="job id without end"),
        pytest.param([attempt("\u00b2", "03:00:00")], None, id="job id that is no number"),
    ],
)
def test_an_execution_finds_its_own_run(attempts: list[CaseRun], expected: CaseRun | None) -> None:
    assert find_run(attempts, LID) == expected


def test_an_execution_of_an_array_of_jobs_finds_its_own_run() -> None:
    runs = [attempt(f"11[{place}].host", "03:00:00") for place in (6, 7, 8)]
    assert find_run(runs, lid_of("11[7].host.250102-030000")) == runs[1]


def test_without_a_batch_system_the_time_tells_the_run() -> None:
    assert find_run([OTHER, OWN], lid_of("250102-030004")) == OWN


@given(st.binary())
def test_arbitrary_bytes_raise_nothing(content: bytes) -> None:
    assert isinstance(parse_case_status(content).runs, list)


@settings(deadline=None)
@given(mutations(sample_files()["case_status"]))
def test_a_mutated_file_raises_nothing_but_parse_errors(content: bytes) -> None:
    try:
        find_run(parse_case_status(content).runs, LID)
    except ParseError:
        pytest.fail("there is nothing in a CaseStatus that could be an error")


@given(st.lists(st.sampled_from([START, SUCCESS, ERROR, "05:00:00: xmlchange success x"])))
def test_only_the_last_run_can_be_running(events: list[str]) -> None:
    outcomes = [outcome for _, _, outcome in told(*events)]
    assert "running" not in outcomes[:-1]
