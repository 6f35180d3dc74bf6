"""Comparison of two specs: the packages that one of them lacks, and how the others differ. Pure.

Packages are paired by name: first those with equal ids, then the others in the order of versions.

    left     hdf5@1.12/aaa   zlib@1.2/bbb   zlib@1.3/ccc
    right    hdf5@1.14/ddd   zlib@1.3/ccc   mpich@4.1/eee
    pairs    hdf5 aaa-ddd    zlib ccc-ccc   zlib bbb removed   mpich eee added

Packages needed to run are compared separately from those that were needed only to build. A node
whose hash differs only because of a dependency is not listed as changed; the dependency is.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import zip_longest
from typing import Any

from models.spack.graph import FLAGS
from models.specs.stored_graph import StoredGraph, id_of, native_node

Json = dict[str, Any]
_Pair = tuple[Json | None, Json | None]

_COMPARED_FIELDS = ("version", "namespace", "platform", "os", "target", "isExternal")
_SHOWN_FIELDS = ("hash", "name", "version")


def compare_specs(left: StoredGraph, right: StoredGraph) -> Json:
    """Return how two specs with their graphs differ.

    `missing` are the nodes of each graph that are not stored; what is below them is not compared.
    """
    left_sections, right_sections = _by_scope(left), _by_scope(right)
    shared = sorted((set(left.reachable()) & set(right.reachable())) - {left.root, right.root})
    return {
        "left": _shown(left.documents[left.root]),
        "right": _shown(right.documents[right.root]),
        "isEqual": left.root == right.root,
        "root": _changes(left.documents[left.root], right.documents[right.root]),
        "run": _section(left_sections["run"], right_sections["run"]),
        "buildOnly": _section(left_sections["buildOnly"], right_sections["buildOnly"]),
        "shared": [_shown(left.documents[spec_id]) for spec_id in shared],
        "missing": {"left": left.missing(), "right": right.missing()},
    }


def describe_splice(graph: StoredGraph) -> Json:
    """Return what a spliced spec was built as, step by step, and which nodes were swapped.

    `chain` leads from the spec to the one that was really built: a spec that was spliced from a
    spliced one has several steps. `splicedBelow` are the spliced dependencies.
    """
    chain: list[Json] = []
    document: Json | None = graph.documents[graph.root]
    while document is not None and (built_as := document["builtAs"]) is not None:
        known = graph.documents.get(id_of(built_as)) if built_as["known"] else None
        chain.append({"hash": built_as["hash"], "id": id_of(built_as), "known": known is not None})
        document = known
    root = graph.documents[graph.root]
    built = [entry for entry in root["builtWith"] or () if entry["scope"] == "run"]
    deployed = [entry for entry in root["dependencies"] if entry["scope"] == "run"]
    below = [
        _shown(graph.documents[spec_id])
        for spec_id in graph.reachable()[1:]
        if graph.documents[spec_id]["isSpliced"]
    ]
    return {
        **_shown(root),
        "isSpliced": root["isSpliced"],
        "chain": chain,
        "swapped": list(_swapped(built, deployed)) if root["isSpliced"] else [],
        "splicedBelow": below,
    }


def _swapped(built: Iterable[Json], deployed: Iterable[Json]) -> Iterator[Json]:
    for before, after in _pairs(built, deployed):
        if before is None or after is None or id_of(before) != id_of(after):
            yield {"built": _shown_if(before), "deployed": _shown_if(after)}


def _by_scope(graph: StoredGraph) -> Mapping[str, list[Json]]:
    documents: dict[str, list[Json]] = {"run": [], "buildOnly": []}
    for entry in graph.documents[graph.root]["dependencies"]:
        if (document := graph.documents.get(id_of(entry))) is not None:
            documents["run" if entry["scope"] == "run" else "buildOnly"].append(document)
    return documents


def _section(left: list[Json], right: list[Json]) -> Json:
    added, removed, changed = [], [], []
    for before, after in _pairs(left, right):
        if before is None and after is not None:
            added.append(_shown(after))
        elif before is not None and after is None:
            removed.append(_shown(before))
        elif before and after and (changes := _changes(before, after)):
            changed.append({"left": _shown(before), "right": _shown(after), "changes": changes})
    return {"added": added, "removed": removed, "changed": changed}


def _pairs(left: Iterable[Json], right: Iterable[Json]) -> Iterator[_Pair]:
    left_names, right_names = _by_name(left), _by_name(right)
    for name in sorted(left_names.keys() | right_names.keys()):
        before, after = left_names.get(name, {}), right_names.get(name, {})
        yield from ((before[id_], after[id_]) for id_ in before if id_ in after)
        yield from zip_longest(
            [before[id_] for id_ in before if id_ not in after],
            [after[id_] for id_ in after if id_ not in before],
        )


def _by_name(nodes: Iterable[Json]) -> dict[str, dict[str, Json]]:
    """Return nodes by name and id; those of one name are in the order of versions."""
    by_name: dict[str, dict[str, Json]] = {}
    for node in sorted(nodes, key=lambda node: (node["versionKey"] or "", node["hash"])):
        by_name.setdefault(node["name"], {})[str(node.get("_id") or id_of(node))] = node
    return by_name


def _changes(left: Json, right: Json) -> list[Json]:
    if left["_id"] == right["_id"]:
        return []
    before, after = _attributes(left), _attributes(right)
    return [
        {"what": name, "left": before.get(name), "right": after.get(name)}
        for name in sorted(before.keys() | after.keys())
        if not _is_same(before.get(name), after.get(name))
    ]


def _is_same(left: Any, right: Any) -> bool:
    """Return whether values are the same JSON: true is not 1, although both are equal here."""
    if left != right or isinstance(left, str):
        return bool(left == right)
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _attributes(document: Json) -> Json:
    """Return the attributes of a node by names that say of which kind they are."""
    native = native_node(document)
    parameters: Json = native.get("parameters") or {}
    attributes = {name: document[name] for name in _COMPARED_FIELDS}
    for name, value in parameters.items():
        attributes[f"{'flag' if name in FLAGS else 'variant'}.{name}"] = value
    attributes["compilers"] = sorted(
        f"{compiler['name']}@{compiler['version']}" for compiler in document["compilers"]
    )
    attributes["packageHash"] = native.get("package_hash")
    attributes["external"] = native.get("external")
    for edge in document["edges"]:
        attributes.setdefault(f"edge.{edge['name']}", []).append(
            {"types": edge["types"], "virtuals": edge["virtuals"]}
        )
    return attributes


def _shown_if(document: Json | None) -> Json | None:
    return None if document is None else _shown(document)


def _shown(document: Json) -> Json:
    shown = {name: document[name] for name in _SHOWN_FIELDS}
    return {"id": document.get("_id") or id_of(document), **shown}
