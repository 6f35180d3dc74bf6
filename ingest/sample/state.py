"""The settings of a case that change between submissions, and the group of each."""

from collections.abc import Mapping
from typing import cast

from ingest.sample.truth import Kind, SampleChange

Value = bool | int | float | str | list[int] | list[str] | None
State = Mapping[str, Value]

KE = "atm_in.zmconv_nl.zmconv_ke"
C1 = "atm_in.clubb_param_nl.clubb_c1"
OROGRAPHIC_DRAG = "atm_in.phys_ctl_nl.use_od_ls"
NHTFRQ = "atm_in.cam_history_nl.nhtfrq"
MFILT = "atm_in.cam_history_nl.mfilt"
FINCL2 = "atm_in.cam_history_nl.fincl2"
ELM_NHTFRQ = "lnd_in.elm_inparm.hist_nhtfrq"
NTASKS = "env_mach_pes.NTASKS.ATM"
NTASKS_PER_INST = "env_mach_pes.NTASKS_PER_INST.ATM"
PIO_TYPENAME = "env_run.PIO_TYPENAME.ATM"
QUEUE = "env_workflow.case_run.JOB_QUEUE"
WALLTIME = "env_workflow.case_run.JOB_WALLCLOCK_TIME"
CASE_HASH = "env_case.CASE_HASH"
SHOC = "namelist_scream.atmosphere_processes.physics.mac_aero_mic.shoc.lambda_low"
ATMCHANGES = "env_run.SCREAM_ATMCHANGE_BUFFER"
GIT_DISTANCE = "git_distance"
MODULES = "env_mach_specific.modules"
LOADED = "loaded"

GROUPS: Mapping[str, str] = {
    "compiler": "build",
    "git_tag": "source",
    "git_commit_hash": "source",
    "git_branch": "source",
    CASE_HASH: "source",
    "env_build.DEBUG": "build",
    MODULES: "build",
    NTASKS: "pe_layout",
    PIO_TYPENAME: "io",
    "env_run.OCN_NCPL": "coupling",
    "env_run.CONTINUE_RUN": "lifecycle",
    "env_run.RESUBMIT": "lifecycle",
    "env_run.JOB_IDS": "lifecycle",
    "env_run.STOP_OPTION": "segment",
    "env_run.STOP_N": "segment",
    "env_run.REST_N": "segment",
    QUEUE: "scheduler",
    WALLTIME: "scheduler",
    "env_run.DOUT_S": "archiving",
    SHOC: "science",
    KE: "science",
    C1: "science",
    OROGRAPHIC_DRAG: "science",
    NHTFRQ: "output",
    MFILT: "output",
    FINCL2: "output",
    ELM_NHTFRQ: "output",
}
EXPECTED = frozenset({"lifecycle", "segment", "scheduler", "archiving"})


def changes(canonical: State, current: State) -> tuple[SampleChange, ...]:
    """Return every setting that differs, sorted by key; `None` is an absent one."""
    return tuple(
        SampleChange(key, canonical[key], current[key], kind(key), GROUPS[key])
        for key in sorted(GROUPS)
        if canonical[key] != current[key]
    )


def kind(key: str) -> Kind:
    """Return `expected` for a change that every resubmission makes, else `configuration`."""
    return "expected" if GROUPS[key] in EXPECTED else "configuration"


def text(state: State, key: str) -> str:
    """Return the string setting `key`."""
    return cast(str, state[key])


def number(state: State, key: str) -> int:
    """Return the integer setting `key`."""
    return cast(int, state[key])


def texts(state: State, key: str) -> list[str]:
    """Return the setting `key`, a list of strings."""
    return cast(list[str], state[key])


def flag(state: State, key: str) -> bool:
    """Return the logical setting `key`."""
    return cast(bool, state[key])


def git_describe(state: State) -> str:
    """Return the line that `git describe` prints for the source of this state."""
    commit = state["git_commit_hash"]
    if commit is None:
        return text(state, "git_tag")
    return f"{state['git_tag']}-{state[GIT_DISTANCE]}-g{commit}"
