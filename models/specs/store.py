"""The one place where specs are written: a batch of documents at a time, all of it or nothing.

A batch costs one query for what is known of it, one bulk write of what is not, and the commit,
however many nodes it has. A node is never changed once it is stored; only what its sources say of
it is added to, and a closure that lacked nodes is completed.
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
from models.specs.credentials import credential_places
from models.specs.document import Provenance, SpecDocument
from models.specs.node_documents import MOST_DEPENDENCIES, NodeDocuments, TooManyDependenciesError
from models.specs.spec import MOST_PROVENANCES, SpecProvenance

Json = dict[str, Any]
SpecOutcome = Literal["created", "updated", "unchanged", "rejected"]

MOST_FORMS = 1000

_MOST_VISITS = 5_000_000
_FEW_VISITS = 1_000_000
_LOOKED_AT = dict.fromkeys(
    ("format", "provenance", "forms", "isRoot", "isExplicit", "missing", "tombstone"), 1
)
_SAID = {name: to_camel(name) for name in SpecProvenance.model_fields}
_SAID_WHEN_TRUE = frozenset({"is_included", "is_signed"})


@dataclass(frozen=True, slots=True)
class Written:
    """What became of one document of a batch; `id` is that of its root.

    It is `created` when no document of this spec was there before, if only its node below others;
    `updated` when one was, and now there is another source or form of it.
    `node_ids` are those of all its nodes, its root first, `lacking` of those of them that stand on
    nodes which are not in the document, and `hashes` all that the nodes go by; all are empty when
    it was rejected.
    """

    outcome: SpecOutcome
    id: str
    node_ids: tuple[str, ...] = ()
    lacking: tuple[str, ...] = ()
    hashes: frozenset[str] = frozenset()
    reason: str = ""
    detail: str = ""


def _rejected(id_: str, reason: str, detail: str) -> Written:
    return Written("rejected", id_, reason=reason, detail=detail)


async def write_specs(
    database: Database,
    documents: Sequence[SpecDocument],
    *,
    ingestion_id: str | None = None,
    dry_run: bool = False,
) -> list[Written]:
    """Store documents; return what became of each, in their order.

    Others may store the same at the same time: whoever comes second finds it known. A document that
    is too large is rejected, and the others are stored.
    """
    batch = await asyncio.to_thread(_Batch.of, documents, ingestion_id)
    try:
        return await _write(database, batch, dry_run=dry_run)
    except DocumentTooLargeError as error:
        if len(documents) == 1:
            return [_rejected("", "too_large", str(error))]
    alone = [
        await write_specs(database, [each], ingestion_id=ingestion_id, dry_run=dry_run)
        for each in documents
    ]
    return [written for each in alone for written in each]


async def _write(database: Database, batch: "_Batch", *, dry_run: bool) -> list[Written]:
    backoff = Backoff(IMPORT_RETRY_SECONDS)
    while await backoff.wait():
        known = await _known(database.specs, batch)
        plan = _Plan(batch, known, datetime.now(UTC))
        outcomes = await asyncio.to_thread(plan.take_all)
        writes = [] if dry_run else list(plan.writes(database.specs))
        if not writes or await database.write(writes):
            return outcomes
    raise WriteConflictError("specs: other importers kept writing the same; try again")


async def _known(specs: Collection, batch: "_Batch") -> dict[str, Json]:
    wanted = list(dict.fromkeys(id_ for item in batch.items for id_ in item.node_ids))
    if not wanted:
        return {}
    found = await specs.find({"_id": {"$in": wanted}}, _LOOKED_AT, hint="_id_")
    return {document["_id"]: document for document in found}


@dataclass(frozen=True, slots=True, eq=False)
class _Item:
    """A document to write, with what does not depend on what is stored."""

    document: SpecDocument
    derivation: NodeDocuments
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
    def of(cls, documents: Sequence[SpecDocument], ingestion_id: str | None) -> "_Batch":
        derivations: dict[int, NodeDocuments] = {}
        items = []
        for document in documents:
            number = id(document.graph)
            if number not in derivations:
                derivations[number] = NodeDocuments(
                    document.graph, document.verifications, may_refer=document.may_refer
                )
            items.append(_item(document, derivations[number]))
        return cls(items, ingestion_id)


def _item(document: SpecDocument, derivation: NodeDocuments) -> _Item:
    written = keys = document.graph.document_keys(document.root)
    if document.given is not None:
        keys = tuple(dict.fromkeys((*keys, *document.graph.nodes)))
    try:
        limit_closures(document.graph, keys)
    except TooManyDependenciesError as error:
        return _Item(document, derivation, error=error)
    return _Item(
        document,
        derivation,
        keys,
        tuple(derivation.ids[key] for key in keys),
        stored_provenance(document.provenance, is_contained=document.container is not None),
        _form(document, derivation, written),
    )


def limit_closures(graph: Graph, keys: Sequence[str]) -> None:
    """Raise TooManyDependenciesError before closures are made that take too much room or time."""
    most_visits = len(keys) * sum(len(graph.edges[key]) for key in keys)
    if most_visits <= _FEW_VISITS and len(keys) ** 2 // 2 <= MOST_DEPENDENCIES:
        return
    entries = visits = 0
    for key in keys:
        closure = graph.closure(key)
        entries += len(closure)
        visits += sum(len(graph.edges[each]) for each in (key, *closure))
        if entries > MOST_DEPENDENCIES or visits > _MOST_VISITS:
            raise TooManyDependenciesError


def stored_provenance(provenance: Provenance, *, is_contained: bool = False) -> Json:
    """Return what is stored of a provenance: what is said, in a fixed order.

    A place in a file of many specs is not kept, because it changes with what else is in the file.
    """
    said = asdict(provenance)
    said["file"] = masked_text(provenance.file)
    said["place"] = None if is_contained else provenance.place or None
    return {
        alias: said[name]
        for name, alias in _SAID.items()
        if said[name] is not None and (said[name] or name not in _SAID_WHEN_TRUE)
    }


def _form(document: SpecDocument, derivation: NodeDocuments, written: Sequence[str]) -> Json | None:
    """Return how a document was submitted, None when it is a part of a file of many specs.

    `written` are the nodes that Spack writes, in its order.
    """
    given = document.given
    if given is None:
        return None
    graph, frame = document.graph, dict(given)
    spec = given["spec"]
    if isinstance(spec, list):
        nodes, frame["spec"] = spec, None
    else:
        nodes, frame["spec"] = spec["nodes"], {**spec, "nodes": None}
    order = _given_keys(graph, nodes)
    if order is None:
        return {"frame": json.dumps(given), "order": []}
    ids = None if tuple(order) == tuple(written) else [derivation.ids[key] for key in order]
    return {"frame": json.dumps(frame), "order": ids}


def _plain_form(version: int) -> Json:
    """Return how a document is submitted that has the form in which Spack writes it."""
    head: Json = {"_meta": {"version": version}, "nodes": None}
    return {"frame": json.dumps({"spec": None if version == 1 else head}), "order": None}


def _given_keys(graph: Graph, nodes: Sequence[Any]) -> list[str] | None:
    """Return the keys of the nodes of a document in its order; None when one stands twice."""
    by_content = {id(node.native): key for key, node in graph.nodes.items()}
    found = [by_content.get(id(_inner(graph, native)), "") for native in nodes]
    return found if all(found) and len(set(found)) == len(found) else None


def _inner(graph: Graph, native: Any) -> Any:
    return next(iter(native.values())) if graph.format == 1 and len(native) == 1 else native


def _new_forms(form: Json | None, state: Json) -> Iterator[Json]:
    """Give the forms that are to be noted at a root.

    That of Spack is not noted while there is no other: then it goes without saying.
    """
    plain = _plain_form(state["format"])
    if form is None or form in state["forms"] or (form == plain and not state["forms"]):
        return
    if not state["forms"] and state["provenance"]:
        yield plain
    yield form


class _Plan:
    """What is to be written of a batch, on top of what is known."""

    def __init__(self, batch: _Batch, known: Mapping[str, Json], now: datetime) -> None:
        self._batch = batch
        self._known = known
        self._now = now
        self._new: dict[str, Json] = {}
        self._replaced: set[str] = set()
        self._completed: dict[str, Json] = {}
        self._changes: dict[str, Json] = {}
        self._states: dict[str, Json] = {}

    def take_all(self) -> list[Written]:
        """Plan all documents, and tell what becomes of each; deriving many nodes takes seconds."""
        return [self._take(item) for item in self._batch.items]

    def _take(self, item: _Item) -> Written:
        if item.error is not None:
            return _rejected("", item.error.reason, item.error.detail)
        root_id = item.derivation.ids[item.document.root]
        if not self._is_new(root_id) and self._is_full(root_id, item):
            detail = f"it was submitted in {MOST_FORMS} forms already"
            return _rejected(root_id, "too_many_forms", detail)
        grown = [self._take_node(item, key) for key in item.keys]
        is_first = not self._state(root_id)["provenance"]
        is_told = self._tell(root_id, item)
        outcome: SpecOutcome = "updated" if is_told or any(grown) else "unchanged"
        graph, ids = item.document.graph, item.derivation.ids
        hashes = frozenset(own for key in item.keys for own in graph.nodes[key].hashes)
        lacking = tuple(ids[key] for key in item.keys if key in graph.incomplete)
        outcome = "created" if is_first else outcome
        return Written(outcome, root_id, item.node_ids, lacking, hashes)

    def _is_new(self, id_: str) -> bool:
        known = self._known.get(id_)
        return id_ not in self._new and (known is None or known.get("tombstone") is not None)

    def _is_full(self, id_: str, item: _Item) -> bool:
        forms = self._state(id_)["forms"]
        return len(forms) >= MOST_FORMS and item.form is not None and item.form not in forms

    def _take_node(self, item: _Item, key: str) -> bool:
        """Plan a node; tell whether it is new, or one that is stored and has been completed."""
        id_ = item.derivation.ids[key]
        is_whole = key not in item.document.graph.incomplete
        if self._is_new(id_):
            self._new[id_] = self._document(item, key)
            if id_ in self._known:
                self._replaced.add(id_)
            return True
        planned = self._new.get(id_)
        lacks = bool((planned or self._known[id_])["missing"])
        if not lacks or not is_whole or id_ in self._completed:
            return False
        derived = item.derivation.document(key)
        if planned is not None:
            planned.update(derived)
            return False
        self._completed[id_] = derived
        return True

    def _document(self, item: _Item, key: str) -> Json:
        document = item.derivation.document(key)
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

    def _tell(self, id_: str, item: _Item) -> bool:
        """Note at a root what the document says of it; tell whether any of that is news."""
        state = self._state(id_)
        is_news = False
        for form in list(_new_forms(item.form, state)):
            is_news = True
            state["forms"].append(form)
            self._change(id_, "forms", form)
        has_room = len(state["provenance"]) < MOST_PROVENANCES
        if has_room and item.provenance not in state["provenance"]:
            is_news = True
            state["provenance"].append(item.provenance)
            self._change(id_, "provenance", item.provenance)
        is_explicit = item.document.provenance.is_explicit
        for name, value in (("isRoot", item.provenance["isRoot"]), ("isExplicit", is_explicit)):
            if value is not None and (state[name] is None or value > state[name]):
                is_news = True
                state[name] = value
                self._changes.setdefault(id_, {}).setdefault("$max", {})[name] = value
        return is_news

    def _state(self, id_: str) -> Json:
        """Return what is told of a spec so far: of a new one, its document itself."""
        if id_ in self._new:
            return self._new[id_]
        return self._states.setdefault(
            id_, {**self._known[id_], "forms": [*self._known[id_]["forms"]],
                  "provenance": [*self._known[id_]["provenance"]]}
        )  # fmt: skip

    def _change(self, id_: str, name: str, value: Json) -> None:
        added = self._changes.setdefault(id_, {}).setdefault("$addToSet", {})
        added.setdefault(name, {"$each": []})["$each"].append(value)

    def writes(self, specs: Collection) -> Iterator[Write]:
        """Give the writes: new specs, then what is added to known ones, as they were read."""
        for id_, document in self._new.items():
            yield (Upsert if id_ in self._replaced else Insert)(specs, document)
        for id_ in sorted({*self._changes, *self._completed} - self._new.keys()):
            change = dict(self._changes.get(id_, {}))
            derived = self._completed.get(id_, {})
            change["$set"] = {**derived, "updatedAt": self._now}
            change["$set"].pop("_id", None)
            known = self._known[id_]
            told = {name: {"$size": len(known[name])} for name in ("provenance", "forms")}
            yield Update(specs, {"_id": id_, **told}, change)


async def edit_extra(database: Database, document: Json, extra: Json) -> bool:
    """Replace `extra` of a spec; return False when it has changed since `document` was read."""
    query = {"_id": document["_id"], "updatedAt": document["updatedAt"], "tombstone": None}
    change = {"extra": extra, "updatedAt": datetime.now(UTC)}
    return await database.specs.update(query, {"$set": change})
