"""Names of directories and logs tell the spec that they belong to."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.builds.formats.spec_name import SpecName, spec_in_text, spec_of_path, spec_of_test

HASH = "abcdefghijklmnopqrstuvwxyz234567"


@pytest.mark.parametrize(
    ("name", "package", "version"),
    [
        pytest.param(f"zlib-1.3-{HASH}", "zlib", "1.3", id="prefix"),
        pytest.param(f"spack-stage-sim-auto-0.3-{HASH}", "sim-auto", "0.3", id="stage"),
        pytest.param(f"spack-stage-p-0.3-{HASH}-56s48nc6.log", "p", "0.3", id="log"),
        pytest.param(f"spack-stage-p-0.3-{HASH}-dtzlnqx_.log.gz", "p", "0.3", id="packed log"),
        pytest.param(f"py-x-2021-04-01-{HASH}", "py-x", "2021-04-01", id="date"),
        pytest.param(f"p-develop-{HASH}", "p", "develop", id="branch"),
        pytest.param(f"p-git.abc_1.2-{HASH}", "p", "git.abc_1.2", id="commit"),
    ],
)
def test_a_path_names_a_spec(name: str, package: str, version: str) -> None:
    assert spec_of_path(name) == SpecName(package, version, HASH)


def test_a_package_with_a_digit_behind_a_hyphen_has_to_be_given() -> None:
    name = f"font-adobe-100dpi-1.0-{HASH}"
    assert spec_of_path(name, "font-adobe-100dpi") == SpecName("font-adobe-100dpi", "1.0", HASH)
    assert spec_of_path(f"zlib-1.3-{HASH}", "other") == SpecName("zlib", "1.3", HASH)


@pytest.mark.parametrize("name", ["", "dummy-tar", f"zlib-{HASH}", "zlib-1.3-abc", f"-1-{HASH}"])
def test_other_names_are_none(name: str) -> None:
    assert spec_of_path(name) is None


def test_the_id_of_a_test_has_a_part_of_the_hash() -> None:
    assert spec_of_test("sim-tiny-1.0-5eilxmq") == SpecName("sim-tiny", "1.0", "5eilxmq")
    assert spec_of_test("results") is None


def test_a_text_names_the_spec_of_a_package() -> None:
    text = f"--prefix=/opt/other-2-{HASH} /opt/p-1.2-rc1-{HASH}/lib"
    assert spec_in_text(text, "p") == SpecName("p", "1.2-rc1", HASH)
    assert spec_in_text("nothing", "p") is None


@given(st.text(), st.text(min_size=1, max_size=5))
def test_any_text_names_a_spec_or_none(text: str, package: str) -> None:
    for found in (spec_of_path(text), spec_of_test(text), spec_in_text(text, package)):
        assert found is None or found.name


@pytest.mark.slow
@pytest.mark.parametrize("pattern", ["a-1", "p-", "p-1-", "1-", "/p-1.2"])
def test_hostile_texts_take_no_more_time_than_their_length(pattern: str) -> None:
    start = time.process_time()
    text = pattern * (1_000_000 // len(pattern))
    spec_of_path(text[:4096])
    spec_in_text(text, "p")
    assert time.process_time() - start < 10
