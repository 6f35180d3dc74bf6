"""What Spack itself answers, where its answers are at hand: CASELEDGER_TEST_DATA names them."""

import gzip
import json
import re
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from ingest.importing import ImportOptions, import_paths
from models.database.client import Database
from models.spack.query import SpecSyntaxError, parse_query
from models.specs.search import UnanswerableError, spec_filter
from models.specs.stored_graph import find_ids, load_graph
from models.specs.tree import tree
from tests.support.databases import NewDatabase
from tests.support.paths import REAL_DATA

_ORACLE = REAL_DATA / "spack-oracle"

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not _ORACLE.is_dir(), reason="Spack's answers are not here"),
]

_REFUSED = re.compile(
    r"[\^ ](mpi|zlib-api|fftw-api|libgfortran)@"  # versions of virtual packages
    r"|target=(fe|default_target)"  # a word for the machine that asks
)
_OTHERWISE = re.compile(
    r"clang|llvm|oneapi"  # the old name of a compiler stands for the new one here
    r"|\^(iconv|fortran-rt|libgfortran)|\^\[deptypes|%gcc$"  # all edges to a node count
    r"|arch=linux-\*"  # each part counts
)
"""Answers that differ, for the reasons that docs/spack.md gives."""


@pytest.fixture(scope="module", params=["lockfile", "shared-spec"])
async def asked(
    request: pytest.FixtureRequest,
    new_database: NewDatabase,
    tmp_path_factory: pytest.TempPathFactory,
) -> AsyncIterator[tuple[Database, list[dict[str, Any]]]]:
    """The specs about which Spack was asked, and its answers."""
    root = tmp_path_factory.mktemp("oracle")
    paths = [root]
    if request.param == "lockfile":
        _extract(_ORACLE / "lockfiles.tar.gz", root)
    else:
        _extract(REAL_DATA / "spack" / "specs.tar.gz", root)
        paths.append(REAL_DATA / "spack" / "legacy")
    with gzip.open(_ORACLE / f"{request.param}-queries.jsonl.gz") as file:
        answers = [json.loads(line) for line in file]
    async with new_database("test_oracle") as database:
        await import_paths(database, paths, ImportOptions())
        yield database, answers


def _extract(path: Path, root: Path) -> None:
    with tarfile.open(path) as archive:
        archive.extractall(root, filter="data")


async def test_queries_find_what_spack_finds(asked: tuple[Database, list[dict[str, Any]]]) -> None:
    database, answers = asked
    known = {spec["hash"] for spec in await database.specs.find({}, {"hash": 1})}
    judged = known & {hash_ for answer in answers for hash_ in answer["hashes"]}
    equal = 0
    for answer in answers:
        text = answer["query"]
        try:
            query = await spec_filter(database, parse_query(text))
        except (SpecSyntaxError, UnanswerableError):
            assert not answer["hashes"] or _REFUSED.search(text), text
            equal += not answer["hashes"]
            continue
        found = {spec["hash"] for spec in await database.specs.find(query, {"hash": 1})}
        is_equal = found & judged == known.intersection(answer["hashes"])
        assert is_equal or _OTHERWISE.search(text), text
        equal += is_equal
    assert equal > 0.93 * len(answers)


async def test_trees_are_those_of_spack(asked: tuple[Database, list[dict[str, Any]]]) -> None:
    database, answers = asked
    with gzip.open(_ORACLE / "trees.json.gz") as file:
        trees: dict[str, str] = json.load(file)
    compared = 0
    for root, expected in trees.items():
        ids = await find_ids(database, root)
        graph = await load_graph(database, ids[0]["_id"]) if ids else None
        if graph is not None:
            assert tree(graph).rstrip() == expected.rstrip()
            compared += 1
    assert compared == (0 if "mpigdb" in {answer["query"] for answer in answers} else len(trees))
