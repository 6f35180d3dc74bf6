"""`.spack-db/index.json`: what an install tree holds, and the index of a mirror, which is alike.

Each record has one node, with edges to the nodes of other records, and what Spack knows of the
installation. Each is a document of its own; it is a root where no other record depends on it. In an
index of a mirror, and in a database that lost records, nodes may be missing below a document: it
says so (`is_complete`), and is taken all the same, since what is there is whole.
"""

from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any

from ingest.specs.formats.strict_json import Limits
from ingest.specs.outcome import FrameMaker, Outcome, rejected
from models.errors import ParseError
from models.spack.graph import Entry, JsonObject, Node, SpecError, assemble, entry_of, join_place
from models.specs.document import Container, Origin, Provenance, SpecDocument

_WHERE = "database.installs"
_FORMATS = {6: 3, 7: 4, 8: 5}
_OLDEST_SINCE_NODES, _NEWEST_KNOWN = 6, 8
_KINDS: dict[str, tuple[type, ...]] = {
    "installed": (bool,),
    "explicit": (bool,),
    "in_buildcache": (bool,),
    "installation_time": (int, float),
    "path": (str,),
    "deprecated_for": (str,),
    "origin": (str,),
}


def is_database(value: Any) -> bool:
    """Tell whether JSON is that of a database or of the index of a mirror."""
    return isinstance(value, dict) and isinstance(value.get("database"), dict)


def read_database(index: JsonObject, file: str, limits: Limits) -> Iterator[Outcome]:
    """Give the document of each record, in the order of the file."""
    try:
        installs = _installs(index, limits)
        specfile = _format(index["database"], installs)
    except ParseError as error:
        yield rejected(file, error)
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
            yield rejected(file, problems[key])
            continue
        is_root = not graph.parents.get(key)
        provenance = _provenance(origin, file, record, graph.nodes[key], is_root=is_root)
        yield SpecDocument(graph, key, provenance, container=container)


def _installs(index: JsonObject, limits: Limits) -> JsonObject:
    installs = index["database"].get("installs")
    if not isinstance(installs, dict):
        raise SpecError("wrong_type", _WHERE, "not a map of records")
    if len(installs) > limits.records:
        raise SpecError("too_many_nodes", _WHERE, f"there are more than {limits.records} records")
    return installs


def _format(database: JsonObject, installs: JsonObject) -> int:
    """Return the format of the nodes; a newer database says by its nodes which it is."""
    text = str(database.get("version", ""))
    major = text.partition(".")[0]
    if not major.isdecimal() or len(major) > 4:
        raise SpecError("no_format", "database.version", "the version is not stated")
    version = int(major)
    if version < _OLDEST_SINCE_NODES:
        return 1
    return max([_FORMATS[min(version, _NEWEST_KNOWN)], *_noted_formats(version, installs)])


def _noted_formats(version: int, installs: JsonObject) -> Iterator[int]:
    if version > _NEWEST_KNOWN:
        for record in installs.values():
            spec = record.get("spec") if isinstance(record, dict) else None
            notes = spec.get("annotations") if isinstance(spec, dict) else None
            noted = notes.get("original_specfile_version") if isinstance(notes, dict) else None
            if isinstance(noted, int):
                yield noted


def _fault(key: str, record: Any) -> SpecError | None:
    place = join_place(_WHERE, key)
    if not isinstance(record, dict) or not isinstance(record.get("spec"), dict):
        return SpecError("wrong_type", place, "a record is an object with a spec")
    for name, kinds in _KINDS.items():
        value = record.get(name)
        is_number_like_bool = isinstance(value, bool) and bool not in kinds
        if value is not None and (is_number_like_bool or not isinstance(value, kinds)):
            return SpecError("wrong_type", join_place(place, name), "not a value of this field")
    return None


def _entry(key: str, record: JsonObject) -> Entry:
    return entry_of(record["spec"], join_place(join_place(_WHERE, key), "spec"), key)


def _is_of_install_tree(installs: JsonObject) -> bool:
    return any(isinstance(record, dict) and "path" in record for record in installs.values())


def _provenance(
    origin: Origin, file: str, record: JsonObject, node: Node, *, is_root: bool
) -> Provenance:
    return Provenance(
        origin,
        file,
        join_place(_WHERE, node.key),
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
    """Return the path of an installation from its architecture on, or else its last part.

    None for what is not installed in the tree: the path of an external package is its own.
    """
    if path is None or node.external is not None:
        return None
    parts = PurePosixPath(path).parts
    names = (f"{node.platform}-{node.target}", f"{node.platform}-{node.os}-{node.target}")
    for i, part in enumerate(parts):
        if part in names:
            return "/".join(parts[i:])
    return parts[-1] if parts and node.hash in parts[-1] else None
