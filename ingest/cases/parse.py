"""From the bytes of one execution directory to what its files say, each file for itself."""

import os
import stat
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ingest.archives.content import expand, expand_head, identity
from ingest.archives.paths import storable_path
from ingest.cases.inventory import REQUIRED, Artefact, Inventory, is_namelist
from ingest.cases.parse_cache import ParseCache
from ingest.cases.parsers import git_files, mach_specific, seq_maps
from ingest.cases.parsers.cpl_log import Clock, parse_cpl_log
from ingest.cases.parsers.e3sm_timing import TimingProfile, parse_e3sm_timing
from ingest.cases.parsers.env_xml import parse_env_sheet, parse_env_xml
from ingest.cases.parsers.git_files import GitConfig, GitDescribe, GitStatus
from ingest.cases.parsers.incremental import Variables
from ingest.cases.parsers.namelist import parse_namelist_sheet
from ingest.cases.parsers.preview_run import parse_preview_run
from ingest.cases.parsers.readme_case import ReadmeCase, parse_readme_case
from ingest.cases.parsers.replay_sh import parse_replay_sh
from ingest.cases.sources.base import Content
from models.cases.case_run import Attempt
from models.cases.execution import Launch
from models.configuration.values import Configuration
from models.errors import ParseError
from models.problem import Problem
from models.redaction.text import masked_text, without_secrets

_LOG_HEAD = 4 * 2**20
_RECALL = ParseCache()
"""What this process has parsed last."""


@dataclass(slots=True)
class Parsed:
    """What the files of an execution say; None where a file is not there or cannot be read.

    `parts` holds the variables of each file that has any: env_*.xml, namelists and others. `build`
    identifies the content of env_build.xml.
    """

    parts: dict[Artefact, Variables] = field(default_factory=dict)
    env_files: set[Artefact] = field(default_factory=set)
    readme_case: ReadmeCase | None = None
    case_status: list[Attempt] | None = None
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
    build: bytes = b""

    @property
    def variables(self) -> Configuration:
        """All variables, by delta key."""
        return Configuration(self.parts)

    @property
    def is_complete(self) -> bool:
        """Whether every required file is there and could be read."""
        return not self.missing and not self.damaged & REQUIRED.keys()


def parse_execution(inventory: Inventory, content: Content, limit: int) -> Parsed:
    """Parse the files of one execution; a damaged file becomes a problem and costs only itself.

    OSError when the files could not be read, which says nothing about them.
    """
    parsed = Parsed()
    for artefact, path in inventory.files.items():
        try:
            _parse_file(parsed, artefact, path, content, limit)
        except ParseError as error:
            parsed.damaged.add(artefact)
            parsed.problems.append(_problem(path, error.reason, error.detail))
    for artefact, paths in inventory.ambiguous.items():
        parsed.damaged.add(artefact)
        detail = f"{len(paths)} files could be {artefact}: {', '.join(paths)}"
        parsed.problems.append(_problem(paths[0], "ambiguous", detail))
    there = inventory.files.keys() | inventory.ambiguous.keys()
    parsed.missing = [name for artefact, name in REQUIRED.items() if artefact not in there]
    return parsed


def _problem(path: str, reason: str, detail: str) -> Problem:
    return Problem(
        file=storable_path(path), reason=reason, detail=masked_text(storable_path(detail))
    )


def _parse_file(
    parsed: Parsed, artefact: Artefact, path: str, content: Content, limit: int
) -> None:
    if artefact == "cpl_log":
        parsed.cpl_log = parse_cpl_log(expand_head(_read(content, path, _LOG_HEAD), _LOG_HEAD))
        return
    data = _read(content, path, limit + 1)
    if len(data) > limit:
        raise ParseError("too_large", f"the file has more than {limit} bytes")
    if artefact in _READERS:
        setattr(parsed, artefact, _reading(artefact, data, limit, _READERS[artefact]))
        return
    variables = _variables(parsed, artefact, data, limit)
    if variables:
        parsed.parts[artefact] = variables
    if artefact.startswith("env_"):
        parsed.env_files.add(artefact)


def _reading(
    artefact: Artefact, data: bytes, limit: int, read: Callable[[bytes], Any], chosen: bytes = b""
) -> Any:
    """Return what a file says, as it was read before if one of the same content was."""
    if artefact in _ALWAYS_NEW:
        return read(expand(data, limit))
    key = (artefact, identity(data), chosen, limit)
    return _RECALL.reading(key, lambda: read(expand(data, limit)))


def _variables(parsed: Parsed, artefact: Artefact, data: bytes, limit: int) -> Variables:
    chosen = b""
    if artefact == "env_build":
        parsed.build = identity(data)
    elif artefact == mach_specific.FILE:  # stands behind env_build, which chooses its blocks
        chosen = parsed.build

    def read(content: bytes) -> Variables:
        if artefact in _VARIABLE_READERS:
            return without_secrets(_VARIABLE_READERS[artefact](content))
        if artefact == mach_specific.FILE:
            variables = parse_env_xml(content, artefact)
            variables |= mach_specific.parse_mach_specific(content, parsed.variables)
            return without_secrets(variables)
        parse = parse_namelist_sheet if is_namelist(artefact) else parse_env_sheet
        return _RECALL.variables(artefact, content, parse)

    found: Variables = _reading(artefact, data, limit, read, chosen)
    return found


def _read(content: Content, path: str, size: int) -> bytes:
    """Return the first `size` bytes of a file as they lie in the source."""
    if content.directory is None:
        if path not in content.files:
            raise ParseError("damaged", "the archive holds it damaged")
        return content.files[path][:size]
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(f"{content.directory}/{path}", flags)
    try:
        found = os.fstat(descriptor)
        if not stat.S_ISREG(found.st_mode):
            raise ParseError("not_a_file", "it is no longer a regular file")
        data = _read_whole(descriptor, min(size, found.st_size))
        now = os.fstat(descriptor).st_size
    finally:
        os.close(descriptor)
    if now != content.sizes.get(path, found.st_size):
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


_READERS: Mapping[Artefact, Callable[[bytes], Any]] = {
    "readme_case": parse_readme_case,
    "case_status": _RECALL.runs,
    "e3sm_timing": parse_e3sm_timing,
    "git_describe": git_files.parse_git_describe,
    "git_config": git_files.parse_git_config,
    "git_status": git_files.parse_git_status,
    "preview_run": parse_preview_run,
    "replay_sh": parse_replay_sh,
}
_VARIABLE_READERS: Mapping[Artefact, Callable[[bytes], Variables]] = {
    "git_diff": git_files.parse_git_diff,
    "git_log": git_files.parse_git_log,
    "git_remote": git_files.parse_git_remote,
    "git_submodule_status": git_files.parse_git_submodules,
    "seq_maps": seq_maps.parse_seq_maps,
}
_ALWAYS_NEW = frozenset({"case_status", "e3sm_timing"})
