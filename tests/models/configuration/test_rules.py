"""A site's own tables come before the built-in ones."""

from pathlib import Path

import pytest

from models.configuration.rules import load_rules
from models.errors import SettingsError

ENTRY = {"canonical": 1, "current": 2}


def test_without_files_the_built_in_tables_count() -> None:
    tables = load_rules(None, None)
    assert tables.variation.classify("env_run.STOP_N") == ("segment", True)


def test_the_lists_of_a_site_come_first(tmp_path: Path) -> None:
    own = tmp_path / "variation.toml"
    own.write_text('[[changed]]\nclass = "science"\nkeys = ["env_run.STOP_N"]\n')
    tables = load_rules(own, None)
    assert tables.variation.classify("env_run.STOP_N") == ("science", False)
    assert tables.variation.classify("env_run.RESUBMIT") == ("lifecycle", True)


def test_the_rules_of_a_site_come_first(tmp_path: Path) -> None:
    own = tmp_path / "derivation.toml"
    own.write_text('[[rule]]\nprimary = "a.x"\nderived = ["b.y"]\n')
    changes, repeats = load_rules(None, own).derivation.split_repeats({"a.x": ENTRY, "b.y": ENTRY})
    assert (list(changes), list(repeats)) == (["a.x"], ["b.y"])
    assert changes["a.x"]["alsoIn"] == ["b.y"]


def test_a_cause_that_a_site_tells_comes_before_the_built_in_one(tmp_path: Path) -> None:
    own = tmp_path / "derivation.toml"
    own.write_text(
        '[[rule]]\nprimary = "a.x"\nderived = ["drv_in.seq_timemgr_inparm.stop_n"]\n'
        '[user_namelists]\neam = ["scream_in"]\n'
    )
    causes = {"drv_in.seq_timemgr_inparm.stop_n": "a.x", "user_nl_eam.n": "scream_in.g.n"}
    others = ["env_run.STOP_N", "atm_in.g.n", *causes.values(), *causes]
    changes, repeats = load_rules(None, own).derivation.split_repeats(dict.fromkeys(others, ENTRY))
    assert set(repeats) == set(causes)
    for key, cause in causes.items():
        assert changes[cause]["alsoIn"] == [key]


@pytest.mark.parametrize(
    ("cause", "repeats"),
    [
        pytest.param("env_run.ATM_NCPL", ["drv_in.seq_timemgr_inparm.atm_cpl_dt"], id="variable"),
        pytest.param(
            "env_mach_pes.NTASKS.ATM",
            ["drv_in.cime_pes.atm_ntasks", "env_mach_pes.NTASKS_PER_INST.ATM"],
            id="of a component",
        ),
        pytest.param("env_run.ATM2ICE_FMAPNAME", ["seq_maps.atm2ice_fmapname"], id="of any name"),
        pytest.param(
            "compiler", ["env_mach_specific.environment_variables.OMP"], id="environment variable"
        ),
        pytest.param(
            "env_run.PIO_STRIDE.LND",
            ["lnd_modelio_0002.pio_inparm.pio_stride"],
            id="of an instance",
        ),
        pytest.param("atm_in.g.n", ["user_nl_cam.n", "user_nl_eam.n"], id="line of the user"),
        pytest.param("atm_in_0002.g.n", ["user_nl_eam_0002.n"], id="line for an instance"),
        pytest.param(
            "env_run.REST_N",
            [
                "drv_in.seq_timemgr_inparm.restart_n",
                "namelist_scream.scorpio.model_restart.output_control.frequency",
                "scream_input.scorpio.model_restart.output_control.frequency",
            ],
            id="two steps away",
        ),
        pytest.param(
            "env_run.RUN_STARTDATE",
            [
                "atm_in.cam_initfiles_nl.ncdata",
                "lnd_in.elm_inparm.finidat",
                "mpasli_in.time_management.config_start_time",
            ],
            id="initial files of a date",
        ),
        pytest.param(
            "env_workflow.case_run.JOB_QUEUE", ["env_mach_specific.mpirun"], id="of the queue"
        ),
        pytest.param("env_mach_pes.NTHRDS.OCN", ["env_mach_specific.mpirun"], id="of any threads"),
        pytest.param("env_run.EPS_FRAC", ["drv_in.seq_infodata_inparm.eps_frac"], id="same name"),
        pytest.param(
            "env_run.RUN_STARTDATE",
            [
                "mpaso_in0001.time_management.config_start_time",
                "mpaso_in_0002.time_management.config_start_time",
            ],
            id="of instances with and without an underscore",
        ),
        pytest.param("mpaso_in0001.g.n", ["user_nl_mpaso0001.n"], id="line without underscore"),
        pytest.param("atm_in.g.2.n", ["user_nl_eam.n"], id="line for a second group"),
    ],
)
def test_a_change_is_told_under_its_first_cause(cause: str, repeats: list[str]) -> None:
    delta = {key: {"canonical": 1, "current": number} for number, key in enumerate(repeats, 5)}
    told = load_rules(None, None).derivation.split_repeats({cause: ENTRY} | delta)
    assert told == ({cause: ENTRY | {"alsoIn": repeats}}, delta)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(["env_run.LND_NCPL", "drv_in.seq_timemgr_inparm.atm_cpl_dt"], id="component"),
        pytest.param(["atm_in.g.n", "user_nl_elm.n"], id="other namelist"),
        pytest.param(["atm_in.g.n", "user_nl_eam.m"], id="other name"),
        pytest.param(["atm_in_0001.g.n", "user_nl_eam_0002.n"], id="other instance"),
        pytest.param(
            [
                "env_run.REST_N",
                "env_run.STOP_N",
            ],
            id="two variables of the case",
        ),
    ],
)
def test_what_is_made_of_something_else_is_a_change_of_its_own(keys: list[str]) -> None:
    delta = dict.fromkeys(keys, ENTRY)
    assert load_rules(None, None).derivation.split_repeats(delta) == (delta, {})


def test_what_the_user_sets_follows_from_nothing_else() -> None:
    line, value = "user_nl_elm.finidat", "lnd_in.elm_inparm.finidat"
    delta = dict.fromkeys(["env_run.RUN_STARTDATE", value, line], ENTRY)
    changes, repeats = load_rules(None, None).derivation.split_repeats(delta)
    assert (set(changes), list(repeats)) == ({"env_run.RUN_STARTDATE", value}, [line])
    assert changes[value]["alsoIn"] == [line]


def test_a_buffer_of_changes_is_not_told_under_a_change_with_another_cause() -> None:
    frequency = "namelist_scream.scorpio.model_restart.output_control.frequency"
    buffer = "env_run.SCREAM_ATMCHANGE_BUFFER"
    delta = dict.fromkeys(["env_run.REST_N", frequency, buffer], ENTRY)
    changes, repeats = load_rules(None, None).derivation.split_repeats(delta)
    assert (set(changes), list(repeats)) == ({"env_run.REST_N", buffer}, [frequency])


@pytest.mark.timeout(20)
def test_rules_that_lead_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    own = tmp_path / "derivation.toml"
    own.write_text(
        '[[rule]]\nprimary = "a.x"\nderived = ["b.y"]\n'
        '[[rule]]\nprimary = "b.y"\nderived = ["a.x", "c.z"]\n'
    )
    given = {"a.x": ENTRY, "b.y": ENTRY, "c.z": ENTRY}
    changes, repeats = load_rules(None, own).derivation.split_repeats(given)
    assert (sorted(changes), sorted(repeats)) == (["a.x", "b.y"], ["c.z"])


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[[changed", id="not TOML"),
        pytest.param('[[changed]]\nclass = "x"\n', id="without keys"),
        pytest.param("changed = 3\n", id="not a list"),
        pytest.param('[[changed]]\nclass = "x"\nkeys = "a.b"\n', id="not a list of keys"),
        pytest.param('[[change]]\nclass = "x"\nkeys = ["a.b"]\n', id="another name"),
        pytest.param("# \xe9\n", id="not UTF-8"),
    ],
)
def test_a_file_that_is_no_table_is_named(tmp_path: Path, text: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text, encoding="latin-1")
    with pytest.raises(SettingsError, match=r"own\.toml"):
        load_rules(own, None)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('user_namelists = "ab"', id="not a table"),
        pytest.param('[[rule]]\nprimary = 5\nderived = ["a.b"]', id="not a key"),
        pytest.param('[[rule]]\nprimary = "a.b"\nderived = "c.d"', id="not a list"),
    ],
)
def test_a_file_that_is_no_table_of_derivation_is_named(tmp_path: Path, text: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError, match=r"own\.toml: .*(user_namelists|primary|derived)"):
        load_rules(None, own)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        load_rules(tmp_path / "nowhere", None)


@pytest.mark.parametrize(
    ("key", "causes"),
    [
        pytest.param(
            "lnd_in_0002.elm_inparm.finidat", ["env_run.CONTINUE_RUN"], id="initial conditions"
        ),
        pytest.param(
            "mosart_in.mosart_inparm.finidat_rtm", ["env_run.CONTINUE_RUN"], id="of the rivers"
        ),
        pytest.param(
            "mpaso_in.time_management.config_start_time",
            ["env_run.CONTINUE_RUN", "env_run.RUN_STARTDATE"],
            id="start of the ocean",
        ),
    ],
)
def test_what_a_continued_run_does_not_read_is_a_change_of_its_own_in_others(
    key: str, causes: list[str]
) -> None:
    derivation = load_rules(None, None).derivation
    changes, _ = derivation.split_repeats({key: ENTRY})
    assert changes == {key: ENTRY}
    for cause in causes:
        changes, repeats = derivation.split_repeats({cause: ENTRY, key: ENTRY})
        assert changes == {cause: ENTRY | {"alsoIn": [key]}}
        assert repeats == {key: ENTRY}
