"""`.spack-db/index.json`: the database of an install tree, and the index of a mirror.

    {"database": {"version": "8",
                  "installs": {hash: {"spec": node, "path": …, "explicit": …}, …}}}

Each record has one node, with edges to the nodes of other records, and Spack's knowledge about the
installation. Each record becomes a document, which is a root if no other record depends on it. In
the index of a mirror, and in a database that lost records, dependencies of a document may be
missing. It is imported all the same, with `is_complete` false.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from ingest.specs.limits import SpecLimits
from ingest.specs.outcome import FrameMaker, Outcome, rejection
from models.errors import ParseError
from models.json.places import join_place
from models.spack.graph import JsonObject, Node, SpecError
from models.spack.native import Entry, assemble, entry_of
from models.specs.document import Container, Origin, Provenance, SpecDocument

_PLACE = "database.installs"
_FORMATS = {6: 3, 7: 4, 8: 5}
_FIRST_WITH_NODES, _LAST_KNOWN = 6, 8
_FIELD_TYPES: dict[str, tuple[type, ...]] = {
    "installed": (bool,),
    "explicit": (bool,),
    "in_buildcache": (bool,),
    "installation_time": (int, float),
    "path": (str,),
    "deprecated_for": (str,),
    "origin": (str,),
}


def is_database(value: Any) -> bool:
    """Return whether JSON is a database or the index of a mirror."""
    return isinstance(value, dict) and isinstance(value.get("database"), dict)


def read_database(index: JsonObject, file: str, limits: SpecLimits) -> Iterator[Outcome]:
    """Yield the document of each record, in the order of the file."""
    try:
        installs = _installs(index, limits)
        specfile = _format(index["database"], installs)
    except ParseError as error:
        yield rejection(file, error)
        return
    faults = {key: _fault(key, record) for key, record in installs.items()}
    broken = {key: fault for key, fault in faults.items() if fault is not None}
    graph = assemble(
        (_entry(key, record) for key, record in installs.items() if key not in broken), specfile
    )
    problems = {**graph.problems, **broken}
    maker = FrameMaker()
    frame = maker.without_nodes(installs, ("database", "installs"), graph, "spec")
    whole = {**index, "database": {**index["database"], "installs": frame}}
    container = Container("database", file, whole, tuple(maker.slots))
    origin: Origin = "install_tree" if _is_of_install_tree(installs) else "mirror"
    for key, record in installs.items():
        if key in problems:
            yield rejection(file, problems[key])
            continue
        is_root = not graph.parents.get(key)
        provenance = _provenance(origin, file, record, graph.nodes[key], is_root=is_root)
        yield SpecDocument(graph, key, provenance, container=container)


def _installs(index: JsonObject, limits: SpecLimits) -> JsonObject:
    installs = index["database"].get("installs")
    if not isinstance(installs, dict):
        raise SpecError("wrong_type", _PLACE, "this is not a map of records")
    if len(installs) > limits.records:
        raise SpecError("too_many_nodes", _PLACE, f"more than {limits.records} records")
    return installs


def _format(database: JsonObject, installs: JsonObject) -> int:
    """Return the format of the nodes; for databases of unknown versions the nodes state it."""
    text = str(database.get("version", ""))
    major = text.partition(".")[0]
    if not major.isdecimal() or len(major) > 4:
        raise SpecError("no_format", "database.version", "the version is not stated")
    version = int(major)
    if version < _FIRST_WITH_NODES:
        return 1
    return max([_FORMATS[min(version, _LAST_KNOWN)], *_stated_formats(version, installs)])


def _stated_formats(version: int, installs: JsonObject) -> Iterator[int]:
    if version > _LAST_KNOWN:
        for record in installs.values():
            spec = record.get("spec") if isinstance(record, dict) else None
            notes = spec.get("annotations") if isinstance(spec, dict) else None
            number = notes.get("original_specfile_version") if isinstance(notes, dict) else None
            if type(number) is int:
                yield number


def _fault(key: str, record: Any) -> SpecError | None:
    place = join_place(_PLACE, key)
    if not isinstance(record, dict) or not isinstance(record.get("spec"), dict):
        return SpecError("wrong_type", place, "a record must be an object with a spec")
    for name, types in _FIELD_TYPES.items():
        value = record.get(name)
        is_bool_for_number = isinstance(value, bool) and bool not in types
        if value is not None and (is_bool_for_number or not isinstance(value, types)):
            return SpecError("wrong_type", join_place(place, name), "the value has a wrong type")
    return None


def _entry(key: str, record: JsonObject) -> Entry:
    return entry_of(record["spec"], join_place(join_place(_PLACE, key), "spec"), key)


def _is_of_install_tree(installs: JsonObject) -> bool:
    return any(isinstance(record, dict) and "path" in record for record in installs.values())


def _provenance(
    origin: Origin, file: str, record: JsonObject, node: Node, *, is_root: bool
) -> Provenance:
    return Provenance(
        origin,
        file,
        join_place(_PLACE, node.key),
        is_root=is_root,
        is_explicit=record.get("explicit"),
        is_installed=record.get("installed"),
        installation_time=record.get("installation_time"),
        install_path=_relative(record.get("path"), node),
        deprecated_for=record.get("deprecated_for"),
        recorded_origin=record.get("origin"),
        is_in_buildcache=record.get("in_buildcache"),
    )


def _relative(path: str | None, node: Node) -> str | None:
    """Return the path of an installation, beginning with its architecture, or else its last part.

    Return None when it is not in the install tree, as for an external package.
    """
    if path is None or node.external is not None:
        return None
    parts = PurePosixPath(path).parts
    names = (f"{node.platform}-{node.target}", f"{node.platform}-{node.os}-{node.target}")
    for i, part in enumerate(parts):
        if part in names:
            return "/".join(parts[i:])
    return parts[-1] if parts and node.hash in parts[-1] else None
