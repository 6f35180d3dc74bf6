"""The inventory of an execution directory: which file is what.

File names end in the LID, and in `.gz` once the run has reached its end:
`CaseDocs.<LID>/env_case.xml.<LID>.gz`, `e3sm_timing.<CASE>.<LID>`.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from models.configuration.metadata import METADATA_FIELDS

NAMELIST_SCREAM, STREAM = "namelist_scream", "yaml_"

Artefact = str
"""What a file is: `env_run`, `case_status`, …, or the name of a namelist: `atm_in`, `user_nl_eam`.

The namelists of several instances have their number in the name: `atm_in_0001`. A name is that of
the file, such as `mpas-o_in` of E3SM before 2018, without `.nml` and with colons for dots. Those
of EAMxx are `namelist_scream`, `scream_input`, `namelist_nl`, and `yaml_<name>` for each stream.
"""

REQUIRED: Mapping[Artefact, str] = {
    "env_case": "env_case.xml",
    "env_build": "env_build.xml",
    "env_run": "env_run.xml",
    "readme_case": "README.case",
    "case_status": "CaseStatus",
    "e3sm_timing": "e3sm_timing",
    "git_describe": "GIT_DESCRIBE",
}
"""The files without which an execution is not complete, with the names that reports use."""

_ROOT_STEMS: Mapping[str, Artefact] = {
    "CaseStatus": "case_status",
    "GIT_DESCRIBE": "git_describe",
    "GIT_CONFIG": "git_config",
    "GIT_DIFF": "git_diff",
    "GIT_LOG": "git_log",
    "GIT_REMOTE": "git_remote",
    "GIT_STATUS": "git_status",
    "GIT_SUBMODULE_STATUS": "git_submodule_status",
    "preview_run.log": "preview_run",
    "replay.sh": "replay_sh",
}
_DOCS_STEMS: Mapping[str, Artefact] = {
    "README.case": "readme_case",
    "env_archive.xml": "env_archive",
    "env_batch.xml": "env_batch",
    "env_build.xml": "env_build",
    "env_case.xml": "env_case",
    "env_mach_pes.xml": "env_mach_pes",
    "env_mach_specific.xml": "env_mach_specific",
    "env_run.xml": "env_run",
    "env_workflow.xml": "env_workflow",
    "nuopc.runconfig": "nuopc_runconfig",
    "seq_maps.rc": "seq_maps",
}
_ANY_LID = re.compile(r"\.(?:[0-9][A-Za-z0-9_.\[\]-]{0,200}\.)?[0-9]{6}-[0-9]{6}\Z")
_NAMELIST = re.compile(
    r"(?P<name>[A-Za-z][\w.-]*?_in|user_nl_[\w-]+?|[a-z]+_modelio|namelist\.[\w.-]+?"
    r"|[A-Za-z][\w.-]*?(?=(?:_?[0-9]{4})?\.nml))"
    r"(?:\.nml)?(?P<instance>_?[0-9]{4})?(?:\.nml)?"
)
_EAMXX = re.compile(
    r"(?:(?P<xml>namelist_scream|namelist_eamxx)\.xml|(?P<nl>namelist)\.nl"
    r"|(?P<input>scream_input|eamxx_input)(?P<before>_[0-9]{4})?\.yaml|(?P<stream>.+)\.ya?ml)"
    r"(?P<instance>_[0-9]{4})?"
)
_SCREAM_INPUT = re.compile(r"scream_input(?:_[0-9]{4})?")
_UNREAD = re.compile(r".*\.(?:config|cfg|ini)(?:[._].*)?", re.DOTALL)  # CISM's cism.config
_ENV_FILE = re.compile(r"env_[a-z][a-z0-9_]*\.xml")
_TIMING = re.compile(r"(?:e3sm|acme)_timing(?:_(?P<driver>[0-9]{4}))?\.(?P<case>.+)", re.DOTALL)
_CPL_LOG = re.compile(r"(?P<log>cpl|drv|med)(?:_(?P<driver>[0-9]{4}))?\.log")
_OTHERS = frozenset(
    {*_ROOT_STEMS.values(), *_DOCS_STEMS.values(), *METADATA_FIELDS, "e3sm_timing", "cpl_log"}
)
_NOT_READ = "not_read"
_LOGS = ("cpl", "drv", "med")  # the NUOPC driver writes the last two; which has its clock depends
_MAX_RANK = 50_000
_LID = "\0"
_DOCS_PREFIX = "casedocs"


class FileEntry(NamedTuple):
    """A regular file below an execution directory; `path` is relative to it, with slashes.

    `modified` is in seconds since the epoch.
    """

    path: str
    size: int
    modified: int = 0


@dataclass(frozen=True, slots=True)
class Inventory:
    """The files to read, by what they are, and those of which several could be the same thing.

    `unread` are those that look like the configuration of a component in a format that is not read.
    """

    files: Mapping[Artefact, str]
    ambiguous: Mapping[Artefact, tuple[str, ...]]
    unread: tuple[str, ...] = ()


def take_inventory(entries: Iterable[FileEntry], lid: str) -> Inventory:
    """Find the files to read.

    When a file is present both plain and gzipped, a gzip run was interrupted, and the plain file
    counts. A file with the directory's own LID is preferred to one with another LID.
    """
    candidates: dict[Artefact, list[tuple[int, str]]] = {}
    unread = []
    for entry in entries:
        identified = _identify(entry.path, lid)
        if identified is None:
            continue
        artefact, rank = identified
        if artefact == _NOT_READ:
            unread.append(entry.path)
        else:
            candidates.setdefault(artefact, []).append((rank, entry.path))
    files: dict[Artefact, str] = {}
    ambiguous: dict[Artefact, tuple[str, ...]] = {}
    for artefact, ranked in sorted(candidates.items()):
        best = min(rank for rank, _ in ranked)
        paths = tuple(sorted(path for rank, path in ranked if rank == best))
        if len(paths) == 1:
            files[artefact] = paths[0]
        else:
            ambiguous[artefact] = paths
    return Inventory(files, ambiguous, tuple(sorted(unread)))


def _identify(path: str, lid: str) -> tuple[Artefact, int] | None:
    """Return what a file is, with a rank: of several candidates the lowest is chosen."""
    return _identify_short(path.replace(f".{lid}", _LID))


@lru_cache(maxsize=8192)
def _identify_short(path: str) -> tuple[Artefact, int] | None:
    """Return what a file is by its path, in which `_LID` replaces the directory's own LID.

    With that, all executions of a case have the same few paths, which the cache can hold.
    """
    folder, _, name = path.rpartition("/")
    if folder and ("/" in folder or not folder.lower().startswith(_DOCS_PREFIX)):
        return None
    plain = name.removesuffix(".gz")
    stem = plain.removesuffix(_LID)
    is_own = stem != plain
    if not is_own:
        stem = _ANY_LID.sub("", plain)
    rank = (0 if is_own else 2) + (plain != name)
    if folder:
        document = _DOCS_STEMS.get(stem) or _env_file(stem) or _eamxx(stem) or _namelist(stem)
        if document is None and _UNREAD.fullmatch(stem):
            document = _NOT_READ
        return None if document is None else (document, rank)
    if of_driver := _TIMING.fullmatch(stem):
        return "e3sm_timing", rank + _driver_rank(of_driver)
    if of_driver := _CPL_LOG.fullmatch(stem):
        return "cpl_log", rank + _driver_rank(of_driver) + _MAX_RANK * _LOGS.index(of_driver["log"])
    root = _ROOT_STEMS.get(stem)
    return None if root is None else (root, rank)


def _driver_rank(match: re.Match[str]) -> int:
    """Return the rank of a driver's file; with several drivers the first one's counts."""
    return 4 * int(match["driver"] or 0)


def other_files(entries: Iterable[FileEntry], inventory: Inventory, lid: str) -> list[FileEntry]:
    """Return the files that are not read, without LID and `.gz` in their paths, sorted by path."""
    read = set(inventory.files.values())
    others = (entry for entry in entries if entry.path not in read)
    short = (
        FileEntry(entry.path.removesuffix(".gz").replace(f".{lid}", ""), entry.size, entry.modified)
        for entry in others
    )
    return sorted(short, key=lambda entry: (entry.path, entry.size))


@lru_cache(maxsize=8192)
def is_namelist(artefact: Artefact) -> bool:
    """Return whether an artefact is a namelist, which it is when it is nothing else."""
    return not (artefact in _OTHERS or artefact.startswith("env_") or is_eamxx(artefact))


@lru_cache(maxsize=8192)
def is_eamxx(artefact: Artefact) -> bool:
    """Return whether an artefact has parameters of EAMxx in XML or YAML."""
    is_input = _SCREAM_INPUT.fullmatch(artefact) is not None
    return is_input or artefact == NAMELIST_SCREAM or artefact.startswith(STREAM)


def is_part_of_configuration(artefact: Artefact) -> bool:
    """Return whether an artefact has what a component reads, in whatever format."""
    return is_namelist(artefact) or is_eamxx(artefact)


def _eamxx(stem: str) -> Artefact | None:
    match = _EAMXX.fullmatch(stem)
    if match is None:
        return None
    instance = match["before"] or match["instance"] or ""
    if match["stream"]:
        return STREAM + _without_dots(match["stream"]) + instance
    if match["xml"]:
        return NAMELIST_SCREAM
    return ("scream_input" if match["input"] else "namelist_nl") + instance


def log_name(path: str) -> str:
    """Return the name of a log without LID and the number of the driver: `med.log`."""
    log = path.rpartition("/")[2].partition(".log")[0].partition("_")[0]
    return f"{log}.log"


def _env_file(stem: str) -> Artefact | None:
    return stem.removesuffix(".xml") if _ENV_FILE.fullmatch(stem) else None


def _namelist(stem: str) -> Artefact | None:
    match = _NAMELIST.fullmatch(stem)
    if match is None:
        return None
    artefact = _without_dots(match["name"]) + (match["instance"] or "")
    return artefact if is_namelist(artefact) else _NOT_READ


def _without_dots(name: str) -> str:
    """Return a name with colons for its dots, which separate the parts of keys."""
    return name.replace(".", ":")
