"""The files that describe the origin of a case: README.case, git, environments, scripts."""

import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from random import Random

from ingest.sample import state as keys
from ingest.sample.env_trees import environment
from ingest.sample.history import RULE
from ingest.sample.identity import GRID_ALIAS, Identity
from ingest.sample.machines import Machine
from ingest.sample.state import State, git_describe
from ingest.sample.truth import Payload

_SUBMODULES = ("cime", "externals/scorpio", "components/mpas-framework", "externals/mct")
_REMOTE = "https://github.com/E3SM-Project/E3SM"
_GRIDS = {
    "ATM": "ne30np4.pg2",
    "LND": "r05",
    "ICE": "IcoswISC30E3r5",
    "OCN": "IcoswISC30E3r5",
    "ROF": "r05",
}


def readme_case(identity: Identity) -> str:
    """Return README.case: the events of the creation of the case."""
    compset = identity.compset
    messages = [
        *([identity.create_clone] if identity.is_clone else []),
        identity.create_newcase,
        f"Compset longname is {compset.longname}",
        f"Compset specification file is {identity.srcroot}/cime_config/config_compsets.xml",
        "Forcing is ",
    ]
    for component, name in compset.components.items():
        messages.append(f"Component {component} is {name}")
        if component != "CPL":
            messages.append(f"{component}_GRID is {_GRIDS.get(component, 'null')}")
    return "".join(f"{identity.created}: {message}\n{RULE}" for message in messages)


def run_script(identity: Identity) -> str:
    """Return the script with which the user created the case, from before any change."""
    option, count = identity.compset.stop
    return f"""#!/bin/bash -fe
readonly MACHINE={identity.machine.name}
readonly PROJECT="{identity.machine.project}"
readonly COMPSET="{identity.compset.alias}"
readonly RESOLUTION="{GRID_ALIAS}"
readonly CASE_NAME="{identity.name}"
readonly CASE_GROUP="{identity.case_group or ""}"
readonly MODEL_START_TYPE="{identity.compset.run_type}"
readonly START_DATE="{identity.compset.start}"
readonly STOP_OPTION="{option}"
readonly STOP_N="{count}"
"""


def replay(identity: Identity, commands: list[str]) -> str:
    """Return a script of all commands so far."""
    head = f"#!/bin/bash\n\nset -e\n\n# Created {identity.created}\n\n"
    head += f'CASEDIR="{identity.caseroot}"\n\n{identity.create_newcase}\n\ncd "${{CASEDIR}}"\n\n'
    return head + "\n\n".join(commands) + "\n\n"


def preview_run(identity: Identity, state: State) -> str:
    """Return the output of preview_run: how this submission would be queued."""
    machine = identity.machine
    nodes = -(-identity.total_pes // machine.tasks_per_node)
    settings = "".join(
        f"      Setting Environment {name}={value}\n"
        for name, value in environment(machine).items()
    )
    return f"""CASE INFO:
  nodes: {nodes}
  total tasks: {identity.total_pes}
  tasks per node: {machine.tasks_per_node}
  thread count: 1
  ngpus per node: 0

BATCH INFO:
  FOR JOB: case.run
    ENV:
{settings}
    SUBMIT CMD:
      sbatch --time {state[keys.WALLTIME]} -p {state[keys.QUEUE]} \
--account {machine.project} .case.run --resubmit

    MPIRUN (job=case.run):
      srun -n {identity.total_pes} -N {nodes} --kill-on-bad-exit \
{identity.scratch}/build/e3sm.exe   >> e3sm.log.$LID 2>&1\x20

"""


def git(identity: Identity, state: State) -> dict[str, str]:
    """Return the GIT_* files; all but GIT_DESCRIBE cover the submodules too."""
    branch = keys.text(state, "git_branch")
    hashes = {path: _sha(path) for path in _SUBMODULES}
    clean = "nothing to commit, working tree clean"
    status = f"On branch {branch}\nYour branch is up to date with 'origin/{branch}'.\n\n{clean}\n"
    detached = {path: f"HEAD detached at {sha[:8]}\n{clean}\n" for path, sha in hashes.items()}
    head = _sha(git_describe(state))
    log = "".join(
        f"{_sha(head + str(n))} Merge pull request #{6000 + n} from branch-{n}\n" for n in range(5)
    )
    remote = f"origin\t{_REMOTE} (fetch)\norigin\t{_REMOTE} (push)\n"
    return {
        "GIT_DESCRIBE": git_describe(state),
        "GIT_STATUS": status + _foreach(detached),
        "GIT_LOG": log + _foreach({path: f"{sha} Update\n" for path, sha in hashes.items()}),
        "GIT_DIFF": _foreach(dict.fromkeys(_SUBMODULES, "")),
        "GIT_REMOTE": remote + _foreach(dict.fromkeys(_SUBMODULES, remote)),
        "GIT_CONFIG": _git_config(branch),
        "GIT_SUBMODULE_STATUS": _submodule_status(hashes),
        "GIT_LOGS_HEAD": f"{'0' * 40} {head} {identity.user} <{identity.user}@example.org>"
        f" 1720000000 +0000\tclone: from {_REMOTE}\n",
    }


def _submodule_status(hashes: Mapping[str, str]) -> str:
    """Return the output of `git submodule status`, from which CIME strips blanks at both ends."""
    lines = (f" {sha} {path} (heads/master)" for path, sha in hashes.items())
    return "\n".join(lines).strip()


def _foreach(outputs: Mapping[str, str]) -> str:
    return "\n" + "".join(f"Entering '{path}'\n{text}\n" for path, text in outputs.items())


def _git_config(branch: str) -> str:
    return (
        "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = false\n"
        f'[submodule "cime"]\n\turl = https://github.com/ESMCI/cime.git\n'
        f'[remote "origin"]\n\turl = {_REMOTE}\n\tfetch = +refs/heads/*:refs/remotes/origin/*\n'
        f'[branch "{branch}"]\n\tremote = origin\n\tmerge = refs/heads/{branch}\n'
    )


@lru_cache(maxsize=256)
def _sha(text: str) -> str:
    return f"{Random(text).getrandbits(160):040x}"


@lru_cache
def environment_dump(machine: Machine, payload: Payload) -> str:
    """Return the output of `env` on the machine: the long part of three files."""
    count = 20 if payload == "light" else 330
    rng = Random(machine.name)
    lines = [f"{name}={value}" for name, value in environment(machine).items()]
    for number in range(count):
        module = machine.modules[number % len(machine.modules)].upper()
        name = "".join(letter if letter.isalnum() else "_" for letter in module)
        paths = ":".join(f"/opt/{rng.getrandbits(24):06x}/lib{n}" for n in range(rng.randint(1, 7)))
        lines.append(f"{name}_{number}={paths}")
    return "\n".join(lines) + "\n"


def software_environment(machine: Machine, modules: Sequence[str], payload: Payload) -> str:
    """Return the loaded modules and the environment."""
    loaded = "".join(f"  {n}) {name}\n" for n, name in enumerate(modules, start=1))
    return f"Currently Loaded Modules:\n{loaded}\n\n{environment_dump(machine, payload)}"


def run_environment(machine: Machine, job_id: str, payload: Payload) -> str:
    """Return the environment of the job."""
    return f"SLURM_JOB_ID={job_id}\n{environment_dump(machine, payload)}"


@lru_cache
def build_times(payload: Payload) -> str:
    """Return the seconds that each object file took to build."""
    count = 40 if payload == "light" else 1800
    rng = Random(payload)
    rows = (
        f"CMakeFiles/{rng.choice(('atm', 'lnd', 'ocn', 'ice'))}.dir/src/unit_{n:04d}.F90.o"
        f" {rng.uniform(0.01, 30):.6f}"
        for n in range(count)
    )
    return "Target Build_time\n" + "\n".join(rows) + "\n"


@lru_cache
def seq_maps(inputdata: str) -> str:
    """Return the mapping files between the grids of the components."""
    pairs = (("atm", "ocn"), ("atm", "ice"), ("atm", "lnd"), ("ocn", "atm"), ("ice", "atm"))
    lines = [
        f'  {source}2{target}_{kind}mapname: "{inputdata}/cpl/gridmaps/{source}_{target}_{kind}.nc"'
        for source, target in (*pairs, ("rof", "ocn"), ("lnd", "atm"), ("lnd", "rof"))
        for kind in ("f", "s", "v")
    ]
    return "\n".join(lines) + "\n"


def streams(kind: str) -> str:
    """Return the output streams of an MPAS component."""
    body = "".join(
        f'<stream name="{name}" type="output" output_interval="00-01-00_00:00:00">\n'
        f'  <var name="{kind}{name.title()}"/>\n</stream>\n'
        for name in ("output", "restart", "monthly", "daily")
    )
    return f"<streams>\n{body}</streams>\n"


def queue_listing(kind: str, moment: datetime) -> str:
    """Return the state of the queues when the job started."""
    busy = 100 + zlib.crc32(f"{kind}{moment}".encode()) % 300
    until = moment + timedelta(hours=busy % 48)
    return f"PARTITION AVAIL NODES STATE UNTIL\nall up {busy} alloc {until}\n"
