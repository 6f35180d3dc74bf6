"""Dockerfile and docker-compose.yml: their structure, and the commands in them, run without Docker.

Commands are run as the files have them; only paths and ports are redirected to those of the test.
"""

import json
import os
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
import yaml
from pymongo import MongoClient, errors
from pymongo.uri_parser import parse_uri

from api.aggregation.operators import PUBLIC_COLLECTIONS
from models.embedded.program import find_mongod
from models.settings import Settings
from tests.support.paths import ROOT

NAMES = {"credentials", "mongodb", "caseledger"}
MONGODB_PORT, SERVICE_PORT = "27017", "8000"
CREDENTIALS = "/credentials"  # where the containers see the volume
START_SECONDS = 40
UNAUTHORIZED = 13
READING = [
    {"resource": {"db": "caseledger", "collection": name}, "actions": ["find"]}
    for name in sorted(PUBLIC_COLLECTIONS)
]

Json = dict[str, Any]
Client = MongoClient[Json]


def unescaped(value: Any) -> Any:
    """Return a value of the compose file as the container gets it."""
    if isinstance(value, dict):
        return {key: unescaped(item) for key, item in value.items()}
    if isinstance(value, list):
        return [unescaped(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


@pytest.fixture(scope="module")
def compose() -> Json:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    document: Json = unescaped(yaml.safe_load(text))
    return document


@pytest.fixture(scope="module")
def services(compose: Json) -> dict[str, Json]:
    found: dict[str, Json] = compose["services"]
    return found


@pytest.fixture(scope="module")
def dockerfile() -> list[tuple[str, str]]:
    """Return the instructions in order, each with its arguments on one line."""
    text = (ROOT / "Dockerfile").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    return [(line.split(None, 1)[0], line.split(None, 1)[1]) for line in joined.splitlines()]


def last_stage(dockerfile: list[tuple[str, str]]) -> dict[str, str]:
    """Return the last of each instruction in the stage that becomes the image."""
    begin = max(i for i, (name, _) in enumerate(dockerfile) if name == "FROM")
    return dict(dockerfile[begin:])


@pytest.fixture(scope="module")
def serve_command(dockerfile: list[tuple[str, str]]) -> list[str]:
    command: list[str] = json.loads(last_stage(dockerfile)["CMD"])
    return command


@pytest.fixture(scope="module")
def probe_command(dockerfile: list[tuple[str, str]]) -> list[str]:
    _, command = last_stage(dockerfile)["HEALTHCHECK"].split(" CMD ")
    probe: list[str] = json.loads(command)
    return probe


# What the files say


def test_compose_file_needs_nothing_prepared(compose: Json) -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    settled = "".join(line for line in text.splitlines() if not line.startswith("#"))
    assert "$" not in settled.replace("$$", ""), "a variable would have to be set"
    assert set(compose) == {"services", "volumes"}
    assert set(compose["services"]) == NAMES
    assert compose["volumes"] == {"credentials": None, "data": None}
    for service in compose["services"].values():
        assert not {"env_file", "secrets", "configs"} & set(service)
        assert {volume.split(":")[0] for volume in service["volumes"]} <= set(compose["volumes"])
    assert compose["services"]["caseledger"]["build"] == "."
    for name in ("credentials", "mongodb"):
        assert compose["services"][name]["image"] == "mongo:8"


def test_files_hold_no_secret(services: dict[str, Json]) -> None:
    assert services["credentials"]["environment"] == {
        "CREDENTIALS": CREDENTIALS,
        "MEMBER": f"mongodb:{MONGODB_PORT}",
        "MONGODB_OWNER": "999:999",
        "SERVICE_OWNER": "10001:10001",
    }
    assert set(services["mongodb"]["environment"]) == {"CREDENTIALS", "MEMBER", "HOME"}
    url_file = {"CASELEDGER_MONGODB_URL_FILE": f"{CREDENTIALS}/current/url"}
    assert services["caseledger"]["environment"] == url_file
    for name in ("docker-compose.yml", "Dockerfile"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert not re.search(r"://[^\s/@:]+:(?!\$)[^\s/@]+@", text)
        assert not re.search(r"(?=[A-Za-z+/]*\d)[0-9A-Za-z+/]{24,}", text)


def test_only_the_api_can_be_reached_and_only_from_this_machine(services: dict[str, Json]) -> None:
    published = {name: service.get("ports") for name, service in services.items()}
    assert published == {
        "credentials": None,
        "mongodb": None,
        "caseledger": [f"127.0.0.1:{SERVICE_PORT}:{SERVICE_PORT}"],
    }
    assert services["credentials"]["network_mode"] == "none"
    assert not any("network_mode" in services[name] for name in ("mongodb", "caseledger"))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_containers_have_few_rights(services: dict[str, Json], name: str) -> None:
    service = services[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not {"privileged", "devices", "pid", "ipc"} & set(service)
    if name == "credentials":  # root, to give the files to others
        assert service["cap_add"] == ["CHOWN"]
        return
    owner = "SERVICE_OWNER" if name == "caseledger" else "MONGODB_OWNER"
    assert service["user"] == services["credentials"]["environment"][owner]
    assert "cap_add" not in service
    assert service["tmpfs"] == ["/tmp"]
    assert service["restart"] == "unless-stopped"
    assert f"credentials:{CREDENTIALS}:ro" in service["volumes"]


def test_each_service_waits_for_the_one_before(services: dict[str, Json]) -> None:
    assert "depends_on" not in services["credentials"]
    waits = {"credentials": {"condition": "service_completed_successfully"}}
    assert services["mongodb"]["depends_on"] == waits
    assert services["caseledger"]["depends_on"] == {"mongodb": {"condition": "service_healthy"}}
    healthcheck = services["mongodb"]["healthcheck"]["test"]
    assert healthcheck[:2] == ["CMD", "mongosh"]
    assert 'roles: [{role: "readWrite", db: "caseledger"}]' in healthcheck[-1]
    listed = re.search(r"readable = (\[[^\]]+\]);", healthcheck[-1])
    assert listed is not None
    assert re.findall(r'"(\w+)"', listed[1]) == sorted(PUBLIC_COLLECTIONS)
    assert "healthcheck" not in services["caseledger"]  # the image has it


def test_image_runs_the_service_as_an_ordinary_user(
    dockerfile: list[tuple[str, str]], services: dict[str, Json], serve_command: list[str]
) -> None:
    image = last_stage(dockerfile)
    assert image["USER"] == services["caseledger"]["user"]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", image["USER"])
    assert serve_command == ["caseledger", "serve", "--host", "0.0.0.0", "--port", SERVICE_PORT]
    assert "ENTRYPOINT" not in image
    assert "VOLUME" not in image


def test_image_has_the_pinned_packages_and_no_more(dockerfile: list[tuple[str, str]]) -> None:
    stages = [arguments for name, arguments in dockerfile if name == "FROM"]
    assert stages == ["python:3.12-slim AS build", "python:3.12-slim"]
    installs = [arguments for name, arguments in dockerfile if "install" in arguments]
    assert len(installs) == 1
    assert installs[0].endswith("--constraint constraints.txt .")
    copies = [arguments for name, arguments in dockerfile if name in {"COPY", "ADD"}]
    assert copies == [". .", "--from=build /opt/caseledger /opt/caseledger"]


def test_build_context_is_what_the_build_reads() -> None:
    patterns = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    assert patterns[0] == "*"
    allowed = {pattern[1:] for pattern in patterns if pattern.startswith("!")}
    packages = {"api", "ingest", "models"}
    assert allowed == packages | {"pyproject.toml", "constraints.txt", "README.md", "LICENSE"}
    assert all((ROOT / name).exists() for name in allowed)
    assert patterns[-1] == "**/__pycache__"


def compose_program() -> list[str] | None:
    """Return the program that reads compose files: the plugin of Docker, or the older one."""
    for program in (["docker", "compose"], ["docker-compose"]):
        if shutil.which(program[0]) is None:
            continue
        if subprocess.run([*program, "version"], capture_output=True, check=False).returncode == 0:
            return program
    return None


@pytest.mark.slow
def test_compose_reads_the_file_as_it_is_meant(services: dict[str, Json]) -> None:
    program = compose_program()
    if program is None:
        pytest.skip("neither `docker compose` nor docker-compose is here")
    answer = subprocess.run(
        [*program, "--file", str(ROOT / "docker-compose.yml"), "config"],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert answer.returncode == 0, answer.stderr
    read = unescaped(yaml.safe_load(answer.stdout))
    assert set(read["services"]) == NAMES
    assert set(read["volumes"]) == {"credentials", "data"}
    for name, service in services.items():
        understood = read["services"][name]
        for key in ("environment", "command", "entrypoint", "user", "read_only", "cap_drop"):
            assert understood.get(key) == service.get(key), (name, key)
        waits = {other: on["condition"] for other, on in understood.get("depends_on", {}).items()}
        meant = {other: on["condition"] for other, on in service.get("depends_on", {}).items()}
        assert waits == meant
    healthcheck = services["mongodb"]["healthcheck"]["test"]
    assert read["services"]["mongodb"]["healthcheck"]["test"] == healthcheck


# What the commands in the files do


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def make_credentials(
    services: Mapping[str, Json], directory: Path, **changes: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command of the service `credentials` for a directory of the test."""
    service = services["credentials"]
    me = f"{os.getuid()}:{os.getgid()}"
    environment: dict[str, str] = {
        **service["environment"],
        "MONGODB_OWNER": me,
        "SERVICE_OWNER": me,
        "CREDENTIALS": str(directory),
        "PATH": os.environ["PATH"],
    }
    return subprocess.run(
        [*service["entrypoint"], *service["command"]],
        env=environment | changes, capture_output=True, text=True, timeout=30, check=False,
    )  # fmt: skip


def contents(directory: Path) -> dict[str, tuple[str, int, int]]:
    """Return for each file what is in it, who may read it, and when it was written."""
    return {
        str(path.relative_to(directory)): (
            path.read_text(encoding="ascii"),
            stat.S_IMODE(path.stat().st_mode),
            path.stat().st_mtime_ns,
        )
        for path in sorted(directory.rglob("*"))
        if path.is_file()
    }


def test_credentials_are_made_once(services: dict[str, Json], tmp_path: Path) -> None:
    first = make_credentials(services, tmp_path)
    assert (first.returncode, first.stdout, first.stderr) == (0, "", "")
    made = contents(tmp_path)
    assert {name: mode for name, (_, mode, _) in made.items()} == {
        "current/keyfile": 0o400,
        "current/password": 0o400,
        "current/root-password": 0o400,
        "current/url": 0o440,
        "reader/password": 0o400,
        "reader/url": 0o400,
    }
    for name in ("current", "reader"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o755
    assert make_credentials(services, tmp_path).returncode == 0
    assert contents(tmp_path) == made

    texts = [made[name][0] for name in sorted(made)]
    key, password, root_password, url, reading_password, reading_url = texts
    assert re.fullmatch(r"[0-9a-f]{768}", key)  # MongoDB takes up to 1,024
    assert re.fullmatch(r"[0-9a-f]{48}", password)
    assert re.fullmatch(r"[0-9a-f]{48}", root_password)
    assert re.fullmatch(r"[0-9a-f]{48}", reading_password)
    assert len({password, root_password, reading_password}) == 3
    for text, user, secret in (
        (url, "caseledger", password),
        (reading_url, "reader", reading_password),
    ):
        parsed = parse_uri(text)
        assert (parsed["username"], parsed["password"]) == (user, secret)
        assert parsed["nodelist"] == [("mongodb", int(MONGODB_PORT))]
        assert parsed["database"] == Settings.model_fields["database"].default


def test_credentials_of_older_times_get_what_is_new(
    services: dict[str, Json], tmp_path: Path
) -> None:
    assert make_credentials(services, tmp_path).returncode == 0
    before = contents(tmp_path / "current")
    shutil.rmtree(tmp_path / "reader")
    assert make_credentials(services, tmp_path).returncode == 0
    assert contents(tmp_path / "current") == before
    assert set(contents(tmp_path / "reader")) == {"password", "url"}


def test_credentials_differ_from_one_machine_to_the_next(
    services: dict[str, Json], tmp_path: Path
) -> None:
    values: list[str] = []
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        assert make_credentials(services, tmp_path / name).returncode == 0
        values += [text for text, _, _ in contents(tmp_path / name).values()]
    assert len(set(values)) == 12


def test_credentials_that_were_half_made_are_made_again(
    services: dict[str, Json], tmp_path: Path
) -> None:
    for name in ("new/keyfile", "new-reader/password"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text("half")
        (tmp_path / name).chmod(0o400)
    assert make_credentials(services, tmp_path).returncode == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["current", "reader"]
    assert len(contents(tmp_path)) == 6


def test_credentials_are_not_kept_when_they_cannot_be_handed_over(
    services: dict[str, Json], tmp_path: Path
) -> None:
    failed = make_credentials(services, tmp_path, SERVICE_OWNER="nobody-of-that-name")
    assert failed.returncode != 0
    assert not (tmp_path / "current").exists()


@pytest.mark.skipif(os.getuid() != 0, reason="only root gives files away")
def test_credentials_belong_to_those_who_read_them(
    services: dict[str, Json], tmp_path: Path
) -> None:
    owners = services["credentials"]["environment"]
    mongodb, service = owners["MONGODB_OWNER"], owners["SERVICE_OWNER"]
    made = make_credentials(services, tmp_path, MONGODB_OWNER=mongodb, SERVICE_OWNER=service)
    assert made.returncode == 0
    found = {name: (tmp_path / name).stat() for name in contents(tmp_path)}
    assert {name: f"{status.st_uid}:{status.st_gid}" for name, status in found.items()} == {
        "current/keyfile": mongodb,
        "current/password": mongodb,
        "current/root-password": mongodb,
        "current/url": service,
        "reader/password": mongodb,
        "reader/url": mongodb,
    }


class Server:
    """A mongod, started as the compose file has it, with the files that it uses."""

    def __init__(self, services: Mapping[str, Json], directory: Path) -> None:
        self.port = free_port()
        self.member = f"127.0.0.1:{self.port}"
        self.credentials = directory / "credentials"
        self.credentials.mkdir(parents=True)
        made = make_credentials(services, self.credentials, MEMBER=self.member)
        assert made.returncode == 0, made.stderr
        (directory / "db").mkdir()
        self._log = directory / "mongod.log"
        program, *given = services["mongodb"]["command"]
        assert program == "mongod"
        arguments = [word.replace(CREDENTIALS, str(self.credentials)) for word in given]
        arguments += [f"--port={self.port}", f"--dbpath={directory / 'db'}", "--nounixsocket"]
        with self._log.open("wb") as log:
            self._process = subprocess.Popen(
                [find_mongod(Settings()), *arguments], stdout=log, stderr=log
            )

    def secret(self, name: str, directory: str = "current") -> str:
        return (self.credentials / directory / name).read_text(encoding="ascii")

    @contextmanager
    def client(self, user: str = "", password: str = "", source: str = "admin") -> Iterator[Client]:
        login: Json = {"username": user, "password": password, "authSource": source} if user else {}
        client: Client = MongoClient(
            "127.0.0.1", self.port, directConnection=True, serverSelectionTimeoutMS=20_000, **login
        )
        try:
            yield client
        finally:
            client.close()

    def wait(self) -> None:
        """Return when the server answers."""
        with self.client() as client:
            try:
                client.admin.command("ping")
            except errors.PyMongoError as error:
                raise AssertionError(self._log.read_text(errors="replace")[-2000:]) from error

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


@contextmanager
def mongod(services: Mapping[str, Json], directory: Path) -> Iterator[Server]:
    server = Server(services, directory)
    try:
        server.wait()
        yield server
    finally:
        server.stop()


def set_up(server: Server) -> None:
    """Do what the healthcheck of mongodb does on an empty server, by the same commands."""
    root = server.secret("root-password")
    with server.client() as client:
        members = [{"_id": 0, "host": server.member}]
        client.admin.command("replSetInitiate", {"_id": "caseledger", "members": members})
        deadline = time.monotonic() + START_SECONDS
        while not client.admin.command("hello")["isWritablePrimary"]:
            assert time.monotonic() < deadline
            time.sleep(0.05)
        client.admin.command("createUser", "root", pwd=root, roles=["root"])
    with server.client("root", root) as client:
        client["caseledger"].command(
            "createUser",
            "caseledger",
            pwd=server.secret("password"),
            roles=[{"role": "readWrite", "db": "caseledger"}],
        )
        client["caseledger"].command("createRole", "caseledgerReader", privileges=READING, roles=[])
        client["caseledger"].command(
            "createUser",
            "reader",
            pwd=server.secret("password", "reader"),
            roles=[{"role": "caseledgerReader", "db": "caseledger"}],
        )


def check_access(server: Server) -> None:
    """Check who can do what on a server that was set up."""
    with server.client() as client, pytest.raises(errors.OperationFailure) as refused:
        client["caseledger"]["cases"].find_one()
    assert refused.value.code == UNAUTHORIZED
    with server.client() as client, pytest.raises(errors.OperationFailure) as refused:
        client.admin.command("createUser", "other", pwd="other", roles=["root"])
    assert refused.value.code == UNAUTHORIZED
    with server.client("caseledger", server.secret("password"), "caseledger") as client:
        client["caseledger"]["scratch"].insert_one({"a": 1})
        client["caseledger"]["scratch"].drop()
        for other in ("admin", "other"):
            with pytest.raises(errors.OperationFailure) as refused:
                client[other]["cases"].insert_one({"a": 1})
            assert refused.value.code == UNAUTHORIZED
    with server.client("root", server.secret("root-password")) as client:
        users = list(client.admin["system.users"].find({}, {"roles": 1}).sort("_id"))
        roles = list(client.admin["system.roles"].find({}, {"privileges": 1, "roles": 1}))
        hosts = client.admin.command("replSetGetConfig")["config"]["members"]
    assert users == [
        {"_id": "admin.root", "roles": [{"role": "root", "db": "admin"}]},
        {
            "_id": "caseledger.caseledger",
            "roles": [{"role": "readWrite", "db": "caseledger"}],
        },
        {
            "_id": "caseledger.reader",
            "roles": [{"role": "caseledgerReader", "db": "caseledger"}],
        },
    ]
    assert roles == [{"_id": "caseledger.caseledgerReader", "privileges": READING, "roles": []}]
    check_reading(server)
    assert [member["host"] for member in hosts] == [server.member]


def check_reading(server: Server) -> None:
    """Check that the reading user reads the public collections, and can do nothing else."""
    join = {"localField": "a", "foreignField": "a", "as": "a"}
    with server.client("caseledger", server.secret("password"), "caseledger") as client:
        for name in ("cases", "tokens"):
            client["caseledger"][name].insert_one({"a": 1})
    with MongoClient[Json](server.secret("url", "reader")) as client:
        database = client.get_default_database()
        status = database.command("connectionStatus", showPrivileges=True)["authInfo"]
        rights = [right["resource"] for right in status["authenticatedUserPrivileges"]]
        assert sorted(r["collection"] for r in rights) == sorted(PUBLIC_COLLECTIONS)
        for name in sorted(PUBLIC_COLLECTIONS):
            database[name].find_one()
            list(database[name].aggregate([{"$lookup": {"from": "cases", **join}}]))
        assert database["cases"].count_documents({"a": 1}) > 0
        refused: list[Callable[[], object]] = [
            lambda: database["tokens"].find_one(),
            lambda: database["logs.files"].find_one(),
            lambda: database["system.profile"].find_one(),
            lambda: client["admin"]["system.users"].find_one(),
            lambda: client["local"]["oplog.rs"].find_one(),
            lambda: list(database["cases"].aggregate([{"$lookup": {"from": "tokens", **join}}])),
            lambda: list(database["cases"].aggregate([{"$unionWith": "tokens"}])),
            lambda: list(database["cases"].aggregate([{"$out": "scratch"}])),
            lambda: list(database["cases"].aggregate([{"$merge": "executions"}])),
            lambda: database["cases"].insert_one({"a": 1}),
            lambda: database["cases"].update_one({}, {"$set": {"a": 2}}),
            lambda: database["cases"].delete_one({}),
            lambda: database["cases"].drop(),
            lambda: database["cases"].create_index("a"),
            lambda: database.command("createUser", "other", pwd="other", roles=[]),
            lambda: client.drop_database("caseledger"),
        ]
        for attempt in refused:
            with pytest.raises(errors.OperationFailure) as failure:
                attempt()
            assert failure.value.code == UNAUTHORIZED
        with pytest.raises(errors.OperationFailure, match=r"(?i)script"):
            database["cases"].find_one({"$where": "true"})
    with server.client("caseledger", server.secret("password"), "caseledger") as client:
        client["caseledger"]["cases"].delete_many({"a": 1})
        client["caseledger"]["tokens"].delete_many({"a": 1})


@pytest.mark.skipif(shutil.which("mongosh") is None, reason="mongosh is not here")
def test_healthcheck_of_mongodb_sets_up_what_is_missing(
    services: dict[str, Json], tmp_path: Path
) -> None:
    with mongod(services, tmp_path) as server:
        environment = {
            "CREDENTIALS": str(server.credentials),
            "MEMBER": server.member,
            "HOME": str(tmp_path),
            "PATH": os.environ["PATH"],
        }
        assert set(environment) - {"PATH"} == set(services["mongodb"]["environment"])
        _, *command = services["mongodb"]["healthcheck"]["test"]
        command = [word.replace(f":{MONGODB_PORT}/", f":{server.port}/") for word in command]

        def check() -> "subprocess.CompletedProcess[str]":
            return subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=60, check=False
            )

        for _ in range(2):  # the first does the work, the second finds it done
            healthy = check()
            assert healthy.returncode == 0, healthy.stdout + healthy.stderr
            check_access(server)
        with server.client("root", server.secret("root-password")) as client:
            role = "caseledgerReader"
            client["caseledger"].command("updateRole", role, privileges=READING[1:])
            assert check().returncode == 0  # a collection was added since the role was made
            check_access(server)
            client.admin.command("replSetStepDown", 60, force=True)
        assert check().returncode != 0  # it is there, but it is not the primary
        server.stop()
        assert check().returncode != 0


class Service:
    """The commands of the image, run with the environment that the compose file gives."""

    def __init__(
        self, services: Mapping[str, Json], server: Server, serve: list[str], probe: list[str]
    ) -> None:
        self.port = str(free_port())
        given = services["caseledger"]["environment"]
        self.environment: dict[str, str] = {
            name: value.replace(CREDENTIALS, str(server.credentials))
            for name, value in given.items()
        } | {
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "HOME": "/nonexistent",
            "http_proxy": "http://127.0.0.1:1",  # Docker hands such variables on
        }
        self._serve = [self.port if word == SERVICE_PORT else word for word in serve]
        self._probe = [word.replace(f" {SERVICE_PORT},", f" {self.port},") for word in probe]
        assert self._serve != serve
        assert self._probe != probe

    def is_healthy(self) -> bool:
        answer = subprocess.run(
            self._probe, env=self.environment, capture_output=True, timeout=30, check=False
        )
        return answer.returncode == 0

    @contextmanager
    def running(self, directory: Path) -> Iterator["subprocess.Popen[bytes]"]:
        log = directory / "service.log"
        with log.open("wb") as output:
            process = subprocess.Popen(
                self._serve, env=self.environment, cwd=directory, stdout=output, stderr=output
            )
        try:
            deadline = time.monotonic() + START_SECONDS
            while not self.is_healthy():
                assert process.poll() is None, log.read_text(errors="replace")
                assert time.monotonic() < deadline, log.read_text(errors="replace")
                time.sleep(0.1)
            yield process
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            process.wait()

    def status(self, path: str) -> int:
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(f"http://127.0.0.1:{self.port}{path}", timeout=30) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return int(error.code)


@pytest.mark.slow
def test_service_runs_on_the_server_of_the_compose_file(
    services: dict[str, Json], serve_command: list[str], probe_command: list[str], tmp_path: Path
) -> None:
    with mongod(services, tmp_path / "mongodb") as server:
        set_up(server)
        check_access(server)
        service = Service(services, server, serve_command, probe_command)
        work = tmp_path / "work"
        work.mkdir()
        assert not service.is_healthy()
        with service.running(tmp_path) as process:
            assert service.status("/livez") == 200
            assert service.status("/api/v1/cases") == 200
            process.terminate()
            assert process.wait(20) == 0
            assert not service.is_healthy()
        with service.running(tmp_path):
            server.stop()
            assert not service.is_healthy()
            assert service.status("/livez") == 200
