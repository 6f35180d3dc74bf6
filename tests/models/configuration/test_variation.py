"""Differences are sorted into what changed and what is expected to differ."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.configuration.variation import VariationTable

TABLE = VariationTable()


@pytest.mark.parametrize(
    ("key", "class_name", "is_expected"),
    [
        pytest.param("env_run.CONTINUE_RUN", "lifecycle", True, id="continuation"),
        pytest.param("env_run.JOB_IDS", "lifecycle", True, id="job ids"),
        pytest.param("env_run.STOP_N", "segment", True, id="length of the segment"),
        pytest.param("env_run.TPROF_OPTION", "segment", True, id="wildcard at the end"),
        pytest.param("env_workflow.case_run.JOB_QUEUE", "scheduler", True, id="queue"),
        pytest.param("env_run.DOUT_S_ROOT", "archiving", True, id="short-term archive"),
        pytest.param("git_tag", "source", False, id="tag"),
        pytest.param("env_case.CASE_HASH", "source", False, id="hash of the case"),
        pytest.param("env_case.CASE_GROUP", "source", False, id="group of the case"),
        pytest.param("compiler", "build", False, id="compiler"),
        pytest.param("env_build.DEBUG", "build", False, id="debug build"),
        pytest.param("env_mach_pes.NTASKS.ATM", "pe_layout", False, id="tasks"),
        pytest.param("env_run.PIO_TYPENAME.ATM", "io", False, id="parallel I/O"),
        pytest.param("env_run.ATM_NCPL", "coupling", False, id="coupling frequency"),
        pytest.param("env_run.HIST_N", "output", False, id="history"),
        pytest.param("env_run.CCSM_CO2_PPMV", "science", False, id="carbon dioxide"),
        pytest.param("compset", "science", False, id="compset"),
        pytest.param("lnd_in.elm_inparm.finidat", "science", False, id="initial conditions"),
        pytest.param("mpaso_in.a.config_start_time", "science", False, id="start of the ocean"),
        pytest.param("env_runXSTOP_N", "science", False, id="a dot in a list is a dot"),
        pytest.param("my_env_run.STOP_N", "science", False, id="lists name whole keys"),
        pytest.param("env_run.STOP_N.more", "science", False, id="nothing may follow"),
    ],
)
def test_a_key_has_a_class(key: str, class_name: str, is_expected: bool) -> None:
    assert TABLE.classify(key) == (class_name, is_expected)


@given(st.text())
def test_every_key_has_a_class(key: str) -> None:
    class_name, is_expected = TABLE.classify(key)
    assert (class_name in {"lifecycle", "segment", "scheduler", "archiving"}) == is_expected


def test_a_delta_is_split_into_changed_and_expected() -> None:
    entry = {"canonical": 1, "current": 2}
    changed, expected = VariationTable().split(
        {"env_run.STOP_N": entry, "env_run.ATM_NCPL": entry}, {"env_run"}, {"env_run"}
    )
    assert changed == {"env_run.ATM_NCPL": entry | {"class": "coupling"}}
    assert expected == {"env_run.STOP_N": entry | {"class": "segment"}}


def test_splitting_leaves_the_delta_alone() -> None:
    delta = {"a": {"canonical": 1, "current": 2}}
    VariationTable().split(delta, (), ())
    assert delta == {"a": {"canonical": 1, "current": 2}}


@pytest.mark.parametrize(
    ("key", "canonical_files", "is_unrecorded"),
    [
        pytest.param("env_run.ATM_NCPL", {"env_run"}, False, id="the file is there"),
        pytest.param("env_run.ATM_NCPL", {"env_case"}, True, id="the file is not there"),
        pytest.param("git_branch", {"compiler"}, True, id="metadata without its file"),
    ],
)
def test_what_is_absent_with_its_whole_file_is_no_change(
    key: str, canonical_files: set[str], is_unrecorded: bool
) -> None:
    entry = {"canonical": None, "current": 1, "absent": "canonical"}
    changed, expected = VariationTable().split(
        {key: entry}, canonical_files, {"env_run", "git_branch"}
    )
    assert (key in expected) == is_unrecorded
    assert (changed | expected)[key]["class"] == (
        "unrecorded" if is_unrecorded else TABLE.classify(key)[0]
    )
