"""What is said about a path in which nothing was found."""

from pathlib import Path

from ingest.archives.budgets import Budgets
from ingest.archives.passed_over import describe_nothing

_NOTHING = "nothing of E3SM or Spack was found in it"


def test_an_archive_and_an_empty_directory_hold_nothing(tmp_path: Path) -> None:
    assert describe_nothing(tmp_path, Budgets()) == _NOTHING
    packed = tmp_path / "a.zip"
    packed.touch()
    assert describe_nothing(packed, Budgets()) == _NOTHING


def test_packed_archives_are_named_with_the_patterns_for_them(tmp_path: Path) -> None:
    below = tmp_path / "of 2025"
    below.mkdir()
    for name in ("b.tar.gz", "a.tar.gz", "notes.txt"):
        (tmp_path / name).touch()
    (below / "C.ZIP").touch()
    assert describe_nothing(tmp_path, Budgets()) == (
        f"{_NOTHING}; 3 packed archives were passed over (a.tar.gz, b.tar.gz, of 2025/C.ZIP):"
        f" name them on the command line, {tmp_path}/*.tar.gz '{below}'/*.ZIP"
    )


def test_of_very_many_only_some_are_named(tmp_path: Path) -> None:
    for number in range(1003):
        (tmp_path / f"{number:04}.tgz").touch()
    text = describe_nothing(tmp_path, Budgets())
    assert "more than 1000 packed archives were passed over (0000.tgz, " in text
    assert text.endswith(f"…): name them on the command line, {tmp_path}/*.tgz")
    assert len(text) < 500
