"""Generated cases, in the form in which parsers return them; no file is written or read.

Case `n` is the same in a database of any size, so that a small database is a part of a large one.
"""

import asyncio
import multiprocessing
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from ingest.cases.assemble import assemble
from ingest.cases.layout import Location
from ingest.cases.origin import Origin
from ingest.cases.parse import ParsedFiles
from ingest.cases.parsers.cpl_log import Clock
from ingest.cases.parsers.e3sm_timing import TimingProfile
from ingest.cases.parsers.git_files import GitConfig, GitDescribe, GitStatus
from ingest.cases.parsers.incremental import Variables
from ingest.cases.parsers.readme_case import ReadmeCase
from ingest.concurrency.bounded import BoundedTasks
from ingest.concurrency.gc_tuning import tune_garbage_collector
from models.cases.case_run import CaseRun, Outcome
from models.cases.execution import Timing
from models.cases.identity import CaseKey
from models.cases.lid import Lid, parse_lid
from models.cases.observation import Observation
from models.cases.recording import write_case
from models.configuration.rules import DeltaRules
from models.connection import open_database
from models.database.client import Database
from models.documents import create_collections, create_schema
from models.settings import Settings

EXECUTIONS_OF_CASE = 20
_MAX_CONCURRENT_WRITES = 4
_EPOCH = datetime(2015, 1, 1)
_DAYS = 3650
_MACHINES = {"chrysalis": "intel", "pm-cpu": "gnu", "frontier": "craygnu-mphipcc", "compy": "pgi"}
_EXPERIMENTS = ("historical", "piControl", "amip", "abrupt-4xCO2", "ssp245", "ssp370")
_COMPSETS = ("WCYCL1850", "WCYCL20TR", "F2010", "F20TR", "IELM", "GMPAS-JRA1p5")
_GRIDS = ("ne30pg2_r05_IcoswISC30E3r5", "ne4pg2_oQU480", "ne120pg2_r025_RRSwISC6to18E3r5")
_MODULES = ("netcdf-c/4.4.1-a4hji6e", "hdf5/1.10.7-eewgp6v", "openmpi/4.1.3-pin4k7o")
_OUTCOMES: tuple[Outcome, ...] = ("completed", "failed", "unknown")
_CONSTANT_VARIABLES = 40
_CHANGES: Mapping[str, tuple[str | int | float, ...]] = {
    "env_run.STOP_N": (1, 2, 5, 10, 20),
    "env_run.ATM_NCPL": (24, 48, 72, 96),
    "env_build.COMPILER": ("gnu", "intel", "nvidia", "oneapi-ifx"),
    "env_mach_pes.NTASKS.ATM": (675, 1350, 2176, 2700, 5400),
    "atm_in.zmconv_nl.zmconv_alfa": (0.11, 0.12, 0.14, 0.16, 0.2),
    "atm_in.cam_inparm.dtime": (900, 1200, 1800),
}
"""The values that a variable may have; it may change between the executions of a case."""


async def fill(settings: Settings, database: Database, executions: int, jobs: int) -> None:
    """Record generated executions as an import does, in `jobs` processes, several cases at a time.

    `database` has to be empty, and to be on the server of the settings. Its indexes are created at
    the end.
    """
    await create_collections(database)
    shard_settings = settings.model_copy(update={"database": database.name})
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(jobs, mp_context=context) as pool:
        loop = asyncio.get_running_loop()
        await asyncio.gather(
            *(
                loop.run_in_executor(
                    pool, _fill_shard, shard_settings, executions, range(job, executions, jobs)
                )
                for job in range(jobs)
            )
        )
    await create_schema(database)


def _fill_shard(settings: Settings, executions: int, numbers: Sequence[int]) -> None:
    tune_garbage_collector()
    asyncio.run(_record_all(settings, executions, numbers))


async def _record_all(settings: Settings, executions: int, numbers: Sequence[int]) -> None:
    """Record the cases of these numbers, until there are `executions` in all shards together."""
    async with (
        open_database(settings, create=False) as database,
        BoundedTasks(_MAX_CONCURRENT_WRITES) as writes,
    ):
        for number in numbers:
            count = min(EXECUTIONS_OF_CASE, executions - number * EXECUTIONS_OF_CASE)
            if count <= 0:
                break
            await writes.spawn(_record(database, number, count))


async def _record(database: Database, number: int, count: int) -> None:
    case = _Case.of(number)
    await write_case(database, case.key, list(case.observations(count)), DeltaRules())


@dataclass(frozen=True, slots=True)
class _Case:
    """A generated case: what is the same in all its executions, and its random numbers."""

    key: CaseKey
    chance: Random
    created: datetime
    parts: Mapping[str, Variables]
    readme: ReadmeCase
    describe: GitDescribe

    @classmethod
    def of(cls, number: int) -> "_Case":
        """Return case `number`."""
        chance = Random(number)  # noqa: S311
        machine = chance.choices(list(_MACHINES), (8, 5, 2, 1))[0]
        campaign = f"v3.LR.{chance.choice(_EXPERIMENTS)}"
        compset, grid = chance.choice(_COMPSETS), chance.choice(_GRIDS)
        key = CaseKey(
            machine, f"user{int(chance.paretovariate(0.8)) % 60:02}", f"{campaign}_{number:06}"
        )
        tag = f"v3.0.{chance.randrange(4)}"
        revision = f"{chance.randrange(16**3):010x}"
        return cls(
            key=key,
            chance=chance,
            created=_EPOCH + timedelta(seconds=chance.randrange(_DAYS * 86400)),
            parts=_parts(key, f"{campaign}.g{number % 997}", compset, grid, chance),
            readme=ReadmeCase(compset, grid, None, machine, None),
            describe=GitDescribe(f"{tag}-12-g{revision}", tag, revision),
        )

    def observations(self, count: int) -> Iterator[Observation]:
        """Yield the first `count` executions, in the order of submission."""
        moment = self.created
        for index in range(count):
            moment += timedelta(seconds=self.chance.randrange(3600, 72 * 3600))
            yield self._observation(index, moment)

    def _observation(self, index: int, moment: datetime) -> Observation:
        job_id = str(int((moment - _EPOCH).total_seconds()) // 9)
        lid = parse_lid(f"{job_id}.{moment:%y%m%d-%H%M%S}")
        assert lid is not None
        key = self.key
        location = Location(lid, key.user, key.name, key.machine, is_anchored=True)
        parsed = self._parsed(index, lid, moment)
        path = f"/archive/{key.machine}/performance_archive/{key.user}/{key.name}/{lid.text}"
        origin = Origin(path, f"{key.case_id}{index}", f"import-{moment:%Y-%m}", 40, 0)
        return assemble(location, parsed, origin)

    def _parsed(self, index: int, lid: Lid, moment: datetime) -> ParsedFiles:
        outcome: Outcome = self.chance.choices(_OUTCOMES, (85, 10, 5))[0]
        end = (
            None if outcome == "unknown" else moment + timedelta(minutes=self.chance.randrange(600))
        )
        parsed = ParsedFiles(
            parts=dict(self.parts) if index == 0 else self._changed_parts(),
            env_files={"env_case", "env_build", "env_run"},
            readme_case=self.readme,
            case_status=[
                CaseRun(lid.job_id, moment.isoformat(), end.isoformat() if end else None, outcome)
            ],
            git_describe=self.describe,
            git_config=GitConfig("https://github.com/E3SM-Project/E3SM"),
            git_status=GitStatus("maint-3.0"),
            cpl_log=Clock((18500101 + 10000 * index, 0), (18510101 + 10000 * index, 0)),
        )
        if outcome == "completed":
            parsed.e3sm_timing = self._timing(lid)
        else:
            parsed.missing = ["e3sm_timing.*"]
        return parsed

    def _changed_parts(self) -> dict[str, Variables]:
        """Return the variables of an execution; most executions have those of the case."""
        parts = dict(self.parts)
        for key in self.chance.sample(list(_CHANGES), max(0, self.chance.randrange(-3, 4))):
            file = key.partition(".")[0]
            parts[file] = {**parts[file], key: self.chance.choice(_CHANGES[key])}
        return parts

    def _timing(self, lid: Lid) -> TimingProfile:
        throughput = round(self.chance.uniform(0.5, 40), 2)
        timing = Timing(
            total_pes_active=2700,
            model_cost=round(64800 / throughput, 2),
            model_throughput=throughput,
            run_seconds=round(86400 / throughput, 3),
            run_length_days=365.0,
        )
        key = self.key
        return TimingProfile(
            key.name, lid.text, key.machine, key.user, None, None, None, None, timing
        )


def _parts(
    key: CaseKey, group: str, compset: str, grid: str, chance: Random
) -> Mapping[str, Variables]:
    """Return the variables of each file: those to filter by, and some that never differ."""
    values = {
        "env_case.CASE": key.name,
        "env_case.CASE_GROUP": group,
        "env_case.CASE_HASH": f"{chance.randrange(16**8):08x}",
        "env_case.COMPSET": f"{compset}_EAM%CMIP6_ELM%SPBC",
        "env_case.MACH": key.machine,
        "env_build.COMPILER": _MACHINES[key.machine],
        "env_build.GRID": f"a%{grid}_l%{grid}",
        "env_build.MPILIB": "mpich",
        "env_run.RUN_TYPE": chance.choice(("startup", "hybrid", "branch")),
        "env_run.STOP_OPTION": chance.choice(("nyears", "nmonths", "ndays")),
        **{
            name: chance.choice(choices)
            for name, choices in _CHANGES.items()
            if "COMPILER" not in name
        },
    }
    modules = [f"load {module}" for module in chance.sample(_MODULES, 2)]
    parts: dict[str, Variables] = {"env_mach_specific": {"env_mach_specific.modules": modules}}
    for name, value in values.items():
        parts.setdefault(name.partition(".")[0], {})[name] = value
    for file in ("env_build", "env_run", "env_mach_pes"):
        parts[file] |= {f"{file}.PLAIN_{number}": number for number in range(_CONSTANT_VARIABLES)}
    parts["atm_in"] |= {
        f"atm_in.plain_nl.plain_{number}": number for number in range(_CONSTANT_VARIABLES)
    }
    return parts
