"""Report Spack builds to Caseledger: installations, and logs of failed builds.

This file needs only Python 3.8 or newer: copy it to the machine that runs Spack. See
docs/spack-reporter.md. A build that is reported again is still the same build.
"""

from __future__ import annotations

import argparse
import gzip
import hashlib
import http.client
import json
import os
import re
import shlex
import stat
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple  # noqa: UP035 - Python 3.8

PREFIX = "/api/v1"
MAX_TRIES = 4
LOCAL = ("localhost", "127.0.0.1", "::1")
SPECS = ("spec.json", "spec.yaml")
LOGS = ("spack-build-out.txt.gz", "spack-build-out.txt")
STAGE = "spack-stage-"
SPEC = re.compile(
    r"(?:spack-stage-)?(?P<name>[a-z0-9_][a-z0-9_.-]*?)"
    r"-(?P<version>(?:[0-9]|v[0-9]|develop|main|master|git\.)[^/\s]*?)-(?P<hash>[a-z2-7]{32})(?:-[A-Za-z0-9_]{8})?(?:\.log)?"
)
STAMP = re.compile(rb"==> \[(\d{4}-\d\d-\d\d)-(\d\d:\d\d:\d\d\.\d{1,6})\]")
HOST = {
    "host_os": "hostOs", "platform": "platform", "host_target": "hostTarget",
    "hostname": "hostname", "kernel_version": "kernelVersion", "spack_version": "spackVersion",
}  # fmt: skip
ENTRY = ("mode", "size", "hash", "dest")
GZIP = b"\x1f\x8b"


class LocalBuild(NamedTuple):
    """A build on this machine: its outcome, its log, and the directory of its other files."""

    path: Path
    status: str
    log: Path | None
    metadata: Path | None


class ReportError(Exception):
    """A build could not be reported; the message is the reason."""


FAILURES = (ReportError, OSError, ValueError, EOFError, zlib.error, RecursionError)
"""The exceptions that a damaged build causes, or a server that refuses it."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, because that would send the token to another server."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        """Return None, which refuses the redirect."""
        return


class Server:
    """Client of a Caseledger server with a token."""

    def __init__(self, url: str, token: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._url = url.rstrip("/") + PREFIX
        self._token = token
        self._pause = pause
        self._opener = urllib.request.build_opener(NoRedirect())

    def send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> dict[str, Any]:
        """Send a request, and repeat it while the server is busy or unreachable.

        Return the JSON object in the response. ReportError when the request is refused, or when
        `MAX_TRIES` requests failed. `body` is the content, or a function that opens it again for
        each try.
        """
        for attempt in range(MAX_TRIES):
            content = body() if callable(body) else body
            request = urllib.request.Request(  # noqa: S310 - main() has checked the scheme
                self._url + path, data=content, headers=headers, method=method
            )
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
            try:
                with self._opener.open(request, timeout=120) as response:
                    return dict(json.loads(response.read() or b"{}"))
            except urllib.error.HTTPError as error:
                reason = f"{method} {path}: {error.code} {_detail(error)}"
                if error.code < 500 and error.code != 429:
                    raise ReportError(reason) from None
            except (OSError, http.client.HTTPException) as error:
                reason = f"{method} {path}: {getattr(error, 'reason', error)}"
            finally:
                if hasattr(content, "close"):
                    content.close()
            if attempt < MAX_TRIES - 1:
                self._pause(2.0**attempt)
        raise ReportError(reason)

    def address_of(self, build_id: str) -> str:
        """Return the address of a recorded build, whose id is quoted for URLs."""
        return f"{self._url}/builds/{build_id}"

    def send_json(self, method: str, path: str, content: dict[str, Any]) -> dict[str, Any]:
        """Send a JSON object, and return the one in the response."""
        headers = {"Content-Type": "application/json"}
        return self.send(method, path, json.dumps(content).encode(), headers)


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(10_000))["detail"])
    except (ValueError, KeyError, TypeError, OSError):
        return str(error.reason)


def find_builds(path: Path) -> Iterator[LocalBuild]:
    """Yield the installations and the failed builds below a directory, or the build of a log."""
    if path.is_file():
        yield LocalBuild(path, "failed", path, None)
        return
    for folder, names, files in os.walk(path):
        metadata = Path(folder, ".spack")
        if ".spack" in names and _first(metadata, SPECS) is not None:
            yield LocalBuild(metadata.parent, "success", _first(metadata, LOGS), metadata)
            names.clear()
        elif metadata.parent.absolute().name.startswith(STAGE):
            yield from _stage(metadata.parent)
            names.clear()
        names.sort()
        logs = (name for name in sorted(files) if name.startswith(STAGE) and name.endswith(".log"))
        yield from (
            LocalBuild(log, "failed", log, None) for log in map(Path(folder).joinpath, logs)
        )


def _stage(folder: Path) -> Iterator[LocalBuild]:
    """Yield the failed build that a stage belongs to.

    A link is not a log of its own: it leads to the log beside the stage, which is found anyway.
    """
    log = _first(folder, LOGS)
    if log is not None and not log.is_symlink():
        yield LocalBuild(folder, "failed", log, None)


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    paths = (folder / name for name in names)
    return next((path for path in paths if path.is_file()), None)


def report(server: Server, build: LocalBuild, tags: list[str], session: str) -> str:
    """Report one build and return its id, quoted for URLs.

    Until its phases and its log have been sent, its status is `running`, so that readers know that
    the build is incomplete.
    """
    times = _read(build.metadata, "install_times.json")
    phases = list(_phases(times))
    manifest = relative_manifest(_read(build.metadata, "install_manifest.json"))
    begin = {**describe(build), "status": "running", "tags": tags, "session": session}
    build_id = urllib.parse.quote(str(server.send_json("POST", "/builds", begin)["id"]), safe="")
    _send_spec(server, build.metadata)
    for name, seconds in phases:
        path = f"/builds/{build_id}/phases/{urllib.parse.quote(name, safe='')}"
        server.send_json("PUT", path, {"status": "success", "seconds": seconds})
    if build.log is not None:
        _send_log(server, build_id, build.log)
    if manifest:
        _send_manifest(server, build_id, manifest)
    end = {"status": build.status, "seconds": times.get("total")}
    for stamp in stamps(build.log):
        end["endedLocal"] = stamp
    server.send_json("PATCH", f"/builds/{build_id}", end)
    return build_id


class Follower:
    """Reports the builds below directories of stages while a command runs.

    A build is reported as running when its log shows its first command; then its log is sent each
    time that it has grown, from which the server takes phases, errors and warnings.
    """

    def __init__(self, server: Server, paths: list[str], tags: list[str], session: str) -> None:
        self._server = server
        self._paths = paths
        self._about = {"tags": tags, "session": session}
        self._ids: dict[Path, str] = {}
        self._sizes: dict[Path, int] = {}
        self._refused: set[Path] = set()

    def poll(self) -> None:
        """Report what is new; print what cannot be reported, each build once."""
        for path in self._paths:
            for build in find_builds(Path(path)):
                if build.log is None or build.metadata is not None or build.path in self._refused:
                    continue
                try:
                    self._send(build, build.log)
                except FileNotFoundError:
                    continue  # Spack has just removed it
                except FAILURES as error:
                    self._refused.add(build.path)
                    _print_error(f"{build.path}: {error}", 1)

    def _send(self, build: LocalBuild, log: Path) -> None:
        if next(stamps(log), None) is None:
            return
        if build.path not in self._ids:
            begin = {**describe(build), "status": "running", **self._about}
            answer = self._server.send_json("POST", "/builds", begin)
            self._ids[build.path] = urllib.parse.quote(str(answer["id"]), safe="")
            sys.stdout.write(self._server.address_of(self._ids[build.path]) + "\n")
        content = log.read_bytes()  # at once, because it grows
        if self._sizes.get(build.path) != len(content):
            headers = {"Content-Type": "text/plain"}
            if content[:2] == GZIP:
                headers["Content-Encoding"] = "gzip"
            self._server.send("PUT", f"/builds/{self._ids[build.path]}/log", content, headers)
            self._sizes[build.path] = len(content)

    def finish(self, code: int) -> int:
        """Report how each build ended; return how many could not be reported.

        Spack removes the stage of a build that succeeded. When the command itself succeeded, so
        did all its builds.
        """
        self.poll()
        for path, build_id in self._ids.items():
            status = "failed" if code and path.exists() else "success"
            try:
                self._server.send_json("PATCH", f"/builds/{build_id}", {"status": status})
            except ReportError as error:
                self._refused.add(path)
                _print_error(f"{path}: {error}", 1)
        return len(self._refused)


def follow(follower: Follower, command: list[str], interval: float) -> int:
    """Run a command and report its builds while it runs; return its exit code."""
    with subprocess.Popen(command) as process:
        while True:
            try:
                code = process.wait(timeout=interval)
            except subprocess.TimeoutExpired:
                follower.poll()
            else:
                follower.finish(code)
                return code


def _phases(times: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield names and seconds of phases; ReportError when the file is not as Spack writes it."""
    phases = times.get("phases") or []
    if not isinstance(phases, list):
        raise ReportError("install_times.json: its phases are not an array")
    for phase in phases:
        if not isinstance(phase, dict) or not isinstance(phase.get("name"), str):
            raise ReportError("install_times.json: a phase has no name")
        yield phase["name"], phase.get("seconds")


def _send_spec(server: Server, metadata: Path | None) -> None:
    """Send the spec with its graph; when it is refused, the build is reported nevertheless."""
    path = metadata and _first(metadata, SPECS)
    if path:
        headers = {"Content-Type": "application/octet-stream"}
        try:
            server.send("POST", f"/specs?name={path.name}", path.read_bytes(), headers)
        except ReportError as error:
            _print_error(f"{path}: {error}", 1)


def _send_log(server: Server, build_id: str, log: Path) -> None:
    headers = {"Content-Type": "text/plain", "Content-Length": str(log.stat().st_size)}
    if _is_packed(log):
        headers["Content-Encoding"] = "gzip"
    server.send("PUT", f"/builds/{build_id}/log", lambda: log.open("rb"), headers)


def _send_manifest(server: Server, build_id: str, entries: list[dict[str, Any]]) -> None:
    lines = "".join(json.dumps(entry) + "\n" for entry in entries)
    headers = {"Content-Type": "application/x-ndjson"}
    server.send("PUT", f"/builds/{build_id}/manifest", lines.encode(), headers)


def describe(build: LocalBuild) -> dict[str, Any]:
    """Return the fields of a build that do not depend on how it ended."""
    match = SPEC.fullmatch(build.path.absolute().name)
    if match is None:
        raise ReportError("its name does not have the form <name>-<version>-<hash>")
    environment = _read(build.metadata, "install_environment.json")
    name, version = _name_and_version(build, match["name"], match["version"])
    fields: dict[str, Any] = {"specHash": match["hash"], "name": name, "version": version}
    host = {field: environment[name] for name, field in HOST.items() if name in environment}
    if host:
        fields["host"] = host
    started = next(stamps(build.log), None)
    if started is not None:
        fields["startedLocal"] = started
    else:
        fields["key"] = _key(build)
    args = _first(build.metadata, ("spack-configure-args.txt",)) if build.metadata else None
    if args is not None:
        fields["configureArgs"] = _words(args.read_text(encoding="utf-8", errors="replace"))
    return fields


def _name_and_version(build: LocalBuild, name: str, version: str) -> tuple[str, str]:
    """Return name and version, corrected if a part of the name looks like a version.

    `name` and `version` are a first guess from the path; `install_times.json` has the name.
    """
    package = _read(build.metadata, "install_times.json").get("name")
    name_and_version = f"{name}-{version}"
    if isinstance(package, str) and name_and_version.startswith(package + "-"):
        return package, name_and_version[len(package) + 1 :]
    return name, version


def _key(build: LocalBuild) -> str:
    """Return a digest of the files of a build, by which it is recognized when reported again."""
    digest = hashlib.sha256()
    for name in ("install_environment.json", "install_times.json", "install_manifest.json"):
        path = None if build.metadata is None else _first(build.metadata, (name,))
        digest.update(b"" if path is None else path.read_bytes())
    if build.log is not None:
        digest.update(build.log.read_bytes())
    return digest.hexdigest()


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def stamps(log: Path | None) -> Iterator[str]:
    """Yield the local time of each command in a log; the first one identifies the build."""
    if log is None:
        return
    with gzip.open(log) if _is_packed(log) else log.open("rb") as file:
        for line in file:
            match = STAMP.match(line)
            if match is not None:
                yield f"{match[1].decode()}T{match[2].decode()}"


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == GZIP


def relative_manifest(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of a manifest, sorted by path; paths are relative to the prefix.

    The prefix itself is not sent. Entries outside of it are left out.
    """
    metadata = [path for path in manifest if path.endswith("/.spack")]
    if not metadata:
        return []
    prefix = min(metadata, key=len)[: -len("/.spack")]
    entries = []
    for path, fields in manifest.items():
        if isinstance(fields, dict) and (path + "/").startswith(prefix + "/"):
            entry = {name: fields[name] for name in ENTRY if name in fields}
            entry["type"] = fields.get("type") or _type(fields)
            if "dest" in entry:
                entry["target"] = _relative(str(entry.pop("dest")), path, prefix)
            entries.append({"path": path[len(prefix) + 1 :] or ".", **entry})
    return sorted(entries, key=lambda entry: entry["path"])


def _type(fields: dict[str, Any]) -> str:
    """Return the type of an entry, which Spack does not write since 0.20."""
    value = fields.get("mode")
    mode = value & 0xFFFF if type(value) is int else 0
    if "dest" in fields or stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISDIR(mode):
        return "dir"
    return "file" if "hash" in fields or stat.S_ISREG(mode) else "other"


def _relative(target: str, path: str, prefix: str) -> str:
    is_inside = target == prefix or target.startswith(prefix + "/")
    return os.path.relpath(target, path.rpartition("/")[0]) if is_inside else target


def _read(folder: Path | None, name: str) -> dict[str, Any]:
    if folder is None or not (folder / name).is_file():
        return {}
    content = json.loads((folder / name).read_bytes())
    return content if isinstance(content, dict) else {}


def _arguments(words: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description="Report Spack builds to Caseledger.")
    parser.add_argument(
        "paths",
        nargs="+",
        metavar="PATH",
        help="an install tree, a prefix, a directory of stages, or a log",
    )
    parser.add_argument(
        "--url",
        default=os.environ.get("CASELEDGER_URL"),
        help="address of the server (default: CASELEDGER_URL)",
    )
    parser.add_argument("--token-file", help="file with the token (default: CASELEDGER_TOKEN)")
    parser.add_argument(
        "--tag", action="append", default=[], help="a tag for all builds; may be repeated"
    )
    parser.add_argument("--session", help="an id shared by all builds of one run of Spack")
    parser.add_argument(
        "--follow",
        action="store_true",
        help="run the command after -- and report the builds below the paths while it runs",
    )
    parser.add_argument(
        "--interval",
        type=float,
        default=10.0,
        help="with --follow: the seconds between two reports (default: 10)",
    )
    words = list(sys.argv[1:] if words is None else words)
    command = words[words.index("--") + 1 :] if "--" in words else []
    arguments = parser.parse_args(words[: words.index("--")] if "--" in words else words)
    if arguments.follow != bool(command):
        parser.error("--follow needs a command after --, and only --follow takes one")
    arguments.command = command
    return arguments


def _token(arguments: argparse.Namespace) -> str:
    if arguments.token_file:
        return Path(arguments.token_file).read_text(encoding="utf-8").strip()
    return os.environ.get("CASELEDGER_TOKEN", "").strip()


def _problem(url: str | None, token: str) -> str | None:
    parts = urllib.parse.urlsplit(url or "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "--url or CASELEDGER_URL must be the address of Caseledger"
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        return "a token is sent over https only, or to this machine"
    return None if token else "--token-file or CASELEDGER_TOKEN must give a token"


def main(words: list[str] | None = None, pause: Callable[[float], None] = time.sleep) -> int:
    """Report all builds below the paths, and return the exit code.

    It is 1 when a build could not be reported, 2 when the arguments are wrong; with --follow it is
    that of the command.
    """
    arguments = _arguments(words)
    try:
        token = _token(arguments)
    except OSError as error:
        return _print_error(f"{arguments.token_file}: {error.strerror}", 2)
    problem = _problem(arguments.url, token)
    if problem is not None:
        return _print_error(problem, 2)
    server = Server(arguments.url, token, pause)
    seed = "\0".join((*arguments.paths, str(time.time())))
    session = arguments.session or hashlib.sha256(seed.encode()).hexdigest()[:32]
    if arguments.follow:
        follower = Follower(server, arguments.paths, arguments.tag, session)
        return follow(follower, arguments.command, arguments.interval)
    failed = reported = 0
    for path in arguments.paths:
        failed += _check_path(path)
        for build in find_builds(Path(path)) if path else ():
            try:
                build_id = report(server, build, arguments.tag, session)
                sys.stdout.write(server.address_of(build_id) + "\n")
                reported += 1
            except FAILURES as error:
                failed += _print_error(f"{build.path}: {error}", 1)
    sys.stdout.write(f"{reported} reported, {failed} failed\n")
    return 1 if failed else 0


def _check_path(path: str) -> int:
    """Return 0 for a path that exists; for any other print an error and return 1.

    An empty path is what remains of `$(command)` when the command failed.
    """
    if not path:
        return _print_error("a path is empty", 1)
    return 0 if Path(path).exists() else _print_error(f"{path}: no such file or directory", 1)


def _print_error(text: str, code: int) -> int:
    sys.stderr.write(f"report_install: {text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
