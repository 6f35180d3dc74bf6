"""The reporter for Spack tells a server what it finds, and its token nobody else."""

import ast
import gzip
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from ingest.builds.scripts import report_install
from tests.support.build_reports import HASH
from tests.support.build_trees import LOG_NAME, TREE, write_tree
from tests.support.executions import packed
from tests.support.install_trees import FAILED, LOG, NAME, SPEC

TOKEN = "not-to-be-seen-elsewhere"


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class FakeServer(ThreadingHTTPServer):
    """Keeps what it is sent; answers with `answers` first, and then that all is well."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: list[tuple[int, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: FakeServer

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        request = Request(self.command, self.path, dict(self.headers), body)
        self.server.requests.append(request)
        status, headers = self.server.answers.pop(0) if self.server.answers else (200, {})
        content = json.dumps({"id": "a/b", "detail": "why"}).encode()
        self.send_response(status)
        for name, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_PATCH = do_GET = _answer  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture
def server() -> Iterator[FakeServer]:
    with FakeServer() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("CASELEDGER_TOKEN", TOKEN)
    return write_tree(tmp_path, {n: c for n, c in TREE.items() if n.startswith(("opt", "logs"))})


def run(server: FakeServer, *words: str | Path) -> int:
    pauses: list[float] = []
    return report_install.main(["--url", server.url, *map(str, words)], pauses.append)


def body(request: Request) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(request.body)
    return content


def test_an_installation_is_reported_step_by_step(server: FakeServer, tree: Path) -> None:
    assert run(server, "--tag", "nightly", tree / "opt") == 0
    calls = [(request.method, request.path) for request in server.requests]
    assert calls == [
        ("POST", "/api/v1/builds"),
        ("POST", "/api/v1/specs?name=spec.json"),
        ("PUT", "/api/v1/builds/a%2Fb/phases/stage"),
        ("PUT", "/api/v1/builds/a%2Fb/phases/configure"),
        ("PUT", "/api/v1/builds/a%2Fb/phases/build"),
        ("PUT", "/api/v1/builds/a%2Fb/log"),
        ("PUT", "/api/v1/builds/a%2Fb/manifest"),
        ("PATCH", "/api/v1/builds/a%2Fb"),
    ]
    assert server.requests.pop(1).body == SPEC
    build = body(server.requests[0])
    session = build.pop("session")
    assert len(session) == 32
    assert build == {
        "specHash": HASH, "name": "p", "version": "1.2", "status": "running", "tags": ["nightly"],
        "host": {"hostname": "h", "spackVersion": "0.23.0 (e8f8cf8543)"},
        "startedLocal": "2026-01-02T03:04:05.5",
        "configureArgs": ["--with-x=y"],
    }  # fmt: skip
    assert body(server.requests[2]) == {"status": "success", "seconds": 1.5}
    log = server.requests[4]
    assert (log.headers["Content-Encoding"], gzip.decompress(log.body)) == ("gzip", LOG)
    assert list(map(json.loads, server.requests[5].body.splitlines())) == [
        {"path": ".spack", "type": "dir", "mode": 0o40755},
        {"path": "lib/x", "type": "file", "mode": 0o100644, "size": 1},
    ]
    assert body(server.requests[6]) == {
        "status": "success", "seconds": 4.5, "endedLocal": "2026-01-02T03:04:07.5",
    }  # fmt: skip
    assert {request.headers["Authorization"] for request in server.requests} == {f"Bearer {TOKEN}"}


def test_a_failed_build_is_reported_by_its_log(server: FakeServer, tree: Path) -> None:
    assert run(server, "--session", "s", tree / "logs" / LOG_NAME) == 0
    build, log, end = server.requests
    assert (body(build)["specHash"], body(build)["session"]) == (HASH, "s")
    assert "Content-Encoding" not in log.headers
    assert log.body == FAILED.replace(b"03:04", b"07:08")
    assert body(end)["status"] == "failed"


def test_a_busy_server_is_asked_again(server: FakeServer, tree: Path) -> None:
    server.answers = [(503, {}), (429, {})]
    assert run(server, tree / "opt") == 0
    assert [request.path for request in server.requests[:3]] == ["/api/v1/builds"] * 3


def test_a_build_is_reported_though_its_spec_is_refused(server: FakeServer, tree: Path) -> None:
    server.answers = [(200, {}), (422, {})]
    assert run(server, tree / "opt") == 0
    assert server.requests[-1].method == "PATCH"


def test_a_build_without_a_time_is_the_same_when_it_is_reported_again(
    server: FakeServer, tree: Path
) -> None:
    (log,) = (tree / "opt").rglob("spack-build-out.txt.gz")
    log.write_bytes(packed(b""))
    keys = []
    for _ in range(2):
        assert run(server, tree / "opt") == 0
        keys.append(body(server.requests[0])["key"])
        server.requests.clear()
    assert keys[0] == keys[1]


@pytest.mark.parametrize(
    ("directory", "told", "expected"),
    [
        (f"sim-broken-2.1-{HASH}", None, ("sim-broken", "2.1")),
        (f"netcdf-c-4.9.3-rc1-{HASH}", None, ("netcdf-c", "4.9.3-rc1")),
        (f"e3sm-develop-{HASH}", None, ("e3sm", "develop")),
        (f"gtk-2-doc-1.0-{HASH}", "gtk-2-doc", ("gtk-2-doc", "1.0")),
    ],
)
def test_names_have_dashes(
    tmp_path: Path, directory: str, told: str | None, expected: tuple[str, str]
) -> None:
    metadata = tmp_path / directory / ".spack"
    metadata.mkdir(parents=True)
    (metadata / "install_times.json").write_text(json.dumps({"name": told}))
    build = report_install.describe(
        report_install.LocalBuild(metadata.parent, "success", None, metadata)
    )
    assert (build["name"], build["version"]) == expected
    assert "host" not in build


def test_a_refusal_is_told_and_not_tried_again(
    server: FakeServer, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    server.answers = [(403, {})]
    assert run(server, tree / "opt") == 1
    told = capsys.readouterr()
    assert "403 why" in told.err
    assert TOKEN not in told.err + told.out
    assert len(server.requests) == 1


def test_a_server_that_stays_away_is_told(server: FakeServer, tree: Path) -> None:
    server.answers = [(503, {})] * report_install.MAX_TRIES
    assert run(server, tree / "opt") == 1
    assert len(server.requests) == report_install.MAX_TRIES


def test_the_token_follows_no_redirect(server: FakeServer, tree: Path) -> None:
    server.answers = [(302, {"Location": f"{server.url}/elsewhere"})]
    assert run(server, tree / "opt") == 1
    assert [request.path for request in server.requests] == ["/api/v1/builds"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--url", "http://example.org", "x"], "https only"),
        (["--url", "ftp://example.org", "x"], "must be the address"),
        (["--url", "https://example.org", "--token-file", "/no/such/file", "x"], "No such file"),
    ],
)
def test_what_cannot_be_right_is_refused(
    words: list[str], said: str, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert report_install.main(words) == 2
    assert said in capsys.readouterr().err


def test_without_a_token_nothing_is_sent(
    server: FakeServer, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CASELEDGER_TOKEN")
    assert run(server, tree) == 2
    assert server.requests == []


def test_a_token_may_stand_in_a_file(server: FakeServer, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("other\n")
    assert run(server, "--token-file", tmp_path / "token", tree / "opt") == 0
    assert server.requests[0].headers["Authorization"] == "Bearer other"


def test_one_bad_build_costs_itself(server: FakeServer, tree: Path) -> None:
    write_tree(tree / "opt", {"nameless/.spack/spec.json": b"{}"})
    assert run(server, tree / "opt", tree / "gone") == 1
    assert server.requests[-1].method == "PATCH"


@pytest.mark.parametrize("times", ['{"phases": [{}]}', '{"phases": 3}', '{"phases": ["build"]}'])
def test_damaged_phases_cost_one_build(
    times: str, server: FakeServer, tree: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (path,) = (tree / "opt").rglob("install_times.json")
    path.write_text(times)
    assert run(server, tree / "opt", tree / "logs" / LOG_NAME) == 1
    assert body(server.requests[-1])["status"] == "failed"
    assert "install_times.json" in capsys.readouterr().err


def test_a_damaged_log_costs_one_build(server: FakeServer, tree: Path) -> None:
    (log,) = (tree / "opt").rglob("spack-build-out.txt.gz")
    log.write_bytes(packed(LOG)[:10] + b"\xff" * 20)
    assert run(server, tree / "opt", tree / "logs" / LOG_NAME) == 1
    assert body(server.requests[-1])["status"] == "failed"


def test_an_empty_path_is_not_the_working_directory(
    server: FakeServer, tree: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tree)
    assert run(server, "") == 1
    assert server.requests == []


def test_what_is_left_among_the_stages_has_failed(server: FakeServer, tree: Path) -> None:
    write_tree(tree / "logs", {f"spack-stage-{NAME}/spack-build-out.txt": FAILED})
    beside = tree / "logs" / f"spack-stage-other-{NAME}"
    beside.mkdir()
    (beside / "spack-build-out.txt").symlink_to(tree / "logs" / LOG_NAME)
    assert run(server, tree / "logs") == 0
    started = [
        (body(request)["name"], body(request)["startedLocal"][11:16])
        for request in server.requests
        if request.path == "/api/v1/builds"
    ]
    assert started == [("p", "07:08"), ("p", "03:04")]


def test_links_are_told_relative_to_the_prefix() -> None:
    prefix = f"/opt/{NAME}"
    manifest = {
        f"{prefix}/.spack": {"mode": 1},
        f"{prefix}/lib/a.so": {"mode": 2, "dest": f"{prefix}/lib/a.so.1"},
        f"{prefix}/lib/b.so": {"mode": 2, "dest": "/usr/lib/b.so"},
        "/elsewhere": {"mode": 3},
    }
    entries = report_install.relative_manifest(manifest)
    assert [(e["path"], e.get("target")) for e in entries] == [
        (".spack", None), ("lib/a.so", "a.so.1"), ("lib/b.so", "/usr/lib/b.so"),
    ]  # fmt: skip
    assert "/opt" not in json.dumps(entries)


def test_it_needs_nothing_but_python_3_8() -> None:
    source = Path(report_install.__file__).read_text(encoding="utf-8")
    tree = ast.parse(source, feature_version=(3, 8))
    imported = {
        alias.name.partition(".")[0]
        for node in ast.walk(tree)
        if isinstance(node, ast.Import)
        for alias in node.names
    } | {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert imported <= {"__future__", *sys.stdlib_module_names}
