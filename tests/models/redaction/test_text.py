import re
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.assemble import assemble
from ingest.cases.inventory import FileEntry, take_inventory
from ingest.cases.parse import ParsedFiles, parse_execution
from ingest.cases.parse_cache import ParseCache
from ingest.cases.parsers.case_status import parse_case_status
from ingest.cases.parsers.env_xml import parse_env_lines
from ingest.cases.parsers.not_understood import ignore
from ingest.cases.parsers.preview_run import parse_preview_run
from ingest.cases.parsers.replay_sh import parse_replay_sh
from ingest.cases.sources.base import Content
from models.ingestions.audit import Audit
from models.problem import Problem
from models.redaction.text import MASK, masked_text, without_secrets
from tests.support.executions import (
    LID,
    ORIGIN,
    TIMING,
    entry,
    env_xml,
    execution_files,
    group,
    location,
    packed,
)

SECRET = "hunter2hunter2hunter2hunter2"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("env_run.DB_PASSWORD", SECRET, id="password"),
        pytest.param("env_case.API_KEY", SECRET, id="key"),
        pytest.param("atm_in.nl.auth_token", [SECRET, "b"], id="list"),
        pytest.param("env_run.MY_SECRET", 12345, id="number"),
        pytest.param("env_run.MY_TOKEN.ATM", SECRET, id="of a component"),
        pytest.param("env_workflow.case_run.MY_TOKEN.ATM", SECRET, id="in a group"),
        *(
            pytest.param(f"env_mach_specific.environment_variables.{name}", SECRET, id=name)
            for name in (
                "PGPASS", "MY_PWD", "SSH_KEY", "WANDB_KEY", "AUTH", "HF_KEY", "DB_PASS_2", "dbPass",
                "API_KEY2", "DEPLOY_KEYS", "GITHUB_PAT", "NPM_AUTH", "MYSQLPASS", "AWS_CREDS",
            )
        ),
    ],
)  # fmt: skip
def test_a_variable_that_is_called_a_secret_is_masked(key: str, value: Any) -> None:
    assert without_secrets({key: value}) == {key: MASK}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("env_run.USE_TOKENS", True, id="logical"),
        pytest.param("env_run.PASSWORD", "", id="empty"),
        pytest.param("env_run.PASSWORD", None, id="null"),
        pytest.param("env_run.STOP_N", 5, id="another name"),
        pytest.param("env_build.GRID", "a%ne30np4.pg2_l%r05", id="text"),
        pytest.param("env_case.SUPPORTED_BY", "someone -at- ornl.gov", id="address"),
        pytest.param("atm_in.g.x", "file://a/b, mail@example.org", id="url and address"),
        pytest.param("atm_in.g.x", "https://example.org/b@v1", id="at in the path"),
        *(
            pytest.param(f"env_run.{name}", "a value", id=name)
            for name in (
                "PASSTHROUGH", "KEYWORDS", "KEY_FIELDS", "BYPASS", "COMPASS", "PWD", "OLDPWD",
                "OLD_PWD", "PATH", "AUTHOR", "MONKEY", "bypass_routing_option", "PASS_NUMBER",
            )
        ),
    ],
)  # fmt: skip
def test_what_is_no_secret_is_left_alone(key: str, value: Any) -> None:
    assert without_secrets({key: value}) == {key: value}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"https://user:{SECRET}@github.com/o/r", id="password in a URL"),
        pytest.param(f"see https://{SECRET}@host/x and more", id="token in a URL"),
        pytest.param(f"https://user:a:{SECRET}@host/", id="colon in the password"),
        pytest.param(f"https://bob:pa/{SECRET}@host", id="slash in the password"),
        pytest.param(f"https://bob:1/{SECRET}@host", id="slash behind a number"),
        pytest.param(f"https://bob:pa@{SECRET}@host", id="at in the password"),
        pytest.param(f"https://bob:pa://{SECRET}@host", id="another URL in the password"),
        pytest.param(f'https://bob:pa"{SECRET}@host', id="quote in the password"),
        pytest.param(f"https://a.org/x,https://bob:{SECRET}@host", id="second URL"),
        *(
            pytest.param(f"{start}{SECRET}", id=f"token {start}")
            for start in (
                "ghp_", "x=glpat-", "hf_", "sk-", "sk-proj-", "npm_", "pypi-", "xoxb-",
                "AIza_012345_", "github_pat_",
            )
        ),
        pytest.param(f"eyJ{SECRET}.{SECRET}.{SECRET}", id="JSON web token"),
        pytest.param(
            f"-----BEGIN RSA PRIVATE KEY-----\n{SECRET}\n-----END RSA PRIVATE KEY-----", id="PEM"
        ),
        pytest.param(f"Bearer {SECRET}", id="bearer"),
        pytest.param(f"run --password={SECRET}", id="option with a sign"),
        pytest.param(f"/x/y?token={SECRET}", id="query"),
        pytest.param(f"/x/y?sig={SECRET}", id="signature"),
        pytest.param(f"setenv API_TOKEN {SECRET}", id="setenv"),
        pytest.param(f'setenv("API_TOKEN", "{SECRET}")', id="setenv in Lua"),
        pytest.param(f'{{"password": "{SECRET}"}}', id="JSON"),
        pytest.param(f'{{\\"password\\": \\"a {SECRET}\\"}}', id="JSON in a string"),
        pytest.param(f"AWS_SECRET='a {SECRET}'\"b {SECRET}\"", id="quotes"),
    ],
)  # fmt: skip
def test_a_credential_in_a_text_is_masked(text: str) -> None:
    masked = masked_text(text)
    assert SECRET not in masked
    assert masked_text(masked) == masked
    assert without_secrets({"atm_in.g.x": [text, "b"]})["atm_in.g.x"][1] == "b"
    assert SECRET not in str(without_secrets({"atm_in.g.x": [text, "b"]}))


@pytest.mark.parametrize("start", ["AKIA", "ASIA"])
def test_a_key_of_aws_is_masked(start: str) -> None:
    assert masked_text(f"id {start}ABCDEFGHIJKLMNOP") == f"id {MASK}"


@pytest.mark.parametrize(
    ("command", "masked"),
    [
        ("./xmlchange MY_API_TOKEN=S", "./xmlchange MY_API_TOKEN=***"),
        ("./xmlchange A=1,MY_TOKEN=S,b,C=2", "./xmlchange A=1,MY_TOKEN=***,C=2"),
        ("./xmlchange --id DB_PASSWORD --val S", "./xmlchange --id DB_PASSWORD --val ***"),
        ("./xmlchange --val 'S S' -id=DB_PASSWORD", "./xmlchange --val '***' -id=DB_PASSWORD"),
        ("export SECRET_KEY=S; ls", "export SECRET_KEY=***; ls"),
        ("curl -u bob:S http://h.org", "curl -u bob:*** http://h.org"),
        ("curl -su 'bob:S S' http://h.org", "curl -su 'bob:***' http://h.org"),
        ("curl -H 'Authorization: Bearer S' x", "curl -H 'Authorization: ***' x"),
        ("curl 'http://h.org?access_token=S&y=1' z", "curl 'http://h.org?access_token=***&y=1' z"),
        ("git clone https://bob:pa/S@host/r", "git clone https://***@host/r"),
        ("git clone https://bob:pa@S@host/r", "git clone https://***@host/r"),
        ('sh -c "export TOKEN=S; run" && x', 'sh -c "export TOKEN=***; run" && x'),
        ('run "--password=S S" --x', 'run "--password=***" --x'),
        ("run --password \\\n  S --x", "run --password *** --x"),
    ],
)
def test_credentials_in_commands_are_masked(command: str, masked: str) -> None:
    commands = parse_replay_sh(f"#!/bin/bash\n{command}\n./case.setup\n".encode())
    assert [re.sub(r" +", " ", each) for each in commands] == [masked, "./case.setup"]


@pytest.mark.parametrize(
    "command",
    [
        "git clone git@github.com:E3SM-Project/E3SM.git",
        "src/token.c:12:5: error: unexpected token here",
        "it's a token that isn't there",
        "srun -u ./e3sm.exe a:b",
        "docker run -u 1000:1000 x",
        "run --use-token --ntasks=4",
        "./xmlchange USE_TOKENS=FALSE",
        "./xmlchange --id STOP_N --val 5",
        "password=",
    ],
)
def test_ordinary_commands_stay_as_they_are(command: str) -> None:
    assert masked_text(command) == command


def test_credentials_of_the_submission_are_masked_before_the_command_is_cut() -> None:
    launch = parse_preview_run(
        f"FOR JOB: case.run\nSUBMIT CMD:\n sbatch --export=ALL,GITHUB_TOKEN={SECRET},A=1 x\n"
        f"MPIRUN (job=case.run):\n srun --password {SECRET} {'x' * 4045} https://u:{SECRET}@h\n".encode()
    )
    assert launch.submit_command == "sbatch --export=ALL,GITHUB_TOKEN=***,A=1 x"
    assert launch.mpirun_command is not None
    assert launch.mpirun_command.startswith("srun --password *** x")
    assert "hunter2" not in launch.mpirun_command


def test_a_variable_whose_name_holds_a_credential_is_left_out() -> None:
    name = f"git_submodule_status.https://u:{SECRET}@host"
    assert without_secrets({name: "1", "git_submodule_status.a/b": "2"}) == {
        "git_submodule_status.a/b": "2"
    }


def test_a_file_like_one_with_a_credential_in_a_name_is_parsed_anew() -> None:
    def content(value: str) -> bytes:
        lines = f'\n<entry id="ghp_{SECRET}" value="{value}"/>\n<entry id="A" value="{value}"/>\n'
        return env_xml(group("g", lines))

    recall = ParseCache()
    for value in ("1", "2"):
        found = recall.variables("env_run", content(value), parse_env_lines, ignore)
        assert found == {"env_run.A": value}


def parsed_with(files: dict[str, bytes]) -> ParsedFiles:
    files = execution_files() | files
    inventory = take_inventory([FileEntry(path, len(data)) for path, data in files.items()], LID)
    return parse_execution(inventory, Content(files=files), 2**20)


def test_no_planted_credential_comes_out_of_the_files_of_an_execution() -> None:
    values = f'<values><value compclass="ATM">{SECRET}</value></values>'
    run = group("g", f'<entry id="MY_TOKEN">{values}</entry>', entry("X", f"--password={SECRET}"))
    mach = (
        f'<file id="env_mach_specific.xml"><module_system type="module"><modules>'
        f'<command name="setenv">API_TOKEN {SECRET}</command></modules></module_system>'
        f'<environment_variables><env name="AUTH">{SECRET}</env>'
        f'<env name="N">hf_{SECRET}</env></environment_variables></file>'
    )
    url = f"https://bob:pa/{SECRET}@host/x"
    status = f"2025-01-02 03:04:06: case.run starting {SECRET}\n"
    timing = TIMING.replace(LID.encode(), f"token={SECRET}".encode())
    files = {
        f"CaseDocs.{LID}/env_run.xml.{LID}.gz": env_xml(run),
        f"CaseDocs.{LID}/env_mach_specific.xml.{LID}.gz": mach.encode(),
        f"CaseDocs.{LID}/seq_maps.rc.{LID}.gz": f"a_map: '{url}'\n".encode(),
        f"user_nl_eam.{LID}.gz": f" x = '{url}'\n".encode(),
        f"GIT_SUBMODULE_STATUS.{LID}.gz": f" {'a' * 40} {url} (v1)\n".encode(),
        f"CaseStatus.{LID}.gz": status.encode(),
        f"e3sm_timing.v3.LR.amip_0001.{LID}.gz": timing,
        f"replay.sh.{LID}.gz": f"export A_KEY={SECRET}\n".encode(),
    }
    parsed = parsed_with({path: packed(data) for path, data in files.items()})
    assert parsed.replay_sh == ["export A_KEY=***"]
    observation = assemble(location(), parsed, ORIGIN)
    assert {problem.reason for problem in observation.execution.problems} >= {"lid_disagrees"}
    assert observation.configuration is not None
    assert observation.configuration["env_run.MY_TOKEN.ATM"] == MASK
    shown = f"{dict(observation.configuration)} {observation.execution} {observation.runs}"
    assert "hunter2" not in shown + str(observation.commands)


@pytest.mark.parametrize(
    ("message", "job_id"),
    [
        ("1000", "1000"),
        ("9849714.desched1", "9849714.desched1"),
        ("77[3].pbs-1.site.gov", "77[3].pbs-1.site.gov"),
        ("1000 and more", "1000"),
        (SECRET, None),
        (f"password {SECRET}", None),
        (f"1.ghp_{SECRET}", None),
        ("", None),
    ],
)
def test_only_a_job_id_is_taken_from_a_start(message: str, job_id: str | None) -> None:
    found = parse_case_status(f"2025-01-02 03:04:06: case.run starting {message}\n".encode())
    assert [attempt.job_id for attempt in found.runs] == [job_id]


def test_problems_are_stored_and_shown_without_credentials() -> None:
    url = f"https://u:{SECRET}@host"
    parsed = parsed_with({})
    parsed.problems.append(Problem(file=url, reason="x", detail=f"token={SECRET} is wrong"))
    problem = assemble(location(), parsed, ORIGIN).execution.problems[0]
    assert (problem.file, problem.detail) == ("https://***@host", "token=*** is wrong")
    audit = Audit(None, ["a"], "archive", lambda _: None)
    audit.note(url, url, "x", f"{'x' * 1980} {url}")
    assert "hunter2" not in str(audit.record)


HOSTILE = [
    "eyJ", "eyJ-", "eyJabcdefghijkl.", "a-eyJ.", "ghp_", "sk-", "hf_", "xoxb-", "pypi-", "glpat-",
    "github_pat_", "npm_", "AKIA", "cl_0123456789abcdef_", "-----BEGIN ", "-----BEGIN A A ",
    "-----BEGIN RSA PRIVATE KEY-----", "://", "a://b@", "://a.", "a.", "a-", "token=", "token=,",
    'token="', "'token=", 'token="\\', "--id token --val ", "--password ", "-u a:", "setenv token ",
    "Bearer ", "AUTH", "AUTHa", "keyA", "authorization:", '\\"token\\":', "token : ", "'token '",
    "token=a&", "--", "-.", " ",
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("unit", [*HOSTILE, *(f"https://{each}" for each in HOSTILE[:12])])
def test_the_time_grows_with_the_size_of_a_hostile_text(unit: str) -> None:
    assert growth(lambda size: masked_text(f"'token=eyJ {unit * (size // len(unit))}\n@")) < 60
    assert growth(lambda size: masked_text(unit * (size // len(unit)))) < 60


@pytest.mark.slow
@pytest.mark.parametrize("unit", ["A", "Aa", "a_", "A1", "AAAAa", "PASS", "key"])
def test_the_time_grows_with_the_size_of_a_hostile_name(unit: str) -> None:
    assert growth(lambda size: without_secrets({f"x.{unit * (size // len(unit))}": 1})) < 60


def growth(work: Callable[[int], object]) -> float:
    """Return how much longer 1 MB takes than a sixteenth of it: 16 times, or the square of that."""
    for attempt in range(3):
        ratio = _time(work, 2**20) / max(_time(work, 2**16), 0.001)
        if ratio < 60 or attempt == 2:
            break
    return ratio


def _time(work: Callable[[int], object], size: int) -> float:
    started = time.process_time()
    work(size)
    return time.process_time() - started


@given(st.text("abtoken=:,;&@/'\"\\ -_.PASS?", max_size=60))
def test_any_text_can_be_masked(text: str) -> None:
    assert isinstance(masked_text(f"token={text}"), str)
