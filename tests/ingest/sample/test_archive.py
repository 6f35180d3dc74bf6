"""The made archive is deterministic, well formed, and what its truth says."""

import gzip
import re
import tarfile
import zipfile
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from itertools import islice, pairwise
from pathlib import Path

import pytest
from lxml import etree

from ingest.sample import (
    DERIVED,
    SampleArchive,
    SampleCase,
    SampleExecution,
    SampleFile,
    SampleOptions,
)

ARCHIVE = SampleArchive()
CASES = tuple(ARCHIVE.cases)
Texts = Mapping[str, str]


@pytest.fixture(scope="module")
def texts() -> Mapping[str, Texts]:
    """Every text file by execution path, its LID taken out of its name."""
    found: dict[str, dict[str, str]] = defaultdict(dict)
    for file in ARCHIVE.files():
        execution, name = _split(file)
        if not name.endswith(".tar.gz"):
            data = gzip.decompress(file.data) if name.endswith(".gz") else file.data
            found[execution][name.removesuffix(".gz")] = data.decode()
    return found


def _split(file: SampleFile) -> tuple[str, str]:
    parts = file.path.split("/")
    return "/".join(parts[:5]), parts[-1].replace(f".{parts[4]}", "")


def executions(cases: Iterable[SampleCase] = CASES) -> list[tuple[SampleCase, SampleExecution]]:
    return [(case, execution) for case in cases for execution in case.executions]


def test_same_options_give_the_same_bytes() -> None:
    options = SampleOptions(cases=3, executions=2, seed=7)
    assert list(SampleArchive(options).files()) == list(SampleArchive(options).files())


def test_same_options_give_the_same_truth() -> None:
    assert tuple(SampleArchive().cases) == CASES


def test_another_seed_gives_other_files() -> None:
    first = next(SampleArchive(SampleOptions(seed=2)).files())
    assert first != next(ARCHIVE.files())


def test_payload_changes_the_size_but_not_the_truth() -> None:
    light, full = (SampleArchive(SampleOptions(cases=2, payload=p)) for p in ("light", "full"))
    assert tuple(light.cases) == tuple(full.cases)
    assert _size(full) > 2 * _size(light)


def test_a_full_execution_is_as_large_as_a_real_one() -> None:
    archive = SampleArchive(SampleOptions(cases=1, executions=1, failures=False, payload="full"))
    files = list(archive.files())
    assert 60 <= len(files) <= 80
    assert 70_000 <= sum(len(file.data) for file in files) <= 120_000


def _size(archive: SampleArchive) -> int:
    return sum(len(file.data) for file in archive.files())


@pytest.mark.slow
def test_tree_tar_and_zip_hold_the_same_files(tmp_path: Path) -> None:
    archive = SampleArchive(SampleOptions(cases=2, executions=2))
    expected = {file.path: file.data for file in archive.files()}
    archive.write_tree(tmp_path / "tree")
    archive.write_tar(tmp_path / "a.tar.gz")
    archive.write_tar(tmp_path / "a.tar")
    archive.write_zip(tmp_path / "a.zip")
    tree = tmp_path / "tree"
    files = [path for path in tree.rglob("*") if path.is_file()]
    assert {path.relative_to(tree).as_posix(): path.read_bytes() for path in files} == expected
    assert _untar(tmp_path / "a.tar.gz") == _untar(tmp_path / "a.tar") == expected
    with zipfile.ZipFile(tmp_path / "a.zip") as packed:
        assert {name: packed.read(name) for name in packed.namelist()} == expected


def _untar(path: Path) -> dict[str, bytes]:
    with tarfile.open(path) as archive:
        members = {member.name: archive.extractfile(member) for member in archive}
        return {name: stream.read() for name, stream in members.items() if stream}


def test_modification_times_are_those_of_the_run(tmp_path: Path) -> None:
    archive = SampleArchive(SampleOptions(cases=1, executions=1))
    archive.write_tree(tmp_path)
    for file in archive.files():
        assert (tmp_path / file.path).stat().st_mtime == file.mtime


@pytest.mark.parametrize("suffix", ["tar", "tgz", "tar.gz"])
def test_tar_bytes_are_deterministic(tmp_path: Path, suffix: str) -> None:
    archive = SampleArchive(SampleOptions(cases=1, executions=1))
    one, two = tmp_path / f"1.{suffix}", tmp_path / f"2.{suffix}"
    archive.write_tar(one)
    archive.write_tar(two)
    assert one.read_bytes() == two.read_bytes()


def test_paths_are_unique_and_relative() -> None:
    paths = [file.path for file in ARCHIVE.files()]
    assert len(set(paths)) == len(paths)
    assert not [path for path in paths if path.startswith("/") or ".." in path.split("/")]


def test_xml_is_well_formed_and_rich(texts: Mapping[str, Texts]) -> None:
    least = {"env_case": 75, "env_build": 60, "env_run": 240, "env_mach_pes": 15}
    for docs in texts.values():
        for name in (name for name in docs if name.endswith(".xml")):
            root = etree.fromstring(docs[name].encode())
            assert root.get("id") == name
            assert len(root.findall(".//entry")) >= least.get(name.removesuffix(".xml"), 0)


def test_only_cases_with_a_group_have_a_group_value(texts: Mapping[str, Texts]) -> None:
    for case, execution in executions():
        root = etree.fromstring(texts[execution.path]["env_case.xml"].encode())
        entry = root.find(".//entry[@id='CASE_GROUP']")
        assert entry is not None
        assert entry.get("value") == case.case_group
    assert {case.case_group is None for case in CASES} == {True, False}


def test_case_metadata_is_in_the_files(texts: Mapping[str, Texts]) -> None:
    for case, execution in executions():
        docs = texts[execution.path]
        argv = docs["README.case"].splitlines()[0]
        assert re.search(rf"--?compset {case.compset}( |$)", argv)
        assert re.search(rf"--?res {case.grid_alias}( |$)", argv)
        values = _xml(docs)
        assert values["env_case.CASE"] == case.name
        assert values["env_case.COMPSET"] == case.compset_long
        assert values["env_build.GRID"] == case.grid_long
        assert values["env_build.MPILIB"] == case.mpilib
        if execution.is_canonical:
            assert values["env_build.COMPILER"] == case.compiler


def test_both_forms_of_create_newcase_occur(texts: Mapping[str, Texts]) -> None:
    lines = [docs["README.case"].splitlines()[0] for docs in texts.values()]
    assert {" --res " in line for line in lines} == {True, False}
    assert all(re.search(" --?res ", line) for line in lines)


@pytest.mark.slow
def test_changes_are_exactly_what_differs_in_the_files(texts: Mapping[str, Texts]) -> None:
    for case in CASES:
        facts = {e.lid: _facts(texts[e.path]) for e in case.executions}
        for execution in case.executions if case.canonical else ():
            canonical, current = facts[case.canonical or ""], facts[execution.lid]
            differing = {
                key: (canonical.get(key), current.get(key))
                for key in canonical.keys() | current.keys()
                if canonical.get(key) != current.get(key)
            }
            stated = {c.key: (_plain(c.canonical), _plain(c.current)) for c in execution.changes}
            assert {k: v for k, v in differing.items() if k not in DERIVED} == stated
            assert {DERIVED[key] for key in differing if key in DERIVED} <= stated.keys()


def _plain(value: object) -> object:
    """A value of the truth as the simple parsers of this file read it from text."""
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if isinstance(value, bool):
        return value
    return float(value) if isinstance(value, int | float) else value


def _facts(docs: Texts) -> dict[str, object]:
    facts: dict[str, object] = {key: _typed(text) for key, text in _xml(docs).items()}
    facts["compiler"] = facts.pop("env_build.COMPILER")
    facts["env_mach_specific.modules"] = _modules(docs["env_mach_specific.xml"])
    for name in docs:
        if name.endswith(("_in", "_modelio.nml")):
            facts |= _namelist(name.removesuffix(".nml"), docs[name])
    described = re.fullmatch(r"(.+)-\d+-g([0-9a-f]+)", docs["GIT_DESCRIBE"])
    assert described
    facts["git_tag"], facts["git_commit_hash"] = described.groups()
    facts["git_branch"] = docs["GIT_STATUS"].splitlines()[0].removeprefix("On branch ")
    return {key: value for key, value in facts.items() if not key.endswith("logfile")}


def _xml(docs: Texts) -> dict[str, str]:
    values: dict[str, str] = {}
    for name in (name for name in docs if name.endswith(".xml")):
        file = name.removesuffix(".xml")
        for group in etree.fromstring(docs[name].encode()).findall(".//group"):
            job = f".{_get(group, 'id').replace('.', '_')}" if file == "env_workflow" else ""
            for entry in group.findall("entry"):
                key = f"{file}{job}.{_get(entry, 'id')}"
                if "value" in entry.attrib:
                    values[key] = _get(entry, "value")
                for value in entry.findall("values/value"):
                    component = value.get("compclass") or value.get("component")
                    values[f"{key}.{component}"] = value.text or ""
    return values


def _modules(text: str) -> list[str]:
    """The module commands of a case that is built with the first compiler."""
    blocks = etree.fromstring(text.encode()).findall("module_system/modules")
    common, first, *_, library = blocks
    commands = [command for block in (common, first, library) for command in block]
    return [f"{_get(each, 'name')} {each.text or ''}".strip() for each in commands]


def _get(element: etree._Element, name: str) -> str:
    return str(element.get(name))


def _namelist(name: str, text: str) -> dict[str, object]:
    facts: dict[str, object] = {}
    group = ""
    for line in text.replace(",\n", ", ").splitlines():
        if line.startswith("&"):
            group = line[1:].strip()
        elif match := re.match(r"\s*([a-z]\w*)\s*=\s*(.*)", line):
            items = [_typed(item.strip()) for item in match[2].split(",")]
            facts[f"{name}.{group}.{match[1]}"] = items if len(items) > 1 else items[0]
    return facts


def _typed(text: str) -> object:
    logical = {"TRUE": True, "FALSE": False, ".true.": True, ".false.": False}
    if text in logical:
        return logical[text]
    if re.fullmatch(r"[-+]?[\d.]+([DEde][-+]?\d+)?", text) and any(map(str.isdigit, text)):
        try:
            return float(text.replace("D", "e"))
        except ValueError:
            return text
    return text.strip("'\"")


def test_every_class_of_change_occurs() -> None:
    found = {change.group for _, execution in executions() for change in execution.changes}
    assert found == {
        "science", "output", "pe_layout", "build", "io", "source", "coupling",
        "lifecycle", "segment", "scheduler", "archiving",
    }  # fmt: skip


def test_a_setting_in_user_nl_is_in_the_namelist_too(texts: Mapping[str, Texts]) -> None:
    for case, execution in executions():
        if any(c.key.endswith("zmconv_ke") for c in execution.changes) and case.canonical:
            docs = texts[execution.path]
            base = texts[f"{execution.path.rpartition('/')[0]}/{case.canonical}"]
            assert docs["user_nl_eam"] != base["user_nl_eam"]
            assert docs["atm_in"] != base["atm_in"]
            return
    pytest.fail("no execution changes zmconv_ke")


def test_the_canonical_execution_is_the_first_complete_one() -> None:
    for case in CASES:
        complete = [e.lid for e in case.executions if e.complete]
        assert case.canonical == (complete[0] if complete else None)
        assert [e.lid for e in case.executions if e.is_canonical] == complete[:1]
        assert all(not e.changes for e in case.executions if e.is_canonical)


def test_segments_follow_one_another() -> None:
    for case in CASES:
        complete = [e for e in case.executions if e.complete]
        for before, after in pairwise(complete):
            assert before.simulation_end == after.simulation_start


def test_segment_dates_are_in_the_coupler_log(texts: Mapping[str, Texts]) -> None:
    for _, execution in executions():
        if execution.complete:
            log = texts[execution.path]["cpl.log"]
            for label, date in (
                ("Curr Time ", execution.simulation_start),
                ("Stop Time ", execution.simulation_end),
            ):
                assert date
                assert f"{label}  =     {date.replace('-', '')}   00000" in log


def test_run_times_are_in_the_files(texts: Mapping[str, Texts]) -> None:
    for case, execution in executions():
        if execution.complete:
            docs, job = texts[execution.path], execution.lid.partition(".")[0]
            started = execution.run_start.replace("T", " ")
            assert f"{started}: case.run starting {job}\n" in docs["CaseStatus"]
            assert execution.run_end
            ended = execution.run_end.replace("T", " ")
            assert f"{ended}: case.run success {job}\n" in docs["CaseStatus"]
            found = re.search(r"Curr Date   : (.*)", docs[f"e3sm_timing.{case.name}"])
            assert found
            written = datetime.strptime(found[1], "%a %b %d %H:%M:%S %Y")
            assert 0 < (written - datetime.fromisoformat(execution.run_end)).seconds < 60


def test_no_two_executions_of_a_case_share_a_lid() -> None:
    for case in SampleArchive(SampleOptions(cases=12, executions=20, seed=5)).cases:
        lids = [execution.lid for execution in case.executions]
        assert len(set(lids)) == len(lids)
        stamps = [lid.partition(".")[2] for lid in lids]
        assert stamps == sorted(stamps)


def test_incomplete_executions_have_only_what_is_written_first() -> None:
    plain = {execution.path for _, execution in executions() if not execution.complete}
    queue = re.compile(r"sinfol|squeue")
    assert plain
    names = defaultdict(set)
    for file in ARCHIVE.files():
        execution, name = _split(file)
        if execution in plain and not queue.match(name):
            names[execution].add(name)
    assert names.keys() == plain
    for found in names.values():
        assert {name for name in found if name.endswith(".gz")} == {"SourceMods.tar.gz"}
        assert {"env_run.xml", "README.case", "GIT_DESCRIBE", "atm_in"} <= found
        assert not [n for n in found if n.startswith(("CaseStatus", "e3sm_timing", "cpl.log"))]


def test_later_case_status_tells_what_became_of_an_attempt(texts: Mapping[str, Texts]) -> None:
    seen = set()
    for case in CASES:
        for number, execution in enumerate(case.executions):
            later = next((e for e in case.executions[number + 1 :] if e.complete), None)
            if execution.complete or later is None:
                continue
            job = execution.lid.partition(".")[0]
            events = texts[later.path]["CaseStatus"]
            rest = events.partition(f"case.run starting {job}\n")[2]
            own = rest.partition("case.submit starting")[0]
            assert ("case.run error" in own) == (execution.status == "failed")
            assert "case.run success" not in own
            seen.add(execution.status)
    assert seen == {"failed", "timeout", "cancelled"}


def test_a_running_execution_is_the_last_of_its_case() -> None:
    running = [
        (case, execution) for case, execution in executions() if execution.status == "running"
    ]
    assert running
    assert all(case.executions[-1] is execution for case, execution in running)


def test_without_failures_every_execution_is_complete() -> None:
    cases = SampleArchive(SampleOptions(failures=False)).cases
    assert all(execution.complete for _, execution in executions(cases))
    assert [len(case.executions) for case in cases] == [5] * 8


@pytest.mark.parametrize("failures", [True, False])
def test_executions_counts_the_successful_ones(failures: bool) -> None:
    cases = SampleArchive(SampleOptions(executions=3, failures=failures)).cases
    assert {sum(e.complete for e in case.executions) for case in cases} - {0} == {3}


def test_the_archive_has_its_oddities() -> None:
    assert any(case.canonical is None for case in CASES)
    by_name = defaultdict(set)
    for case in CASES:
        by_name[case.name].add((case.machine, case.user))
    shared = [owners for owners in by_name.values() if len(owners) > 1]
    assert any(len({user for _, user in owners}) == 2 for owners in shared)
    assert any(len({machine for machine, _ in owners}) == 2 for owners in shared)
    starts = {e.simulation_start for _, e in executions() if e.is_canonical}
    assert "0001-01-01" in starts


def test_the_order_of_lids_as_strings_is_wrong_in_one_case() -> None:
    lids = [[e.lid for e in case.executions] for case in CASES]
    assert any(sorted(case) != case for case in lids)


def test_a_failed_attempt_precedes_the_first_success_somewhere_and_follows_it_elsewhere() -> None:
    first = [case.executions[0].complete for case in CASES if case.canonical]
    assert set(first) == {True, False}


def test_case_status_keeps_the_history_of_earlier_executions(texts: Mapping[str, Texts]) -> None:
    for case in CASES:
        logs = [texts[e.path]["CaseStatus"] for e in case.executions if e.complete]
        for before, after in pairwise(logs):
            assert after.startswith(before)


def test_cases_are_a_sequence_worked_out_on_demand() -> None:
    cases = SampleArchive(SampleOptions(cases=100_000)).cases
    assert len(cases) == 100_000
    assert cases[-1] == cases[99_999]
    assert cases[:2] == (cases[0], cases[1])
    with pytest.raises(IndexError):
        cases[100_000]


def test_case_paths_of_a_large_archive_are_unique() -> None:
    cases = SampleArchive(SampleOptions(cases=400, executions=1, failures=False)).cases
    owners = [(case.machine, case.user, case.name) for case in cases]
    assert len(set(owners)) == len(owners)


def test_files_are_made_as_they_are_read() -> None:
    files = SampleArchive(SampleOptions(cases=1_000_000)).files()
    assert len(list(islice(files, 5))) == 5


def test_no_execution_and_no_case_give_an_empty_archive() -> None:
    assert not list(SampleArchive(SampleOptions(cases=0)).files())
    assert not list(SampleArchive(SampleOptions(executions=0, failures=False)).files())
