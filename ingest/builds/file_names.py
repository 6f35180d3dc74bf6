"""The names of files that describe builds."""

import re
from collections.abc import Iterable

from models.spack.prefix import METADATA, SPEC_FILES

RESULTS = "results.txt"
SUITE = "test_suite.lock"

_PHASE_LOG = re.compile(r"spack-build-(?P<number>[0-9]{1,3})-(?P<phase>.{1,100})-out\.txt(?:\.gz)?")


def find_install_trees(paths: Iterable[str]) -> dict[str, list[str]]:
    """Return the metadata files of each prefix, as paths below its `.spack`.

    Only directories `.spack` that contain a spec count. Prefixes and files keep the order of
    `paths`.
    """
    trees: dict[str, list[str]] = {}
    for path in paths:
        prefix, mark, rest = f"/{path}".partition(f"/{METADATA}/")
        if mark and rest:
            trees.setdefault(prefix.removeprefix("/"), []).append(rest)
    specs = {f"{name}.gz" for name in SPEC_FILES} | set(SPEC_FILES)
    return {prefix: names for prefix, names in trees.items() if not specs.isdisjoint(names)}


def phase_of_log(name: str) -> tuple[int, str] | None:
    """Return number and phase from the name of a log of one phase, or None for other files."""
    match = _PHASE_LOG.fullmatch(name)
    return None if match is None else (int(match["number"]), match["phase"])
