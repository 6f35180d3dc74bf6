"""Attempts as sources tell of them, made for the tests of what is stored."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from ingest.builds.formats.attempt import BuildAttempt
from ingest.builds.formats.install_tree import (
    read_failed_log,
    read_install_tree,
    read_stage,
    redactor_for,
)
from ingest.builds.formats.junit import parse_junit
from ingest.builds.formats.report_attempts import junit_attempts
from ingest.builds.observation import ObservedBuild
from models.builds.build import BuildEvent
from models.builds.store import read_build
from models.database.client import Database
from models.redaction.logs import Redactor
from tests.support import build_reports as reports
from tests.support.executions import files_in_memory
from tests.support.install_trees import FAILED, INSTALLED, NAME, STAGE


def of_tree(files: Mapping[str, bytes] = INSTALLED, directory: str = NAME) -> ObservedBuild:
    """The attempt of an install tree."""
    return _of_files(read_install_tree(files_in_memory(files), directory), files, directory)


def of_stage(files: Mapping[str, bytes] = STAGE) -> ObservedBuild:
    """The attempt of a stage."""
    directory = f"spack-stage-{NAME}"
    return _of_files(read_stage(files_in_memory(files), directory), files, directory)


def _of_files(attempt: BuildAttempt, files: Mapping[str, bytes], path: str) -> ObservedBuild:
    opened = files_in_memory(files)
    logs = {log.name: opened[log.name] for log in attempt.logs}
    return ObservedBuild(attempt, path, logs, redactor_for(opened))


async def kept_events(database: Database, build_id: str) -> list[BuildEvent]:
    """All events of a build that are kept, in the order of its logs."""
    build = await read_build(database, build_id)
    assert build is not None
    found = await database.build_events.find({"buildId": build_id}, sort=[("number", 1)])
    others = [BuildEvent.model_validate(event) for part in found for event in part["events"]]
    place = {log.name: number for number, log in enumerate(build.logs)}
    return sorted([*build.events, *others], key=lambda e: (place.get(e.log or "", 0), e.log_line))


def of_log(log: bytes = FAILED, suffix: str = "aaaaaaaa") -> ObservedBuild:
    """The attempt that a failed build's log tells of."""
    name = f"spack-stage-{NAME}-{suffix}.log"
    return ObservedBuild(read_failed_log([log], name), name, {name: lambda: [log]})


def of_junit(log: bytes = FAILED, **changes: Any) -> ObservedBuild:
    """The attempt of a JUnit case."""
    case = reports.case(reports.FAILURE, log=log.decode())
    (attempt,) = junit_attempts(parse_junit(reports.junit(case)), Redactor())
    content = attempt.log_content or b""
    logs = {"system-out": lambda: [content]} if content else {}
    return replace(ObservedBuild(attempt, "junit.xml", logs), **changes)


async def only(database: Database) -> dict[str, Any]:
    (build,) = await builds(database)
    return build


async def record_spec(database: Database, spec_hash: str, *dependencies: str) -> None:
    nodes = [{"name": "d", "hash": own} for own in dependencies]
    spec = {"_id": spec_hash, "hash": spec_hash, "hashes": [spec_hash], "dependencies": nodes}
    await database.specs.insert(spec)


async def builds(database: Database) -> list[dict[str, Any]]:
    return await database.builds.find({}, sort=[("_id", 1)])
