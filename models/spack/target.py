"""Microarchitectures: families, ancestors, and the targets that satisfy `target=`.

Names and order come from archspec, which Spack uses as well. The order is partial: a target is at
least another one when it is that one or descends from it.

    x86_64_v3:     includes haswell and zen2
    :haswell       includes x86_64, but neither zen2 nor pentium4
"""

from difflib import get_close_matches
from functools import lru_cache

from archspec.cpu import TARGETS  # type: ignore[import-untyped]


def target_family(name: str) -> str:
    """Return the root ancestor of a target, such as x86_64; an unknown target is its own family."""
    return str(TARGETS[name].family.name) if name in TARGETS else name


@lru_cache(maxsize=1024)
def target_ancestors(name: str) -> tuple[str, ...]:
    """Return the ancestors of a target, nearest first; none for an unknown target."""
    if name not in TARGETS:
        return ()
    return tuple(str(ancestor.name) for ancestor in TARGETS[name].ancestors)


def unknown_targets(constraint: str) -> tuple[str, ...]:
    """Return the names in a constraint that archspec does not know, sorted."""
    names = {name.strip() for item in constraint.split(",") for name in item.split(":")}
    return tuple(sorted(names - {"", "*", *TARGETS}))


def similar_target(name: str) -> str | None:
    """Return the target of archspec whose name is most similar, None when none is."""
    return next(iter(get_close_matches(name[:100], TARGETS, n=1)), None)


def satisfying_targets(constraint: str) -> tuple[str, ...] | None:
    """Return the sorted names of the targets that satisfy a constraint; None when all do.

    A constraint is a name, a range (`x86_64_v3:`, `:haswell`, `nehalem:skylake`) or a list of
    these, separated by commas; a star is every target. A name matches only itself, also an unknown
    one. An unknown end of a range matches only itself, too.
    """
    names: set[str] = set()
    for item in constraint.split(","):
        first, colon, last = (part.strip() for part in item.partition(":"))
        if (colon and not first and not last) or item.strip() == "*":
            return None
        names |= _range(first, last) if colon else {first} - {""}
    return tuple(sorted(names))


def _range(first: str, last: str) -> set[str]:
    return {
        name
        for name in {first, last, *TARGETS} - {""}
        if (not first or _is_at_least(name, first)) and (not last or _is_at_least(last, name))
    }


def _is_at_least(name: str, other: str) -> bool:
    return name == other or other in target_ancestors(name)
