"""Files are opened where they were found, and nowhere else."""

import os
from pathlib import Path

import pytest

from ingest.archives.budgets import Budgets
from ingest.archives.place import Place, open_file_in_place, open_in_place
from ingest.builds.sources import DirectoryBuildFileSource
from ingest.specs.discover import SpackFiles
from tests.support.spec_documents import document, package, packed

LOG = "spack-build-out.txt"


def swap_for_a_link(directory: Path) -> None:
    """Put a link to files of the same names in the place of a directory."""
    aside = directory.with_name("aside")
    directory.rename(aside)
    directory.symlink_to(aside)


def test_links_in_the_path_of_a_place_are_resolved_once(tmp_path: Path) -> None:
    (tmp_path / "real" / "below").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "real")
    place = Place(tmp_path / "link")
    assert place.real(f"{tmp_path}/link/below/a") == f"{tmp_path}/real/below/a"
    assert place.real(f"{tmp_path}/link") == f"{tmp_path}/real"
    assert place.real(f"{tmp_path}/linked") == f"{tmp_path}/linked"


def test_a_file_is_opened_where_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"text")
    with os.fdopen(open_file_in_place(str(tmp_path / "a")), "rb") as file:
        assert file.read() == b"text"


def test_what_a_link_leads_to_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d" / "a").write_bytes(b"text")
    (tmp_path / "link").symlink_to(tmp_path / "d" / "a")
    swap_for_a_link(tmp_path / "d")
    for path in ("link", "d/a"):
        with pytest.raises(OSError, match=r"no longer where|symbolic links"):
            open_in_place(str(tmp_path / path))


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_regular_file_is_not_opened(tmp_path: Path, make: object) -> None:
    assert callable(make)
    make(tmp_path / "a")
    with pytest.raises(OSError, match="not a regular file"):
        open_file_in_place(str(tmp_path / "a"))


def test_a_spec_behind_a_directory_that_became_a_link_is_noted(tmp_path: Path) -> None:
    place = tmp_path / "root" / "d" / "x.spec.json"
    place.parent.mkdir(parents=True)
    place.write_bytes(packed(document(package("a"))))
    files = SpackFiles(tmp_path / "root", Budgets(), 2**20)
    (found,) = list(files.candidates())
    swap_for_a_link(place.parent)
    assert list(files.files(found)) == []
    assert [damage.reason for damage in files.damages] == ["unreadable"]


def test_a_log_behind_a_directory_that_became_a_link_is_not_read(tmp_path: Path) -> None:
    log = tmp_path / "root" / "spack-stage-p-1.2-abc" / LOG
    log.parent.mkdir(parents=True)
    log.write_bytes(b"==> p: Executing phase: 'build'\n")
    source = DirectoryBuildFileSource(tmp_path / "root", Budgets())
    units = source.units()
    assert units
    swap_for_a_link(log.parent)
    for _, files in source.read(units):
        for chunks in files.values():
            with pytest.raises(OSError, match="no longer where"):
                b"".join(chunks())
