"""The XML variables whose values differ between cases or submissions."""

from collections.abc import Mapping

from ingest.sample import state as keys
from ingest.sample.identity import GRID_LONG, Identity
from ingest.sample.state import State, Value

JOBS = ("case_run", "case_post_run_io", "case_st_archive")
_SINGLE = ("GLC", "WAV", "IAC", "ESP")


def of_case(identity: Identity) -> dict[str, str | None]:
    """Return the values that are fixed for the life of the case, by delta key."""
    values: dict[str, str | None] = {}
    for file, entries in (
        ("env_case", _env_case(identity)),
        ("env_build", _env_build(identity)),
        ("env_run", _env_run(identity)),
        ("env_mach_pes", _env_mach_pes(identity)),
        ("env_workflow", _env_workflow(identity)),
    ):
        values.update({f"{file}.{name}": value for name, value in entries.items()})
    return values


def of_submission(state: State) -> dict[str, str | None]:
    """Return the values of one submission, by delta key."""
    changing = {key: xml_text(value) for key, value in state.items() if key.startswith("env_")}
    return changing | {"env_build.COMPILER": keys.text(state, "compiler")}


def xml_text(value: Value) -> str | None:
    """Return the value of a variable as CIME writes it; None when it is unset."""
    if isinstance(value, bool):
        return str(value).upper()
    return None if value is None else str(value)


def _env_case(identity: Identity) -> Mapping[str, str | None]:
    components = {f"COMP_{cls}": name for cls, name in identity.compset.components.items()}
    return components | {
        "CASE": identity.name,
        "CASEROOT": identity.caseroot,
        "CASE_GROUP": identity.case_group,
        "CASE_HASH": identity.case_hash,
        "CIMEROOT": f"{identity.srcroot}/cime",
        "COMPSET": identity.compset.longname,
        "COMPSETS_SPEC_FILE": "$SRCROOT/cime_config/allactive/config_compsets.xml",
        "MACH": identity.machine.name,
        "MACHDIR": "$SRCROOT/cime_config/machines",
        "MODEL_VERSION": identity.commit,
        "PES_SPEC_FILE": "$SRCROOT/cime_config/allactive/config_pesall.xml",
        "REALUSER": identity.user,
        "SRCROOT": identity.srcroot,
    }


def _env_build(identity: Identity) -> Mapping[str, str | None]:
    return {
        "CIME_OUTPUT_ROOT": identity.scratch.rpartition("/")[0],
        "EXEROOT": f"{identity.scratch}/build",
        "GRID": GRID_LONG,
        "MPILIB": identity.machine.mpilib,
    }


def _env_run(identity: Identity) -> Mapping[str, str | None]:
    reference, date = identity.compset.reference
    return {
        "DIN_LOC_ROOT": identity.machine.inputdata,
        "DOUT_S_ROOT": f"{identity.scratch}/archive",
        "NODENAME_REGEX": identity.machine.nodes,
        "REST_OPTION": "$STOP_OPTION",
        "RUNDIR": f"{identity.scratch}/run",
        "RUN_REFCASE": reference,
        "RUN_REFDATE": date,
        "RUN_STARTDATE": identity.compset.start,
        "RUN_TYPE": identity.compset.run_type,
        "SAVE_TIMING_DIR": identity.machine.archive,
        "SAVE_TIMING_DIR_PROJECTS": identity.machine.project,
    }


def _env_mach_pes(identity: Identity) -> Mapping[str, str | None]:
    tasks = dict.fromkeys(identity.compset.components, identity.tasks)
    tasks |= dict.fromkeys(_SINGLE, 1) | {"OCN": identity.ocean_tasks}
    values: dict[str, str | None] = {}
    for component, count in tasks.items():
        values[f"NTASKS.{component}"] = values[f"NTASKS_PER_INST.{component}"] = str(count)
    per_node = str(identity.machine.tasks_per_node)
    return values | {
        "ROOTPE.OCN": str(identity.tasks if identity.compset.coupled else 0),
        "COST_PES": str(identity.total_pes),
        "TOTALPES": str(identity.total_pes),
        "MAX_MPITASKS_PER_NODE": per_node,
        "MAX_TASKS_PER_NODE": per_node,
    }


def _env_workflow(identity: Identity) -> Mapping[str, str | None]:
    machine = identity.machine
    values: dict[str, str | None] = {}
    for job in JOBS:
        values |= {
            f"{job}.PROJECT": machine.project,
            f"{job}.CHARGE_ACCOUNT": machine.project,
            f"{job}.JOB_QUEUE": machine.queues[0],
            f"{job}.JOB_WALLCLOCK_TIME": "00:30:00",
            f"{job}.USER_REQUESTED_WALLTIME": None,
        }
    return values
