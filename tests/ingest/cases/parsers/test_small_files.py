"""seq_maps.rc, preview_run.log and replay.sh, and what any bytes in their place give."""

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.parsers.git_files import (
    parse_git_diff,
    parse_git_log,
    parse_git_remote,
    parse_git_submodules,
)
from ingest.cases.parsers.preview_run import parse_preview_run
from ingest.cases.parsers.replay_sh import parse_replay_sh
from ingest.cases.parsers.seq_maps import parse_seq_maps
from models.cases.execution import Launch
from models.errors import ParseError

PREVIEW = b"""CASE INFO:
  nodes: 29
  total tasks: 1856
  tasks per node: 64
  thread count: 2
  ngpus per node: 0

BATCH INFO:
  FOR JOB: case.st_archive
    SUBMIT CMD:
      sbatch --dependency=afterok:1 case.st_archive

  FOR JOB: case.run
    SUBMIT CMD:
      sbatch --time 12:00:00 .case.run

    MPIRUN (job=case.run):
      srun -n 1856 https://me:hunter2@host/e3sm.exe
"""
REPLAY = b"""#!/bin/bash

set -e

# Created 2025-05-07 18:13:24

CASEDIR="/home/me/case"

/home/me/cime/scripts/create_newcase --case /home/me/case

cd "${CASEDIR}"

./xmlchange STOP_N=5

./case.submit https://me:hunter2@host
"""


def test_the_maps_of_the_coupler_are_values() -> None:
    content = b'  atm2ice_fmapname: "idmap"\n Atm2Ocn_x : \'a b\'\nempty: ""\nnothing\n'
    assert parse_seq_maps(content) == {
        "seq_maps.atm2ice_fmapname": "idmap",
        "seq_maps.atm2ocn_x": "a b",
        "seq_maps.empty": None,
    }


def test_the_preview_tells_layout_and_commands_of_the_run() -> None:
    assert parse_preview_run(PREVIEW) == Launch(
        nodes=29,
        total_tasks=1856,
        tasks_per_node=64,
        thread_count=2,
        gpus_per_node=0,
        submit_command="sbatch --time 12:00:00 .case.run",
        mpirun_command="srun -n 1856 https://***@host/e3sm.exe",
    )


def test_a_preview_that_tells_nothing_is_empty() -> None:
    assert parse_preview_run(b"nodes: many\nMPIRUN (job=case.run):\n") == Launch()


def test_the_replay_gives_its_commands_without_credentials() -> None:
    assert parse_replay_sh(REPLAY) == [
        "/home/me/cime/scripts/create_newcase --case /home/me/case",
        "./xmlchange STOP_N=5",
        "./case.submit https://***@host",
    ]


def test_a_credential_in_a_command_that_is_cut_is_masked_whole() -> None:
    for size in range(4060, 4090):
        (command,) = parse_replay_sh(b"x" * size + b" https://me:hunter2@host.org")
        assert len(command) <= 4096
        assert "me:" not in command


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
def test_a_command_that_goes_on_in_the_next_line_is_one(end: bytes) -> None:
    content = end.join([b"./xmlchange \\", b"A=1", b"./case.submit", b""])
    assert [line.split() for line in parse_replay_sh(content)] == [
        ["./xmlchange", "A=1"], ["./case.submit"],
    ]  # fmt: skip


def test_of_very_many_commands_the_last_are_kept() -> None:
    commands = parse_replay_sh(b"\n".join(b"./xmlchange A=%d" % n for n in range(3000)))
    assert len(commands) == 1000
    assert commands[-1] == "./xmlchange A=2999"


def test_submodules_are_told_with_their_commits() -> None:
    content = (
        b" 42f9f260cd2ada1e27b2774899f3fc9e35e788d5 cime (heads/master)\n"
        b"+2fb6493b78c13d7e externals/scorpio\n\nEntering 'cime'\n"
        b"-f59a75b36319d251 CIME/data (v1.2)\nnot a line\n"
    )
    key = "git_submodule_status."
    assert parse_git_submodules(content) == {
        f"{key}cime": "42f9f260cd2ada1e27b2774899f3fc9e35e788d5 (heads/master)",
        f"{key}externals/scorpio": "+2fb6493b78c13d7e",
        f"{key}cime/CIME/data": "-f59a75b36319d251 (v1\u20242)".replace("\u2024", "."),
    }


def test_the_first_submodule_is_told_although_its_line_has_lost_the_blank() -> None:
    first, second = "1" * 40, "2" * 40
    for sign in ("", "+", "-"):
        content = f"{sign}{first} cime (v1)\n {second} externals/x\n".encode()
        assert parse_git_submodules(content) == {
            "git_submodule_status.cime": f"{sign}{first} (v1)",
            "git_submodule_status.externals/x": second,
        }


def test_only_the_first_line_can_have_lost_its_blank() -> None:
    assert parse_git_submodules(f" {'1' * 40} a\n{'2' * 40} b\n".encode()).keys() == {
        "git_submodule_status.a"
    }


def test_a_remote_of_a_partial_clone_is_told() -> None:
    content = b"origin\thttps://h/r (fetch) [blob:none]\norigin\thttps://h/r (push)\n"
    assert parse_git_remote(content) == {"git_remote.origin": "https://h/r"}


@pytest.mark.parametrize(
    ("line", "path"),
    [
        pytest.param("diff --git a/x/y.F90 b/x/y.F90", "x/y.F90", id="plain"),
        pytest.param("diff --git a/x b/y b/x b/y", "x b/y", id="a name like two"),
        pytest.param("diff --git a/old.F90 b/new.F90", "old.F90", id="renamed"),
        pytest.param("diff --git i/x.F90 w/x.F90", "x.F90", id="mnemonic prefixes"),
        pytest.param("diff --git src/x.F90 src/x.F90", "src/x.F90", id="no prefixes"),
        pytest.param("diff --cc src/x.F90", "src/x.F90", id="while merging"),
        pytest.param("diff --combined src/x.F90", "src/x.F90", id="combined"),
        pytest.param("* Unmerged path src/x.F90", "src/x.F90", id="unmerged"),
        pytest.param(
            'diff --git "a/\\303\\251\\t\\".F" "b/\\303\\251\\t\\".F"', 'é\t".F', id="quoted"
        ),
        pytest.param("Submodule cime 1a2b3c4...5d6e7f8 (commits not present)", "cime", id="log"),
    ],
)
def test_a_changed_file_is_told_in_each_form_that_git_writes(line: str, path: str) -> None:
    found: list[str] = []
    content = f"{line}\n--- a/z\n+++ b/z\n"
    assert parse_git_diff(content.encode(), lambda _, text: found.append(text)) == {
        "git_diff.files": [path],
        "git_diff.sha256": sha256(content.encode()).hexdigest(),
    }
    assert found == []


def test_the_preview_of_a_test_tells_its_commands() -> None:
    preview = parse_preview_run(PREVIEW.replace(b"case.run", b"case.test"))
    assert preview.submit_command == "sbatch --time 12:00:00 .case.test"
    assert preview.mpirun_command == "srun -n 1856 https://***@host/e3sm.exe"


def test_the_log_is_that_of_the_main_repository() -> None:
    content = b"abc1234 one\ndef5678 two\n\nEntering 'cime'\n999 three\n"
    assert parse_git_log(content) == {"git_log.commits": ["abc1234 one", "def5678 two"]}


def test_the_log_loses_its_credentials() -> None:
    content = b"abc1234 clone https://me:hunter2@h.org/x\n"
    assert parse_git_log(content) == {"git_log.commits": ["abc1234 clone https://***@h.org/x"]}


def test_remotes_lose_their_credentials() -> None:
    content = (
        b"origin\tgit@github.com:E3SM-Project/E3SM.git (fetch)\n"
        b"origin\tgit@github.com:E3SM-Project/E3SM.git (push)\n"
        b"mine\thttps://me:hunter2@github.com/me/E3SM.git (fetch)\n\nEntering 'cime'\n"
        b"origin\tgit@github.com:ESMCI/cime.git (fetch)\n"
    )
    assert parse_git_remote(content) == {
        "git_remote.origin": "https://github.com/E3SM-Project/E3SM.git",
        "git_remote.mine": "https://github.com/me/E3SM.git",
    }


DIFF = b"diff --git a/x.F90 b/x.F90\n+a\n"


def test_changes_of_the_source_are_told_by_file_and_digest() -> None:
    found = parse_git_diff(DIFF + b"\nEntering 'cime'\ndiff --git a/y.py b/y.py\n-b\n")
    assert found["git_diff.files"] == ["x.F90", "cime/y.py"]
    assert found["git_diff.sha256"] != parse_git_diff(DIFF)["git_diff.sha256"]


def test_what_stands_before_the_first_change_does_not_matter() -> None:
    assert parse_git_diff(b"warning: x\n\n" + DIFF) == parse_git_diff(DIFF)


def test_of_very_many_changed_files_the_first_are_told() -> None:
    content = b"".join(b"diff --git a/%d b/%d\n" % (n, n) for n in range(1200))
    assert parse_git_diff(content)["git_diff.files"] == [str(n) for n in range(1000)]


def test_clean_sources_have_no_digest() -> None:
    expected = {"git_diff.files": None, "git_diff.sha256": None}
    assert parse_git_diff(b"\n\nEntering 'cime'\n\n") == expected


PARSERS: list[Callable[[bytes], object]] = [
    parse_seq_maps, parse_preview_run, parse_replay_sh, parse_git_submodules, parse_git_log,
    parse_git_remote, parse_git_diff,
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("parse", PARSERS)
@given(content=st.binary(max_size=200))
def test_any_bytes_give_values_or_the_error_of_a_file(
    parse: Callable[[bytes], object], content: bytes
) -> None:
    with suppress(ParseError):
        parse(content)
