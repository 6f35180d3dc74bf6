"""Clauses of a query about the same dependency, which Spack merges into one.

`^zlib@1.2: ^zlib@:1.3` asks for one zlib that is in both ranges, also where a graph has several.
Source of the rule: `Spec._add_dependency` in lib/spack/spack/spec.py.
"""

from collections.abc import Iterable
from dataclasses import replace
from typing import TypeVar

from models.errors import UsageError
from models.spack.query import Dependency, Node, Variant
from models.spack.version import intersect

T = TypeVar("T")


class ConflictError(UsageError):
    """Two clauses about one dependency contradict each other."""


def merge_clauses(dependencies: Iterable[Dependency]) -> list[Dependency]:
    """Return the dependencies, those of one name in one; raise ConflictError.

    Merged are those at any distance with the same types of edges and the same condition.
    """
    merged: dict[object, Dependency] = {}
    for number, clause in enumerate(dependencies):
        is_alone = clause.direct or clause.node.name is None
        key = number if is_alone else (clause.node.name, clause.types, clause.when)
        other = merged.get(key)
        merged[key] = clause if other is None else _merge(other, clause)
    return list(merged.values())


def _merge(one: Dependency, other: Dependency) -> Dependency:
    virtuals = tuple(sorted({*one.virtuals, *other.virtuals}))
    return replace(one, node=_merge_nodes(one.node, other.node), virtuals=virtuals)


def _merge_nodes(one: Node, other: Node) -> Node:
    version = one.version or other.version
    if one.version is not None and other.version is not None:
        version = intersect(one.version, other.version)
        if not version.intervals:
            raise ConflictError(f"no version of {one.name} is in {one.version} and {other.version}")
    return replace(
        one,
        version=version,
        variants=_merge_variants(one, other),
        flags=(*one.flags, *other.flags),
        namespace=_equal("namespace", one.namespace, other.namespace),
        platform=_equal("platform", one.platform, other.platform),
        os=_equal("os", one.os, other.os),
        target=_equal("target", one.target, other.target),
        hash=_equal("hash", one.hash, other.hash),
        dependencies=(*one.dependencies, *other.dependencies),
    )


def _merge_variants(one: Node, other: Node) -> tuple[Variant, ...]:
    switches = {each.name: each.value for each in one.variants if isinstance(each.value, bool)}
    for variant in other.variants:
        known = switches.get(variant.name, variant.value)
        if isinstance(variant.value, bool) and known is not variant.value:
            raise ConflictError(f"two clauses about {one.name} ask for +{variant.name} and not")
    return tuple(dict.fromkeys((*one.variants, *other.variants)))


def _equal(what: str, one: T | None, other: T | None) -> T | None:
    if one is not None and other is not None and one != other:
        raise ConflictError(f"two clauses about one package ask for different values of {what}")
    return other if one is None else one
