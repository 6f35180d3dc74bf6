"""The machines of the cases: paths, compilers, modules, and how their job ids grow."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ingest.sample.site import FIRST_STACK, SECOND_STACK

EPOCH = datetime(2025, 1, 6)


@dataclass(frozen=True)
class Machine:
    """A machine; its scheduler assigns one job id every `seconds_per_job` seconds.

    `newer_modules` are the modules to which a case may change.
    """

    name: str
    scratch: str
    inputdata: str
    archive: str
    compilers: tuple[str, str]
    mpilib: str
    modules: tuple[str, ...]
    tasks_per_node: int
    queues: tuple[str, str]
    project: str
    nodes: str
    first_job: int
    seconds_per_job: int
    archives_queue: bool
    newer_modules: tuple[str, ...] = ()

    def job_id(self, moment: datetime) -> int:
        """Return the id of a job that is submitted at `moment`."""
        return self.first_job + int((moment - EPOCH).total_seconds()) // self.seconds_per_job

    def moment_of(self, job_id: int) -> datetime:
        """Return the time at which the scheduler assigned `job_id`."""
        return EPOCH + timedelta(seconds=(job_id - self.first_job) * self.seconds_per_job)

    def commands(self, modules: Sequence[str]) -> list[str]:
        """Return the module commands of a case that is built with the first compiler."""
        first, *others = (f"load {module}" for module in modules)
        return ["purge", first, f"load {self.compilers[0]}/2024.0.0", *others]


MACHINES: dict[str, Machine] = {
    machine.name: machine
    for machine in (
        Machine(
            name="chrysalis",
            scratch="/lcrc/group/e3sm/{user}/scratch/chrys",
            inputdata="/lcrc/group/e3sm/data/inputdata",
            archive="/lcrc/group/e3sm/PERF_Chrysalis",
            compilers=("intel", "gnu"),
            mpilib="openmpi",
            modules=FIRST_STACK.modules,
            newer_modules=SECOND_STACK.modules,
            tasks_per_node=64,
            queues=("compute", "debug"),
            project="e3sm",
            nodes="chr.*",
            first_job=729000,
            seconds_per_job=86,
            archives_queue=True,
        ),
        Machine(
            name="pm-cpu",
            scratch="/pscratch/sd/{user[0]}/{user}/e3sm_scratch/pm-cpu",
            inputdata="/global/cfs/cdirs/e3sm/inputdata",
            archive="/global/cfs/cdirs/e3sm/performance_archive",
            compilers=("intel", "gnu"),
            mpilib="mpich",
            modules=(
                "cpe/24.07",
                "craype-x86-milan",
                "cray-mpich/8.1.30",
                "cray-hdf5-parallel/1.14.3.1",
                "cray-netcdf-hdf5parallel/4.9.0.13",
                "cray-parallel-netcdf/1.12.3.13",
                "cmake/3.30.2",
                "evp-patch",
            ),
            tasks_per_node=128,
            queues=("regular", "debug"),
            project="e3sm",
            nodes="nid.*",
            first_job=53240000,
            seconds_per_job=7,
            archives_queue=False,
        ),
        Machine(
            name="frontier",
            scratch="/lustre/orion/cli115/proj-shared/{user}/e3sm_scratch",
            inputdata="/lustre/orion/cli115/world-shared/e3sm/inputdata",
            archive="/lustre/orion/cli115/proj-shared/performance_archive",
            compilers=("craygnu-mphipcc", "craycray-mphipcc"),
            mpilib="mpich",
            modules=(
                "Core/24.00",
                "cray-python/3.11.5",
                "rocm/6.2.4",
                "cray-hdf5-parallel/1.12.2.11",
                "cray-netcdf-hdf5parallel/4.9.0.11",
                "cray-parallel-netcdf/1.12.3.11",
                "openblas/0.3.26-omp-q5v3jxk",
                "libunwind/1.8.1-bsx7m2d",
            ),
            tasks_per_node=56,
            queues=("batch", "extended"),
            project="cli115",
            nodes="frontier.*",
            first_job=2990000,
            seconds_per_job=45,
            archives_queue=False,
        ),
        Machine(
            name="compy",
            scratch="/compyfs/{user}/e3sm_scratch",
            inputdata="/compyfs/inputdata",
            archive="/compyfs",
            compilers=("intel", "pgi"),
            mpilib="impi",
            modules=(
                "cmake/3.19.6",
                "gcc/10.2.0",
                "intel/20.0.0",
                "intelmpi/2020",
                "netcdf/4.6.3",
                "pnetcdf/1.9.0",
                "mkl/2020",
            ),
            tasks_per_node=40,
            queues=("slurm", "short"),
            project="e3sm",
            nodes="n[0-9]+.*",
            first_job=840000,
            seconds_per_job=120,
            archives_queue=True,
        ),
    )
}
