"""Small archives for tests: the sample generator's, whole or in part."""

from collections.abc import Iterable
from functools import cache

from ingest.sample import SampleArchive, SampleCase, SampleFile, SampleOptions
from ingest.sample.site import Stack
from models.cases.identity import CaseKey
from models.database.client import Database

BOOKKEEPING = {"revision", "createdAt", "updatedAt", "history"}


@cache
def sample(cases: int = 11, executions: int = 3, seed: int = 1) -> SampleArchive:
    return SampleArchive(SampleOptions(cases=cases, executions=executions, seed=seed))


@cache
def sample_files(cases: int = 11, executions: int = 3, seed: int = 1) -> tuple[SampleFile, ...]:
    return tuple(sample(cases, executions, seed).files())


@cache
def sample_cases(cases: int = 11, executions: int = 3, seed: int = 1) -> tuple[SampleCase, ...]:
    return tuple(sample(cases, executions, seed).cases)


def directories(files: Iterable[SampleFile]) -> dict[str, list[SampleFile]]:
    """Group files by execution directory."""
    grouped: dict[str, list[SampleFile]] = {}
    for file in files:
        directory = "/".join(file.path.split("/")[:5])
        grouped.setdefault(directory, []).append(file)
    return grouped


def key_of(case: SampleCase) -> CaseKey:
    return CaseKey(case.machine, case.user, case.name)


def hash_of(name: str, stack: Stack) -> str:
    return next(node.hash for node in stack.nodes if node.name == name)


async def dump(database: Database) -> list[dict[str, object]]:
    """Return everything about cases without what tells how and when it came in."""
    cases = await database.cases.find({}, sort=[("_id", 1)])
    overflows = await database.case_overflows.find({}, sort=[("_id", 1)])
    listed = await database.executions.find({}, sort=[("_id", 1)])
    for case in cases:
        for name in BOOKKEEPING:
            del case[name]
    for execution in [*listed, *(e for part in (*cases, *overflows) for e in part["executions"])]:
        del execution["ingestionId"]
    return [*cases, *overflows, *listed]
