"""Small valid files and values for the tests of the import, and mutations of valid files."""

import gzip
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from ingest.builds.formats.build_files import Chunks
from ingest.cases.inventory import Artefact, FileEntry, take_inventory
from ingest.cases.layout import Location
from ingest.cases.origin import Origin
from ingest.cases.sources.base import Content
from ingest.cases.task import Task
from ingest.sample import SampleArchive, SampleOptions
from models.cases.execution import Execution
from models.cases.identity import CaseKey
from models.cases.lid import Lid, parse_lid
from models.cases.observation import Observation
from models.configuration.rules import DeltaRules
from models.configuration.values import Configuration
from models.errors import ParseError
from models.version import READER_VERSION

LID = "1000.250102-030405"
KEY = CaseKey("chrysalis", "jdoe", "v3.LR.amip_0001")
RULES = DeltaRules()


def files_in_memory(contents: Mapping[str, bytes]) -> dict[str, Chunks]:
    """Return files whose contents are at hand, by path below the directory."""
    return {name: _opener(content) for name, content in contents.items()}


def _opener(content: bytes) -> Chunks:
    return lambda: [content]


def lid_of(text: str) -> Lid:
    lid = parse_lid(text)
    assert lid is not None
    return lid


def write_execution(root: Path, place: str) -> Path:
    """Write the files of an execution to a place below a directory, and return that."""
    for name, data in execution_files().items():
        path = root / place / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return root


def location(text: str = LID, **fields: Any) -> Location:
    given: dict[str, Any] = {
        "user": KEY.user, "case": KEY.name, "machine": KEY.machine,
        "is_anchored": True,
    }  # fmt: skip
    return Location(lid_of(text), **(given | fields))


def entry(name: str, value: str | None, type_name: str = "char") -> str:
    attribute = "" if value is None else f' value="{value}"'
    return f'<entry id="{name}"{attribute}><type>{type_name}</type></entry>'


def env_xml(*groups: str, file: str = "env_run") -> bytes:
    return f'<?xml version="1.0"?><file id="{file}.xml">{"".join(groups)}</file>'.encode()


def group(name: str, *entries: str) -> str:
    return f'<group id="{name}">{"".join(entries)}</group>'


TIMING = b"""---------------- TIMING PROFILE ---------------------
  Case        : v3.LR.amip_0001
  LID         : 1000.250102-030405
  Machine     : chrysalis
  User        : jdoe
  Curr Date   : Thu Jan  2 06:07:08 2025
"""
STATUS = b"""2025-01-02 03:04:06: case.run starting 1000
 ---------------------------------------------------
2025-01-02 06:07:09: case.run success 1000
 ---------------------------------------------------
"""


def execution_files(lid: str = LID) -> dict[str, bytes]:
    """Return the files of a complete execution of `KEY`, by path below its directory."""
    case = group(
        "g", entry("CASE", KEY.name), entry("MACH", KEY.machine), entry("REALUSER", "jdoe")
    )
    build = group("g", entry("COMPILER", "intel"), entry("CALENDAR", "NO_LEAP"))
    run = group("g", entry("RUN_STARTDATE", "1850-01-01"), entry("STOP_N", "5", "integer"))
    docs = {
        "env_case.xml": env_xml(case, file="env_case"),
        "env_build.xml": env_xml(build, file="env_build"),
        "env_run.xml": env_xml(run, file="env_run"),
        "README.case": b"2025-01-01 00:00:00: ./create_newcase --compset F2010 --res ne30\n",
    }
    root = {f"e3sm_timing.{KEY.name}": TIMING, "CaseStatus": STATUS, "GIT_DESCRIBE": b"v3.0.1"}
    return {f"CaseDocs.{lid}/{name}.{lid}.gz": packed(data) for name, data in docs.items()} | {
        f"{name}.{lid}.gz": packed(data) for name, data in root.items()
    }


def reason_of(parse: Callable[[], object]) -> str | None:
    """Return the reason of the ParseError that is raised, or None without one."""
    try:
        parse()
    except ParseError as error:
        return error.reason
    return None


def packed(data: bytes) -> bytes:
    return gzip.compress(data, mtime=0)


@cache
def sample_files() -> Mapping[Artefact, bytes]:
    """Return the files of one complete execution of the made archive, expanded."""
    archive = SampleArchive(SampleOptions(cases=1, executions=1, failures=False))
    files: dict[str, bytes] = {}
    lid = archive.cases[0].executions[0].lid
    for file in archive.files():
        path = file.path.partition(f"{lid}/")[2]
        is_packed = file.data.startswith(b"\x1f\x8b")
        files[path] = gzip.decompress(file.data) if is_packed else file.data
    inventory = take_inventory((FileEntry(path, len(files[path])) for path in files), lid)
    return {artefact: files[path] for artefact, path in inventory.files.items()}


@st.composite
def mutations(draw: st.DrawFn, valid: bytes) -> bytes:
    """Draw a valid file with some of its bytes cut out, overwritten or doubled."""
    data = valid
    for _ in range(draw(st.integers(1, 4))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 1, 3, 50, 5000])))
        new = draw(st.one_of(st.binary(max_size=8), st.just(data[start:end] * 2)))
        data = data[:start] + new + data[end:]
    return data


def execution(text: str = LID, **fields: Any) -> Execution:
    lid = lid_of(text)
    given: dict[str, Any] = {
        "execution_id": lid.text, "job_id": lid.job_id,
        "job_number": lid.job_number if lid.job_id else None,
        "lid_time": lid.local_time, "order_key": lid.order_key, "status": "completed",
        "status_source": "CaseStatus", "complete": True, "has_configuration": True,
        "reader": READER_VERSION, "fingerprint": "f",
        "source_path": f"/{lid.text}", "ingestion_id": "i",
    }  # fmt: skip
    return Execution(**(given | fields))


def observation(
    text: str = LID, configuration: Mapping[str, Any] | None = None, **fields: Any
) -> Observation:
    has_configuration = configuration is not None
    own = execution(text, **({"has_configuration": has_configuration} | fields))
    return Observation(KEY, own, None if configuration is None else Configuration.of(configuration))


ORIGIN = Origin("/archive/x", "f" * 32, "import-1")


def task(path: str = "/a", kind: type[Task] = Task, **fields: Any) -> Task:
    files = execution_files()
    given: dict[str, Any] = {
        "location": location(),
        "entries": tuple(FileEntry(name, 1) for name in files),
        "content": Content(files=files),
        "origin": Origin(path, "f", "i"),
        "limit": 10**6,
    }
    return kind(**(given | fields))
