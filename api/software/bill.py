"""What executions used, read for their bill of materials."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from api.http.errors import not_found
from api.specs.bom import Software
from models.database.client import Database
from models.software.stack import shown_stack, stack_of
from models.specs.stored_graph import StoredGraph, load_graph

Json = Mapping[str, Any]

_BUILT = "built_with"


async def read_software(
    database: Database,
    reference: str,
    name: str,
    version: str,
    recorded: datetime,
    executions: Sequence[Json],
) -> Software:
    """Return the software of listed executions; 404 when none is known."""
    packages = [item for each in executions for item in shown_stack(stack_of(each))]
    if not packages:
        raise not_found("software of", reference)
    graphs: dict[str, StoredGraph] = {}
    for id_ in sorted({item["id"] for item in packages if item["id"] is not None}):
        graph = await load_graph(database, id_)
        if graph is not None:
            graphs[id_] = graph
    run = {item["id"] for item in packages if item["role"] != _BUILT}
    unrecorded = {
        (item["name"], item["version"], item["hash"]): item
        for item in packages
        if item["id"] not in graphs
    }
    return Software(
        reference=reference,
        name=name,
        version=version,
        recorded=recorded,
        graphs=list(graphs.values()),
        built_with=frozenset(graphs.keys() - run),
        unrecorded=[unrecorded[key] for key in sorted(unrecorded, key=str)],
    )
