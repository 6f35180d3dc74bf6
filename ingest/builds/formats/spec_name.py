"""SpecName: the spec of a directory, a log or a report, as far as their names show it.

Source of the forms: Spack's directory layout `<name>-<version>-<hash>`, its stages
`spack-stage-<name>-<version>-<hash>` and the logs beside them, which have a random ending.
"""

import re
from dataclasses import dataclass

_HASH = r"(?P<hash>[a-z2-7]{32})"
_PATH_NAME = re.compile(
    rf"(?:spack-stage-)?(?P<name>[a-z0-9_][a-z0-9_.-]{{0,200}}?)"
    rf"-(?P<version>(?:[0-9]|v[0-9]|develop|main|master|git\.)[^/\s]{{0,200}}?)"
    rf"-{_HASH}(?:-[A-Za-z0-9_]{{8}})?(?:\.log(?:\.gz)?)?"
)
_TEST_ID = re.compile(
    r"(?P<name>[a-z0-9_][a-z0-9_.-]{0,200}?)"
    r"-(?P<version>(?:[0-9]|v[0-9]|develop|main|master|git\.)[^/\s]{0,200}?)-(?P<hash>[a-z2-7]{7,32})"
)
_MAX_SEARCHED = 2**20  # characters of a text


@dataclass(frozen=True, slots=True)
class SpecName:
    """A spec by name; `hash` is the whole DAG hash, or its first characters if a name has no more.

    `version` is None in reports that give only name and hash.
    """

    name: str
    version: str | None
    hash: str


def spec_of_path(name: str, package: str | None = None) -> SpecName | None:
    """Return the spec of a prefix, a stage or a failed build's log; `name` is its last path part.

    Without `package`, a name such as `gtk-2-doc-1.0` is split at the first part that looks like a
    version: into `gtk` and `2-doc-1.0`.
    """
    match = _PATH_NAME.fullmatch(name)
    if match is None:
        return None
    start = f"{package}-"
    name_and_version = f"{match['name']}-{match['version']}"
    if package is not None and name_and_version.startswith(start):
        return SpecName(package, name_and_version.removeprefix(start), match["hash"])
    return SpecName(match["name"], match["version"], match["hash"])


def spec_of_test(name: str) -> SpecName | None:
    """Return the spec in an id of `spack test`, with the first characters of its hash."""
    match = _TEST_ID.fullmatch(name)
    return None if match is None else SpecName(match["name"], match["version"], match["hash"])


def spec_in_text(text: str, package: str) -> SpecName | None:
    """Return the spec of `package` whose prefix or stage comes first in a text."""
    pattern = rf"\b{re.escape(package)}-(?P<version>[^/\s'\"-][^/\s'\"]{{0,200}}?)-{_HASH}\b"
    match = re.search(pattern, text[:_MAX_SEARCHED])
    return None if match is None else SpecName(package, match["version"], match["hash"])
