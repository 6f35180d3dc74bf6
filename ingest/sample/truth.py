"""The facts about a synthetic archive, stated independently of its files."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["configuration", "expected"]
Status = Literal["completed", "failed", "timeout", "cancelled", "running"]
Payload = Literal["light", "full"]


@dataclass(frozen=True)
class SampleOptions:
    """The size of the archive; `executions` counts the successful ones of each case."""

    cases: int = 8
    executions: int = 5
    failures: bool = True
    seed: int = 1
    payload: Payload = "light"


@dataclass(frozen=True)
class SampleFile:
    """One file of the archive; `path` is relative to its root."""

    path: str
    data: bytes
    mtime: int


@dataclass(frozen=True)
class SampleChange:
    """One difference between an execution and the canonical one of its case."""

    key: str
    canonical: object
    current: object
    kind: Kind
    group: str


@dataclass(frozen=True)
class SampleExecution:
    """A submission that has an execution directory.

    An incomplete execution has no `run_end` or `simulation_end`, and its `simulation_start`
    only when its own files contain it (`CONTINUE_RUN=FALSE`).
    """

    lid: str
    path: str
    status: Status
    complete: bool
    is_canonical: bool
    run_start: str
    run_end: str | None
    simulation_start: str | None
    simulation_end: str | None
    changes: tuple[SampleChange, ...]


@dataclass(frozen=True)
class SampleCase:
    """One case directory, executions in the order they were submitted."""

    machine: str
    user: str
    name: str
    executions: tuple[SampleExecution, ...]
    canonical: str | None
    case_group: str | None
    compset: str
    compset_long: str
    grid_alias: str
    grid_long: str
    compiler: str
    mpilib: str


_SHOC = "namelist_scream.atmosphere_processes.physics.mac_aero_mic.shoc.lambda_low"
DERIVED: Mapping[str, str] = {
    "drv_in.seq_infodata_inparm.start_type": "env_run.CONTINUE_RUN",
    "lnd_in.elm_inparm.finidat": "env_run.CONTINUE_RUN",
    "mpaso_in.time_management.config_do_restart": "env_run.CONTINUE_RUN",
    "mpaso_in.time_management.config_start_time": "env_run.CONTINUE_RUN",
    "mpassi_in.restart.config_do_restart": "env_run.CONTINUE_RUN",
    "mpassi_in.restart.config_do_restart_bgc": "env_run.CONTINUE_RUN",
    "mpassi_in.restart.config_do_restart_hbrine": "env_run.CONTINUE_RUN",
    "mpassi_in.restart.config_do_restart_snow_density": "env_run.CONTINUE_RUN",
    "mpassi_in.restart.config_do_restart_snow_grain_radius": "env_run.CONTINUE_RUN",
    "mpassi_in.restart.config_do_restart_zsalinity": "env_run.CONTINUE_RUN",
    "mpassi_in.seaice_model.config_start_time": "env_run.CONTINUE_RUN",
    "drv_in.seq_timemgr_inparm.stop_n": "env_run.STOP_N",
    "drv_in.seq_timemgr_inparm.stop_option": "env_run.STOP_OPTION",
    "drv_in.seq_timemgr_inparm.restart_n": "env_run.REST_N",
    "drv_in.seq_timemgr_inparm.restart_option": "env_run.STOP_OPTION",
    "drv_in.seq_timemgr_inparm.ocn_cpl_dt": "env_run.OCN_NCPL",
    "drv_in.cime_pes.atm_ntasks": "env_mach_pes.NTASKS.ATM",
    "env_mach_pes.NTASKS_PER_INST.ATM": "env_mach_pes.NTASKS.ATM",
    "atm_modelio.pio_inparm.pio_typename": "env_run.PIO_TYPENAME.ATM",
    "env_run.SCREAM_ATMCHANGE_BUFFER": _SHOC,
    _SHOC.replace("namelist_scream", "scream_input"): _SHOC,
}
"""Namelist entries that repeat an XML variable, and that variable; no `changes` contain them."""
