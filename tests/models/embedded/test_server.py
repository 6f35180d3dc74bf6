import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pymongo import MongoClient

from models.embedded.directory import MAX_LINGER_SECONDS, ServerDirectory, connection_count
from models.embedded.locks import FileLock
from models.embedded.program import find_mongod
from models.embedded.server import (
    embedded_server,
    linger,
    server_directory,
    server_status,
)
from models.embedded.start import socket_uri
from models.errors import MissingLibraryError, ServerError
from models.settings import Settings

_HOLD = """
import sys
from pathlib import Path
from models.embedded.server import embedded_server
from models.settings import Settings
with embedded_server(Settings(home=Path(sys.argv[1]))) as uri:
    print(uri, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Settings]:
    """Settings of a server that no other test uses; none of it may be left afterwards."""
    settings = Settings(home=tmp_path / "home")
    yield settings
    _wait_until(lambda: not server_status(settings).running)


@contextmanager
def _user(settings: Settings) -> Iterator["subprocess.Popen[str]"]:
    """Another process that uses the server; it has it when this returns."""
    process = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(settings.home)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        process.stdout.readline()
        yield process
    finally:
        process.stdin.close()
        process.wait(60)
        process.stdout.close()


def _wait_until(condition: Callable[[], bool], seconds: float = 45) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def _pids(settings: Settings) -> tuple[int, int]:
    status = server_status(settings)
    assert status.keeper_pid is not None
    assert status.mongod_pid is not None
    return status.keeper_pid, status.mongod_pid


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _kill(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    _wait_until(lambda: not _is_alive(pid))


def _write_mark(uri: str) -> None:
    with MongoClient[dict[str, int]](uri) as client:
        client["marks"]["marks"].insert_one({"mark": 1})


def _count_marks(uri: str) -> int:
    with MongoClient[dict[str, int]](uri) as client:
        return client["marks"]["marks"].count_documents({})


@pytest.mark.slow
def test_the_server_is_a_primary_that_writes_and_is_gone_afterwards(own: Settings) -> None:
    with embedded_server(own) as uri:
        _write_mark(uri)
        pids = _pids(own)
    _wait_until(lambda: not any(map(_is_alive, pids)), 10)


@pytest.mark.slow
def test_what_was_written_is_there_the_next_time(own: Settings) -> None:
    with embedded_server(own) as uri:
        _write_mark(uri)
    with embedded_server(own) as uri:
        assert _count_marks(uri) == 1


@pytest.mark.slow
def test_transactions_work_because_it_is_a_replica_set(own: Settings) -> None:
    with (
        embedded_server(own) as uri,
        MongoClient[dict[str, int]](uri) as client,
        client.start_session() as session,
        session.start_transaction(),
    ):
        client["marks"]["marks"].insert_one({"mark": 1}, session=session)


@pytest.mark.slow
def test_users_share_one_server_and_the_last_one_stops_it(own: Settings) -> None:
    with _user(own):
        first = _pids(own)
        with embedded_server(own) as uri:
            assert _pids(own) == first
        assert server_status(own).running
        assert _count_marks(uri) == 0
    _wait_until(lambda: not any(map(_is_alive, first)), 10)


@pytest.mark.slow
def test_users_that_start_together_share_one_server(own: Settings) -> None:
    users = [
        subprocess.Popen(
            [sys.executable, "-c", _HOLD, str(own.home)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in range(4)
    ]
    uris = {user.stdout.readline() for user in users if user.stdout}
    for user in users:
        user.communicate()
    assert len(uris) == 1
    assert "mongodb://" in uris.pop()


@pytest.mark.slow
def test_a_killed_user_does_not_keep_the_server(own: Settings) -> None:
    with _user(own) as user:
        pids = _pids(own)
        user.send_signal(signal.SIGKILL)
        user.wait()
        _wait_until(lambda: not any(_is_alive(pid) for pid in pids))


@pytest.mark.slow
def test_a_killed_user_does_not_take_the_server_from_others(own: Settings) -> None:
    with embedded_server(own) as uri, _user(own) as user:
        user.send_signal(signal.SIGKILL)
        user.wait()
        _write_mark(uri)
        assert _count_marks(uri) == 1


@pytest.mark.slow
def test_the_next_user_recovers_from_a_killed_mongod(own: Settings) -> None:
    with embedded_server(own) as uri:
        _write_mark(uri)
        _kill(_pids(own)[1])
        with embedded_server(own) as again:
            assert _count_marks(again) == 1


@pytest.mark.slow
def test_the_next_user_recovers_from_a_killed_keeper(own: Settings) -> None:
    with embedded_server(own) as uri:
        _write_mark(uri)
        keeper, mongod = _pids(own)
        _kill(keeper)
        with embedded_server(own) as again:
            assert _count_marks(again) == 1
            assert not _is_alive(mongod)


@pytest.mark.slow
def test_a_lingering_server_waits_for_a_client_and_stays_while_it_is_connected(
    own: Settings,
) -> None:
    with embedded_server(own) as uri:
        linger(own, 2)
    with MongoClient[dict[str, int]](uri) as client:
        client.admin.command("ping")
        time.sleep(4)
        client["marks"]["marks"].insert_one({"mark": 1})
        assert server_status(own).connections > 0
    _wait_until(lambda: not server_status(own).running)


@pytest.mark.slow
def test_a_command_that_ends_does_not_take_the_server_from_a_client(own: Settings) -> None:
    with embedded_server(own) as uri:
        linger(own, 1)
        pids = _pids(own)
    with MongoClient[dict[str, int]](uri) as client:
        client.admin.command("ping")
        time.sleep(1.5)
        with embedded_server(own):
            pass
        assert _pids(own) == pids
        client["marks"]["marks"].insert_one({"mark": 1})
    _wait_until(lambda: not server_status(own).running)


@pytest.mark.slow
def test_a_lingering_server_stops_when_nobody_comes(own: Settings) -> None:
    with embedded_server(own):
        linger(own, 1)
    assert server_status(own).running
    _wait_until(lambda: not server_status(own).running)


def test_the_server_of_another_machine_is_refused_and_left_alone(own: Settings) -> None:
    directory = server_directory(own)
    directory.create()
    with (
        FileLock(directory.supervisor_lock) as lock,
        subprocess.Popen(["sleep", "60"]) as bystander,
    ):
        lock.acquire_exclusive()
        state = {"keeper": bystander.pid, "mongod": 1, "host": "elsewhere", "socket": "/no/such"}
        directory.write_state(state)
        with pytest.raises(ServerError, match="runs on elsewhere"), embedded_server(own):
            pass
        with pytest.raises(ServerError, match="runs on elsewhere"):
            server_status(own)
        assert bystander.poll() is None
        bystander.kill()


@pytest.mark.slow
def test_only_its_owner_can_reach_the_server(own: Settings) -> None:
    with embedded_server(own) as uri:
        socket_path = Path(uri.removeprefix("mongodb://").partition("/")[0].replace("%2F", "/"))
        assert stat.S_IMODE(socket_path.stat().st_mode) == 0o600
        assert stat.S_IMODE(socket_path.parent.stat().st_mode) == 0o700
        assert stat.S_IMODE((own.home / "mongod" / "data").stat().st_mode) == 0o700
    assert not socket_path.parent.exists()


@pytest.mark.slow
def test_no_socket_is_opened_where_others_could_be(own: Settings) -> None:
    with embedded_server(own) as uri:
        private = Path(uri.removeprefix("mongodb://").partition("/")[0].replace("%2F", "/")).parent
        sockets = set(Path("/proc/net/unix").read_text(encoding="utf-8").split())
        assert any(name.startswith(f"{private}/") for name in sockets)
        assert "/tmp/mongodb-27017.sock" not in sockets


@pytest.mark.slow
def test_a_long_temporary_directory_does_not_stop_the_server(
    own: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    long = tmp_path / ("x" * 100)
    long.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(long))
    with embedded_server(own) as uri:
        _write_mark(uri)


@pytest.mark.slow
def test_the_socket_may_move_between_two_starts(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with embedded_server(own) as uri:
        _write_mark(uri)
    with tempfile.TemporaryDirectory(dir="/tmp") as other:
        monkeypatch.setattr("tempfile.tempdir", other)
        with embedded_server(own) as moved:
            assert moved != uri
            assert _count_marks(moved) == 1


def test_a_socket_directory_of_somebody_else_is_refused(
    own: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as other:
        monkeypatch.setattr("tempfile.tempdir", other)
        monkeypatch.setattr("os.getuid", lambda: 12345)
        with pytest.raises(ServerError, match="not a private directory"), embedded_server(own):
            pass


def test_status_does_not_start_the_server(own: Settings) -> None:
    assert not server_status(own).running
    assert not own.home.exists()


def test_a_home_that_cannot_be_made_is_an_error_that_names_the_setting(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(ServerError, match="CASELEDGER_HOME"),
        embedded_server(Settings(home=tmp_path / "file")),
    ):
        pass


def _program(path: Path, script: str) -> Path:
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)
    return path


def test_a_missing_library_is_named_with_the_package_that_has_it(tmp_path: Path) -> None:
    message = "error while loading shared libraries: libcurl.so.4: cannot open shared object file"
    program = _program(tmp_path / "mongod", f"echo '{message}' >&2; exit 127")
    with pytest.raises(MissingLibraryError, match="apt-get install libcurl4"):
        find_mongod(Settings(mongod=program))


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        pytest.param("echo 'db version v4.4.29'", "not MongoDB 6 or newer", id="old"),
        pytest.param("echo 'something else'", "not MongoDB 6 or newer", id="other"),
        pytest.param("exit 9", "fails", id="failing"),
        pytest.param("kill -ILL $$", "AVX", id="no-avx"),
    ],
)
def test_a_mongod_that_cannot_be_used_is_refused(tmp_path: Path, script: str, reason: str) -> None:
    with pytest.raises(ServerError, match=reason):
        find_mongod(Settings(mongod=_program(tmp_path / "mongod", script)))


def test_a_mongod_on_the_path_comes_before_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _program(tmp_path / "mongod", "echo 'db version v8.0.4'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert find_mongod(Settings()) == str(program)


def test_an_unusable_mongod_on_the_path_gives_way_to_the_wheel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program = _program(tmp_path / "mongod", "echo 'db version v4.0.1'")
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    assert find_mongod(Settings()) != str(program)


@pytest.mark.slow
def test_a_server_that_does_not_start_says_what_its_log_says(own: Settings) -> None:
    data = own.home / "mongod" / "data"
    data.mkdir(parents=True)
    (data / "WiredTiger").write_text("nonsense")
    (data / "WiredTiger.turtle").write_text("nonsense")
    with pytest.raises(ServerError, match=r"did not start.*mongod\.log"), embedded_server(own):
        pass


@pytest.mark.slow
def test_connections_are_counted_by_socket(own: Settings) -> None:
    with embedded_server(own) as uri:
        path = uri.removeprefix("mongodb://").partition("/")[0].replace("%2F", "/")
        _wait_until(lambda: connection_count(path) == 0)  # those of the start are closed
        with MongoClient[dict[str, int]](uri) as client:
            client.admin.command("ping")
            assert connection_count(path) > 0
    assert connection_count("/no/such/socket") == 0


def test_a_uri_escapes_its_socket_and_names_the_database() -> None:
    expected = "mongodb://%2Fa%20b%2Fs.sock/ledger?directConnection=true"
    assert socket_uri("/a b/s.sock", "ledger") == expected


@pytest.mark.parametrize(("days", "stays"), [(0.5, True), (2, False), (-1, False)])
def test_a_clock_that_was_set_keeps_no_server(tmp_path: Path, days: float, stays: bool) -> None:
    directory = ServerDirectory(tmp_path)
    directory.linger_until(time.time() + days * MAX_LINGER_SECONDS)
    assert directory.should_stay("/no/such/socket") is stays
