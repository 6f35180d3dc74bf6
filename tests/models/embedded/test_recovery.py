"""The embedded server under a service: it comes back by itself, and tells of a full disk."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from models.embedded.failures import failure_of, has_full_disk
from models.embedded.server import server_directory, server_status, watched_server
from models.errors import ServerError, ServerFullError
from models.settings import Settings
from tests.support.kills import VICTIMS, is_alive, kill_under_writes, new_token, report_build
from tests.support.processes import request, serving, wait_for
from tests.support.small_disk import fill, small_disk


@pytest.mark.slow
def test_a_service_survives_kills_of_its_server_and_loses_nothing(tmp_path: Path) -> None:
    kills = kill_under_writes(tmp_path, len(VICTIMS))
    assert max(kills.seconds) <= 10
    assert kills.written
    assert not kills.lost
    assert kills.statuses <= {200, 201, 503}
    assert not kills.without_retry_after
    assert not kills.left


@pytest.mark.slow
def test_two_users_that_watch_start_one_server(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with watched_server(settings) as uri, watched_server(settings) as same:
        assert uri == same
        first = server_status(settings)
        for pid in (first.keeper_pid, first.mongod_pid):
            assert pid is not None
            os.kill(pid, 9)
        wait_for(lambda: server_status(settings).mongod_pid not in {None, first.mongod_pid})
        second = server_status(settings)
        assert second.uri == first.uri
        time.sleep(1.5)
        last = server_status(settings)
        assert (last.mongod_pid, last.keeper_pid) == (second.mongod_pid, second.keeper_pid)
    assert not server_status(settings).running
    assert second.mongod_pid is not None
    assert not is_alive(second.mongod_pid)


@pytest.mark.slow
def test_a_server_whose_socket_was_removed_comes_back(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path / "home")
    with watched_server(settings) as uri:
        first = server_status(settings)
        assert first.uri is not None
        shutil.rmtree(Path(unquote(urlsplit(first.uri).netloc)).parent)
        wait_for(lambda: server_status(settings).mongod_pid not in {None, first.mongod_pid}, 20)
        assert server_status(settings).uri == uri


@pytest.mark.slow
def test_a_service_on_a_full_disk_says_so_and_recovers_when_there_is_space(tmp_path: Path) -> None:
    with small_disk(tmp_path / "disk", 400) as disk:
        token = new_token(disk / "home")
        own = {"HOME": str(disk / "home"), "DATABASE_TIMEOUT_SECONDS": "5"}
        with serving(tmp_path, **own) as (_, port):
            ballast = fill(disk)
            written, statuses, detail = [], set(), ""
            for number in range(3000):
                status, has_retry_after, text = report_build(port, token, str(number), "x" * 9000)
                statuses.add(status)
                if status == 201:
                    written.append(text)
                elif "full" in text:
                    detail = text
                    assert has_retry_after == (status == 503)
                    break
            assert "CASELEDGER_HOME is full: free some space" in detail
            assert statuses <= {201, 503, 507}
            assert "is full" in request(port, "/readyz")[1]["detail"]
            command = [sys.executable, "-m", "api.cli", "ingestions"]
            environment = {**os.environ, "CASELEDGER_HOME": own["HOME"]}
            told = subprocess.run(command, env=environment, capture_output=True, text=True)
            assert told.returncode == 4
            assert "CASELEDGER_HOME is full" in told.stderr
            ballast.unlink()
            wait_for(lambda: request(port, "/readyz")[0] == 200, 10)
            assert report_build(port, token, "afterwards")[0] == 201
            lost = [one for one in written if request(port, f"/api/v1/builds/{one}")[0] != 200]
            assert not lost


def test_what_the_log_says_is_told_without_stacks(tmp_path: Path) -> None:
    directory = server_directory(Settings(home=tmp_path))
    directory.create()
    directory.log.write_text(
        '{"s":"F","msg":"Fatal assertion","attr":{"error":"broken\\n\\nfile"}}\n'
        '{"s":"I","msg":"Frame"}\n{"s":"E","msg":"BACKTRACE: …"}\nnonsense\n'
    )
    error = failure_of(directory, "it has ended")
    assert str(error) == f"it has ended: Fatal assertion broken file (see {directory.log})"
    assert type(error) is ServerError


@pytest.mark.parametrize(
    "line",
    [
        '{"s":"E","msg":"WiredTiger error message","attr":{"error":28,"message":{}}}',
        '{"s":"E","msg":"x","attr":{"error":"No space left on device"}}',
        '{"s":"E","msg":"x","attr":{"error":"Disk quota exceeded"}}',
    ],
)
def test_a_disk_that_was_full_is_known_by_the_log(tmp_path: Path, line: str) -> None:
    directory = server_directory(Settings(home=tmp_path))
    directory.create()
    assert not has_full_disk(directory)
    directory.log.write_text(f"{line}\n")
    assert has_full_disk(directory)
    error = failure_of(directory, "it has ended")
    assert isinstance(error, ServerFullError)
    assert "free some space" in str(error)
