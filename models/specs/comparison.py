"""What differs between two specs: packages, and what is different of those that both have; pure.

Packages are paired by name, equal hashes first, then in the order of versions. What is needed to
run is kept apart from what was needed to build only. A node whose hash is another one only because
of what is below it is not listed as changed: what is below it is.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from models.spack.graph import FLAGS
from models.specs.stored_graph import StoredGraph, id_of, native_node

Json = dict[str, Any]
_Pair = tuple[Json | None, Json | None]

_PLAIN = ("version", "namespace", "platform", "os", "target", "isExternal")
_SHOWN = ("hash", "name", "version")


def compare_specs(left: StoredGraph, right: StoredGraph) -> Json:
    """Return how two specs with their graphs differ.

    `missing` are the nodes of each that are not stored: nothing is told of what is below them.
    """
    mine, theirs = _by_section(left), _by_section(right)
    shared = sorted((set(left.reachable()) & set(right.reachable())) - {left.root, right.root})
    return {
        "left": _shown(left.documents[left.root]),
        "right": _shown(right.documents[right.root]),
        "isEqual": left.root == right.root,
        "root": _changes(left.documents[left.root], right.documents[right.root]),
        "run": _section(mine["run"], theirs["run"]),
        "buildOnly": _section(mine["buildOnly"], theirs["buildOnly"]),
        "shared": [_shown(left.documents[each]) for each in shared],
        "missing": {"left": left.missing(), "right": right.missing()},
    }


def splice_of(graph: StoredGraph) -> Json:
    """Return what a spliced spec was built as, step by step, and which nodes were swapped."""
    chain: list[Json] = []
    document: Json | None = graph.documents[graph.root]
    while document is not None and (built_as := document["builtAs"]) is not None:
        known = graph.documents.get(id_of(built_as)) if built_as["known"] else None
        chain.append({"hash": built_as["hash"], "id": id_of(built_as), "known": known is not None})
        document = known
    root = graph.documents[graph.root]
    built = [each for each in root["builtWith"] or () if each["scope"] == "run"]
    runs = [each for each in root["dependencies"] if each["scope"] == "run"]
    below = [
        _shown(graph.documents[each])
        for each in graph.reachable()[1:]
        if graph.documents[each]["isSpliced"]
    ]
    return {
        **_shown(root),
        "isSpliced": root["isSpliced"],
        "chain": chain,
        "swapped": list(_swapped(built, runs)) if root["isSpliced"] else [],
        "splicedBelow": below,
    }


def _swapped(built: Iterable[Json], runs: Iterable[Json]) -> Iterator[Json]:
    for before, after in _pairs(built, runs):
        if before is None or after is None or id_of(before) != id_of(after):
            yield {"built": _shown_if(before), "deployed": _shown_if(after)}


def _by_section(graph: StoredGraph) -> Mapping[str, list[Json]]:
    found: dict[str, list[Json]] = {"run": [], "buildOnly": []}
    for entry in graph.documents[graph.root]["dependencies"]:
        if (document := graph.documents.get(id_of(entry))) is not None:
            found["run" if entry["scope"] == "run" else "buildOnly"].append(document)
    return found


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
    mine, theirs = _by_name(left), _by_name(right)
    for name in sorted(mine.keys() | theirs.keys()):
        own, other = mine.get(name, {}), theirs.get(name, {})
        yield from ((own[each], other[each]) for each in own if each in other)
        rest = [own[each] for each in own if each not in other]
        news = [other[each] for each in other if each not in own]
        for number in range(max(len(rest), len(news))):
            yield (
                rest[number] if number < len(rest) else None,
                news[number] if number < len(news) else None,
            )


def _by_name(nodes: Iterable[Json]) -> dict[str, dict[str, Json]]:
    found: dict[str, dict[str, Json]] = {}
    for node in sorted(nodes, key=lambda each: (each["versionKey"] or "", each["hash"])):
        found.setdefault(node["name"], {})[str(node.get("_id") or id_of(node))] = node
    return found


def _changes(left: Json, right: Json) -> list[Json]:
    if left["_id"] == right["_id"]:
        return []
    return [
        {"what": what, "left": mine.get(what), "right": theirs.get(what)}
        for mine, theirs in [(_facts(left), _facts(right))]
        for what in sorted(mine.keys() | theirs.keys())
        if mine.get(what) != theirs.get(what)
    ]


def _facts(document: Json) -> Json:
    """Return what a node is, by names that tell what kind of thing differs."""
    native = native_node(document)
    parameters: Json = native.get("parameters") or {}
    kinds = {name: "flag" if name in FLAGS else "variant" for name in parameters}
    facts = {name: document[name] for name in _PLAIN}
    facts |= {f"{kinds[name]}.{name}": value for name, value in parameters.items()}
    facts["compilers"] = sorted(
        f"{each['name']}@{each['version']}" for each in document["compilers"]
    )
    facts["packageHash"] = native.get("package_hash")
    facts["external"] = native.get("external")
    for edge in document["edges"]:
        facts.setdefault(f"edge.{edge['name']}", []).append(
            {"types": edge["types"], "virtuals": edge["virtuals"]}
        )
    return facts


def _shown_if(document: Json | None) -> Json | None:
    return None if document is None else _shown(document)


def _shown(document: Json) -> Json:
    return {"id": document.get("_id") or id_of(document), **{n: document[n] for n in _SHOWN}}
