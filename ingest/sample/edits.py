"""The changes that users make to a case between submissions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import cast

from ingest.sample import state as keys
from ingest.sample.machines import Machine
from ingest.sample.state import State, Value


@dataclass(frozen=True)
class Edit:
    """New settings, the arguments of their xmlchange commands, and the steps that they need."""

    settings: Mapping[str, Value]
    commands: tuple[str, ...] = ()
    set_up: bool = False
    build: bool = False


@dataclass(frozen=True)
class EditContext:
    """The state of a case, its machine and a source of random numbers, on which an edit depends."""

    state: State
    machine: Machine
    rng: Random


_MAX_DOUBLED_STOP = 90  # a run length from here on is shortened, not doubled
Propose = Callable[[EditContext], Edit]


def tune_convection(context: EditContext) -> Edit:
    """Try another evaporation efficiency of deep convection."""
    return Edit({keys.KE: context.rng.choice([2.5e-6, 3.5e-6, 6.5e-6])})


def tune_turbulence(context: EditContext) -> Edit:
    """Try another damping coefficient of CLUBB."""
    return Edit({keys.C1: context.rng.choice([1.335, 2.0, 2.8])})


def tune_shoc(context: EditContext) -> Edit:
    """Try another stability correction of EAMxx; atmchange buffers the change in env_run.xml."""
    value = context.rng.choice([0.002, 0.004, 0.008])
    buffered = f"shoc::lambda_low={value}-ATMCHANGE_SEP-"
    command = f"--append SCREAM_ATMCHANGE_BUFFER='{buffered}'"
    return Edit({keys.SHOC: value, keys.ATMCHANGES: buffered}, (command,))


def turn_on_drag(_: EditContext) -> Edit:
    """Switch on a scheme that is not in the namelist yet."""
    return Edit({keys.OROGRAPHIC_DRAG: True})


def write_more_often(context: EditContext) -> Edit:
    """Add one more history stream."""
    frequencies = [*cast(list[int], context.state[keys.NHTFRQ]), context.rng.choice([-1, -3])]
    return Edit(
        {keys.NHTFRQ: frequencies, keys.MFILT: [*cast(list[int], context.state[keys.MFILT]), 240]}
    )


def add_fields(context: EditContext) -> Edit:
    """Add fields to the daily history stream."""
    added = context.rng.sample(["OMEGA850", "CLDICE", "CLDLIQ", "TAUX", "TAUY"], 2)
    return Edit({keys.FINCL2: [*cast(list[str], context.state[keys.FINCL2]), *added]})


def write_land_often(context: EditContext) -> Edit:
    """Write the output of the land model more often."""
    return Edit({keys.ELM_NHTFRQ: [0, context.rng.choice([-6, -12])]})


def resize(context: EditContext) -> Edit:
    """Reduce the tasks of the atmosphere; the other components keep theirs."""
    tasks = keys.number(
        context.state, keys.NTASKS
    ) - context.machine.tasks_per_node * context.rng.choice([1, 2, 4])
    settings: dict[str, Value] = {keys.NTASKS: tasks, keys.NTASKS_PER_INST: tasks}
    return Edit(settings, (f"NTASKS_ATM={tasks}",), set_up=True, build=True)


def change_io(context: EditContext) -> Edit:
    """Write the output of the atmosphere with another library."""
    library = context.rng.choice(["netcdf", "adios"])
    return Edit({keys.PIO_TYPENAME: library}, (f"PIO_TYPENAME_ATM={library}",))


def couple_less_often(_: EditContext) -> Edit:
    """Halve the coupling frequency of the ocean."""
    return Edit({"env_run.OCN_NCPL": 24}, ("OCN_NCPL=24",))


def debug(_: EditContext) -> Edit:
    """Build with debugging on."""
    return Edit({"env_build.DEBUG": True}, ("DEBUG=TRUE",), build=True)


def change_compiler(context: EditContext) -> Edit:
    """Build with the machine's other compiler."""
    name = context.machine.compilers[1]
    return Edit({"compiler": name}, (f"COMPILER={name}",), set_up=True, build=True)


def update_source(context: EditContext) -> Edit:
    """Pull new commits, sometimes from another branch."""
    commit = f"{context.rng.getrandbits(40):010x}"
    settings: dict[str, Value] = {
        "git_commit_hash": commit,
        keys.GIT_DISTANCE: context.rng.randint(20, 90),
    }
    if context.rng.random() < 0.5:
        settings |= {"git_tag": "v3.1.0-beta.2", "git_branch": "master"}
    return Edit(settings, build=True)


def load_newer_modules(context: EditContext) -> Edit:
    """Load the modules that the site has installed since, and build with them."""
    modules = list(context.machine.newer_modules)
    settings: dict[str, Value] = {
        keys.LOADED: modules,
        keys.MODULES: context.machine.commands(modules),
    }
    return Edit(settings, set_up=True, build=True)


CONFIGURATION: tuple[Propose, ...] = (
    tune_convection,
    resize,
    write_more_often,
    update_source,
    change_io,
    tune_turbulence,
    debug,
    add_fields,
    couple_less_often,
    change_compiler,
    turn_on_drag,
    write_land_often,
)


EAMXX_CONFIGURATION: tuple[Propose, ...] = (
    tune_shoc,
    resize,
    update_source,
    couple_less_often,
    change_compiler,
)


def change_length(context: EditContext) -> Edit:
    """Double the length of a run, or reset a long one."""
    count = keys.number(context.state, "env_run.STOP_N")
    count = count * 2 if count < _MAX_DOUBLED_STOP else 5
    settings: dict[str, Value] = {"env_run.STOP_N": count, "env_run.REST_N": count}
    return Edit(settings, (f"STOP_N={count},REST_N={count}",))


def change_unit(_: EditContext) -> Edit:
    """Express the run length in months."""
    settings: dict[str, Value] = {
        "env_run.STOP_OPTION": "nmonths",
        "env_run.STOP_N": 18,
        "env_run.REST_N": 6,
    }
    return Edit(settings, ("STOP_OPTION=nmonths,STOP_N=18", "REST_N=6"))


def change_queue(context: EditContext) -> Edit:
    """Move to the other queue."""
    first, second = context.machine.queues
    queue = second if context.state[keys.QUEUE] == first else first
    return Edit({keys.QUEUE: queue}, (f"--subgroup case.run JOB_QUEUE={queue}",))


def change_walltime(context: EditContext) -> Edit:
    """Ask for more time."""
    hours = min(
        int(keys.text(context.state, keys.WALLTIME)[:2]) + context.rng.choice([2, 4, 6]), 47
    )
    walltime = f"{hours:02d}:00:00"
    return Edit({keys.WALLTIME: walltime}, (f"--subgroup case.run JOB_WALLCLOCK_TIME={walltime}",))


def archive_output(context: EditContext) -> Edit:
    """Turn short-term archiving on or off."""
    value = not context.state["env_run.DOUT_S"]
    return Edit({"env_run.DOUT_S": value}, (f"DOUT_S={str(value).upper()}",))


ROUTINE: tuple[Propose, ...] = (
    change_length,
    change_queue,
    change_walltime,
    archive_output,
    change_unit,
)
