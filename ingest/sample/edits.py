"""What people change in a case between submissions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from random import Random
from typing import cast

from ingest.sample import state as keys
from ingest.sample.machines import Machine
from ingest.sample.state import State, Value


@dataclass(frozen=True)
class Edit:
    """New settings, the xmlchange commands that made them, and the steps they call for."""

    settings: Mapping[str, Value]
    commands: tuple[str, ...] = ()
    set_up: bool = False
    build: bool = False


@dataclass(frozen=True)
class Moment:
    """What a change may depend on."""

    state: State
    machine: Machine
    rng: Random


LONGEST_STOP = 90
Propose = Callable[[Moment], Edit]


def tune_convection(now: Moment) -> Edit:
    """Try another evaporation efficiency of deep convection."""
    return Edit({keys.KE: now.rng.choice([2.5e-6, 3.5e-6, 6.5e-6])})


def tune_turbulence(now: Moment) -> Edit:
    """Try another damping coefficient of CLUBB."""
    return Edit({keys.C1: now.rng.choice([1.335, 2.0, 2.8])})


def turn_on_drag(_: Moment) -> Edit:
    """Switch on a scheme the namelist does not mention yet."""
    return Edit({keys.OROGRAPHIC_DRAG: True})


def write_more_often(now: Moment) -> Edit:
    """Add one more history stream."""
    frequencies = [*cast(list[int], now.state[keys.NHTFRQ]), now.rng.choice([-1, -3])]
    return Edit(
        {keys.NHTFRQ: frequencies, keys.MFILT: [*cast(list[int], now.state[keys.MFILT]), 240]}
    )


def add_fields(now: Moment) -> Edit:
    """Add fields to the daily history stream."""
    added = now.rng.sample(["OMEGA850", "CLDICE", "CLDLIQ", "TAUX", "TAUY"], 2)
    return Edit({keys.FINCL2: [*cast(list[str], now.state[keys.FINCL2]), *added]})


def write_land_often(now: Moment) -> Edit:
    """Write the land model more often."""
    return Edit({keys.ELM_NHTFRQ: [0, now.rng.choice([-6, -12])]})


def resize(now: Moment) -> Edit:
    """Give the atmosphere fewer tasks; the other components keep theirs."""
    tasks = keys.number(now.state, keys.NTASKS) - now.machine.tasks_per_node * now.rng.choice(
        [1, 2, 4]
    )
    settings: dict[str, Value] = {keys.NTASKS: tasks, keys.NTASKS_PER_INST: tasks}
    return Edit(settings, (f"NTASKS_ATM={tasks}",), set_up=True, build=True)


def change_io(now: Moment) -> Edit:
    """Write the atmosphere with another library."""
    library = now.rng.choice(["netcdf", "adios"])
    return Edit({keys.PIO_TYPENAME: library}, (f"PIO_TYPENAME_ATM={library}",))


def couple_less_often(_: Moment) -> Edit:
    """Halve the coupling frequency of the ocean."""
    return Edit({"env_run.OCN_NCPL": 24}, ("OCN_NCPL=24",))


def debug(_: Moment) -> Edit:
    """Build with debugging on."""
    return Edit({"env_build.DEBUG": True}, ("DEBUG=TRUE",), build=True)


def change_compiler(now: Moment) -> Edit:
    """Build with the machine's other compiler."""
    name = now.machine.compilers[1]
    return Edit({"compiler": name}, (f"COMPILER={name}",), set_up=True, build=True)


def update_source(now: Moment) -> Edit:
    """Pull new commits, at times from another branch."""
    commit = f"{now.rng.getrandbits(40):010x}"
    settings: dict[str, Value] = {
        "git_commit_hash": commit,
        keys.GIT_DISTANCE: now.rng.randint(20, 90),
    }
    if now.rng.random() < 0.5:
        settings |= {"git_tag": "v3.1.0-beta.2", "git_branch": "master"}
    return Edit(settings, build=True)


def load_newer_modules(now: Moment) -> Edit:
    """Load what the site has installed since, and build with it."""
    modules = list(now.machine.newer_modules)
    settings: dict[str, Value] = {
        keys.LOADED: modules,
        keys.MODULES: now.machine.commands(modules),
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


def change_length(now: Moment) -> Edit:
    """Run twice as long per submission, or short again."""
    count = keys.number(now.state, "env_run.STOP_N")
    count = count * 2 if count < LONGEST_STOP else 5
    settings: dict[str, Value] = {"env_run.STOP_N": count, "env_run.REST_N": count}
    return Edit(settings, (f"STOP_N={count},REST_N={count}",))


def change_unit(_: Moment) -> Edit:
    """Count the run length in months."""
    settings: dict[str, Value] = {
        "env_run.STOP_OPTION": "nmonths",
        "env_run.STOP_N": 18,
        "env_run.REST_N": 6,
    }
    return Edit(settings, ("STOP_OPTION=nmonths,STOP_N=18", "REST_N=6"))


def change_queue(now: Moment) -> Edit:
    """Move to the other queue."""
    first, second = now.machine.queues
    queue = second if now.state[keys.QUEUE] == first else first
    return Edit({keys.QUEUE: queue}, (f"--subgroup case.run JOB_QUEUE={queue}",))


def change_walltime(now: Moment) -> Edit:
    """Ask for more time."""
    hours = min(int(keys.text(now.state, keys.WALLTIME)[:2]) + now.rng.choice([2, 4, 6]), 47)
    walltime = f"{hours:02d}:00:00"
    return Edit({keys.WALLTIME: walltime}, (f"--subgroup case.run JOB_WALLCLOCK_TIME={walltime}",))


def archive_output(now: Moment) -> Edit:
    """Turn short-term archiving on or off."""
    value = not now.state["env_run.DOUT_S"]
    return Edit({"env_run.DOUT_S": value}, (f"DOUT_S={str(value).upper()}",))


ROUTINE: tuple[Propose, ...] = (
    change_length,
    change_queue,
    change_walltime,
    archive_output,
    change_unit,
)
