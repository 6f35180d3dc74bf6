"""From the bytes of one execution directory to what its files say, each file for itself."""

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from ingest.inventory import REQUIRED, Artefact, Inventory, is_namelist
from ingest.parsers import mach_specific
from ingest.parsers.case_status import Attempt, parse_case_status
from ingest.parsers.content import expand, expand_head
from ingest.parsers.cpl_log import Clock, parse_cpl_log
from ingest.parsers.e3sm_timing import TimingProfile, parse_e3sm_timing
from ingest.parsers.env_xml import Variables, parse_env_xml
from ingest.parsers.git_files import (
    GitDescribe,
    parse_git_config,
    parse_git_describe,
    parse_git_status,
)
from ingest.parsers.namelist import parse_namelist
from ingest.parsers.readme_case import ReadmeCase, parse_readme_case
from ingest.secrets import masked_text, without_secrets
from ingest.sources import Content, storable_path
from models.errors import ParseError
from models.execution import Problem

_LOG_HEAD = 4 * 2**20
_RECENT_FILES = 512
_RECENT: dict[tuple[Artefact, bytes, bytes, int], Variables] = {}
"""The variables of the files that were parsed last, in this process, by their bytes."""


@dataclass(slots=True)
class Parsed:
    """What the files of an execution say; None where a file is not there or cannot be read.

    `variables` holds those of all env_*.xml and namelists by delta key, `env_files` the env_*.xml
    that they came from. `build` is a digest of env_build.xml.
    """

    variables: Variables = field(default_factory=dict)
    env_files: set[Artefact] = field(default_factory=set)
    readme: ReadmeCase | None = None
    attempts: list[Attempt] | None = None
    timing: TimingProfile | None = None
    git_describe: GitDescribe | None = None
    has_git_config: bool = False
    git_url: str | None = None
    has_git_status: bool = False
    git_branch: str | None = None
    clock: Clock | None = None
    missing: list[str] = field(default_factory=list)
    damaged: set[Artefact] = field(default_factory=set)
    problems: list[Problem] = field(default_factory=list)
    build: bytes = b""

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
        parsed.clock = parse_cpl_log(expand_head(_read(content, path, _LOG_HEAD), _LOG_HEAD))
        return
    data = _read(content, path, limit + 1)
    if len(data) > limit:
        raise ParseError("too_large", f"the file has more than {limit} bytes")
    if artefact.startswith("env_") or is_namelist(artefact):
        parsed.variables.update(_variables(parsed, artefact, data, limit))
        if artefact.startswith("env_"):
            parsed.env_files.add(artefact)
    else:
        _PARSERS[artefact](parsed, expand(data, limit))


def _variables(parsed: Parsed, artefact: Artefact, data: bytes, limit: int) -> Variables:
    """Return the variables of a file, those of one with the same bytes if it was just parsed.

    Most files of an execution are, byte for byte, those of the one before.
    """
    digest = hashlib.blake2b(data, digest_size=16).digest()
    chosen_by = parsed.build if artefact == mach_specific.FILE else b""
    if artefact == "env_build":
        parsed.build = digest
    key = (artefact, digest, chosen_by, limit)
    known = _RECENT.pop(key, None)
    if known is None:
        known = without_secrets(_parse_variables(parsed, artefact, expand(data, limit)))
    _RECENT[key] = known
    if len(_RECENT) > _RECENT_FILES:
        del _RECENT[next(iter(_RECENT))]
    return known


def _parse_variables(parsed: Parsed, artefact: Artefact, content: bytes) -> Variables:
    if is_namelist(artefact):
        return parse_namelist(content, artefact)
    variables = parse_env_xml(content, artefact)
    if artefact == mach_specific.FILE:  # stands behind env_build, which chooses its blocks
        variables |= mach_specific.parse_mach_specific(content, parsed.variables)
    return variables


def _read(content: Content, path: str, size: int) -> bytes:
    """Return the first `size` bytes of a file as they lie in the source."""
    if content.directory is None:
        if path not in content.files:
            raise ParseError("damaged", "the archive holds it damaged")
        return content.files[path][:size]
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    descriptor = os.open(Path(content.directory, path), flags)
    with os.fdopen(descriptor, "rb") as file:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise ParseError("not_a_file", "it is no longer a regular file")
        return file.read(size)


def _parse_readme(parsed: Parsed, content: bytes) -> None:
    parsed.readme = parse_readme_case(content)


def _parse_status(parsed: Parsed, content: bytes) -> None:
    parsed.attempts = parse_case_status(content)


def _parse_timing(parsed: Parsed, content: bytes) -> None:
    parsed.timing = parse_e3sm_timing(content)


def _parse_describe(parsed: Parsed, content: bytes) -> None:
    parsed.git_describe = parse_git_describe(content)


def _parse_config(parsed: Parsed, content: bytes) -> None:
    parsed.git_url = parse_git_config(content)
    parsed.has_git_config = True


def _parse_git_status(parsed: Parsed, content: bytes) -> None:
    parsed.git_branch = parse_git_status(content)
    parsed.has_git_status = True


_PARSERS: dict[Artefact, Callable[[Parsed, bytes], None]] = {
    "readme_case": _parse_readme,
    "case_status": _parse_status,
    "e3sm_timing": _parse_timing,
    "git_describe": _parse_describe,
    "git_config": _parse_config,
    "git_status": _parse_git_status,
}
