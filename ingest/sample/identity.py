"""The facts that `create_newcase` fixes for the life of a case."""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from random import Random

from ingest.sample.machines import EPOCH, MACHINES, Machine
from ingest.sample.model_date import ModelDate

USERS = ("jdoe", "mlopez", "akhan", "rsilva", "ntanaka", "bwood", "efischer", "ogreen")
SHOWCASE = 8
"""An archive of at least so many cases has its special ones among the first."""


@dataclass(frozen=True)
class Compset:
    """A component set and the experiment for which it is used."""

    alias: str
    longname: str
    label: str
    run_type: str
    start: str
    reference: tuple[str, str]
    stop: tuple[str, int]
    coupled: bool
    atmosphere: str = "eam"

    @property
    def components(self) -> dict[str, str]:
        """The model of each component class."""
        ocean, ice = ("mpaso", "mpassi") if self.coupled else ("docn", "mpassi")
        return {
            "CPL": "cpl", "ATM": self.atmosphere, "LND": "elm", "ICE": ice, "OCN": ocean,
            "ROF": "mosart", "GLC": "sglc", "WAV": "swav", "IAC": "siac", "ESP": "sesp",
        }  # fmt: skip


_COUPLED = "SOI_EAM%CMIP6_ELM%CNPRDCTCBCTOP_MPASSI_MPASO_MOSART_SGLC_SWAV_SIAC_SESP"
_ATMOSPHERE = "_EAM%CMIP6_ELM%CNPRDCTCBCTOP_MPASSI%PRES_DOCN%DOM_MOSART_SGLC_SWAV_SIAC_SESP"
_CONTROL = ("v3.LR.piControl", "0101-01-01")
COMPSETS = (
    Compset(
        "WCYCL20TR", "20TR" + _COUPLED, "historical", "hybrid", "1850-01-01", _CONTROL,
        ("nyears", 5), coupled=True,
    ),
    Compset(
        "F2010", "2010" + _ATMOSPHERE, "F2010", "startup", "2010-01-01", ("case.std", "0001-01-01"),
        ("nmonths", 6), coupled=False,
    ),
    Compset(
        "WCYCL1850", "1850" + _COUPLED, "spinup", "startup", "0001-01-01",
        ("case.std", "0001-01-01"), ("nyears", 10), coupled=True,
    ),
    Compset(
        "F20TR", "20TR" + _ATMOSPHERE, "amip", "hybrid", "1870-01-01", _CONTROL,
        ("ndays", 45), coupled=False,
    ),
    Compset(
        "WCYCL20TR", "20TR" + _COUPLED, "hist-ext", "branch", "1850-01-01",
        ("v3.LR.historical_0051", "2000-01-01"), ("nyears", 3), coupled=True,
    ),
)  # fmt: skip
EAMXX = Compset(
    "F2010-SCREAMv1", "2010_SCREAM_ELM%SPBC_MPASSI%PRES_DOCN%DOM_MOSART_SGLC_SWAV_SIAC_SESP",
    "SCREAM", "startup", "2019-08-01", ("case.std", "0001-01-01"), ("ndays", 40), coupled=False,
    atmosphere="scream",
)  # fmt: skip
"""A component set whose atmosphere is EAMxx, which has its parameters in XML."""

GRID_ALIAS = "ne30pg2_r05_IcoswISC30E3r5"
GRID_LONG = "a%ne30np4.pg2_l%r05_oi%IcoswISC30E3r5_r%r05_g%null_w%null_z%null_m%IcoswISC30E3r5"


@dataclass(frozen=True)
class Identity:
    """A case before its first run. `vintage` is the year of the CIME that writes its files.

    A case that `is_tested` was created twice under its name: for a short test, then for production.
    """

    index: int
    machine: Machine
    user: str
    name: str
    compset: Compset
    case_group: str | None
    created: datetime
    vintage: int
    succeeds: bool
    is_clone: bool = False
    is_tested: bool = False

    @property
    def root(self) -> str:
        """The case directory in the archive."""
        return f"{self.machine.name}/performance_archive/{self.user}/{self.name}"

    @property
    def scratch(self) -> str:
        """The directory of the case on its machine."""
        return f"{self.machine.scratch.format(user=self.user)}/{self.name}"

    @property
    def caseroot(self) -> str:
        """The case directory that `create_newcase` made."""
        return f"{self.scratch}/case_scripts"

    @property
    def srcroot(self) -> str:
        """The checkout from which the case was created."""
        return f"/home/{self.user}/E3SM"

    @property
    def start(self) -> ModelDate:
        """The first simulated day; branch runs take it from the reference case."""
        branch = self.compset.run_type == "branch"
        return ModelDate.parse(self.compset.reference[1] if branch else self.compset.start)

    @property
    def case_hash(self) -> str:
        """The CASE_HASH of this case."""
        seed = f"{self.machine.name} {self.user} {self.name} {self.created}"
        return hashlib.sha256(seed.encode()).hexdigest()

    @property
    def test_hash(self) -> str:
        """The CASE_HASH of the case that was created for the test."""
        return hashlib.sha256(f"test {self.case_hash}".encode()).hexdigest()

    @property
    def commit(self) -> str:
        """The abbreviated commit hash of the source from which the case was created."""
        return self.case_hash[:10]

    @property
    def tasks(self) -> int:
        """MPI tasks of every active component except a concurrent ocean."""
        return self.machine.tasks_per_node * 21

    @property
    def ocean_tasks(self) -> int:
        """MPI tasks of the ocean."""
        return self.machine.tasks_per_node * 8 if self.compset.coupled else self.tasks

    @property
    def total_pes(self) -> int:
        """All tasks together; a coupled ocean has tasks of its own."""
        return self.tasks + (self.ocean_tasks if self.compset.coupled else 0)

    @property
    def create_clone(self) -> str:
        """The command line that made this case of another one."""
        clone = f"{self.srcroot}/cime/scripts/create_clone --case {self.caseroot}"
        return f"{clone} --clone {self.scratch}.original/case_scripts --keepexe"

    @property
    def create_newcase(self) -> str:
        """The command line as README.case records it; old CIME has single dashes."""
        dash, machine = ("--", "machine") if self.vintage > 2021 else ("-", "mach")
        options = {
            "case": self.caseroot,
            "compset": self.compset.alias,
            "res": GRID_ALIAS,
            machine: self.machine.name,
            "compiler": self.machine.compilers[0],
            "project": self.machine.project,
        }
        if self.case_group:
            options["case-group"] = self.case_group
        argv = " ".join(f"{dash}{name} {value}" for name, value in options.items())
        return f"{self.srcroot}/cime/scripts/create_newcase {argv}"


def identify(seed: int, cases: int, failures: bool, index: int) -> Identity:
    """Return case `index`; it depends on no other case."""
    twin = {5: 0, 6: 1}.get(index, index) if cases >= SHOWCASE else index
    rng = Random(f"{seed}:{twin}:identity")
    machine = list(MACHINES.values())[{4: 0, 5: 0, 6: 3}.get(index, index % 4)]
    created = EPOCH + timedelta(seconds=rng.randrange(330 * 86_400))
    compset = {4: COMPSETS[4], 9: EAMXX}.get(index, COMPSETS[twin % 4])
    user = USERS[(twin + (index == 5)) % len(USERS)]
    return Identity(
        index=index,
        machine=machine,
        user=user,
        name=_name(twin, compset, created, machine),
        compset=compset,
        case_group=f"v3.{compset.label}.tuning" if index % 4 == 1 else None,
        created=created + timedelta(days=index - twin),
        is_clone=index == 10,
        is_tested=index == 8,
        vintage=2020 if machine.name == "compy" else 2024,
        succeeds=not failures or cases == 1 or index % 40 != min(7, cases - 1),
    )


def _name(index: int, compset: Compset, created: datetime, machine: Machine) -> str:
    if index % 3 or not index:
        return f"v3.LR.{compset.label}_{101 + index:04d}"
    return f"{created:%Y%m%d}.{compset.alias}.{GRID_ALIAS}.{machine.name}.tuning{index:03d}"
