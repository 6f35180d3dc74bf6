"""The graph of a spec document: what is in it, what can be reached, and what it refuses."""

import copy
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.spack.graph import BUILD, LINK_RUN, Compiler, Graph, SpecError
from models.spack.native import Entry, assemble, graph_of
from tests.support.spec_documents import (
    FORMATS,
    Json,
    Package,
    any_hash,
    closure,
    diamond,
    document,
    graphs,
    on,
    package,
    same,
)


def names(graph: Graph, keys: tuple[str, ...]) -> list[str]:
    return [graph.nodes[key].name for key in keys]


@pytest.fixture(params=FORMATS)
def form(request: pytest.FixtureRequest) -> int:
    number: int = request.param
    return number


def test_every_format_has_its_nodes_and_edges(form: int) -> None:
    app = diamond(form)
    graph = graph_of(document(app, form))
    assert [node.name for node in graph.nodes.values()] == ["app", "leaf", "mid", "tool"]
    assert [(e.name, e.deptypes) for e in graph.dependencies(app.hash)] == [
        ("leaf", ("run",)), ("mid", ("build", "link")), ("tool", ("build",)),
    ]  # fmt: skip
    assert all(edge.child in graph.nodes for edges in graph.edges.values() for edge in edges)
    assert graph.format == form


def test_virtuals_stand_on_edges_since_format_4(form: int) -> None:
    app = diamond(form)
    edge = graph_of(document(app, form)).dependencies(app.hash)[1]
    assert edge.virtuals == (("mpi",) if form > 3 else ())


def test_a_node_tells_what_is_in_its_json(form: int) -> None:
    app = diamond(form)
    node = next(iter(graph_of(document(app, form)).nodes.values()))
    assert (node.name, node.version, node.namespace) == ("app", "2.1", "builtin")
    assert (node.platform, node.os, node.target) == ("linux", "debian12", "icelake")
    assert node.hash == app.hash
    assert node.native == app.native
    assert node.external is None
    assert len(node.hashes) == (3 if form < 3 else 1)
    assert node.original_format == (5 if form == 5 else None)


def test_variants_are_parameters_without_flags() -> None:
    leaf = package("leaf", parameters={"pic": True, "precision": ["double", "float"]})
    (node,) = graph_of(document(leaf)).nodes.values()
    assert node.variants == {"pic": True, "precision": ["double", "float"]}
    assert list(node.parameters)[-1] == "ldlibs"


def test_a_target_may_be_text() -> None:
    leaf = package("leaf", extra={"arch": {"platform": "linux", "target": "x86_64"}})
    (node,) = graph_of(document(leaf)).nodes.values()
    assert (node.target, node.os) == ("x86_64", None)


def test_compilers_are_nodes_since_format_5() -> None:
    gcc = package("gcc", version="12.2.0")
    app = package("app", on(gcc, "build", "c fortran"), on(package("make"), "build"))
    graph = graph_of(document(app))
    assert graph.compilers(app.hash) == (Compiler("gcc", "12.2.0", gcc.hash, ("c", "fortran")),)
    assert graph.compilers(gcc.hash) == ()


@pytest.mark.parametrize("form", FORMATS[:4])
def test_compilers_are_attributes_before(form: int) -> None:
    app = diamond(form)
    assert graph_of(document(app, form)).compilers(app.hash) == (Compiler("gcc", "12.2.0"),)


@pytest.mark.parametrize(
    ("noted", "compiler"),
    [
        pytest.param("gcc@=10.5.0", Compiler("gcc", "10.5.0"), id="exact"),
        pytest.param("gcc@10", Compiler("gcc", "10"), id="version"),
        pytest.param("gcc", Compiler("gcc", None), id="name"),
    ],
)
def test_a_compiler_of_a_rewritten_node_is_in_a_note(noted: str, compiler: Compiler) -> None:
    app = package("app", extra={"annotations": {"original_specfile_version": 4}})
    app.native["annotations"]["compiler"] = noted
    assert graph_of(document(app)).compilers(app.hash) == (compiler,)


def test_two_nodes_of_one_name_are_normal() -> None:
    one, other = package("cmake", version="3.1"), package("cmake", version="3.2")
    app = package("app", on(one, "build"), on(other, "build"))
    graph = graph_of(document(app))
    assert names(graph, graph.closure(app.hash)) == ["cmake", "cmake"]


def test_two_edges_to_one_node_are_both_kept() -> None:
    leaf = package("leaf")
    app = package("app", on(leaf, ""), on(leaf, "link"))
    graph = graph_of(document(app))
    assert [edge.deptypes for edge in graph.dependencies(app.hash)] == [(), ("link",)]
    assert len(graph.parents[leaf.hash]) == 2


def test_closures_follow_edges_of_their_types_only() -> None:
    tests = package("check")
    make = package("make")
    runtime = package("runtime", on(make, "build"))
    tool = package("tool", on(runtime, "link"))
    app = package("app", on(package("none"), ""), on(tool, "build"), on(tests, "test"))
    graph = graph_of(document(app))
    assert names(graph, graph.closure(app.hash, LINK_RUN)) == []
    assert names(graph, graph.closure(tool.hash, LINK_RUN)) == ["runtime"]
    assert names(graph, graph.closure(app.hash, BUILD)) == ["tool", "runtime", "make"]
    assert names(graph, graph.closure(app.hash)) == ["none", "tool", "runtime", "make", "check"]


def test_parents_are_the_way_back() -> None:
    app = diamond()
    graph = graph_of(document(app))
    leaf = next(key for key, node in graph.nodes.items() if node.name == "leaf")
    assert {e.parent for e in graph.parents[leaf]} == set(graph.nodes) - {leaf}


def test_a_spliced_node_brings_what_it_was_built_as() -> None:
    built = package("app", on(package("old")))
    app = package("app", on(package("new")), build_spec=built, version="1.0")
    graph = graph_of(document(app))
    assert graph.is_spliced
    assert graph.nodes[app.hash].build_spec == built.hash
    assert names(graph, graph.closure(app.hash)) == ["new"]
    assert names(graph, graph.document_keys(app.hash)) == ["app", "app", "old", "new"]
    assert same(graph.subdocument(app.hash), document(app))


def test_the_subdocument_of_the_root_is_the_document(form: int) -> None:
    app = diamond(form)
    given = document(app, form)
    assert same(graph_of(given).subdocument(app.hash), given)


def test_the_subdocument_of_a_node_is_what_spack_writes_for_it(form: int) -> None:
    app = diamond(form)
    mid = app.dependencies[1].package
    assert same(graph_of(document(app, form)).subdocument(mid.hash), document(mid, form))


def test_unknown_keys_of_newer_formats_are_kept() -> None:
    app = package("app", extra={"provided_virtuals": ["mpi"]})
    given = document(app)
    given["spec"]["_meta"] = {"version": 6, "more": [1]}
    graph = graph_of(given)
    assert graph.format == 6
    assert same(graph.subdocument(app.hash), given)


@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("name", ["hash", "full_hash", "build_hash"])
def test_edges_of_old_formats_go_by_any_of_the_hashes(version: int, name: str) -> None:
    leaf = package("leaf", form=version)
    given = document(package("app", on(leaf), form=version), version)
    if version == 1:
        given["spec"][0]["app"]["dependencies"]["leaf"]["hash"] = leaf.native[name]
    else:
        edge = {"name": "leaf", name: leaf.native[name], "type": ["link"]}
        given["spec"]["nodes"][0]["dependencies"] = [edge]
    graph = graph_of(given)
    assert [edge.child for edges in graph.edges.values() for edge in edges] == [leaf.hash]


def test_the_oldest_edges_are_a_hash_alone() -> None:
    leaf = package("leaf", form=1)
    given = document(package("app", on(leaf), form=1), 1)
    given["spec"][0]["app"]["dependencies"] = {"leaf": leaf.hash}
    (edge,) = graph_of(given).missing or [e for f in graph_of(given).edges.values() for e in f]
    assert (edge.child, edge.deptypes) == (leaf.hash, ("build", "link"))


def edited(edit: Callable[[list[Any]], object]) -> Json:
    given = copy.deepcopy(document(diamond()))
    edit(given["spec"]["nodes"])
    return given


def of_second(**changes: str) -> Json:
    return edited(lambda nodes: nodes[1].update(changes))


@pytest.mark.parametrize(
    ("given", "reason", "path"),
    [
        pytest.param([], "not_a_spec", "spec", id="a list"),
        pytest.param({"spec": "zlib"}, "not_a_spec", "spec", id="text"),
        pytest.param({"spec": []}, "not_a_spec", "spec", id="no nodes"),
        pytest.param({"spec": {"nodes": []}}, "no_format", "spec._meta", id="no format"),
        pytest.param(
            {"spec": {"_meta": {"version": True}, "nodes": []}}, "no_format", "spec._meta",
            id="format true",
        ),
        pytest.param(
            {"spec": {"_meta": {"version": 1}, "nodes": []}}, "no_format", "spec._meta",
            id="format 1 as an object",
        ),
        pytest.param(
            {"spec": {"_meta": {"version": 5}, "nodes": {}}}, "wrong_type", "spec.nodes",
            id="nodes are no list",
        ),
        pytest.param(edited(lambda n: n.append(7)), "wrong_type", "spec.nodes[4]", id="number"),
        pytest.param(
            edited(lambda n: n[1].update(name=None)), "wrong_type", "spec.nodes[1].name", id="name"
        ),
        pytest.param(
            edited(lambda n: n[1].update(version=1.2)), "wrong_type", "spec.nodes[1].version",
            id="version",
        ),
        *(
            pytest.param(
                of_second(name=name), "bad_name", "spec.nodes[1].name", id=f"name {name[:9]!r}"
            )
            for name in ("", " ", "../x", "z\0lib", "zlib\n", "-z", "é", "a" * 201)
        ),
        *(
            pytest.param(
                of_second(version=version), "bad_version", "spec.nodes[1].version",
                id=f"version {version[:9]!r}",
            )
            for version in ("", "1 2", "1\n", "1" * 1001)
        ),
        pytest.param(
            edited(lambda n: n[0]["dependencies"][0]["parameters"].update(deptypes=["odd"])),
            "wrong_type", "spec.nodes[0].dependencies[0]", id="type of a dependency",
        ),
        pytest.param(
            edited(lambda n: n[2].update(parameters=[])), "wrong_type", "spec.nodes[2].parameters",
            id="parameters",
        ),
        pytest.param(
            edited(lambda n: n[2].update(arch="x86")), "wrong_type", "spec.nodes[2].arch", id="arch"
        ),
        pytest.param(
            edited(lambda n: n[0].update(arch={"target": {"name": 5}})),
            "wrong_type",
            "spec.nodes[0].arch.target.name",
            id="name of a target",
        ),
        pytest.param(
            edited(lambda n: n[0].update(arch={"target": 5})),
            "wrong_type",
            "spec.nodes[0].arch.target",
            id="target",
        ),
        pytest.param(
            edited(lambda n: n[2].update(concrete=False)), "abstract", "spec.nodes[2]",
            id="abstract",
        ),
        pytest.param(
            edited(lambda n: n[2].pop("hash")), "no_hash", "spec.nodes[2]", id="no hash"
        ),
        pytest.param(
            edited(lambda n: n[2].update(hash="../x")), "wrong_type", "spec.nodes[2].hash",
            id="hash",
        ),
        pytest.param(
            edited(lambda n: n[3].update(hash=n[1]["hash"])), "duplicate_node", "spec.nodes[3]",
            id="two of one hash",
        ),
        pytest.param(
            edited(lambda n: n.pop(2)), "dangling", "spec.nodes[0].dependencies[1]", id="dangling"
        ),
        pytest.param(
            edited(lambda n: n[0]["dependencies"][0].update(name="mid")), "wrong_name",
            "spec.nodes[0].dependencies[0]", id="edge with another name",
        ),
        pytest.param(
            edited(lambda n: n[0]["dependencies"][0].pop("hash")), "no_hash",
            "spec.nodes[0].dependencies[0]", id="edge without hash",
        ),
        pytest.param(
            edited(lambda n: n[0].update(dependencies="mid")), "wrong_type",
            "spec.nodes[0].dependencies", id="dependencies",
        ),
        pytest.param(
            edited(lambda n: n[0]["dependencies"][0]["parameters"].update(deptypes=[1])),
            "wrong_type", "spec.nodes[0].dependencies[0]", id="deptypes",
        ),
        pytest.param(
            edited(lambda n: n[0].update(build_spec={"name": "app", "hash": any_hash("x")})),
            "dangling", "spec.nodes[0].build_spec", id="build_spec",
        ),
    ],
)  # fmt: skip
def test_what_is_no_spec_document_is_refused(given: Any, reason: str, path: str) -> None:
    with pytest.raises(SpecError) as caught:
        graph_of(given)
    assert (caught.value.reason, caught.value.path) == (reason, path)


def test_a_cycle_is_told_with_its_way_round() -> None:
    given = edited(
        lambda nodes: nodes[1].update(
            dependencies=[{"name": "mid", "hash": nodes[2]["hash"], "type": []}]
        )
    )
    with pytest.raises(SpecError, match=r"(leaf → mid|mid → leaf)") as caught:
        graph_of(given)
    assert caught.value.reason == "cycle"
    assert caught.value.path.startswith("spec.nodes[")


def test_a_node_that_depends_on_itself_is_a_cycle() -> None:
    given = edited(
        lambda nodes: nodes[1].update(
            dependencies=[{"name": "leaf", "hash": nodes[1]["hash"], "type": []}]
        )
    )
    with pytest.raises(SpecError, match="cycle"):
        graph_of(given)


def test_an_error_survives_the_way_between_processes() -> None:
    error = SpecError("cycle", "spec.nodes[1]", "round and round")
    again = pickle.loads(pickle.dumps(error))
    assert (again.reason, again.path, str(again)) == (error.reason, error.path, str(error))


def test_a_map_keeps_the_sound_nodes() -> None:
    app = diamond()
    nodes = {each.hash: dict(each.native) for each in closure(app)}
    mid, tool = (each.package for each in app.dependencies[1:])
    nodes[mid.hash]["version"] = 7
    graph = assemble([Entry(node, f"m.{key}", key=key) for key, node in nodes.items()], 5)
    assert list(graph.problems) == [mid.hash]
    assert [edge.name for edge in graph.missing] == ["mid"]
    assert list(graph.incomplete) == [app.hash]
    assert tool.hash in graph.nodes


def test_what_is_below_a_cycle_stays() -> None:
    leaf = package("leaf").native
    one, other = any_hash("1"), any_hash("2")

    def node(name: str, own: str, *below: tuple[str, str]) -> Json:
        edges = [{"name": each, "hash": key, "type": ["link"]} for each, key in below]
        return {"name": name, "version": "1", "dependencies": edges, "hash": own}

    above = any_hash("3")
    entries = [
        node("a", one, ("b", other), ("leaf", leaf["hash"])), node("b", other, ("a", one)),
        node("top", above, ("a", one)), leaf,
    ]  # fmt: skip
    graph = assemble([Entry(each, f"[{i}]") for i, each in enumerate(entries)], 5)
    assert list(graph.nodes) == [leaf["hash"]]
    assert {key: error.reason for key, error in graph.problems.items()} == {
        one: "cycle", other: "cycle", above: "cycle",
    }  # fmt: skip


def chain(length: int) -> Json:
    """Return a document whose every node depends on the two after it."""
    hashes = [any_hash(str(number)) for number in range(length)]
    nodes = [
        {
            "name": f"p{i}", "version": "1", "hash": own,
            "dependencies": [
                {"name": f"p{j}", "hash": hashes[j], "parameters": {"deptypes": ["link"]}}
                for j in range(i + 1, min(i + 3, length))
            ],
        }
        for i, own in enumerate(hashes)
    ]  # fmt: skip
    return {"spec": {"_meta": {"version": 5}, "nodes": nodes}}


@pytest.mark.slow
def test_a_hundred_thousand_nodes_in_a_chain_take_seconds() -> None:
    given = chain(100_000)
    start = time.process_time()
    graph = graph_of(given)
    root = next(iter(graph.nodes))
    assert len(graph.closure(root, LINK_RUN)) == 99_999
    assert len(graph.subdocument(root)["spec"]["nodes"]) == 100_000
    assert time.process_time() - start < 30


@pytest.mark.slow
def test_a_cycle_of_a_hundred_thousand_nodes_is_told_briefly() -> None:
    given = chain(100_000)
    nodes = given["spec"]["nodes"]
    nodes[-1]["dependencies"] = [{"name": "p0", "hash": nodes[0]["hash"]}]
    with pytest.raises(SpecError, match="in all") as caught:
        graph_of(given)
    assert len(str(caught.value)) < 300


def reached(root: Package, types: frozenset[str] | None) -> set[str]:
    """Return the closure as recursion finds it."""
    found: set[str] = set()
    for each in root.dependencies:
        if types is None or types & set(each.types):
            found |= {each.package.hash} | reached(each.package, types)
    return found


@pytest.mark.slow
@given(graphs(), st.sampled_from([None, LINK_RUN, BUILD, frozenset({"test"})]))
def test_a_closure_is_what_can_be_reached(root: Package, types: frozenset[str] | None) -> None:
    graph = graph_of(document(root))
    for each in closure(root):
        found = graph.closure(each.hash, types)
        assert len(set(found)) == len(found)
        assert set(found) == reached(each, types)


@pytest.mark.slow
@given(graphs())
def test_parents_and_edges_say_the_same(root: Package) -> None:
    graph = graph_of(document(root))
    below = {edge for edges in graph.edges.values() for edge in edges}
    above = {edge for edges in graph.parents.values() for edge in edges}
    assert below == above


@pytest.mark.slow
@given(st.sampled_from(FORMATS).flatmap(lambda form: st.tuples(st.just(form), graphs(form))))
def test_each_node_has_its_document(made: tuple[int, Package]) -> None:
    form, root = made
    graph = graph_of(document(root, form))
    for each in closure(root):
        assert same(graph.subdocument(each.hash), document(each, form))


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
)
_KEYS = st.sampled_from(
    ["name", "version", "hash", "dependencies", "parameters", "arch", "build_spec", "annotations"]
)


@pytest.mark.slow
@given(st.lists(st.dictionaries(_KEYS, _JSON), max_size=3), st.sampled_from([1, 2, 5]))
def test_any_json_is_read_or_refused(nodes: list[Json], version: int) -> None:
    given: Json = {"spec": {"_meta": {"version": version}, "nodes": nodes}}
    if version == 1:
        given = {"spec": nodes}
    try:
        graph_of(given)
    except SpecError:
        pass
