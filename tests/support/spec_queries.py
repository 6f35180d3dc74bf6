"""Queries in Spack's syntax about graphs at hand: some that hold there, some that nearly do."""

import random
from collections.abc import Iterator, Sequence

from models.spack.graph import FLAGS, Graph, Node
from models.spack.query import parse_query

Place = tuple[Graph, str]


def queries(places: Sequence[Place], count: int, seed: int = 1) -> Iterator[str]:
    """Give queries, each about a node that was chosen, so that most of them find something."""
    chance = random.Random(seed)
    while count:
        text = _query(chance, *chance.choice(places))
        if len(text) < 500:
            parse_query(text)
            count -= 1
            yield text


def _query(chance: random.Random, graph: Graph, key: str) -> str:
    parts = [_node(chance, graph.nodes[key], named=0.6, attributes=2)]
    compilers = graph.compilers(key)
    if compilers and chance.random() < 0.3:
        compiler = chance.choice(compilers)
        version = chance.choice(["", f"@{compiler.version}:", f"@:{compiler.version}"])
        parts.append(f"%{compiler.name}{version}")
    edges = graph.edges[key]
    if edges and chance.random() < 0.3:
        edge = chance.choice(edges)
        kinds = _kinds(chance, edge.deptypes, edge.virtuals)
        parts.append(f"%{kinds}{_node(chance, graph.nodes[edge.child], 0.8, 1) or '*'}")
    closure = graph.closure(key)
    for _ in range(chance.choice([0, 1, 1, 2]) if closure else 0):
        below = chance.choice(closure)
        edge = chance.choice(graph.parents[below])
        kinds = _kinds(chance, edge.deptypes, edge.virtuals)
        if edge.virtuals and chance.random() < 0.2:
            parts.append(f"^{chance.choice(edge.virtuals)}")
        else:
            parts.append(f"^{kinds}{_node(chance, graph.nodes[below], 0.85, 1) or '*'}")
    return " ".join(filter(None, parts)) or "*"


def _kinds(chance: random.Random, types: Sequence[str], virtuals: Sequence[str]) -> str:
    found = []
    if types and chance.random() < 0.15:
        found.append(f"deptypes={','.join(chance.sample(types, chance.randint(1, len(types))))}")
    if virtuals and chance.random() < 0.15:
        found.append(f"virtuals={chance.choice(virtuals)}")
    if chance.random() < 0.1:
        conditions = ["'@1:'", "+shared", "~mpi", "^zlib", "%c", "++pic"]
        found.append(f"when={chance.choice(conditions)}")
    return f"[{' '.join(found)}] " if found else ""


def _node(chance: random.Random, node: Node, named: float, attributes: int) -> str:
    found = [node.name if chance.random() < named else "*"]
    if chance.random() < 0.5:
        found.append(_version(chance, node.version))
    wanted = [item for item in _attributes(chance, node) if item]
    found += chance.sample(wanted, min(len(wanted), chance.randint(0, attributes)))
    return " ".join(found)


def _version(chance: random.Random, version: str) -> str:
    parts = version.split(".")
    prefix = ".".join(parts[: chance.randint(1, len(parts))])
    return chance.choice(
        [f"@{prefix}", f"@={version}", f"@{prefix}:", f"@:{prefix}", f"@{prefix}:{version}",
         f"@1.2.11:1.3,{version}"]
    )  # fmt: skip


def _attributes(chance: random.Random, node: Node) -> Iterator[str]:
    for name, value in node.variants.items():
        if isinstance(value, bool):
            sign = "+" if value is (chance.random() < 0.8) else "~"
            yield f"{sign * chance.choice([1, 1, 1, 2])}{name}"
        elif isinstance(value, list) and value:
            some = chance.sample(value, chance.randint(1, len(value)))
            yield chance.choice([f"{name}='{','.join(some)}'", f"{name}:='{','.join(value)}'"])
        elif isinstance(value, str) and value:
            yield chance.choice(
                [f"{name}='{value}'", f"{name}=*", f"{name}:='{value}'", f"{name}=='{value}'"]
            )
    for name in FLAGS:
        if node.parameters.get(name):
            yield f"{name}='{chance.choice(node.parameters[name])}'"
    yield chance.choice([f"target={node.target}", f"target={node.target}:", "target=x86_64_v3:"])
    yield f"os={node.os}"
    yield f"platform={node.platform}"
    yield f"namespace={node.namespace}" if node.namespace else ""
    yield f"/{node.hash[: chance.randint(1, 8)]}"
