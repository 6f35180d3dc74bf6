import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from pymongo import MongoClient

from ingest.sample import write_files
from models.embedded.server import server_status
from models.settings import Settings
from models.version import VERSION
from tests.support.archives import directories, sample_files
from tests.support.command_line import _COMMAND, _environment, _run


@pytest.fixture
def place(settings: Settings) -> dict[str, str]:
    return {"HOME": str(settings.home), "DATABASE": settings.database}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_files(tmp_path_factory.mktemp("archive"), sample_files(cases=2))


@pytest.mark.parametrize("arguments", [["--help"], ["import", "--help"], ["db", "--help"]])
def test_help_does_not_load_what_it_does_not_need(arguments: list[str]) -> None:
    script = (
        "import sys; from api.cli import main\n"
        f"sys.argv = ['caseledger', *{arguments}]\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "heavy = {'beanie', 'motor', 'pymongo', 'fastapi', 'lxml', 'uvicorn'} & set(sys.modules)\n"
        "print('heavy:', sorted(heavy))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert "Usage" in answer.stdout
    assert answer.stdout.splitlines()[-1] == "heavy: []"


@pytest.mark.slow
def test_json_report_is_all_that_is_on_stdout(tree: Path, place: dict[str, str]) -> None:
    answer = _run("import", str(tree), "--json", **place)
    assert answer.returncode == 0
    report = json.loads(answer.stdout)
    assert list(report) == [
        "ingestionId", "source", "kind", "status", "counts", "problems", "seconds",
    ]  # fmt: skip
    counts = report["counts"]
    discovered = counts.pop("discovered")
    assert discovered == len(directories(sample_files(cases=2))) == sum(counts.values())
    assert set(counts) == {"created", "updated", "unchanged", "incomplete", "rejected"}
    assert all(list(p) == ["path", "file", "reason", "detail"] for p in report["problems"])
    assert answer.stderr == ""


@pytest.mark.slow
def test_report_for_people_is_a_table(tree: Path, place: dict[str, str]) -> None:
    answer = _run("import", str(tree), **place)
    assert "discovered" in answer.stdout
    assert "there is no CaseStatus" in answer.stdout
    assert answer.stderr == ""


@pytest.mark.slow
def test_imports_are_listed_and_each_is_shown_by_the_beginning_of_its_id(
    tree: Path, place: dict[str, str]
) -> None:
    report = json.loads(_run("import", str(tree), "--json", **place).stdout)
    beginning = report["ingestionId"][:8]
    (line,) = [
        each for each in _run("ingestions", **place).stdout.splitlines() if beginning in each
    ]
    assert {"completed", str(report["counts"]["created"])} <= set(line.split())
    shown = _run("ingestions", beginning, **place)
    assert f"id: {report['ingestionId']}" in shown.stdout.splitlines()
    assert "there is no CaseStatus" in shown.stdout
    absent = _run("ingestions", "no-such", **place)
    assert (absent.returncode, "no such ingestion" in absent.stderr) == (2, True)


@pytest.mark.slow
def test_what_is_to_be_listed_again_is(tree: Path, place: dict[str, str]) -> None:
    first = json.loads(_run("import", str(tree), "--json", **place).stdout)
    again = json.loads(_run("import", str(tree), "--list-again", "--json", **place).stdout)
    assert again["counts"]["unchanged"] == first["counts"]["discovered"]


@pytest.mark.slow
def test_quiet_says_nothing(tree: Path, place: dict[str, str]) -> None:
    answer = _run("import", str(tree), "--quiet", **place)
    assert (answer.returncode, answer.stdout, answer.stderr) == (0, "", "")


@pytest.mark.slow
def test_a_dry_run_creates_nothing(tree: Path, place: dict[str, str]) -> None:
    place = place | {"DATABASE": "never_made"}
    answer = _run("import", str(tree), "--dry-run", "--json", **place)
    assert json.loads(answer.stdout)["counts"]["created"] > 0
    with MongoClient[dict[str, Any]](_run("db", "uri", **place).stdout.strip()) as client:
        assert place["DATABASE"] not in client.list_database_names()


@pytest.mark.slow
def test_wrong_usage_exits_with_2(place: dict[str, str]) -> None:
    assert _run("import", **place).returncode == 2
    assert _run("import", "x", "--jobs", "0", **place).returncode == 2
    assert _run("nonsense", **place).returncode == 2


def test_a_wrong_setting_exits_with_2_and_is_named() -> None:
    answer = _run("settings", PORT="many")
    assert answer.returncode == 2
    assert "CASELEDGER_PORT" in answer.stderr


@pytest.mark.slow
def test_a_source_that_is_not_there_exits_with_3_and_is_named(
    tmp_path: Path, place: dict[str, str]
) -> None:
    answer = _run("import", str(tmp_path / "nowhere"), "--quiet", **place)
    assert answer.returncode == 3
    assert "nowhere" in answer.stderr


@pytest.mark.slow
def test_a_file_that_is_no_archive_exits_with_3(tmp_path: Path, place: dict[str, str]) -> None:
    (tmp_path / "a.tar.gz").write_bytes(b"nonsense")
    answer = _run("import", str(tmp_path / "a.tar.gz"), "--json", **place)
    assert answer.returncode == 3
    assert json.loads(answer.stdout)["status"] == "failed"


@pytest.mark.slow
def test_a_database_that_is_not_there_exits_with_4(tree: Path) -> None:
    answer = _run(
        "import", str(tree),
        MONGODB_URL="mongodb://user:pa55word@127.0.0.1:1/", DATABASE_TIMEOUT_SECONDS="0.5",
    )  # fmt: skip
    assert answer.returncode == 4
    assert "pa55word" not in answer.stdout + answer.stderr
    assert "Traceback" not in answer.stderr


@pytest.mark.slow
def test_strict_exits_with_1_when_something_was_rejected(
    tmp_path: Path, place: dict[str, str]
) -> None:
    (tmp_path / "performance_archive" / "user" / "case" / "1.250101-000000").mkdir(parents=True)
    assert _run("import", str(tmp_path), "--quiet", **place).returncode == 0
    assert _run("import", str(tmp_path), "--quiet", "--strict", **place).returncode == 1


def test_settings_are_printed_with_secrets_masked() -> None:
    answer = _run("settings", "--json", MONGODB_URL="mongodb://user:pa55word@db/x", PORT="8123")
    shown = json.loads(answer.stdout)
    assert shown["CASELEDGER_MONGODB_URL"] == "mongodb://user:***@db/x"
    assert shown["CASELEDGER_PORT"] == 8123


@pytest.mark.slow
def test_db_uri_is_an_address_that_a_client_can_use(tmp_path: Path, tree: Path) -> None:
    place = {"HOME": str(tmp_path / "home"), "LINGER_SECONDS": "5"}
    assert _run("import", str(tree), "--quiet", **place).returncode == 0
    uri = _run("db", "uri", **place).stdout.strip()
    with MongoClient[dict[str, Any]](uri) as client:
        cases = list(client.get_default_database()["cases"].find())
        assert len(cases) == 2
        assert all(case["executions"] for case in cases)
    status = json.loads(_run("db", "status", "--json", **place).stdout)
    assert (status["kind"], status["running"], status["uri"]) == ("embedded", True, uri)
    deadline = time.monotonic() + 45
    while server_status(Settings(home=tmp_path / "home")).running:
        assert time.monotonic() < deadline
        time.sleep(0.1)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def _read_when_ready(url: str, process: "subprocess.Popen[str]") -> Any:
    deadline = time.monotonic() + 60
    while True:
        assert process.poll() is None, "it ended by itself"
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return json.load(answer)
        except OSError:
            assert time.monotonic() < deadline
            time.sleep(0.1)


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_demo_serves_a_sample_and_leaves_nothing(tmp_path: Path, number: signal.Signals) -> None:
    port = _free_port()
    process = subprocess.Popen(
        [*_COMMAND, "demo", "--port", str(port), "--cases", "3"],
        env={**_environment(MONGODB_URL="mongodb://not.used/"), "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    page = _read_when_ready(f"http://127.0.0.1:{port}/api/v1/cases", process)
    docs = urllib.request.urlopen(f"http://127.0.0.1:{port}/docs", timeout=5)
    assert docs.status == 200
    docs.close()
    process.send_signal(number)
    output, _ = process.communicate(timeout=60)
    assert len(page["items"]) == 3
    assert process.returncode == 0, output
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_serve_exits_with_4_when_the_database_is_not_there() -> None:
    answer = _run("serve", MONGODB_URL="mongodb://127.0.0.1:1/", DATABASE_TIMEOUT_SECONDS="0.5")
    assert answer.returncode == 4
    assert "Traceback" not in answer.stderr


@pytest.mark.slow
def test_an_interrupted_import_says_how_to_go_on(tmp_path: Path, place: dict[str, str]) -> None:
    tree = write_files(tmp_path, sample_files(cases=8, executions=60))
    process = subprocess.Popen(
        [*_COMMAND, "import", str(tree), "--jobs", "1"],
        env=_environment(**place),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with MongoClient[dict[str, Any]](_run("db", "uri", **place).stdout.strip()) as client:
        records = client[place["DATABASE"]]["ingestions"]
        while records.count_documents({}) == 0:
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does
        _, errors = process.communicate(timeout=60)
        assert process.returncode == 130, errors
        assert "Traceback" not in errors
        assert "run the command again to continue" in errors
        record = records.find_one({})
        assert record is not None
        assert record["status"] == "interrupted"


@pytest.mark.slow
@pytest.mark.parametrize("command", ["serve", "demo"])
def test_a_port_that_is_taken_is_told_at_once(place: dict[str, str], command: str) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        answer = _run(command, "--port", str(taken.getsockname()[1]), **place)
    assert answer.returncode == 2
    assert "cannot listen" in answer.stderr
    assert answer.stdout == ""


def test_the_version_is_printed() -> None:
    answer = _run("--version")
    assert answer.returncode == 0
    assert answer.stdout == f"caseledger {VERSION}\n"


@pytest.mark.slow
def test_modules_of_our_names_elsewhere_are_not_imported(
    tmp_path: Path, tree: Path, place: dict[str, str]
) -> None:
    for name in ("api", "ingest", "models"):
        (tmp_path / f"{name}.py").write_text("raise SystemExit('the wrong module')\n")
    answer = subprocess.run(
        [Path(sys.executable).parent / "caseledger", "import", tree, "--jobs", "1", "--json"],
        cwd=tmp_path,
        env={**_environment(**place), "PYTHONPATH": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert answer.returncode == 0, answer.stderr
    assert json.loads(answer.stdout)["counts"]["created"] > 0


@pytest.mark.slow
def test_a_path_with_nothing_is_a_hint_and_an_error_if_strict(
    tmp_path: Path, place: dict[str, str]
) -> None:
    for options, code in ((["--quiet"], 0), (["--quiet", "--strict"], 1)):
        answer = _run("import", str(tmp_path), *options, **place)
        assert (answer.returncode, answer.stdout) == (code, "")
        assert "nothing of E3SM or Spack was found" in answer.stderr
