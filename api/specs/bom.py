"""Bills of materials in CycloneDX 1.6: of a spec, or of the software of a case. Pure.

The main component is the spec, or the case; every package below it is a component with its
version, hash and package URL (`pkg:spack/builtin/zlib@1.3.1?sha=…`). What is needed only to build
or to test has the scope `excluded`. The same stored documents give the same bill: its serial number
follows from what it is about, and its time is that of the latest record in it.
"""

import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cyclonedx.model import Property
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentScope, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from models.configuration.keys import unescape_name
from models.specs.node_documents import variant_text
from models.specs.reach import RUN
from models.specs.stored_graph import StoredGraph, id_of
from models.version import VERSION

Json = Mapping[str, Any]

MEDIA_TYPE = "application/vnd.cyclonedx+json; version=1.6"
_NAMESPACE = uuid.UUID("5d3c1f0e-0d4c-5f0b-9a39-3f6a5c0e7d21")


@dataclass(frozen=True, slots=True)
class Software:
    """What a case or an execution used.

    `graphs` are those of the recorded specs; `built_with` are the ids of roots that only were used
    to build. `unrecorded` are packages of which no spec is recorded: `name`, `version`, `hash`.
    """

    reference: str
    name: str
    version: str
    recorded: datetime
    graphs: Sequence[StoredGraph]
    built_with: frozenset[str] = frozenset()
    unrecorded: Sequence[Json] = ()


def spec_bill(graph: StoredGraph) -> str:
    """Return the bill of one spec, as JSON."""
    root = graph.documents[graph.root]
    return _bill(_component(root, ComponentScope.REQUIRED), [graph], root["updatedAt"])


def software_bill(software: Software) -> str:
    """Return the bill of what a case or an execution used, as JSON."""
    main = Component(
        type=ComponentType.APPLICATION,
        name=software.name,
        version=software.version,
        bom_ref=software.reference,
    )
    extra = [_unrecorded(package) for package in software.unrecorded]
    return _bill(main, software.graphs, software.recorded, software.built_with, extra)


def _bill(
    main: Component,
    graphs: Sequence[StoredGraph],
    recorded: datetime,
    built_with: frozenset[str] = frozenset(),
    extra: Iterable[Component] = (),
) -> str:
    documents = {id_: graph.documents[id_] for graph in graphs for id_ in graph.reachable()}
    needed = {
        id_ for graph in graphs if graph.root not in built_with for id_ in graph.reachable(RUN)
    }
    components = {
        id_: _component(
            document, ComponentScope.REQUIRED if id_ in needed else ComponentScope.EXCLUDED
        )
        for id_, document in documents.items()
    }
    reference = str(main.bom_ref.value)
    components.pop(reference, None)
    components[reference] = main
    bom = Bom(serial_number=uuid.uuid5(_NAMESPACE, reference))
    bom.metadata.timestamp = max([recorded, *(each["updatedAt"] for each in documents.values())])
    bom.metadata.component = main
    bom.metadata.tools.components.add(
        Component(type=ComponentType.APPLICATION, name="caseledger", version=VERSION)
    )
    for id_, component in sorted(components.items()):
        if component is not main:
            bom.components.add(component)
        below = [components[child] for child in _children(documents.get(id_), components)]
        bom.register_dependency(component, below)
    if reference not in documents:
        others = list(extra)
        bom.components.update(others)
        bom.register_dependency(main, [components[graph.root] for graph in graphs] + others)
    for node in _missing(graphs):
        bom.properties.add(Property(name="caseledger:missing", value=node))
    return str(JsonV1Dot6(bom).output_as_string())


def _children(document: Json | None, components: Mapping[str, Component]) -> Iterator[str]:
    edges = document["edges"] if document is not None else ()
    return (id_of(edge) for edge in edges if id_of(edge) in components)


def _missing(graphs: Sequence[StoredGraph]) -> set[str]:
    """Return the names and hashes of nodes that edges lead to and that are not recorded."""
    return {f"{node['name']}/{node['id']}" for graph in graphs for node in graph.missing()}


def _component(document: Json, scope: ComponentScope) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=document["name"],
        version=document["version"],
        bom_ref=document["_id"],
        scope=scope,
        purl=PackageURL(
            type="spack",
            namespace=document["namespace"],
            name=document["name"],
            version=document["version"],
            qualifiers={"sha": document["hash"]},
        ),
        properties=[Property(name=f"spack:{name}", value=text) for name, text in _facts(document)],
    )


def _facts(document: Json) -> Iterator[tuple[str, str]]:
    """Yield what Spack says of a node beyond name and version, by the word in Spack's syntax."""
    yield "hash", document["hash"]
    for name in ("platform", "os", "target"):
        if document[name]:
            yield name, document[name]
    for compiler in document["compilers"]:
        yield "compiler", f"{compiler['name']}@{compiler['version']}"
    for name, value in sorted(document["variants"].items()):
        text = variant_text(value) if not isinstance(value, list) else ",".join(value)
        yield f"variant:{unescape_name(name)}", text
    if document["isExternal"]:
        yield "external", "true"


def _unrecorded(package: Json) -> Component:
    return Component(
        type=ComponentType.LIBRARY,
        name=package["name"],
        version=package["version"],
        bom_ref=f"unrecorded:{package['name']}@{package['version']}/{package['hash']}",
        scope=ComponentScope.REQUIRED,
        properties=[Property(name="caseledger:specRecorded", value="false")],
    )
