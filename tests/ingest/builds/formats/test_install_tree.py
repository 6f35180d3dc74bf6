"""An installation, a stage and a log are each one attempt."""

import json
from collections.abc import Iterable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.builds.file_names import find_install_trees
from ingest.builds.formats.attempt import BuildAttempt
from ingest.builds.formats.install_tree import (
    read_failed_log,
    read_install_tree,
    read_stage,
    redactor_for,
)
from ingest.builds.formats.spec_name import SpecName
from tests.support.build_reports import HASH
from tests.support.executions import files_in_memory, mutations, packed
from tests.support.install_trees import FAILED, INSTALLED, LOG, MANIFEST, NAME, SECRET, SPEC, STAGE


def installed(files: dict[str, bytes] = INSTALLED, directory: str = NAME) -> BuildAttempt:
    return read_install_tree(files_in_memory(files), directory)


def staged(files: dict[str, bytes] = STAGE) -> BuildAttempt:
    return read_stage(files_in_memory(files), f"spack-stage-{NAME}")


def test_an_installation_is_a_success_with_all_that_is_known() -> None:
    attempt = installed()
    assert (attempt.source, attempt.spec) == ("install_tree", SpecName("p", "1.2", HASH))
    assert (attempt.status, attempt.failed_phase, attempt.problems) == ("success", None, ())
    assert [(p.name, p.seconds, p.status) for p in attempt.phases] == [
        ("stage", 0.5, "success"), ("configure", 1.5, "success"), ("build", 2.5, "success"),
    ]  # fmt: skip
    assert (attempt.seconds, attempt.from_cache) == (4.5, False)
    assert (attempt.errors, attempt.warnings) == (0, 1)
    assert attempt.host is not None
    assert attempt.host.hostname == "h"
    assert attempt.variables == {"CC": "/x/gcc"}
    assert attempt.configure_args == ("--with-x=y",)
    assert attempt.manifest is not None
    assert [e.path for e in attempt.manifest.entries] == [".spack", "lib/x"]
    assert [(t.name, t.outcome) for t in attempt.tests] == [("check_a", "passed")]
    assert [(log.name, log.lines, log.size) for log in attempt.logs] == [
        ("spack-build-out.txt.gz", 6, len(LOG))
    ]


def test_the_host_is_told_without_credentials() -> None:
    told = json.dumps({"hostname": f"h {SECRET}", "kernel_version": "5 https://u:hunter2@h/x"})
    variables = f"export CI_TOKEN={SECRET};\n".encode()
    files = {"install_environment.json": told.encode(), "spack-build-env.txt": variables}
    host = installed(INSTALLED | files).host
    assert host is not None
    assert SECRET not in str(host)
    assert "hunter2" not in str(host)


def test_the_recipe_came_from_a_repository() -> None:
    repository = installed().repository
    assert repository is not None
    assert (repository.namespace, repository.commit) == ("builtin", "e8f8cf8543")
    assert repository.recipe_sha256 is not None


def test_since_recipes_are_apart_from_spack_their_commit_is_not_known() -> None:
    files = INSTALLED | {"repos/spack_repo/builtin/packages/p/package.py": b""}
    del files["repos/builtin/packages/p/package.py"]
    repository = installed(files).repository
    assert repository is not None
    assert (repository.namespace, repository.commit) == ("builtin", None)


def test_the_spec_of_a_moved_tree_is_told_by_its_manifest() -> None:
    assert installed(directory="moved").spec == SpecName("p", "1.2", HASH)


@pytest.mark.parametrize(
    ("files", "status"),
    [
        ({"spec.json": SPEC, "install_manifest.json": MANIFEST}, "success"),
        ({"spec.json": SPEC, "build.out": LOG}, "success"),
        ({"spec.json": SPEC}, None),
    ],
)
def test_what_spack_writes_last_tells_of_success(
    files: dict[str, bytes], status: str | None
) -> None:
    assert installed(files).status == status


def test_a_damaged_file_costs_only_itself() -> None:
    attempt = installed(INSTALLED | {"install_times.json": b"{", "install_manifest.json": b"[]"})
    assert [(p.path, p.reason) for p in attempt.problems] == [
        ("install_manifest.json", "not_object"), ("install_times.json", "not_json"),
    ]  # fmt: skip
    assert (attempt.status, [p.name for p in attempt.phases]) == ("success", ["configure", "build"])


def unreadable() -> Iterable[bytes]:
    raise PermissionError(13, "Permission denied")


def test_a_file_that_cannot_be_opened_costs_only_itself() -> None:
    files = files_in_memory(INSTALLED) | {"install_manifest.json": unreadable}
    attempt = read_install_tree(files, NAME)
    assert [(p.path, p.reason) for p in attempt.problems] == [
        ("install_manifest.json", "unreadable")
    ]


def test_a_stage_is_a_failure_with_its_phase_and_lines() -> None:
    attempt = staged()
    assert (attempt.status, attempt.failed_phase) == ("failed", "build")
    assert [(p.name, p.seconds, p.status) for p in attempt.phases] == [
        ("configure", 2.0, "success"), ("build", None, "failed"),
    ]  # fmt: skip
    assert [e.text.split("\n")[0] for e in attempt.events if e.severity == "error"] == [
        "b.c:1:2: error: no x", "make: *** [a] Error 1", "Command exited with status 2:",
    ]  # fmt: skip
    assert attempt.variables == {"CC": "/wrapped/gcc"}


def test_a_stage_without_a_failure_is_not_known() -> None:
    attempt = staged({"spack-build-out.txt": LOG})
    assert (attempt.status, [p.status for p in attempt.phases]) == (None, ["success", "unknown"])


def test_the_logs_of_phases_stand_for_the_whole_one() -> None:
    files = {
        "spack-build-02-build-out.txt": b"make: *** [a] Error 1\n",
        "spack-build-01-configure-out.txt.gz": packed(b"configure: WARNING: x\n"),
    }
    attempt = staged(files)
    assert (attempt.failed_phase, attempt.warnings) == ("build", 1)
    assert [log.phase for log in attempt.logs] == ["configure", "build"]
    whole = staged(files | {"spack-build-out.txt": FAILED})
    assert [log.name for log in whole.logs] == ["spack-build-out.txt"]


def test_a_log_alone_is_an_attempt() -> None:
    name = f"spack-stage-{NAME}-56s48nc6.log"
    attempt = read_failed_log([FAILED], name)
    assert (attempt.source, attempt.spec) == ("log", SpecName("p", "1.2", HASH))
    assert (attempt.status, attempt.failed_phase) == ("failed", "build")
    assert {e.log for e in attempt.events} == {name}


def test_a_planted_credential_is_nowhere() -> None:
    leak = f"error: login with {SECRET} failed\n".encode()
    files = STAGE | {
        "spack-build-out.txt": leak + FAILED + leak,
        "spack-configure-args.txt": f"--login={SECRET}".encode(),
        "install-time-test-log.txt": f"FAILED: P::t: {SECRET}\n".encode(),
        "spack-build-env-mods.txt": f"export LDFLAGS=-L{SECRET};".encode(),
    }
    assert SECRET not in str(staged(files))
    log = b"".join(redactor_for(files_in_memory(files)).log([leak, FAILED]))
    assert log == leak.replace(SECRET.encode(), b"***") + FAILED


@pytest.mark.parametrize(
    "dumps",
    [
        {"spack-build-env.txt": f"export CI_TOKEN='{SECRET}';\nexport PS1='cut".encode()},
        {"spack-build-env-mods.txt": b"export CI_TOKEN=another-one;"},
    ],
    ids=["damaged", "changed later"],
)
def test_a_credential_is_masked_whatever_the_dump_of_it(dumps: dict[str, bytes]) -> None:
    leak = f"error: login with {SECRET} failed\n".encode()
    files = STAGE | dumps | {"spack-build-out.txt": leak + FAILED}
    assert SECRET not in str(staged(files))
    assert SECRET.encode() not in b"".join(redactor_for(files_in_memory(files)).log([leak]))


def test_install_trees_are_found_in_a_listing() -> None:
    paths = [
        "opt/a-1/.spack/spec.json", "opt/a-1/.spack/repos/x/package.py", "opt/a-1/lib/x",
        "opt/.spack-db/index.json", ".spack/spec.yaml", "b/.spack/config.yaml", "c/.spack",
    ]  # fmt: skip
    assert find_install_trees(paths) == {
        "opt/a-1": ["spec.json", "repos/x/package.py"],
        "": ["spec.yaml"],
    }


@settings(deadline=None, max_examples=60)
@given(st.sampled_from(sorted(INSTALLED)), st.data())
def test_mutated_files_never_raise(name: str, data: st.DataObject) -> None:
    content = data.draw(mutations(INSTALLED[name]))
    attempt = installed(INSTALLED | {name: content})
    assert attempt.spec is not None
