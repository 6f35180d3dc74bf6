"""Parse the files of one execution directory, each independently of the others."""

import os
import stat
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from ingest.archives.content import expand, expand_head, identity
from ingest.archives.paths import storable_path
from ingest.archives.place import open_in_place
from ingest.cases.inventory import (
    NAMELIST_SCREAM,
    REQUIRED,
    Artefact,
    Inventory,
    is_eamxx,
    is_namelist,
    log_name,
)
from ingest.cases.parse_cache import ParseCache
from ingest.cases.parsers import git_files, mach_specific, not_understood, nuopc_runconfig, seq_maps
from ingest.cases.parsers.cpl_log import Clock, parse_cpl_log
from ingest.cases.parsers.e3sm_timing import TimingProfile, parse_e3sm_timing
from ingest.cases.parsers.eamxx import parse_eamxx_xml, parse_eamxx_yaml
from ingest.cases.parsers.env_xml import parse_env_lines, parse_env_xml
from ingest.cases.parsers.git_files import GitConfig, GitDescribe, GitStatus
from ingest.cases.parsers.incremental import Variables
from ingest.cases.parsers.mach_specific import MachSpecific, parse_mach_specific
from ingest.cases.parsers.namelist import parse_namelist_lines
from ingest.cases.parsers.not_understood import NotUnderstood, Report
from ingest.cases.parsers.preview_run import parse_preview_run
from ingest.cases.parsers.readme_case import ReadmeCase, parse_readme_case
from ingest.cases.parsers.replay_sh import parse_replay_sh
from ingest.cases.sources.base import Content
from models.cases.case import CaseChange, FailedBuild
from models.cases.case_run import CaseRun
from models.cases.execution import Launch
from models.configuration.values import Configuration
from models.errors import ParseError
from models.problem import Problem
from models.redaction.text import masked_text, without_secrets

T = TypeVar("T")
Reader = Callable[[bytes, Report], T]

_LOG_HEAD = 4 * 2**20
_FORMAT_IS_NOT_READ = "its format is not read; only its name and size are kept, in otherFiles"
_CACHE = ParseCache()


@dataclass(slots=True)
class ParsedFiles:
    """The values in the files of an execution; None where a file is missing or unreadable.

    `parts` has the variables of each file with variables: env_*.xml, namelists and others.
    `changes` and `failed_builds` are those of CaseStatus, at most the last 5000.
    """

    parts: dict[Artefact, Variables] = field(default_factory=dict)
    env_files: set[Artefact] = field(default_factory=set)
    readme_case: ReadmeCase | None = None
    case_status: list[CaseRun] | None = None
    changes: Sequence[CaseChange] = ()
    failed_builds: Sequence[FailedBuild] = ()
    e3sm_timing: TimingProfile | None = None
    git_describe: GitDescribe | None = None
    git_config: GitConfig | None = None
    git_status: GitStatus | None = None
    cpl_log: Clock | None = None
    preview_run: Launch | None = None
    replay_sh: list[str] | None = None
    missing: list[str] = field(default_factory=list)
    damaged: set[Artefact] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)

    @property
    def variables(self) -> Configuration:
        """All variables, by delta key."""
        return Configuration(self.parts)

    @property
    def is_complete(self) -> bool:
        """Whether every required file is present and was read."""
        return not self.missing and not self.damaged & REQUIRED.keys()


def parse_execution(inventory: Inventory, content: Content, limit: int) -> ParsedFiles:
    """Parse the files of one execution; a damaged file becomes a problem, and the rest is parsed.

    Raise OSError when a file cannot be read or is being written, which is no damage.
    """
    parsed = ParsedFiles()
    for artefact in sorted(inventory.files, key=_needs_others):
        path = inventory.files[artefact]
        try:
            _parse_file(parsed, artefact, path, content, limit)
        except ParseError as error:
            parsed.damaged.add(artefact)
            parsed.problems.append(_problem(path, error.reason, error.detail))
    for artefact, paths in inventory.ambiguous.items():
        parsed.damaged.add(artefact)
        detail = f"{len(paths)} files could be {artefact}: {', '.join(paths)}"
        parsed.problems.append(_problem(paths[0], "ambiguous", detail))
    parsed.problems += [
        _problem(path, not_understood.REASON, _FORMAT_IS_NOT_READ) for path in inventory.unread
    ]
    present = inventory.files.keys() | inventory.ambiguous.keys()
    parsed.missing = [name for artefact, name in REQUIRED.items() if artefact not in present]
    return parsed


def _needs_others(artefact: Artefact) -> bool:
    """Return whether a file can be parsed only after the others: their variables choose in it."""
    return artefact == mach_specific.FILE


def _problem(path: str, reason: str, detail: str) -> Problem:
    return Problem(
        file=storable_path(path), reason=reason, detail=masked_text(storable_path(detail))
    )


def _parse_file(
    parsed: ParsedFiles, artefact: Artefact, path: str, content: Content, limit: int
) -> None:
    if artefact == "cpl_log":
        clock = parse_cpl_log(expand_head(_read(content, path, _LOG_HEAD), _LOG_HEAD))
        parsed.cpl_log = clock and replace(clock, log=log_name(path))
        return
    data = _read(content, path, limit + 1)
    if len(data) > limit:
        raise ParseError("too_large", f"the file has more than {limit} bytes")
    if artefact in _READERS:
        value, unknown = _result(artefact, data, limit, _READERS[artefact])
        setattr(parsed, artefact, value)
    elif artefact == "case_status":
        unknown = _parse_case_status(parsed, data, limit)
    else:
        unknown = _parse_variables(parsed, artefact, data, limit)
    if unknown.count:
        parsed.problems.append(_problem(path, not_understood.REASON, unknown.detail))


def _parse_case_status(parsed: ParsedFiles, data: bytes, limit: int) -> NotUnderstood:
    unknown = NotUnderstood()
    history = _CACHE.history(expand(data, limit), unknown.add)
    parsed.case_status = history.runs
    parsed.changes, parsed.failed_builds = history.changes, history.failed_builds
    return unknown


def _parse_variables(
    parsed: ParsedFiles, artefact: Artefact, data: bytes, limit: int
) -> NotUnderstood:
    read = _read_mach_specific if artefact == mach_specific.FILE else _read_variables(artefact)
    variables, unknown = _result(artefact, data, limit, read)
    if artefact == mach_specific.FILE:
        variables, unknown = _of_case(variables, unknown, parsed)
    if variables:
        parsed.parts[artefact] = variables
    if artefact.startswith("env_"):
        parsed.env_files.add(artefact)
    return unknown


def _result(
    artefact: Artefact, data: bytes, limit: int, read: Reader[Any]
) -> tuple[Any, NotUnderstood]:
    """Return the result of a file from the cache if one of the same content was read before.

    With it comes what the reader did not understand. The result depends on nothing but the content.
    """

    def parse() -> tuple[Any, NotUnderstood]:
        unknown = NotUnderstood()
        return read(expand(data, limit), unknown.add), unknown

    if artefact in _NEVER_EQUAL:
        return parse()
    key = (artefact, identity(data), limit)
    result: tuple[Any, NotUnderstood] = _CACHE.result(key, parse)
    return result


def _read_variables(artefact: Artefact) -> Reader[Variables]:
    def read(content: bytes, report: Report) -> Variables:
        if artefact in _VARIABLE_READERS:
            return without_secrets(_VARIABLE_READERS[artefact](content, report))
        if is_eamxx(artefact):
            parse_eamxx = parse_eamxx_xml if artefact == NAMELIST_SCREAM else parse_eamxx_yaml
            return without_secrets(parse_eamxx(content, artefact, report))
        parse = parse_namelist_lines if is_namelist(artefact) else parse_env_lines
        return _CACHE.variables(artefact, content, parse, report)

    return read


def _read_mach_specific(content: bytes, report: Report) -> tuple[Variables, MachSpecific]:
    """Return the variables of the file, and its blocks, of which the case decides what applies."""
    variables = without_secrets(parse_env_xml(content, mach_specific.FILE, report))
    return variables, parse_mach_specific(content, report)


def _of_case(
    read: tuple[Variables, MachSpecific], unknown: NotUnderstood, parsed: ParsedFiles
) -> tuple[Variables, NotUnderstood]:
    variables, blocks = read
    all_unknown = replace(unknown)
    settings = blocks.settings(parsed.variables, all_unknown.add)
    return variables | without_secrets(settings), all_unknown


def _read(content: Content, path: str, size: int) -> bytes:
    """Return the first `size` bytes of a file, unchanged, thus compressed if the file is."""
    if content.directory is None:
        if path not in content.files:
            raise ParseError("damaged", "it is damaged in the archive")
        return content.files[path][:size]
    descriptor = open_in_place(f"{content.directory}/{path}")
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ParseError("not_a_file", "it is no longer a regular file")
        data = _read_whole(descriptor, min(size, status.st_size))
        size_after = os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    if size_after != content.sizes.get(path, status.st_size):
        raise OSError(f"{path} changed while it was read")
    return data


def _read_whole(descriptor: int, size: int) -> bytes:
    """Return `size` bytes; OSError when the file has become shorter."""
    parts = []
    while size:
        part = os.read(descriptor, size)
        if not part:
            raise OSError("a file became shorter while it was read")
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


_READERS: Mapping[Artefact, Reader[Any]] = {
    "readme_case": parse_readme_case,
    "e3sm_timing": parse_e3sm_timing,
    "git_describe": git_files.parse_git_describe,
    "git_config": git_files.parse_git_config,
    "git_status": git_files.parse_git_status,
    "preview_run": parse_preview_run,
    "replay_sh": parse_replay_sh,
}
_VARIABLE_READERS: Mapping[Artefact, Reader[Variables]] = {
    "git_diff": git_files.parse_git_diff,
    "git_log": git_files.parse_git_log,
    "git_remote": git_files.parse_git_remote,
    "git_submodule_status": git_files.parse_git_submodules,
    nuopc_runconfig.FILE: nuopc_runconfig.parse_nuopc_runconfig,
    "seq_maps": seq_maps.parse_seq_maps,
}
_NEVER_EQUAL = frozenset({"e3sm_timing"})  # those of any two executions differ
