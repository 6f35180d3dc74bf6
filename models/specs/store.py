"""Storage of specs: the only code that writes them, one batch of documents atomically.

However many nodes a batch has, it costs one query for what is stored of it, one bulk write of what
is not, and the commit. A stored node never changes, with two exceptions: statements of further
sources are added to it, and a closure that lacked nodes is completed.

    documents -> _Batch    ids, provenances and forms: does not depend on what is stored
              -> _Plan     new nodes, additions, completions: on top of what is stored
              -> writes    applied in one transaction; if another writer interferes, plan again
"""

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal

from pydantic.alias_generators import to_camel

from models.database.client import Database
from models.database.collection import Collection
from models.database.retry import IMPORT_RETRY_SECONDS, Backoff
from models.database.writes import Insert, Update, Upsert, Write
from models.errors import DocumentTooLargeError, ParseError, WriteConflictError
from models.redaction.text import masked_text
from models.spack.graph import Graph
from models.specs.closure_limits import TooManyDependenciesError
from models.specs.credentials import credential_places
from models.specs.document import Provenance, SpecDocument
from models.specs.node_documents import NodeDocuments
from models.specs.spec import MAX_PROVENANCES, SpecProvenance

Json = dict[str, Any]
SpecOutcome = Literal["created", "updated", "unchanged", "rejected"]

DerivedGraphs = dict[int, NodeDocuments]
"""What is derived of the graphs of the last batch, by the id of the graph.

The documents of a file with many specs share a graph, and it is derived once for all batches.
"""

MAX_FORMS = 1000
_PROJECTION = dict.fromkeys(
    ("format", "provenance", "forms", "isRoot", "isExplicit", "missing", "tombstone"), 1
)
_PROVENANCE_KEYS = {name: to_camel(name) for name in SpecProvenance.model_fields}
_STORED_WHEN_TRUE = frozenset({"is_included", "is_signed"})


@dataclass(frozen=True, slots=True)
class WriteResult:
    """The result of writing one document of a batch; `id` is the id of its root.

    The outcome is `created` when the spec was not stored, or only as a dependency of others, and
    `updated` when it was stored and has got another source or form, or missing nodes.
    `node_ids` are the ids of all its nodes, the root first. `incomplete_ids` are the ids of those
    that depend on nodes which are not in the document. `hashes` are all hashes of the nodes. They
    are empty when the document was rejected.
    """

    outcome: SpecOutcome
    id: str
    node_ids: tuple[str, ...] = ()
    incomplete_ids: tuple[str, ...] = ()
    hashes: frozenset[str] = frozenset()
    reason: str = ""
    detail: str = ""


def _rejected(id_: str, reason: str, detail: str) -> WriteResult:
    return WriteResult("rejected", id_, reason=reason, detail=detail)


async def write_specs(
    database: Database,
    documents: Sequence[SpecDocument],
    *,
    ingestion_id: str | None = None,
    dry_run: bool = False,
    derived: DerivedGraphs | None = None,
) -> list[WriteResult]:
    """Store documents; return the results in their order. With `dry_run`, write nothing.

    A caller that writes a file in several batches passes the same `derived` for each of them.

    Other importers may store the same specs concurrently: the later writer finds them stored. A
    document that is too large is rejected, and the others are stored. Raise WriteConflictError when
    others keep writing the same specs.
    """
    derived = {} if derived is None else derived
    batch = await asyncio.to_thread(_Batch.of, documents, ingestion_id, derived)
    try:
        return await _write(database, batch, dry_run=dry_run)
    except DocumentTooLargeError as error:
        if len(documents) == 1:
            return [_rejected("", "too_large", str(error))]
    results = []
    for document in documents:  # one by one, so that only those that are too large are rejected
        results += await write_specs(
            database, [document], ingestion_id=ingestion_id, dry_run=dry_run, derived=derived
        )
    return results


async def _write(database: Database, batch: "_Batch", *, dry_run: bool) -> list[WriteResult]:
    # Most specs share some nodes, so that concurrent writers would have to start again mostly.
    async with database.turns.turn("specs", IMPORT_RETRY_SECONDS):
        backoff = Backoff(IMPORT_RETRY_SECONDS)
        while await backoff.wait():
            known = await _known(database.specs, batch)
            plan = _Plan(batch, known, datetime.now(UTC))
            results = await asyncio.to_thread(plan.take_all)
            writes = [] if dry_run else list(plan.writes(database.specs))
            if not writes or await database.write(writes):
                return results
    raise WriteConflictError("specs: other importers kept writing the same ones; try again")


async def _known(specs: Collection, batch: "_Batch") -> dict[str, Json]:
    ids = list(dict.fromkeys(id_ for item in batch.items for id_ in item.node_ids))
    if not ids:
        return {}
    documents = await specs.find({"_id": {"$in": ids}}, _PROJECTION, hint="_id_")
    return {document["_id"]: document for document in documents}


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """A document to write, with everything about it that does not depend on what is stored.

    `keys` are its nodes, `node_ids` their ids; with an `error`, both are empty.
    """

    document: SpecDocument
    node_documents: NodeDocuments
    keys: tuple[str, ...] = ()
    node_ids: tuple[str, ...] = ()
    provenance: Json = field(default_factory=dict)
    form: Json | None = None
    error: ParseError | None = None


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    items: list[_Item]
    ingestion_id: str | None

    @classmethod
    def of(
        cls,
        documents: Sequence[SpecDocument],
        ingestion_id: str | None,
        derived: DerivedGraphs,
    ) -> "_Batch":
        by_graph: DerivedGraphs = {}
        items = []
        for document in documents:
            graph_id = id(document.graph)
            if graph_id not in by_graph:
                by_graph[graph_id] = derived.get(graph_id) or NodeDocuments(
                    document.graph, document.verifications, may_refer=document.may_refer
                )
            items.append(_item(document, by_graph[graph_id]))
        derived.clear()
        derived.update(by_graph)
        return cls(items, ingestion_id)


def _item(document: SpecDocument, node_documents: NodeDocuments) -> _Item:
    is_whole = document.submitted is not None  # then it may have nodes that no edge leads to
    try:
        node_documents.limits.check(document.root, is_whole=is_whole)
    except TooManyDependenciesError as error:
        return _Item(document, node_documents, error=error)
    spack_keys = keys = document.graph.document_keys(document.root)
    if is_whole:
        keys = tuple(dict.fromkeys((*keys, *document.graph.nodes)))
    return _Item(
        document,
        node_documents,
        keys,
        tuple(node_documents.ids[key] for key in keys),
        stored_provenance(document.provenance, is_contained=document.container is not None),
        _form(document, node_documents, spack_keys),
    )


def stored_provenance(provenance: Provenance, *, is_contained: bool = False) -> Json:
    """Return the stored form of a provenance: what is known, in a fixed order.

    The place in a file of many specs is not stored, because it depends on the rest of the file.
    """
    fields = asdict(provenance)
    fields["file"] = masked_text(provenance.file)
    fields["place"] = None if is_contained else provenance.place or None
    return {
        key: fields[name]
        for name, key in _PROVENANCE_KEYS.items()
        if fields[name] is not None and (fields[name] or name not in _STORED_WHEN_TRUE)
    }


def _form(
    document: SpecDocument, node_documents: NodeDocuments, spack_keys: Sequence[str]
) -> Json | None:
    """Return the `SubmittedForm` of a document, or None when it is part of a file of many specs.

    `spack_keys` are the nodes that Spack writes, in its order.
    """
    submitted = document.submitted
    if submitted is None:
        return None
    graph, frame = document.graph, dict(submitted)
    spec = submitted["spec"]
    if isinstance(spec, list):
        nodes, frame["spec"] = spec, None
    else:
        nodes, frame["spec"] = spec["nodes"], {**spec, "nodes": None}
    keys = _keys_in_order(graph, nodes)
    if keys is None:
        return {"frame": json.dumps(submitted), "order": []}
    is_spack_order = tuple(keys) == tuple(spack_keys)
    order = None if is_spack_order else [node_documents.ids[key] for key in keys]
    return {"frame": json.dumps(frame), "order": order}


def _plain_form(version: int) -> Json:
    """Return the `SubmittedForm` of a document in the form in which Spack writes it."""
    head: Json = {"_meta": {"version": version}, "nodes": None}
    return {"frame": json.dumps({"spec": None if version == 1 else head}), "order": None}


def _keys_in_order(graph: Graph, nodes: Sequence[Any]) -> list[str] | None:
    """Return the keys of the nodes in the order of a document; None when a node is repeated."""
    by_object = {id(node.native): key for key, node in graph.nodes.items()}
    keys = [by_object.get(id(_inner(graph, native)), "") for native in nodes]
    return keys if all(keys) and len(set(keys)) == len(keys) else None


def _inner(graph: Graph, native: Any) -> Any:
    return next(iter(native.values())) if graph.format == 1 and len(native) == 1 else native


def _new_forms(form: Json | None, state: Json) -> Iterator[Json]:
    """Yield the forms to add to a root.

    The form of Spack is not stored while there is no other, because it is then implied.
    """
    plain = _plain_form(state["format"])
    if form is None or form in state["forms"] or (form == plain and not state["forms"]):
        return
    if not state["forms"] and state["provenance"]:
        yield plain
    yield form


class _Plan:
    """The writes for a batch on top of what is stored.

    `_new` are documents of new nodes, of which `_replaced` take the place of a tombstone;
    `_completed` are new fields of stored nodes that lacked dependencies; `_changes` are update
    operators for stored roots; `_states` are stored roots with these changes applied.
    """

    def __init__(self, batch: _Batch, known: Mapping[str, Json], now: datetime) -> None:
        self._batch = batch
        self._known = known
        self._now = now
        self._new: dict[str, Json] = {}
        self._replaced: set[str] = set()
        self._completed: dict[str, Json] = {}
        self._changes: dict[str, Json] = {}
        self._states: dict[str, Json] = {}

    def take_all(self) -> list[WriteResult]:
        """Plan all documents and return their results; deriving many nodes takes seconds."""
        return [self._take(item) for item in self._batch.items]

    def _take(self, item: _Item) -> WriteResult:
        if item.error is not None:
            return _rejected("", item.error.reason, item.error.detail)
        root_id = item.node_documents.ids[item.document.root]
        if not self._is_new(root_id) and self._is_full(root_id, item):
            detail = f"it has been submitted in {MAX_FORMS} forms already"
            return _rejected(root_id, "too_many_forms", detail)
        grown = [self._take_node(item, key) for key in item.keys]
        is_first = not self._state(root_id)["provenance"]
        has_additions = self._add_source(root_id, item)
        outcome: SpecOutcome = "updated" if has_additions or any(grown) else "unchanged"
        graph, ids = item.document.graph, item.node_documents.ids
        hashes = frozenset(hash_ for key in item.keys for hash_ in graph.nodes[key].hashes)
        incomplete = tuple(ids[key] for key in item.keys if key in graph.incomplete)
        outcome = "created" if is_first else outcome
        return WriteResult(outcome, root_id, item.node_ids, incomplete, hashes)

    def _is_new(self, id_: str) -> bool:
        known = self._known.get(id_)
        return id_ not in self._new and (known is None or known.get("tombstone") is not None)

    def _is_full(self, id_: str, item: _Item) -> bool:
        forms = self._state(id_)["forms"]
        return len(forms) >= MAX_FORMS and item.form is not None and item.form not in forms

    def _take_node(self, item: _Item, key: str) -> bool:
        """Plan a node; return whether it is new, or stored and completed now."""
        id_ = item.node_documents.ids[key]
        is_whole = key not in item.document.graph.incomplete
        if self._is_new(id_):
            self._new[id_] = self._document(item, key)
            if id_ in self._known:
                self._replaced.add(id_)
            return True
        planned = self._new.get(id_)
        lacks_nodes = bool((planned or self._known[id_])["missing"])
        if not lacks_nodes or not is_whole or id_ in self._completed:
            return False
        completed = item.node_documents.document(key)
        if planned is not None:
            planned.update(completed)
            return False
        self._completed[id_] = completed
        return True

    def _document(self, item: _Item, key: str) -> Json:
        document = item.node_documents.document(key)
        native = item.document.graph.nodes[key].native
        places = list(credential_places(native)) if item.document.credentials else []
        return {
            **document,
            "credentials": places,
            "isRoot": False,
            "isExplicit": None,
            "forms": [],
            "provenance": [],
            "extra": {},
            "tombstone": None,
            "ingestionId": self._batch.ingestion_id,
            "createdAt": self._now,
            "updatedAt": self._now,
        }

    def _add_source(self, id_: str, item: _Item) -> bool:
        """Add form, provenance and flags of a document to its root; return whether any is new."""
        state = self._state(id_)
        has_additions = False
        for form in list(_new_forms(item.form, state)):
            has_additions = True
            state["forms"].append(form)
            self._add_to_set(id_, "forms", form)
        has_room = len(state["provenance"]) < MAX_PROVENANCES
        if has_room and item.provenance not in state["provenance"]:
            has_additions = True
            state["provenance"].append(item.provenance)
            self._add_to_set(id_, "provenance", item.provenance)
        is_explicit = item.document.provenance.is_explicit
        for name, value in (("isRoot", item.provenance["isRoot"]), ("isExplicit", is_explicit)):
            if value is not None and (state[name] is None or value > state[name]):
                has_additions = True
                state[name] = value
                self._changes.setdefault(id_, {}).setdefault("$max", {})[name] = value
        return has_additions

    def _state(self, id_: str) -> Json:
        """Return a spec as planned so far: a new document itself, or a copy of a stored one."""
        if id_ in self._new:
            return self._new[id_]
        known = self._known[id_]
        copy = {**known, "forms": [*known["forms"]], "provenance": [*known["provenance"]]}
        return self._states.setdefault(id_, copy)

    def _add_to_set(self, id_: str, name: str, value: Json) -> None:
        added = self._changes.setdefault(id_, {}).setdefault("$addToSet", {})
        added.setdefault(name, {"$each": []})["$each"].append(value)

    def writes(self, specs: Collection) -> Iterator[Write]:
        """Yield the writes: new specs, then changes of stored ones.

        A change fails when another writer has added a provenance or a form since they were read.
        """
        for id_, document in self._new.items():
            yield (Upsert if id_ in self._replaced else Insert)(specs, document)
        for id_ in sorted({*self._changes, *self._completed} - self._new.keys()):
            change = dict(self._changes.get(id_, {}))
            completed = self._completed.get(id_, {})
            change["$set"] = {**completed, "updatedAt": self._now}
            change["$set"].pop("_id", None)
            known = self._known[id_]
            sizes = {name: {"$size": len(known[name])} for name in ("provenance", "forms")}
            yield Update(specs, {"_id": id_, **sizes}, change)


async def edit_extra(database: Database, document: Json, extra: Json) -> bool:
    """Replace `extra` of a spec; return False when it has changed since `document` was read."""
    query = {"_id": document["_id"], "updatedAt": document["updatedAt"], "tombstone": None}
    change = {"extra": extra, "updatedAt": datetime.now(UTC)}
    return await database.specs.update(query, {"$set": change})
