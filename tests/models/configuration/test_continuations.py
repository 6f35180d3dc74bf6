"""A continuation of a plain run changes nothing, whatever components it has.

The flags are those that the components' own scripts set: bld/build-namelist of the MPAS components,
cime_config/buildnml and namelist_definition_drv.xml of the driver, in E3SM 1.0 to 3.
"""

from typing import Any

import pytest

from models.configuration.delta import diff
from models.configuration.rules import load_rules

RULES = load_rules(None, None)

DRIVER = {"drv_in.seq_infodata_inparm.start_type": ("startup", "continue")}
OCEAN = {
    "mpaso_in.time_management.config_do_restart": (False, True),
    "mpaso_in.time_management.config_start_time": ("0001-01-01_00000", "file"),
}
ICE_V1 = {
    "mpassi_in.restart.config_do_restart": (False, True),
    "mpassi_in.restart.config_do_restart_zsalinity": (False, True),
    "mpassi_in.restart.config_do_restart_hbrine": (False, True),
    "mpassi_in.restart.config_do_restart_bgc": (False, True),
    "mpassi_in.seaice_model.config_start_time": ("0001-01-01_00000", "file"),
}
ICE_V2 = ICE_V1 | {
    "mpassi_in.restart.config_do_restart_snow_density": (False, True),
    "mpassi_in.restart.config_do_restart_snow_grain_radius": (False, True),
}
LAND_ICE = {
    "mali_in.time_management.config_do_restart": (False, True),
    "mali_in.time_management.config_start_time": ("0001-01-01_00000", "file"),
}


def renamed(flags: dict[str, Any], old: str, new: str) -> dict[str, Any]:
    return {key.replace(old, new): values for key, values in flags.items()}


BEFORE_V1 = (
    DRIVER | renamed(OCEAN, "mpaso_in", "mpas-o_in") | renamed(ICE_V1, "mpassi_in", "mpas-cice_in")
)
SETS = {
    "coupled, 2017": BEFORE_V1 | renamed(LAND_ICE, "mali_in", "mpasli_in"),
    "coupled, v1": DRIVER | OCEAN | ICE_V1,
    "coupled, v2 and v3": DRIVER | OCEAN | ICE_V2,
    "coupled with land ice": DRIVER | OCEAN | ICE_V2 | LAND_ICE,
    "ocean and sea ice": DRIVER | OCEAN | ICE_V2,
    "atmosphere with data": DRIVER,
    "branch of the same case": DRIVER
    | {"drv_in.seq_infodata_inparm.brnch_retain_casename": (False, True)},
    "two instances": DRIVER | renamed(OCEAN, "mpaso_in", "mpaso_in_0002"),
    "NUOPC": {
        "nuopc_runconfig.ALLCOMP_attributes.start_type": ("startup", "continue"),
        "nuopc_runconfig.MED_attributes.read_restart": (False, True),
        "nuopc_runconfig.ATM_modelio.logfile": ("atm.log.1.250101-000000", "atm.log.2.250102-0"),
    },
}
ALWAYS = {
    "env_run.CONTINUE_RUN": (False, True),
    "env_run.RESUBMIT": (2, 1),
    "atm_modelio.modelio.logfile": ("atm.log.1.250101-000000", "atm.log.2.250102-000000"),
}


def split(values: dict[str, tuple[Any, Any]]) -> tuple[set[str], dict[str, Any]]:
    """Return the keys that were changed, and the entries of what was expected."""
    before = {key: first for key, (first, _) in values.items()}
    after = {key: second for key, (_, second) in values.items()}
    delta = diff(before, after)
    changes, _ = RULES.derivation.split_repeats(delta)
    files = {key.partition(".")[0] for key in values}
    changed, expected = RULES.variation.split(changes, files, files)
    return set(changed), expected


@pytest.mark.parametrize("name", SETS)
def test_a_continuation_changes_nothing(name: str) -> None:
    changed, expected = split(SETS[name] | ALWAYS)
    assert changed == set()
    flags = {key for key in SETS[name] if not key.endswith("logfile")}
    assert set(expected["env_run.CONTINUE_RUN"]["alsoIn"]) == flags
    assert expected["env_run.CONTINUE_RUN"]["class"] == "lifecycle"


@pytest.mark.parametrize("key", [*ICE_V2, *OCEAN, *LAND_ICE])
def test_a_restart_flag_that_changes_alone_is_a_change(key: str) -> None:
    changed, _ = split({key: (False, True)})
    assert changed == {key}


@pytest.mark.parametrize(
    "variable", ["env_run.RUN_STARTDATE", "env_run.START_TOD", "env_run.CONTINUE_RUN"]
)
def test_another_start_is_told_once(variable: str) -> None:
    starts = {key: values for key, values in (OCEAN | ICE_V2 | LAND_ICE).items() if "start" in key}
    starts = {key: values for key, values in starts.items() if key.endswith("start_time")}
    _, expected = split(starts | {variable: ("0001-01-01", "0002-01-01")})
    changed, _ = split(starts | {variable: ("0001-01-01", "0002-01-01")})
    assert changed | set(expected) == {variable}


@pytest.mark.parametrize(
    ("cause", "effects"),
    [
        ("initialization_type", ["drv_in.seq_infodata_inparm.start_type"]),
        ("initialization_type", ["lnd_in.elm_inparm.nrevsn", "mosart_in.mosart_inparm.nrevsn_rtm"]),
        ("env_run.RUN_REFDATE", ["atm_in.cam_inparm.ncdata", "lnd_in.elm_inparm.finidat"]),
        ("env_run.RUN_REFCASE", ["env_run.RUN_REFDIR", "mosart_in.mosart_inparm.finidat_rtm"]),
        ("env_run.RUN_REFTOD", ["ice_in.setup_nml.ice_ic"]),
    ],
)
def test_what_a_case_begins_from_is_told_once(cause: str, effects: list[str]) -> None:
    changed, expected = split(dict.fromkeys([cause, *effects], ("a", "b")))
    assert changed == {cause}
    assert expected == {}


def test_a_line_for_the_ocean_of_2017_is_told_under_its_namelist() -> None:
    keys = ["mpas-o_in.hmix_del4.config_mom_del4", "user_nl_mpas-o.config_mom_del4"]
    assert split(dict.fromkeys(keys, (1, 2)))[0] == {keys[0]}
