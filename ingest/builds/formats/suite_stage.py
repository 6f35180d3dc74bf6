"""The stage of `spack test run`: the specs that were tested, and their outcomes."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from ingest.archives.json_file import parse_object, text_of
from ingest.builds.file_names import RESULTS, SUITE
from ingest.builds.formats.build_files import BuildFiles, Files
from ingest.builds.formats.spec_name import SpecName, spec_of_test
from ingest.builds.formats.suite_results import (
    TestResult,
    parse_results,
    parse_tested,
    read_test_log,
)
from models.builds.build import TestOutcome
from models.ingestions.damage import Damage
from models.redaction.logs import Redactor

_LOG, _TESTED = "-test-out.txt", "-tested.txt"


@dataclass(frozen=True, slots=True)
class TestedSpec:
    """One spec of a suite; `name` is its id there.

    `spec.hash` is the whole hash when the suite's lock file contains it.
    """

    __test__ = False

    spec: SpecName | None
    name: str
    outcome: TestOutcome | None
    results: tuple[TestResult, ...]
    log: str | None


@dataclass(frozen=True, slots=True)
class TestSuite:
    """One run of tests; `alias` is the name that its user gave it; `specs` are sorted by id."""

    __test__ = False

    alias: str | None
    specs: tuple[TestedSpec, ...]
    problems: tuple[Damage, ...] = ()

    def problems_of(self, spec: TestedSpec) -> tuple[Damage, ...]:
        """Return the problems with the files of a spec, and with those of the suite itself."""
        paths = {RESULTS, SUITE, spec.log, spec.name + _TESTED}
        return tuple(problem for problem in self.problems if problem.path in paths)


def read_test_stage(files: Files, redactor: Redactor) -> TestSuite:
    """Return the outcomes of a suite from the files of its directory."""
    reader = BuildFiles(files)
    lock = reader.parse(parse_object, SUITE) or {}
    outcomes = reader.parse(parse_results, RESULTS) or {}
    logs = {name.removesuffix(_LOG): name for name in reader.names() if name.endswith(_LOG)}
    roots = list(_roots(lock))
    specs = []
    for name in sorted({*outcomes, *logs}):
        log = logs.get(name)
        read = partial(read_test_log, redactor=redactor)
        results = reader.read(read, log) if log else None
        tested = reader.parse(parse_tested, name + _TESTED)
        outcome = outcomes.get(name) or tested
        specs.append(TestedSpec(_spec_of(name, roots), name, outcome, results or (), log))
    return TestSuite(text_of(lock.get("alias")), tuple(specs), tuple(reader.problems))


def _spec_of(name: str, roots: list[SpecName]) -> SpecName | None:
    """Return the spec of an id, with its whole hash when exactly one root begins with its hash."""
    for root in roots:
        if name == f"{root.name}-{root.version}-{root.hash[:7]}":
            return root
    spec = spec_of_test(name)
    if spec is None:
        return None
    same = [root for root in roots if root.hash.startswith(spec.hash)]
    return replace(spec, hash=same[0].hash) if len(same) == 1 else spec


def _roots(lock: Mapping[str, Any]) -> Iterator[SpecName]:
    specs = lock.get("specs")
    for spec in specs if isinstance(specs, list) else []:
        root = root_node(spec)
        name, spec_hash = text_of(root.get("name")), text_of(root.get("hash"))
        if name is not None and spec_hash is not None:
            yield SpecName(name, text_of(root.get("version")), spec_hash)


def root_node(document: Any) -> Mapping[str, Any]:
    """Return the first node of a spec document, with its `name`; empty for anything else.

    Source of the forms: Spack's spec.py. `{"spec": {"nodes": [node]}}`, and before 0.17
    `{"spec": [{name: node}]}`.
    """
    spec = document.get("spec") if isinstance(document, Mapping) else None
    if isinstance(spec, Mapping) and "spec" in spec:
        spec = spec["spec"]
    nodes = spec.get("nodes") if isinstance(spec, Mapping) else spec
    first = nodes[0] if isinstance(nodes, list) and nodes else None
    if not isinstance(first, Mapping):
        return {}
    if len(first) == 1:
        ((name, node),) = first.items()
        return {**node, "name": name} if isinstance(node, Mapping) else {}
    return first
