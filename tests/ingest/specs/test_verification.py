"""Files of specs whose graphs are large or hostile: refused in linear time, with the reason."""

import json
import time
from collections.abc import Sequence
from typing import Any

import pytest

from ingest.specs.formats.detect import read
from ingest.specs.outcome import Rejection
from models.specs.document import SpecDocument
from tests.support.spec_documents import (
    Json,
    Package,
    any_hash,
    document,
    documents,
    lockfile,
    on,
    outcomes,
    package,
    reasons,
)

_TOO_MANY = "too_many_dependencies"


def _false_chain(length: int) -> Json:
    """Return a document of nodes that each depend on the next, with hashes that are wrong."""
    hashes = [any_hash("false", str(number)) for number in range(length + 1)]
    nodes = [
        {
            "name": f"p{number}",
            "version": "1",
            "hash": hashes[number],
            "dependencies": [
                {
                    "name": f"p{number + 1}",
                    "hash": hashes[number + 1],
                    "parameters": {"deptypes": ["link"], "virtuals": []},
                }
            ],
        }
        for number in range(length)
    ]
    nodes[-1]["dependencies"] = []
    return {"spec": {"_meta": {"version": 4}, "nodes": nodes}}


def _chain(length: int) -> list[Package]:
    made = [package("p0")]
    for number in range(1, length):
        made.append(package(f"p{number}", on(made[-1])))
    return made


def _database(packages: Sequence[Package]) -> Json:
    installs = {each.hash: {"spec": each.native, "explicit": True} for each in packages}
    return {"database": {"version": "8", "installs": installs}}


def _seconds(value: Any) -> float:
    data = json.dumps(value).encode()
    start = time.process_time()
    list(read(data, "x.json", strict=True))
    return time.process_time() - start


@pytest.mark.slow
def test_refusing_a_chain_takes_linear_time() -> None:
    short, long = _false_chain(1_000), _false_chain(16_000)
    assert [reason for reason, _ in reasons(short, strict=True)] == ["hash_mismatch"]
    assert _seconds(long) < 80 * max(_seconds(short), 0.02)  # 256 times when it is quadratic


def test_closures_that_are_too_large_together_are_refused() -> None:
    nodes = [each.native for each in reversed(_chain(500))]
    (refused,) = outcomes({"spec": {"_meta": {"version": 5}, "nodes": nodes}})
    assert isinstance(refused, Rejection)
    assert refused.reason == _TOO_MANY
    assert refused.detail == "its nodes have more than 100000 dependencies in total"


@pytest.mark.slow
def test_of_a_chain_in_a_database_the_lower_part_is_imported() -> None:
    found = outcomes(_database(_chain(1200)))
    kept = [each.node.name for each in found if isinstance(each, SpecDocument)]
    assert kept == [f"p{number}" for number in range(447)]
    refused = [each for each in found if isinstance(each, Rejection)]
    assert {each.reason for each in refused} == {_TOO_MANY}
    assert refused[0].place.startswith("database.installs.")


def test_many_roots_over_the_same_nodes_are_limited_for_the_file(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("models.specs.closure_limits._MIN_FILE_DEPENDENCIES", 100)
    monkeypatch.setattr("models.specs.closure_limits.MAX_DEPENDENCIES_PER_NODE", 2)
    leaves = [package(f"leaf{number}") for number in range(20)]
    hub = package("hub", *(on(leaf) for leaf in leaves))
    found = outcomes(lockfile([(hub, f"hub@{number}") for number in range(6)]))
    kept = [each for each in found if isinstance(each, SpecDocument)]
    assert len(kept) == 4
    assert [each.detail for each in found if isinstance(each, Rejection)] == [
        "the documents of the file have more than 100 dependencies in total"
    ] * 2


def test_dependency_types_that_are_stated_again_and_again_count_once() -> None:
    leaf = package("leaf")
    (found,) = documents(document(package("app", on(leaf, "link " * 1000))))
    (edge,) = found.graph.edges[found.root]
    assert edge.deptypes == ("link",)
