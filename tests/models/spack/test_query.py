"""Spec syntax is understood as Spack does, and what is wrong with it is named with its place."""

import pickle

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from models.spack.query import (
    MAX_DEPENDENCIES,
    MAX_LENGTH,
    Dependency,
    Flags,
    Node,
    SpecSyntaxError,
    Variant,
    parse_query,
)
from models.spack.version import parse_constraint

GCC, MPI, ZLIB = Node("gcc"), Node("openmpi"), Node("zlib")


def on(node: Node, *types: str, virtuals: tuple[str, ...] = ()) -> Node:
    return Node(dependencies=(Dependency(node, direct=False, types=types, virtuals=virtuals),))


def directly(node: Node, *, virtuals: tuple[str, ...] = (), propagate: bool = False) -> Node:
    edge = Dependency(node, direct=True, virtuals=virtuals, propagate=propagate)
    return Node(dependencies=(edge,))


def with_variants(*variants: Variant) -> Node:
    return Node(variants=variants)


def at(version: str, name: str | None = None) -> Node:
    return Node(name, version=parse_constraint(version))


@pytest.mark.parametrize(
    ("text", "query"),
    [
        pytest.param("hdf5", Node("hdf5"), id="name"),
        pytest.param("7zip", Node("7zip"), id="name with a digit"),
        pytest.param("builtin.hdf5", Node("hdf5", "builtin"), id="namespace"),
        pytest.param("a.b-c.hdf5", Node("hdf5", "a.b-c"), id="nested namespace"),
        pytest.param("hdf5 namespace=builtin", Node("hdf5", "builtin"), id="namespace as a key"),
        pytest.param("*", Node(), id="anything"),
        pytest.param(" \t hdf5 \n", Node("hdf5"), id="blanks"),
        pytest.param("/abc123", Node(hash="abc123"), id="hash"),
        pytest.param("hdf5/abc123", Node("hdf5", hash="abc123"), id="name and hash"),
    ],
)
def test_a_package_is_named(text: str, query: Node) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        pytest.param("hdf5@1.12:1.14", at("1.12:1.14", "hdf5"), id="range"),
        pytest.param("@1.2:", at("1.2:"), id="no end"),
        pytest.param("@:1.2.12", at(":1.2.12"), id="no beginning"),
        pytest.param("@=1.2", at("=1.2"), id="exact"),
        pytest.param("hdf5 @ 1.2 , 1.4:", at("1.2,1.4:", "hdf5"), id="list with blanks"),
        pytest.param("@git.v1.2=1.2", at("git.v1.2=1.2"), id="git version"),
        pytest.param("@git.feature/x", at("git.feature/x"), id="git ref"),
        pytest.param(f"@{'a1' * 20}=1.2", at(f"{'a1' * 20}=1.2"), id="commit"),
        pytest.param("@git.main=1.2:1.3", at("git.main=1.2:1.3"), id="ref in a range"),
        pytest.param(
            "@1.2/abc", Node(version=parse_constraint("1.2"), hash="abc"), id="hash behind it"
        ),
        pytest.param(
            "@1.2:a=b",
            Node(version=parse_constraint("1.2:"), variants=(Variant("a", ("b",)),)),
            id="key behind a range",
        ),
        pytest.param(
            "@1.2-3~a",
            Node(version=parse_constraint("1.2-3"), variants=(Variant("a", False),)),
            id="tilde ends it",
        ),
    ],
)
def test_versions_are_asked_for(text: str, query: Node) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        pytest.param("+mpi", Variant("mpi", True), id="on"),
        pytest.param("~mpi", Variant("mpi", False), id="off"),
        pytest.param("-mpi", Variant("mpi", False), id="off with a dash"),
        pytest.param("+ mpi", Variant("mpi", True), id="blank"),
        pytest.param("mpi=True", Variant("mpi", True), id="truth in words"),
        pytest.param("mpi=false", Variant("mpi", False), id="falsehood in words"),
        pytest.param("a=b", Variant("a", ("b",)), id="value"),
        pytest.param("a=c,b,c", Variant("a", ("b", "c")), id="several values"),
        pytest.param("a:=b,c", Variant("a", ("b", "c"), exact=True), id="these and no others"),
        pytest.param("a:=true", Variant("a", True), id="exactly true"),
        pytest.param("a=*", Variant("a", ()), id="any value"),
        pytest.param("++mpi", Variant("mpi", True, propagate=True), id="on for all"),
        pytest.param("~~mpi", Variant("mpi", False, propagate=True), id="off for all"),
        pytest.param("--mpi", Variant("mpi", False, propagate=True), id="off for all, dashes"),
        pytest.param("a==b", Variant("a", ("b",), propagate=True), id="value for all"),
        pytest.param("a:==b", Variant("a", ("b",), True, True), id="exact value for all"),
        pytest.param("a:=*", Variant("a", ()), id="exactly any value"),
        pytest.param('a="b c"', Variant("a", ("b c",)), id="quotes"),
        pytest.param("a='b\"c'", Variant("a", ('b"c',)), id="quote in other quotes"),
        pytest.param(r'a="b\"c\n"', Variant("a", (r'b"c\n',)), id="escaped quote"),
        pytest.param("a=''", Variant("a", ("",)), id="empty"),
        pytest.param("a=b%c^d", Variant("a", ("b%c^d",)), id="no blank before a sigil"),
        pytest.param("a=-Wl,-x", Variant("a", ("-Wl", "-x")), id="dashes"),
        pytest.param(
            "patches=1a2b", Variant("patches", ("1a2b",)), id="beginning of the hash of a patch"
        ),
    ],
)
def test_variants_are_asked_for(text: str, variant: Variant) -> None:
    assert parse_query(text) == with_variants(variant)


def test_variants_stand_by_name() -> None:
    assert parse_query("+b~a c=d") == parse_query("c=d ~a +b")


@pytest.mark.parametrize(
    ("text", "query"),
    [
        pytest.param('cflags="-O3 -g"', Node(flags=(Flags("cflags", ("-O3", "-g")),)), id="two"),
        pytest.param("ldflags=-lm", Node(flags=(Flags("ldflags", ("-lm",)),)), id="no quotes"),
        pytest.param(
            "cflags='-I dir  -g'", Node(flags=(Flags("cflags", ("-I dir", "-g")),)), id="value"
        ),
        pytest.param("fflags==-O3", Node(flags=(Flags("fflags", ("-O3",), True),)), id="for all"),
        pytest.param("cflags=''", Node(flags=(Flags("cflags", ()),)), id="none"),
        pytest.param(
            "cflags=-g cflags=-O3",
            Node(flags=(Flags("cflags", ("-g",)), Flags("cflags", ("-O3",)))),
            id="twice",
        ),
    ],
)
def test_flags_are_asked_for(text: str, query: Node) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        pytest.param("target=x86_64_v3:", Node(target="x86_64_v3:"), id="target"),
        pytest.param("target=:zen2,haswell", Node(target=":zen2,haswell"), id="list of targets"),
        pytest.param("platform=linux", Node(platform="linux"), id="platform"),
        pytest.param("os=ubuntu22.04", Node(os="ubuntu22.04"), id="os"),
        pytest.param("operating_system=rhel8", Node(os="rhel8"), id="long os"),
        pytest.param(
            "arch=linux-ubuntu22.04-x86_64",
            Node(platform="linux", os="ubuntu22.04", target="x86_64"),
            id="all three",
        ),
        pytest.param("arch=linux-None-None", Node(platform="linux"), id="one of three"),
        pytest.param("arch=zen2", Node(target="zen2"), id="only a target"),
        pytest.param("arch=linux-*-zen2", Node(platform="linux", os="*", target="zen2"), id="any"),
    ],
)
def test_architectures_are_asked_for(text: str, query: Node) -> None:
    assert parse_query(text) == query


@pytest.mark.parametrize(
    ("text", "query"),
    [
        pytest.param("^zlib", on(ZLIB), id="at any distance"),
        pytest.param("^zlib@1.2.11", on(at("1.2.11", "zlib")), id="with a version"),
        pytest.param("^@1.2", on(at("1.2")), id="without a name"),
        pytest.param("^/abc", on(Node(hash="abc")), id="hash"),
        pytest.param("^builtin.zlib", on(Node("zlib", "builtin")), id="namespace"),
        pytest.param("^* a=b", on(with_variants(Variant("a", ("b",)))), id="star"),
        pytest.param("%gcc", directly(GCC), id="direct"),
        pytest.param("% gcc", directly(GCC), id="blank"),
        pytest.param("%%gcc", directly(GCC, propagate=True), id="direct for all"),
        pytest.param(
            "^[when='@1: ^zlib' virtuals=mpi] gcc",
            Node(
                dependencies=(
                    Dependency(
                        GCC,
                        direct=False,
                        virtuals=("mpi",),
                        when=Node(
                            version=parse_constraint("1:"),
                            dependencies=(Dependency(Node("zlib"), direct=False),),
                        ),
                    ),
                )
            ),
            id="on a condition",
        ),
        pytest.param("^[virtuals=mpi] openmpi", on(MPI, virtuals=("mpi",)), id="virtual"),
        pytest.param("^mpi=openmpi", on(MPI, virtuals=("mpi",)), id="virtual in short"),
        pytest.param("%[virtuals=cxx,c] gcc", directly(GCC, virtuals=("c", "cxx")), id="several"),
        pytest.param("%c,cxx=gcc", directly(GCC, virtuals=("c", "cxx")), id="several in short"),
        pytest.param("%[virtuals=c]cxx=gcc", directly(GCC, virtuals=("c", "cxx")), id="both"),
        pytest.param("^[deptypes=run,link] zlib", on(ZLIB, "link", "run"), id="types"),
        pytest.param(
            "^[ virtuals='mpi'  deptypes=link ] openmpi",
            on(MPI, "link", virtuals=("mpi",)),
            id="types and virtuals",
        ),
        pytest.param("^[] zlib", on(ZLIB), id="empty brackets"),
        pytest.param(
            "^[virtuals=blas virtuals=lapack] openmpi",
            on(MPI, virtuals=("lapack",)),
            id="virtuals twice",
        ),
        pytest.param("%", directly(Node()), id="any direct one"),
        pytest.param("^", on(Node()), id="any at all"),
        pytest.param("^%gcc", on(directly(GCC)), id="any that was built with another"),
        pytest.param(
            "^[virtuals=mpi] %gcc", on(directly(GCC), virtuals=("mpi",)), id="provider without name"
        ),
    ],
)
def test_dependencies_are_asked_for(text: str, query: Node) -> None:
    assert parse_query(text) == query


def test_a_direct_dependency_is_one_of_the_package_before_it() -> None:
    query = parse_query("hdf5 %gcc +a %cmake ^zlib %gcc@12 ^openmpi")
    direct = [edge.node.name for edge in query.dependencies if edge.direct]
    zlib, openmpi = (edge.node for edge in query.dependencies if not edge.direct)
    assert direct == ["gcc", "cmake"]
    assert [str(edge) for edge in zlib.dependencies] == ["%gcc@12"]
    assert openmpi.dependencies == ()


def test_attributes_are_those_of_the_package_before_them() -> None:
    query = parse_query("hdf5 +a %gcc target=zen ^zlib ~b")
    gcc, zlib = (edge.node for edge in query.dependencies)
    assert (query.target, gcc.target) == (None, "zen")
    assert (str(query).split()[:2], zlib.variants) == (["hdf5", "+a"], (Variant("b", False),))


def test_one_package_may_be_asked_for_twice() -> None:
    assert len(parse_query("^zlib@1.2 ^zlib+shared").dependencies) == 2


@pytest.mark.parametrize(
    ("text", "position", "expected"),
    [
        pytest.param("", 0, "a spec", id="empty"),
        pytest.param("  ", 0, "a spec", id="blank"),
        pytest.param("hdf5 zlib", 5, "a single spec", id="two names"),
        pytest.param("/abc /def", 5, "a single spec", id="two hashes"),
        pytest.param("hdf5 ^zlib +a b", 14, "a single spec", id="name behind a dependency"),
        pytest.param("hdf5@1.2@1.3", 8, "a single list of versions", id="two versions"),
        pytest.param("hdf5@", 5, "a version", id="no version"),
        pytest.param("hdf5@1.2, 1.4:1.2", 10, "is empty", id="empty range"),
        pytest.param("hdf5@1.2,", 8, "the end", id="comma at the end"),
        pytest.param("hdf5@=1:2", 7, "the end", id="exact range"),
        pytest.param("hdf5@" + "1" * 2000, 5, "at most", id="long version"),
        pytest.param("hdf5 +", 6, "name of a variant", id="no variant"),
        pytest.param("+a ~a", 4, "variant a only once", id="variant twice"),
        pytest.param("a=b a=c", 4, "variant a only once", id="value twice"),
        pytest.param("+target", 1, "needs a value", id="target without a value"),
        pytest.param("a=", 2, "a value", id="no value"),
        pytest.param("a='b", 4, "closing quote", id="open quote"),
        pytest.param("a='b\\'", 6, "closing quote", id="escaped quote"),
        pytest.param("a=b\\", 4, "after the backslash", id="backslash"),
        pytest.param("a=b,*", 2, "a single star", id="star among values"),
        pytest.param("target==zen", 0, "target=", id="target for all"),
        pytest.param("target=zen arch=zen2", 11, "target only once", id="target twice"),
        pytest.param("os=''", 0, "valid os", id="empty os"),
        pytest.param("namespace='a b'", 0, "valid namespace", id="no namespace"),
        pytest.param("a.b namespace=c", 4, "namespace only once", id="namespace twice"),
        pytest.param("cflags:=-g", 0, "cflags=", id="exact flags"),
        pytest.param("^[virtuals=mpi openmpi", 15, "closing bracket", id="open bracket"),
        pytest.param("^[virtuals=a.b] x", 11, "virtual packages", id="no virtual"),
        pytest.param("^[deptypes=all] x", 11, "build, link, run, test", id="unknown type"),
        pytest.param("^[when=] x", 7, "a value", id="empty condition"),
        pytest.param("^[when='+'] x", 7, "value of when=", id="condition that is no spec"),
        pytest.param("^[when=+a when=+b] x", 10, "single when=", id="two conditions"),
        pytest.param("^[cflags=a] x", 2, "virtuals= or when=", id="attribute of no edge"),
        pytest.param("++a +a", 5, "variant a only once", id="variant of one and of all"),
        pytest.param("target=fe", 0, "this machine", id="target of the machine that asks"),
        pytest.param("os=default_os", 0, "this machine", id="system of the machine that asks"),
        pytest.param("^a=b=c", 4, "the end", id="key of a provider"),
        pytest.param("hdf5 / abc", 6, "a hash", id="blank in a hash"),
        pytest.param("./spec.json", 0, "import them", id="file name"),
        pytest.param("hdf5.spec.json", 0, "import them", id="file name without a directory"),
        pytest.param("/home/x/hdf5.yaml", 0, "import them", id="absolute file name"),
        pytest.param("hdf5 $where", 5, "the end", id="dollar"),
        pytest.param("hdf5\u00e9", 4, "the end", id="letter of another script"),
        pytest.param("a" * (MAX_LENGTH + 1), MAX_LENGTH, "at most", id="too long"),
        pytest.param("%a" * (MAX_DEPENDENCIES + 1), 2 * MAX_DEPENDENCIES, "at most", id="too many"),
    ],
)
def test_an_error_says_what_and_where(text: str, position: int, expected: str) -> None:
    with pytest.raises(SpecSyntaxError) as caught:
        parse_query(text)
    assert caught.value.position == position
    assert expected in caught.value.expected


def test_the_message_of_an_error_shows_what_is_there() -> None:
    with pytest.raises(SpecSyntaxError, match=r"^column 5: .*, found 'zlib@1\.2'$"):
        parse_query("hdf5 zlib@1.2")


def test_an_error_survives_pickling() -> None:
    error = pickle.loads(pickle.dumps(SpecSyntaxError("hdf5 x", 5, "the end")))
    assert (error.text, error.position, error.expected) == ("hdf5 x", 5, "the end")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("a.hdf5@1.2+b~c d=e,f", "a.hdf5@1.2 +b ~c d=e,f", id="attributes"),
        pytest.param("+a-b ^zlib", "+a-b ^zlib", id="dash in a name"),
        pytest.param("^a=b", "^[virtuals=a] b", id="virtual"),
        pytest.param("^*%gcc", "^* %gcc", id="any dependency"),
        pytest.param("^* a='b'", "^* a=b", id="dependency without a name"),
        pytest.param("^* namespace=n", "^* namespace=n", id="namespace without a name"),
        pytest.param('a="it\'s"', 'a="it\'s"', id="quotes"),
        pytest.param("a='=b'", "a='=b'", id="equals sign"),
        pytest.param("%%[deptypes=run,build]x", "%%[deptypes=build,run] x", id="types"),
        pytest.param("%[when=~b]x", "%[when='~b'] x", id="condition"),
        pytest.param("--a b==c", "~~a b==c", id="for all"),
    ],
)
def test_a_query_is_written_in_one_way(text: str, written: str) -> None:
    assert str(parse_query(text)) == written


NAMES = st.sampled_from(["hdf5", "zlib-ng", "7zip", "builtin.gcc", "c"])
VERSIONS = st.sampled_from(
    ["1.2", "1.2:", ":1", "1:2.3", "=1.2", "git.a/b=1", "git.m", "1,3:", ":"]
)
KEYS = st.sampled_from(["a", "b-c", "d.e", "f_g", "h-"])
VALUES = st.one_of(
    st.sampled_from(["true", "*", "b,c", "x86_64:", "-O3", "=", ",", "None-a-b", "-I a -b"]),
    st.text("ab \\'\"=*,+^%[]/\n\u00e9", max_size=6),
).filter(lambda text: not text.endswith("\\") and "*" not in text.split(",")[1:])


def quoted(text: str, quote: str) -> str:
    return quote + text.replace(quote, f"\\{quote}") + quote


SETTINGS = st.builds(
    "{}{}{}".format,
    st.one_of(KEYS, st.sampled_from(["cflags", "target", "os", "arch", "platform"])),
    st.sampled_from(["=", "=", ":=", "==", ":=="]),
    st.builds(quoted, VALUES, st.sampled_from("'\"")),
)
ATTRIBUTES = st.one_of(
    SETTINGS,
    st.builds("@{}".format, VERSIONS),
    st.builds("{}{}".format, st.sampled_from(["+", "~", "-", "++", "~~"]), KEYS),
    st.just("/abc123"),
    st.just("namespace=builtin"),
)
NODES = st.builds(
    lambda name, attributes: " ".join([name, *attributes]),
    st.one_of(NAMES, st.just("*"), st.just("")),
    st.lists(ATTRIBUTES, max_size=4, unique_by=lambda text: text.strip("+~-")[:3]),
)
EDGES = st.builds(
    "{}{} {}".format,
    st.sampled_from(["^", "%", "%%"]),
    st.one_of(
        st.sampled_from(["", "[virtuals=mpi]", "[deptypes=run,link virtuals=c,b]", "[]", "a,b=c"]),
        st.builds(lambda node: f"[when={quoted(node, chr(34))}]", NODES),
    ),
    NODES,
)
QUERIES = st.builds(
    lambda root, edges: " ".join([root, *edges]), NODES, st.lists(EDGES, max_size=3)
)


def parsed(text: str) -> Node | SpecSyntaxError:
    try:
        return parse_query(text)
    except SpecSyntaxError as error:
        return error


@given(QUERIES)
@example("^* a='b' %%* namespace=a")
@example("* os='a\\'\"' cflags=-a cflags=''")
def test_what_is_written_is_read_again(text: str) -> None:
    query = parsed(text)
    if isinstance(query, Node):
        assert parse_query(str(query)) == query
        assert str(parse_query(str(query))) == str(query)


@given(st.one_of(st.text(max_size=30), st.text("ab1.:=,@+~-^%[]/'\"\\* \n", max_size=40)))
@example("^[virtuals=")
@example("@git.=")
def test_any_text_is_a_query_or_an_error_with_a_position(text: str) -> None:
    result = parsed(text)
    if isinstance(result, Node):
        assert parse_query(str(result)) == result
    else:
        assert 0 <= result.position <= len(text)


@given(QUERIES, st.integers(0, 200), st.text("^%[]@=+~'\"/,: ", max_size=3))
@example("a='\\,'", 99, "")
@example("cflags='-a \\ '", 99, "")
@example("arch='linux-\\-x86_64'", 99, "")
def test_a_damaged_query_is_a_query_or_an_error(text: str, place: int, noise: str) -> None:
    damaged = text[:place] + noise + text[place + 1 :]
    result = parsed(damaged)
    if isinstance(result, Node):
        assert parse_query(str(result)) == result


@pytest.mark.timeout(60)
@pytest.mark.parametrize(
    "piece",
    ["a", "a.", "a,", "1.", "1-", "@1", "@1,", "^", "^a,", "+a", "a=", "\\'", "' ", " ", ":"],
)
@pytest.mark.parametrize("start", ["", "@", "^", "a='", "a=", "^[", "@git.", "/", "@1 ,"])
def test_a_long_text_takes_no_long_time(start: str, piece: str) -> None:
    text = (start + piece * MAX_LENGTH)[:MAX_LENGTH]
    assert parsed(text) is not None
