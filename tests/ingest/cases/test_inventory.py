"""Files of an execution directory are known by their names."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.inventory import REQUIRED, FileEntry, Inventory, other_files, take_inventory
from tests.support.executions import LID, execution_files

OTHER = "999.250101-000000"


def inventory(*paths: str) -> Inventory:
    return take_inventory([FileEntry(path, 1) for path in paths], LID)


@pytest.mark.parametrize(
    ("path", "artefact"),
    [
        pytest.param(f"CaseDocs.{LID}/env_run.xml.{LID}", "env_run", id="variables"),
        pytest.param(f"CaseDocs.{LID}/env_run.xml.{LID}.gz", "env_run", id="gzipped"),
        pytest.param(f"casedocs.{LID}/env_run.xml.{LID}", "env_run", id="directory in lower case"),
        pytest.param(f"CaseDocs.{LID}/README.case.{LID}", "readme_case", id="README"),
        pytest.param(f"CaseStatus.{LID}.gz", "case_status", id="status"),
        pytest.param(f"GIT_DESCRIBE.{LID}", "git_describe", id="describe"),
        pytest.param(f"e3sm_timing.v3.LR.a_0001.{LID}", "e3sm_timing", id="profile"),
        pytest.param(f"e3sm_timing.a b\u00e4\udcff.{LID}", "e3sm_timing", id="odd case"),
        pytest.param(f"e3sm_timing_0002.case.{LID}", "e3sm_timing", id="profile of a driver"),
        pytest.param(f"acme_timing.case.{LID}", "e3sm_timing", id="profile of ACME"),
        pytest.param(f"e3sm_timing.a\nb.{LID}", "e3sm_timing", id="line feed in the case"),
        pytest.param(f"cpl.log.{LID}.gz", "cpl_log", id="log"),
        pytest.param(f"med_0001.log.{LID}.gz", "cpl_log", id="log of NUOPC"),
        pytest.param(f"drv.log.{LID}.gz", "cpl_log", id="log of the driver of NUOPC"),
        pytest.param(f"replay.sh.{LID}.gz", "replay_sh", id="commands"),
        pytest.param(f"preview_run.log.{LID}", "preview_run", id="preview"),
        pytest.param(f"GIT_STATUS.{LID}", "git_status", id="state of the source"),
        pytest.param(f"CaseDocs.{LID}/seq_maps.rc.{LID}", "seq_maps", id="maps"),
        pytest.param(f"CaseDocs.{LID}/a.b.yaml.{LID}", "yaml_a:b", id="stream with a dot"),
        pytest.param(
            f"CaseDocs.{LID}/env_postprocessing.xml.{LID}", "env_postprocessing", id="env"
        ),
        pytest.param(f"CaseDocs.{LID}/atm_in.{LID}.gz", "atm_in", id="namelist"),
        pytest.param(f"CaseDocs.{LID}/atm_in_0001.{LID}", "atm_in_0001", id="of an instance"),
        pytest.param(f"CaseDocs.{LID}/user_nl_eam.{LID}", "user_nl_eam", id="of the user"),
        pytest.param(f"CaseDocs.{LID}/mpas-o_in.{LID}", "mpas-o_in", id="of ACME"),
        pytest.param(f"CaseDocs.{LID}/mpas-cice_in_0001.{LID}", "mpas-cice_in_0001", id="both"),
        pytest.param(f"CaseDocs.{LID}/user_nl_mpas-o.{LID}", "user_nl_mpas-o", id="user of ACME"),
        pytest.param(f"CaseDocs.{LID}/atm_in0001.{LID}", "atm_in0001", id="no underscore"),
        pytest.param(
            f"CaseDocs.{LID}/atm_modelio_0002.nml.{LID}", "atm_modelio_0002", id="ends in nml"
        ),
        pytest.param(f"CaseDocs.{LID}/nuopc.runconfig.{LID}", "nuopc_runconfig", id="of NUOPC"),
        pytest.param(f"CaseDocs.{LID}/atm_modelio.nml.{LID}", "atm_modelio", id="of the driver"),
        pytest.param(
            f"CaseDocs.{LID}/atm_modelio.nml_0002.{LID}", "atm_modelio_0002", id="for an instance"
        ),
        pytest.param(f"CaseDocs.{LID}/CISM_in.{LID}", "CISM_in", id="in capitals"),
        pytest.param(f"CaseDocs.{LID}/ww3_grid.nml.{LID}.gz", "ww3_grid", id="of WW3"),
        pytest.param(f"CaseDocs.{LID}/ww3_grid.nml_0002.{LID}", "ww3_grid_0002", id="WW3's second"),
        pytest.param(
            f"CaseDocs.{LID}/namelist.ocean.{LID}", "namelist:ocean", id="name with a dot"
        ),
        pytest.param(f"CaseDocs.{LID}/mpaso_in0001.{LID}", "mpaso_in0001", id="instance of MPAS"),
        pytest.param(f"CaseDocs.{LID}/user_nl_eam0001.{LID}", "user_nl_eam0001", id="and its user"),
        pytest.param(f"CaseDocs.{LID}/namelist.nl.{LID}", "namelist_nl", id="of EAMxx"),
        pytest.param(f"CaseDocs.{LID}/scream_input.yaml.{LID}", "scream_input", id="EAMxx"),
        pytest.param(
            f"CaseDocs.{LID}/scream_input.yaml_0002.{LID}", "scream_input_0002", id="EAMxx's second"
        ),
        pytest.param(
            f"CaseDocs.{LID}/scream_input_0002.yaml.{LID}", "scream_input_0002", id="other order"
        ),
        pytest.param(
            f"CaseDocs.{LID}/monthly.yaml_0002.{LID}", "yaml_monthly_0002", id="second stream"
        ),
        pytest.param("CaseStatus", "case_status", id="no LID"),
        pytest.param(f"CaseStatus.{OTHER}", "case_status", id="another LID"),
        pytest.param("CaseStatus.9.host1.250101-000000", "case_status", id="LID of PBS"),
        pytest.param("CaseStatus.250101-000000", "case_status", id="LID without a job"),
    ],
)
def test_a_file_is_known_by_its_name(path: str, artefact: str) -> None:
    assert inventory(path).files == {artefact: path}


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        pytest.param(f"env_run.xml.{LID}", id="variables outside of CaseDocs"),
        pytest.param(f"CaseDocs.{LID}/CaseStatus.{LID}", id="status in CaseDocs"),
        pytest.param(f"CaseDocs.{LID}/deeper/env_run.xml.{LID}", id="too deep"),
        pytest.param(f"SourceMods/env_run.xml.{LID}", id="another directory"),
        pytest.param(f"CaseDocs.{LID}/env_run.xml~.{LID}", id="copy of an editor"),
        pytest.param(f"e3sm_timing_stats.{LID}.gz", id="statistics"),
        pytest.param(f"e3sm_timing.{LID}", id="profile without a case"),
        pytest.param(f"CaseDocs.{LID}/nuopc.runseq.{LID}", id="sequence of NUOPC"),
        pytest.param(f"CaseStatus.{OTHER}\n", id="line feed after another LID"),
        pytest.param(f"CaseStatus.{LID}.bz2", id="another compression"),
        pytest.param(f"CaseStatus.{LID}\n", id="line feed at the end"),
        pytest.param(f"GIT_LOGS_HEAD.{LID}", id="not wanted"),
        pytest.param("", id="empty"),
        pytest.param("CaseStatus" + ".1" * 200_000, id="very long"),
    ],
)
def test_other_files_are_passed_over(path: str) -> None:
    assert inventory(path) == Inventory({}, {})


@pytest.mark.parametrize("name", ["cism.config", "cism.config.0001", "compiler.nml", "env_x_in"])
def test_a_configuration_that_cannot_be_read_is_known_as_that(name: str) -> None:
    path = f"CaseDocs.{LID}/{name}.{LID}"
    assert inventory(path) == Inventory({}, {}, (path,))


@pytest.mark.parametrize(
    ("better", "worse"),
    [
        pytest.param(f"CaseStatus.{LID}", f"CaseStatus.{LID}.gz", id="plain before gzipped"),
        pytest.param(f"CaseStatus.{LID}.gz", f"CaseStatus.{OTHER}", id="own LID first"),
        pytest.param(f"CaseStatus.{LID}", "CaseStatus", id="own LID before none"),
        pytest.param(f"e3sm_timing.c.{LID}", f"e3sm_timing_0001.c.{LID}", id="profile of all"),
        pytest.param(f"cpl.log.{LID}.gz", f"drv.log.{LID}", id="log of the coupler"),
        pytest.param(f"drv_0001.log.{LID}.gz", f"med.log.{LID}", id="log of the driver"),
        pytest.param(f"e3sm_timing_0001.c.{LID}.gz", f"e3sm_timing_0002.c.{LID}", id="driver 1"),
    ],
)
def test_the_better_of_two_files_counts(better: str, worse: str) -> None:
    assert inventory(worse, better) == inventory(better, worse)
    assert list(inventory(worse, better).files.values()) == [better]


def test_two_files_that_are_as_good_are_ambiguous() -> None:
    one, other = f"e3sm_timing.a.{LID}", f"e3sm_timing.b.{LID}"
    assert inventory(other, one) == Inventory({}, {"e3sm_timing": (one, other)})


def test_files_that_are_not_read_are_told_by_their_names_and_sizes() -> None:
    entries = [
        FileEntry(f"e3sm.log.{LID}.gz", 7),
        FileEntry(f"CaseStatus.{LID}", 1),
        FileEntry(f"spio_stats.{LID}.tar.gz", 5),
        FileEntry(f"e3sm.log.{LID}", 6),
        FileEntry(f"CaseStatus.{LID}.gz", 2),
    ]
    expected = [("CaseStatus", 2), ("e3sm.log", 6), ("e3sm.log", 7), ("spio_stats.tar", 5)]
    for some in (entries, entries[::-1]):
        left = other_files(some, take_inventory(some, LID), LID)
        assert [(entry.path, entry.size) for entry in left] == expected


def test_a_complete_execution_has_every_required_file() -> None:
    assert inventory(*execution_files()).files.keys() == REQUIRED.keys()


stems = st.sampled_from(["CaseStatus", "e3sm_timing.c", "cpl.log", "CaseDocs/env_run.xml", "x"])
suffixes = st.sampled_from(["", f".{LID}", f".{OTHER}", f".{LID}.gz", ".gz"])
paths = st.one_of(st.builds("{}{}".format, stems, suffixes), st.text())


@given(st.lists(paths, unique=True).flatmap(lambda p: st.tuples(st.just(p), st.permutations(p))))
def test_the_order_of_the_files_does_not_matter(orders: tuple[list[str], list[str]]) -> None:
    one, other = orders
    assert inventory(*one) == inventory(*other)


@given(st.lists(paths, unique=True))
def test_a_file_stands_for_one_artefact(some: list[str]) -> None:
    found = inventory(*some)
    named = [*found.files.values(), *(path for paths in found.ambiguous.values() for path in paths)]
    assert len(set(named)) == len(named)
    assert not found.files.keys() & found.ambiguous.keys()
