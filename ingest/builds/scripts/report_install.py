"""Report what Spack has built to Caseledger: installations, and logs of builds that failed.

Needs Python 3.8 and nothing else: copy this one file to where Spack runs, and see
docs/spack-reporter.md. What has been reported may be reported again: it is the same build.
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
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
import zlib
from pathlib import Path
from typing import Any, Callable, Iterator, NamedTuple  # noqa: UP035 - Python 3.8

PREFIX = "/api/v1"
TRIES = 4
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


class Found(NamedTuple):
    """A build to report: its log, the directory of its other files, and what became of it."""

    path: Path
    status: str
    log: Path | None
    metadata: Path | None


class ReportError(Exception):
    """A build could not be reported; the text says why."""


FAILURES = (ReportError, OSError, ValueError, EOFError, zlib.error, RecursionError)
"""What a damaged build may bring about, or a server that does not take it."""


class NoRedirect(urllib.request.HTTPRedirectHandler):
    """Follows no redirect, which would take the token to another place."""

    def redirect_request(self, *_args: Any, **_named: Any) -> None:
        """Refuse."""
        return


class Server:
    """Caseledger at a URL, spoken to with a token."""

    def __init__(self, url: str, token: str, pause: Callable[[float], None] = time.sleep) -> None:
        self._url = url.rstrip("/") + PREFIX
        self._token = token
        self._pause = pause
        self._opener = urllib.request.build_opener(NoRedirect())

    def send(self, method: str, path: str, body: Any, headers: dict[str, str]) -> dict[str, Any]:
        """Send a request, again when the server is busy or away; ReportError when it is refused."""
        for attempt in range(TRIES):
            content = body() if callable(body) else body
            request = urllib.request.Request(  # noqa: S310 - main() has checked the scheme
                self._url + path, data=content, headers=headers, method=method
            )
            request.add_unredirected_header("Authorization", f"Bearer {self._token}")
            try:
                with self._opener.open(request, timeout=120) as answer:
                    return dict(json.loads(answer.read() or b"{}"))
            except urllib.error.HTTPError as error:
                reason = f"{method} {path}: {error.code} {_detail(error)}"
                if error.code < 500 and error.code != 429:
                    raise ReportError(reason) from None
            except (OSError, http.client.HTTPException) as error:
                reason = f"{method} {path}: {getattr(error, 'reason', error)}"
            finally:
                if hasattr(content, "close"):
                    content.close()
            if attempt < TRIES - 1:
                self._pause(2.0**attempt)
        raise ReportError(reason)

    def send_json(self, method: str, path: str, content: dict[str, Any]) -> dict[str, Any]:
        """Send an object, and return the one that is answered."""
        headers = {"Content-Type": "application/json"}
        return self.send(method, path, json.dumps(content).encode(), headers)


def _detail(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(10_000))["detail"])
    except (ValueError, KeyError, TypeError, OSError):
        return str(error.reason)


def find(path: Path) -> Iterator[Found]:
    """Give the installations and the failed builds below a directory, or that of a log."""
    if path.is_file():
        yield Found(path, "failed", path, None)
        return
    for folder, names, files in os.walk(path):
        metadata = Path(folder, ".spack")
        if ".spack" in names and _first(metadata, SPECS) is not None:
            yield Found(metadata.parent, "success", _first(metadata, LOGS), metadata)
            names.clear()
        elif metadata.parent.absolute().name.startswith(STAGE):
            yield from _stage(metadata.parent)
            names.clear()
        names.sort()
        logs = (name for name in sorted(files) if name.startswith(STAGE) and name.endswith(".log"))
        yield from (Found(log, "failed", log, None) for log in map(Path(folder).joinpath, logs))


def _stage(folder: Path) -> Iterator[Found]:
    """Give the build whose stage a directory is, unless its log lies beside it."""
    log = _first(folder, LOGS)
    if log is not None and not log.is_symlink():
        yield Found(folder, "failed", log, None)


def _first(folder: Path, names: tuple[str, ...]) -> Path | None:
    paths = (folder / name for name in names)
    return next((path for path in paths if path.is_file()), None)


def report(server: Server, found: Found, tags: list[str], session: str) -> str:
    """Report one build and return its id.

    It is said to run until its phases and its log are there: whoever looks sees that they come.
    """
    times = _read(found.metadata, "install_times.json")
    phases = list(_phases(times))
    manifest = relative_manifest(_read(found.metadata, "install_manifest.json"))
    build = {**describe(found), "status": "running", "tags": tags, "session": session}
    own_id = urllib.parse.quote(str(server.send_json("POST", "/builds", build)["id"]), safe="")
    _send_spec(server, found.metadata)
    for name, seconds in phases:
        told = {"status": "success", "seconds": seconds}
        path = f"/builds/{own_id}/phases/{urllib.parse.quote(name, safe='')}"
        server.send_json("PUT", path, told)
    if found.log is not None:
        _send_log(server, own_id, found.log)
    if manifest:
        _send_manifest(server, own_id, manifest)
    end = {"status": found.status, "seconds": times.get("total")}
    for last in stamps(found.log):
        end["endedLocal"] = last
    server.send_json("PATCH", f"/builds/{own_id}", end)
    return own_id


def _phases(times: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Give names and seconds of phases; ReportError when they are not what Spack writes."""
    phases = times.get("phases") or []
    if not isinstance(phases, list):
        raise ReportError("install_times.json: its phases are no array")
    for phase in phases:
        if not isinstance(phase, dict) or not isinstance(phase.get("name"), str):
            raise ReportError("install_times.json: a phase has no name")
        yield phase["name"], phase.get("seconds")


def _send_spec(server: Server, metadata: Path | None) -> None:
    """Send the spec with its graph; when it is not taken, the build is reported all the same."""
    path = metadata and _first(metadata, SPECS)
    if path:
        headers = {"Content-Type": "application/octet-stream"}
        try:
            server.send("POST", f"/specs?name={path.name}", path.read_bytes(), headers)
        except ReportError as error:
            _say(f"{path}: {error}", 1)


def _send_log(server: Server, own_id: str, log: Path) -> None:
    headers = {"Content-Type": "text/plain", "Content-Length": str(log.stat().st_size)}
    if _is_packed(log):
        headers["Content-Encoding"] = "gzip"
    server.send("PUT", f"/builds/{own_id}/log", lambda: log.open("rb"), headers)


def _send_manifest(server: Server, own_id: str, entries: list[dict[str, Any]]) -> None:
    lines = "".join(json.dumps(entry) + "\n" for entry in entries)
    headers = {"Content-Type": "application/x-ndjson"}
    server.send("PUT", f"/builds/{own_id}/manifest", lines.encode(), headers)


def describe(found: Found) -> dict[str, Any]:
    """Return what is known of a build before it is told how it went."""
    match = SPEC.fullmatch(found.path.absolute().name)
    if match is None:
        raise ReportError("its name does not end in the hash of a spec")
    environment = _read(found.metadata, "install_environment.json")
    name, version = _name(found, match["name"], match["version"])
    build: dict[str, Any] = {"specHash": match["hash"], "name": name, "version": version}
    host = {ours: environment[name] for name, ours in HOST.items() if name in environment}
    if host:
        build["host"] = host
    started = next(stamps(found.log), None)
    if started is not None:
        build["startedLocal"] = started
    else:
        build["key"] = _key(found)
    args = _first(found.metadata, ("spack-configure-args.txt",)) if found.metadata else None
    if args is not None:
        build["configureArgs"] = _words(args.read_text(encoding="utf-8", errors="replace"))
    return build


def _name(found: Found, name: str, version: str) -> tuple[str, str]:
    """Return name and version, given the first guess: a name may have a part like a version."""
    package = _read(found.metadata, "install_times.json").get("name")
    whole = f"{name}-{version}"
    if isinstance(package, str) and whole.startswith(package + "-"):
        return package, whole[len(package) + 1 :]
    return name, version


def _key(found: Found) -> str:
    """Return what makes this build the same when it is reported again: what it left behind."""
    digest = hashlib.sha256()
    for name in ("install_environment.json", "install_times.json", "install_manifest.json"):
        path = None if found.metadata is None else _first(found.metadata, (name,))
        digest.update(b"" if path is None else path.read_bytes())
    if found.log is not None:
        digest.update(found.log.read_bytes())
    return digest.hexdigest()


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:
        return text.split()


def stamps(log: Path | None) -> Iterator[str]:
    """Give when each command ran, as the log tells: the first is what makes a build this build."""
    if log is None:
        return
    with gzip.open(log) if _is_packed(log) else log.open("rb") as file:
        for line in file:
            match = STAMP.match(line)
            if match is not None:
                yield f"{match[1].decode()}T{match[2].decode()}"


def _is_packed(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) == b"\x1f\x8b"


def relative_manifest(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the entries of a manifest by their paths below the prefix, which is not sent."""
    ends = [path for path in manifest if path.endswith("/.spack")]
    if not ends:
        return []
    prefix = min(ends, key=len)[: -len("/.spack")]
    entries = []
    for path, told in manifest.items():
        if isinstance(told, dict) and (path + "/").startswith(prefix + "/"):
            entry = {name: told[name] for name in ENTRY if name in told}
            entry["type"] = told.get("type") or _type(told)
            if "dest" in entry:
                entry["target"] = _relative(str(entry.pop("dest")), path, prefix)
            entries.append({"path": path[len(prefix) + 1 :] or ".", **entry})
    return sorted(entries, key=lambda entry: entry["path"])


def _type(told: dict[str, Any]) -> str:
    """Return the type of an entry, which Spack has not told since 0.20."""
    told_mode = told.get("mode")
    mode = told_mode & 0xFFFF if isinstance(told_mode, int) else 0
    if "dest" in told or stat.S_ISLNK(mode):
        return "link"
    if stat.S_ISDIR(mode):
        return "dir"
    return "file" if "hash" in told or stat.S_ISREG(mode) else "other"


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
        "paths", nargs="+", metavar="PATH", help="install tree, prefix, stages or log"
    )
    parser.add_argument("--url", default=os.environ.get("CASELEDGER_URL"), help="CASELEDGER_URL")
    parser.add_argument("--token-file", help="file with the token; else CASELEDGER_TOKEN")
    parser.add_argument("--tag", action="append", default=[], help="may be given several times")
    parser.add_argument("--session", help="the same for all builds of one run of Spack")
    return parser.parse_args(words)


def _token(arguments: argparse.Namespace) -> str:
    if arguments.token_file:
        return Path(arguments.token_file).read_text(encoding="utf-8").strip()
    return os.environ.get("CASELEDGER_TOKEN", "").strip()


def _problem(url: str | None, token: str) -> str | None:
    parts = urllib.parse.urlsplit(url or "")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        return "--url or CASELEDGER_URL must be the address of Caseledger"
    if parts.scheme == "http" and parts.hostname not in LOCAL:
        return "a token is sent over https only"
    return None if token else "--token-file or CASELEDGER_TOKEN must give a token"


def main(words: list[str] | None = None, pause: Callable[[float], None] = time.sleep) -> int:
    """Report all builds below the paths; 1 when one could not be, 2 when none could be tried."""
    arguments = _arguments(words)
    try:
        token = _token(arguments)
    except OSError as error:
        return _say(f"{arguments.token_file}: {error.strerror}", 2)
    problem = _problem(arguments.url, token)
    if problem is not None:
        return _say(problem, 2)
    server = Server(arguments.url, token, pause)
    given = "\0".join((*arguments.paths, str(time.time())))
    session = arguments.session or hashlib.sha256(given.encode()).hexdigest()[:32]
    failed = reported = 0
    for path in arguments.paths:
        failed += _missing(path)
        for found in find(Path(path)) if path else ():
            try:
                report(server, found, arguments.tag, session)
                reported += 1
            except FAILURES as error:
                failed += _say(f"{found.path}: {error}", 1)
    sys.stdout.write(f"{reported} reported, {failed} failed\n")
    return 1 if failed else 0


def _missing(path: str) -> int:
    """Tell when a path leads nowhere: an empty one is what a command has failed to print."""
    if not path:
        return _say("a path is empty", 1)
    return 0 if Path(path).exists() else _say(f"{path}: there is no such file or directory", 1)


def _say(text: str, code: int) -> int:
    sys.stderr.write(f"report_install: {text}\n")
    return code


if __name__ == "__main__":
    sys.exit(main())
