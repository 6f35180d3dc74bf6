"""Which spec a directory, a log or a report belongs to, as far as names tell.

Source of the forms: Spack's directory layout `<name>-<version>-<hash>`, its stages
`spack-stage-<name>-<version>-<hash>` and the logs beside them with a random ending.
"""

import re
from dataclasses import dataclass

_HASH = r"(?P<hash>[a-z2-7]{32})"
_OWN = re.compile(
    rf"(?:spack-stage-)?(?P<name>[a-z0-9_][a-z0-9_.-]{{0,200}}?)"
    rf"-(?P<version>(?:[0-9]|v[0-9]|develop|main|master|git\.)[^/\s]{{0,200}}?)"
    rf"-{_HASH}(?:-[A-Za-z0-9_]{{8}})?(?:\.log(?:\.gz)?)?"
)
_TEST = re.compile(
    r"(?P<name>[a-z0-9_][a-z0-9_.-]{0,200}?)"
    r"-(?P<version>(?:[0-9]|v[0-9]|develop|main|master|git\.)[^/\s]{0,200}?)-(?P<hash>[a-z2-7]{7,32})"
)
_SEARCHED = 2**20


@dataclass(frozen=True, slots=True)
class SpecName:
    """A spec by name; `hash` is whole, or its first characters where a name has no more.

    Some reports tell only name and hash.
    """

    name: str
    version: str | None
    hash: str


def spec_of_path(name: str, package: str | None = None) -> SpecName | None:
    """Return the spec of a prefix, a stage or a failed build's log by the last part of its path.

    A package name with a part that begins with a digit comes out right only when it is given.
    """
    match = _OWN.fullmatch(name)
    if match is None:
        return None
    known = f"{package}-"
    whole = f"{match['name']}-{match['version']}"
    if package is not None and whole.startswith(known):
        return SpecName(package, whole.removeprefix(known), match["hash"])
    return SpecName(match["name"], match["version"], match["hash"])


def spec_of_test(name: str) -> SpecName | None:
    """Return the spec that an id of `spack test` names, with the first characters of its hash."""
    match = _TEST.fullmatch(name)
    return None if match is None else SpecName(match["name"], match["version"], match["hash"])


def spec_in_text(text: str, package: str) -> SpecName | None:
    """Return the spec of `package` whose prefix or stage a text names first."""
    pattern = rf"\b{re.escape(package)}-(?P<version>[^/\s'\"-][^/\s'\"]{{0,200}}?)-{_HASH}\b"
    match = re.search(pattern, text[:_SEARCHED])
    return None if match is None else SpecName(package, match["version"], match["hash"])
