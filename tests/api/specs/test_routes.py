"""Specs over REST: in as Spack wrote them, found by anything in their graph, out again equal."""

import asyncio
import gzip
import json
import time
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from api.http.schemas import PageOf
from api.specs.schemas import (
    Dag,
    Dependencies,
    SpecComparison,
    SpecDetail,
    SpecFileItem,
    SpecItem,
    Splice,
)
from ingest.sample.specs import SpecSampleOptions, sample_documents
from models.database.client import Database
from models.settings import Settings
from models.spack.graph import Graph
from models.spack.query import parse_query
from models.specs.deletion import References, ReferredToError
from models.specs.node_documents import identities
from models.specs.store import write_specs
from models.tokens.store import create_token
from tests.support import spec_documents as builders
from tests.support.databases import NewDatabase
from tests.support.paths import REAL_DATA
from tests.support.rest import client_of
from tests.support.spec_documents import (
    FORMATS,
    clear_signed,
    diamond,
    document,
    documents,
    lockfile,
    on,
    package,
    packed,
    same,
)
from tests.support.spec_evaluation import matches

pytestmark = pytest.mark.slow
"""The corpus takes seconds to write, in each worker."""

SPECS = "/api/v1/specs"
LEGACY = REAL_DATA / "spack" / "legacy"
MADE = list(sample_documents(SpecSampleOptions(30, seed=5)))
Stored = dict[str, tuple[Graph, str]]


def spliced() -> Any:
    old, new = package("z", version="1.2.11"), package("z", version="1.3")
    built = package("app", on(old, "build link"), on(package("tool", on(old, "link")), "build"))
    return package("app", on(new, "link"), build_spec=built)


@pytest.fixture(scope="module")
async def corpus(new_database: NewDatabase) -> AsyncIterator[tuple[Database, Stored]]:
    """A database of made specs; tests leave it as they find it."""
    async with new_database("test_rest_specs") as database:
        found = [each for made in MADE for each in documents(made)]
        found += documents(document(spliced()))
        await write_specs(database, found)
        stored: Stored = {}
        for each in found:
            for key, id_ in identities(each.graph, each.verifications).items():
                stored[id_] = (each.graph, key)
        yield database, stored


@pytest.fixture(scope="module")
async def reader(corpus: tuple[Database, Stored]) -> AsyncIterator[httpx2.AsyncClient]:
    async with client_of(corpus[0]) as client:
        yield client


async def ids(reader: httpx2.AsyncClient, **asked: Any) -> set[str]:
    answer = await reader.get(SPECS, params={"limit": 1000, "fields": "id", **asked})
    assert answer.status_code == 200, answer.text
    return {item["id"] for item in answer.json()["items"]}


async def get(reader: httpx2.AsyncClient, path: str, status: int = 200, **asked: Any) -> Any:
    answer = await reader.get(f"{SPECS}{path}", params=asked)
    assert answer.status_code == status, answer.text
    return answer.json()


def root_of(made: Any) -> str:
    return str(made["spec"]["nodes"][0]["hash"])


@pytest.mark.parametrize(
    ("asked", "text"),
    [
        ({"q": "hdf5@1.12: +mpi ^zlib@:1.2.12"}, "hdf5@1.12: +mpi ^zlib@:1.2.12"),
        ({"q": "^mpi"}, "^mpi"),
        ({"q": "^hdf5 build_type=Release"}, "^hdf5 build_type=Release"),
        ({"q": "target=x86_64_v3:"}, "target=x86_64_v3:"),
        ({"target": "x86_64_v3:"}, "target=x86_64_v3:"),
        ({"name": "zlib"}, "zlib"),
        ({"name": "hdf5", "version": "1.12:1.14"}, "hdf5@1.12:1.14"),
        ({"variant.mpi": "true"}, "+mpi"),
        ({"variant.build_type": "Release"}, "build_type=Release"),
        ({"flag.cflags": "-O3"}, "cflags=-O3"),
        ({"compiler": "gcc@12:"}, "%gcc@12:"),
        ({"compiler": "clang"}, "%clang"),
        ({"dependency": "zlib@:1.2.12"}, "^zlib@:1.2.12"),
        ({"dependency": ["hdf5", "zlib"]}, "^hdf5 ^zlib"),
        ({"virtual": "mpi"}, "^[virtuals=mpi] *"),
        ({"arch": "linux-debian12-zen3"}, "arch=linux-debian12-zen3"),
        ({"platform": "linux", "os": "sles15"}, "platform=linux os=sles15"),
        ({"q": "netcdf-c", "dependency": "hdf5", "namespace": "builtin"}, "netcdf-c ^hdf5"),
    ],
)
async def test_a_parameter_is_a_part_of_the_syntax(
    corpus: tuple[Database, Stored], reader: httpx2.AsyncClient, asked: Any, text: str
) -> None:
    query = parse_query(text)
    expected = {id_ for id_, (graph, key) in corpus[1].items() if matches(query, graph, key)}
    assert await ids(reader, **asked) == expected


async def test_a_closure_is_narrowed(
    corpus: tuple[Database, Stored], reader: httpx2.AsyncClient
) -> None:
    everywhere = await ids(reader, q="^gmake", deptype="all")
    reached = await ids(reader, q="^gmake")
    running = await ids(reader, q="^gmake", deptype="link,run")
    direct = await ids(reader, dependency="gmake", direct="true")
    assert running < everywhere
    assert running <= reached
    assert direct <= reached < everywhere
    assert await ids(reader, q="^gmake", deptype="build") >= running
    assert await ids(reader, q="^gmake", deptype="build,link,run,test") == everywhere
    assert await ids(reader, q="^gmake", deptype="test", direct="true") == set()


@pytest.mark.parametrize(
    ("asked", "position"),
    [({"q": "hdf5 ++"}, 6), ({"q": "hdf5@"}, 5), ({"dependency": "a b=c b=d"}, 6)],
)
async def test_a_syntax_error_names_its_position(
    reader: httpx2.AsyncClient, asked: dict[str, str], position: int
) -> None:
    problem = await get(reader, "", 422, **asked)
    (error,) = problem["errors"]
    assert error["position"] == position
    assert error["parameter"] == next(iter(asked))


@pytest.mark.parametrize(
    "asked",
    [
        {"deptype": "link,x"},
        {"deptype": "build,link"},
        {"direct": "maybe"},
        {"version__lt": "1:2"},
        {"builtWith": "mpi@4"},
        {"arch": "x y"},
        {"virtual": "mpi@3:"},
        {"compiler": "gcc+x"},
        {"q": "a\0"},
        {"q": "x" * 5000},
    ],
)
async def test_what_makes_no_sense_is_refused(reader: httpx2.AsyncClient, asked: Any) -> None:
    await get(reader, "", 422, **asked)


async def test_versions_are_ordered_as_in_spack(
    corpus: tuple[Database, Stored], reader: httpx2.AsyncClient
) -> None:
    below = await get(reader, "", name="hdf5", version__lt="1.12", sort="version")
    above = await get(reader, "", name="hdf5", version__gte="1.12", sort="-version")
    count = sum(graph.nodes[key].name == "hdf5" for graph, key in corpus[1].values())
    assert len(below["items"]) + len(above["items"]) == count
    assert all(item["version"].startswith(("1.8", "1.10")) for item in below["items"])


async def test_pages_give_all_and_streams_too(
    corpus: tuple[Database, Stored], reader: httpx2.AsyncClient
) -> None:
    for sort in ("name,version", "-version", "-createdAt"):
        link = f"{SPECS}?q=^zlib&sort={sort}&limit=17&count=exact"
        found: list[str] = []
        while link:
            page = (await reader.get(link)).json()
            found += [item["id"] for item in page["items"]]
            link = page["links"]["next"]
        assert len(found) == len(set(found)) == page["count"]
        assert set(found) == await ids(reader, q="^zlib")
    rows = (await reader.get(f"{SPECS}?q=^zlib&format=csv&fields=name,version")).text.splitlines()
    lines = (await reader.get(f"{SPECS}?q=^zlib&format=ndjson")).text.splitlines()
    assert len(rows) - 1 == len(lines) == len(found)


async def test_facets_count_under_the_same_questions(reader: httpx2.AsyncClient) -> None:
    for field in ("version", "compilers.name", "target", "name"):
        facets = await reader.get(
            "/api/v1/facets", params={"resource": "specs", "field": field, "q": "hdf5"}
        )
        assert facets.status_code == 200, facets.text
        assert facets.json()["values"]
    assert sum(one["count"] for one in facets.json()["values"]) == len(await ids(reader, q="hdf5"))


async def test_a_tree_of_conditions(reader: httpx2.AsyncClient) -> None:
    body = {"or": [{"field": "version", "value": "1.12:"}, {"field": "variant.mpi", "value": True}]}
    answer = await reader.post("/api/v1/query?resource=specs&limit=1000", json=body)
    expected = await ids(reader, version="1.12:") | await ids(reader, **{"variant.mpi": "true"})
    assert {item["id"] for item in answer.json()["items"]} == expected


async def test_built_with_one_and_deployed_with_another(reader: httpx2.AsyncClient) -> None:
    page = await get(reader, "", builtWith="z@1.2.11", deployedWith="z@1.3")
    (item,) = page["items"]
    assert (item["name"], item["isSpliced"]) == ("app", True)
    splice = await get(reader, f"/{item['id']}/splice")
    assert [step["known"] for step in splice["chain"]] == [True]
    (swap,) = splice["swapped"]
    assert (swap["built"]["version"], swap["deployed"]["version"]) == ("1.2.11", "1.3")


async def test_a_spec_is_read_by_hash_or_its_beginning(
    corpus: tuple[Database, Stored], reader: httpx2.AsyncClient
) -> None:
    made = root_of(MADE[0])
    detail = await get(reader, f"/{made}")
    assert detail["id"] == detail["hash"] == made
    assert detail["contents"] == [made]
    assert (await get(reader, f"/{made[:12]}"))["id"] == made
    choices = await get(reader, f"/{made[0]}", 300)
    assert len(choices["items"]) > 1
    assert (await reader.get(choices["items"][0]["href"])).status_code == 200
    await get(reader, "/zzzzzzzz", 404)
    await get(reader, "/a$b", 422)
    tag = (await reader.get(f"{SPECS}/{made}")).headers["ETag"]
    again = await reader.get(f"{SPECS}/{made}", headers={"If-None-Match": tag})
    assert again.status_code == 304


@pytest.mark.parametrize(
    ("path", "schema"),
    [
        ("?limit=1000", PageOf[SpecItem]),
        ("/{one}", SpecDetail),
        ("/{one}/dag", Dag),
        ("/{one}/dependencies", Dependencies),
        ("/{one}/dependents", PageOf[SpecItem]),
        ("/{one}/splice", Splice),
        ("/compare?left={one}&right={two}", SpecComparison),
    ],
)
async def test_answers_have_the_form_that_is_documented(
    reader: httpx2.AsyncClient, path: str, schema: Any
) -> None:
    answer = await reader.get(SPECS + path.format(one=root_of(MADE[0]), two=root_of(MADE[1])))
    assert answer.status_code == 200
    schema.model_validate_json(answer.content)


async def test_a_graph_is_given_in_every_form(reader: httpx2.AsyncClient) -> None:
    made = MADE[0]
    path = f"/{root_of(made)}"
    nodes = made["spec"]["nodes"]
    dag = await get(reader, f"{path}/dag")
    assert {node["hash"] for node in dag["nodes"]} == {node["hash"] for node in nodes}
    assert len(dag["edges"]) == sum(len(node.get("dependencies", ())) for node in nodes)
    dot = await reader.get(f"{SPECS}{path}/dag?format=dot")
    assert dot.text.startswith("digraph {")
    tree = (await reader.get(f"{SPECS}{path}/tree")).text.splitlines()
    assert len(tree) == len(nodes)
    assert tree[0].startswith(f"{nodes[0]['hash'][:7]}  {nodes[0]['name']}@=")
    below = await get(reader, f"{path}/dependencies")
    assert len(below["items"]) == len(nodes) - 1
    direct = await get(reader, f"{path}/dependencies", direct="true", deptype="build")
    assert {item["hash"] for item in direct["items"]} == {
        edge["hash"]
        for edge in nodes[0]["dependencies"]
        if "build" in edge["parameters"]["deptypes"]
    }


async def test_dependents_are_listed(
    corpus: tuple[Database, Stored], reader: httpx2.AsyncClient
) -> None:
    child = MADE[0]["spec"]["nodes"][0]["dependencies"][-1]["hash"]

    async def found(**asked: Any) -> set[str]:
        page = await get(reader, f"/{child}/dependents", limit="1000", **asked)
        return {item["id"] for item in page["items"]}

    above = {id_ for id_, (graph, key) in corpus[1].items() if child in graph.closure(key)}
    assert await found() == above
    assert root_of(MADE[0]) in await found(roots="true", direct="true") <= above
    assert await found(name="no-such") == set()


async def test_two_specs_are_compared(reader: httpx2.AsyncClient) -> None:
    one, name = root_of(MADE[0]), MADE[0]["spec"]["nodes"][0]["name"]
    named = [root_of(made) for made in MADE if made["spec"]["nodes"][0]["name"] == name]
    other = next(each for each in named if each != one)
    same_one = await get(reader, "/compare", left=one, right=one)
    assert same_one["isEqual"]
    assert same_one["run"] == {"added": [], "removed": [], "changed": []}
    found = await get(reader, "/compare", left=one, right=other)
    back = await get(reader, "/compare", left=other, right=one)
    for section in ("run", "buildOnly"):
        assert found[section]["added"] == back[section]["removed"]
        assert len(found[section]["changed"]) == len(back[section]["changed"])


async def test_a_comparison_tells_what_is_not_the_same(writer: httpx2.AsyncClient) -> None:
    def made(version: str, path: str, *others: builders.Dependency) -> builders.Package:
        mpi = package("openmpi", extra={"external": {"path": path, "module": None}})
        zlib = package("zlib", version=version, parameters={"pic": version == "1.3"})
        return package("app", on(mpi, "link", "mpi"), on(zlib, "link"), *others)

    tool = package("gmake")
    left, right = made("1.2.11", "/usr"), made("1.3", "/opt", on(tool, "build"))
    for each in (left, right):
        await writer.post(SPECS, content=packed(document(each)))
    found = await get(writer, "/compare", left=left.hash, right=right.hash)
    assert not found["isEqual"]
    assert [each["what"] for each in found["root"]] == ["edge.gmake"]
    assert [(each["left"]["name"], each["changes"]) for each in found["run"]["changed"]] == [
        ("openmpi", [{"what": "external", "left": {"path": "/usr", "module": None},
                      "right": {"path": "/opt", "module": None}}]),
        ("zlib", [{"what": "variant.pic", "left": False, "right": True},
                  {"what": "version", "left": "1.2.11", "right": "1.3"}]),
    ]  # fmt: skip
    assert [each["name"] for each in found["buildOnly"]["added"]] == ["gmake"]


async def test_a_flag_that_does_not_exist_is_refused(reader: httpx2.AsyncClient) -> None:
    problem = await get(reader, "", 400, **{"flag.cflag": "-O3"})
    assert problem["detail"] == "There is no flag 'cflag'; did you mean 'cflags'?"


async def test_a_file_without_specs_is_no_error(writer: httpx2.AsyncClient) -> None:
    answer = await writer.post(f"{SPECS}?name=spack.lock", content=packed(lockfile([])))
    assert (answer.status_code, answer.json()["items"]) == (200, [])


@pytest.mark.parametrize("form", FORMATS)
async def test_what_came_in_comes_out_equal(writer: httpx2.AsyncClient, form: int) -> None:
    given = {"note": "x", **document(diamond(form), form)}
    answer = await writer.post(SPECS, content=packed(given))
    assert answer.status_code == 201, answer.text
    (item,) = answer.json()["items"]
    assert item["outcome"] == "created"
    back = await writer.get(f"{answer.headers['Location']}?format=spack")
    assert same(back.json(), given)
    again = await writer.post(SPECS, content=packed(given))
    assert (again.status_code, again.json()["items"][0]["outcome"]) == (200, "unchanged")
    detail = (await writer.get(f"{SPECS}/{item['hash']}")).json()
    assert detail["provenance"][0]["origin"] == "upload"
    assert detail["forms"] == 1
    assert (await writer.get(f"{SPECS}/{item['id']}?format=spack&form=1")).status_code == 404


@pytest.mark.parametrize(
    ("content", "name", "count"),
    [
        (packed([document(diamond()), document(package("x"))]), "a.json", 2),
        (packed(document(diamond())) + b"\n" + packed(document(package("x"))), "a.ndjson", 2),
        (packed(lockfile([(diamond(), "app")])), "spack.lock", 1),
        (packed(builders.database([diamond()])), "index.json", 4),
        (clear_signed(json.dumps(document(diamond()))), "a.spec.json.sig", 1),
        (gzip.compress(packed(document(diamond()))), "a.json.gz", 1),
    ],
    ids=["array", "ndjson", "lockfile", "index", "signed", "gzip"],
)
async def test_every_kind_of_file_is_taken(
    writer: httpx2.AsyncClient, content: bytes, name: str, count: int
) -> None:
    answer = await writer.post(SPECS, params={"name": name}, content=content)
    assert answer.status_code == 201, answer.text
    items = answer.json()["items"]
    assert [item["outcome"] for item in items] == ["created"] * count
    ingestion = await writer.get(f"/api/v1/ingestions/{answer.json()['ingestionId']}")
    assert ingestion.json()["counts"]["created"] == count


async def test_a_form_with_a_file_is_taken_under_its_name(writer: httpx2.AsyncClient) -> None:
    files = {"file": ("env/a.spec.json", packed(document(diamond())))}
    answer = await writer.post(SPECS, files=files)
    assert answer.status_code == 201, answer.text
    detail = (await writer.get(answer.headers["Location"])).json()
    assert detail["provenance"][0]["file"] == "a.spec.json"


async def test_a_form_without_a_file_is_refused(writer: httpx2.AsyncClient) -> None:
    answer = await writer.post(SPECS, files={"file": (None, b"{}")})
    assert (answer.status_code, answer.json()["detail"]) == (400, "The form contains no file.")


@pytest.mark.parametrize(
    ("content", "kind"),
    [
        *((lockfile([(diamond(), "app")], version), "lockfile") for version in (1, 4, 6)),
        (builders.database([diamond()]), "database"),
        (document(diamond())["spec"]["nodes"], "listing"),
    ],
)
async def test_a_file_of_many_specs_comes_back_equal(
    writer: httpx2.AsyncClient, content: Any, kind: str
) -> None:
    answer = await writer.post(SPECS, params={"name": "site.json"}, content=packed(content))
    assert answer.status_code == 201, answer.text
    (digest,) = answer.json()["files"]
    back = await writer.get(f"{SPECS}/files/{digest}")
    assert same(back.json(), content)
    again = await writer.post(SPECS, params={"name": "site.json"}, content=packed(content))
    assert again.json()["files"] == [digest]
    (item,) = (await writer.get(f"{SPECS}/files?file=site.json")).json()["items"]
    assert (item["digest"], item["kind"]) == (digest, kind)
    SpecFileItem.model_validate(item)
    assert (await writer.get(f"{SPECS}/files?file=other.json")).json()["items"] == []


async def test_another_file_of_known_specs_is_kept_too(writer: httpx2.AsyncClient) -> None:
    given = lockfile([(diamond(), "app")])
    changed = {**given, "_meta": {**given["_meta"], "note": "another"}}
    digests = []
    for content in (given, changed):
        answer = await writer.post(SPECS, params={"name": "spack.lock"}, content=packed(content))
        digests += answer.json()["files"]
    assert answer.status_code == 200
    back = [(await writer.get(f"{SPECS}/files/{digest}")).json() for digest in digests]
    assert same(back, [given, changed])
    pages = [(await writer.get(f"{SPECS}/files?limit=1")).json()]
    while following := pages[-1]["links"]["next"]:
        pages.append((await writer.get(following)).json())
    listed = [item["digest"] for page in pages for item in page["items"]]
    assert listed == digests[::-1]


async def test_a_file_that_is_not_there_or_not_whole(writer: httpx2.AsyncClient) -> None:
    assert (await writer.get(f"{SPECS}/files/{'0' * 64}")).status_code == 404
    assert (await writer.get(f"{SPECS}/files/{'x' * 64}")).status_code == 422
    content = lockfile([(package("alone"), "alone")])
    answer = (await writer.post(SPECS, params={"name": "a.lock"}, content=packed(content))).json()
    (item,), (digest,) = answer["items"], answer["files"]
    assert (await writer.delete(f"{SPECS}/{item['hash']}?force=true")).status_code == 204
    assert (await writer.get(f"{SPECS}/files/{digest}")).status_code == 409


async def test_a_document_that_does_not_give_its_hash_is_refused(
    writer: httpx2.AsyncClient,
) -> None:
    given = document(diamond())
    stated, given["spec"]["nodes"][0]["version"] = given["spec"]["nodes"][0]["hash"], "9.9"
    answer = await writer.post(f"{SPECS}?strict=true", content=packed(given))
    assert answer.status_code == 422
    (error,) = answer.json()["errors"]
    hashes = [word for word in error["detail"].replace(",", " ").split() if len(word) == 32]
    assert len(set(hashes)) == 2
    assert stated in hashes
    both = packed([given, document(package("x"))])
    mixed = await writer.post(f"{SPECS}?strict=true", content=both)
    assert mixed.status_code == 201
    assert [item["outcome"] for item in mixed.json()["items"]] == ["rejected", "created"]


async def test_a_document_that_does_not_give_its_hash_is_recorded_as_not_verified(
    writer: httpx2.AsyncClient,
) -> None:
    given = document(diamond())
    stated, given["spec"]["nodes"][0]["version"] = given["spec"]["nodes"][0]["hash"], "9.9"
    answer = await writer.post(SPECS, content=packed(given))
    assert answer.status_code == 201
    (item,) = answer.json()["items"]
    assert (item["outcome"], item["hash"], item["reason"]) == ("created", stated, "hash_mismatch")
    spec = (await writer.get(f"{SPECS}/{item['id']}")).json()
    assert (spec["hashVerified"], spec["hashReason"], spec["hashRule"]) == (
        False, "hash_mismatch", None,
    )  # fmt: skip
    await writer.post(SPECS, content=packed(document(diamond())))
    right = (await writer.get(f"{SPECS}/{stated}")).json()
    assert (right["id"], right["hashVerified"], right["version"]) == (stated, True, "2.1")
    assert sorted(right["contents"]) == sorted([stated, item["id"]])


@pytest.mark.parametrize(
    "content",
    [
        b"", b"{", b"[]", b"null", b'{"a": NaN}', b'{"a": 1, "a": 2}', b"[" * 100_000, b"\xff\xfe",
        b'{"spec": {"_meta": {"version": 5}, "nodes": []}}', b'{"spec": 1}', b"x" * 3_000_000,
    ],
)  # fmt: skip
async def test_hostile_bodies_are_refused(
    database: Database, writer: httpx2.AsyncClient, content: bytes
) -> None:
    answer = await writer.post(SPECS, content=content)
    assert answer.status_code == 422, answer.text
    assert await database.specs.count({}) == 0


async def test_very_many_nodes_are_refused_in_bounded_time(writer: httpx2.AsyncClient) -> None:
    node = {"name": "x", "version": "1", "hash": "a" * 32}
    given = {"spec": {"_meta": {"version": 5}, "nodes": [node] * 100_000}}
    begin = time.monotonic()
    answer = await writer.post(SPECS, content=packed(given))
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["reason"]
    assert time.monotonic() - begin < 60


async def test_of_parallel_uploads_one_is_first(
    database: Database, writer: httpx2.AsyncClient
) -> None:
    content = packed(document(diamond()))
    answers = await asyncio.gather(*(writer.post(SPECS, content=content) for _ in range(16)))
    assert sorted(answer.status_code for answer in answers) == [200] * 15 + [201]
    assert await database.specs.count({}) == 4


@pytest.mark.skipif(not LEGACY.is_dir(), reason="the real files are not here")
@pytest.mark.parametrize("name", ["hdf5.v013.json", "hdf5.v017.json", "hdf5.v020.json"])
async def test_a_real_file_comes_back_equal(writer: httpx2.AsyncClient, name: str) -> None:
    content = (LEGACY / name).read_bytes()
    answer = await writer.post(SPECS, params={"name": name}, content=content)
    assert answer.status_code == 201, answer.text
    back = await writer.get(f"{answer.headers['Location']}?format=spack")
    assert same(back.json(), json.loads(content))


async def test_a_body_that_is_too_large_is_refused(database: Database) -> None:
    _, token = await create_token(database, "ada", ["ingest"], "test", None)
    async with client_of(database, Settings(max_spec_mib=1)) as client:
        headers = {"Authorization": f"Bearer {token}"}
        answer = await client.post(SPECS, content=b" " * (2**20 + 1), headers=headers)
    assert answer.status_code == 413


async def test_two_contents_under_one_hash_are_both_there(writer: httpx2.AsyncClient) -> None:
    first, second = document(diamond(1), 1), document(diamond(1), 1)
    (second["spec"][0]["app"])["version"] = "2.2"
    answers = [await writer.post(SPECS, content=packed(each)) for each in (first, second)]
    assert [answer.status_code for answer in answers] == [201, 201]
    hash_ = answers[0].json()["items"][0]["hash"]
    choices = (await writer.get(f"{SPECS}/{hash_}")).json()["items"]
    assert [choice["hash"] for choice in choices] == [hash_, hash_]
    given = [(await writer.get(f"{choice['href']}?format=spack")).json() for choice in choices]
    assert sorted(map(json.dumps, given)) == sorted(map(json.dumps, (first, second)))


async def test_old_hashes_are_names_too(writer: httpx2.AsyncClient) -> None:
    root = diamond(2)
    await writer.post(SPECS, content=packed(document(root, 2)))
    for name in ("hash", "full_hash", "build_hash"):
        answer = await writer.get(f"{SPECS}/{root.native[name]}")
        assert answer.json()["hash"] == root.hash


async def test_what_others_stand_on_is_not_deleted(writer: httpx2.AsyncClient) -> None:
    root = diamond()
    leaf = root.dependencies[0].package.hash
    await writer.post(SPECS, content=packed(document(root)))
    refused = await writer.delete(f"{SPECS}/{leaf}")
    assert refused.status_code == 409
    assert root.hash in refused.json()["errors"][0]["ids"]
    forced = await writer.delete(f"{SPECS}/{leaf}?force=true&reason=wrong")
    assert forced.status_code == 204
    gone = await writer.get(f"{SPECS}/{leaf}")
    assert (gone.status_code, gone.json()["errors"][0]["reason"]) == (410, "wrong")
    assert (await writer.get(f"{SPECS}/{root.hash}?format=spack")).status_code == 409
    assert (await writer.get(f"{SPECS}/{root.hash}/tree")).status_code == 200
    assert (await writer.get(f"{SPECS}?name=leaf")).json()["items"] == []
    assert (await writer.delete(f"{SPECS}/{root.hash}")).status_code == 204
    assert (await writer.get(f"{SPECS}/{root.hash}")).status_code == 404


async def test_a_spec_that_comes_back_because_something_refers_to_it_is_linked_again(
    writer: httpx2.AsyncClient, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = package("leaf")
    await writer.post(SPECS, content=packed(document(own)))
    run: dict[str, Any] = {"_id": "x/1", "executionId": "1", "softwareLinks": [], "specs": []}
    version = own.native["version"]
    run |= {"software": [{"name": own.name, "version": version, "hash": own.hash[:7]}]}

    async def overtaken(database: Database, id_: str, **_: Any) -> bool:
        await database.executions.insert(run)  # while the spec was not there
        raise ReferredToError(id_, References((), (), ("x/1",), ()), added_concurrently=True)

    monkeypatch.setattr("api.specs.edit_routes.delete_spec", overtaken)
    assert (await writer.delete(f"{SPECS}/{own.hash}")).status_code == 409
    found = await database.executions.find_one({"_id": "x/1"})
    assert found is not None
    assert [each["hash"] for each in found["specs"]] == [own.hash]


async def test_a_beginning_of_very_many_hashes_says_that_there_are_more(
    writer: httpx2.AsyncClient, database: Database
) -> None:
    leaves = [package(f"leaf{number}") for number in range(3400)]
    nodes = [leaf.native for leaf in leaves if leaf.hash.startswith("a")][:102]
    most, first = 100, nodes[:99]
    assert len(nodes) == most + 2
    for found, is_complete in ((first, True), (nodes, False)):
        await writer.post(SPECS, content=packed(found))
        answer = await writer.get(f"{SPECS}/a")
        assert answer.status_code == 300
        assert len(answer.json()["items"]) == min(len(found), most)
        assert answer.json()["isComplete"] == is_complete


async def test_callers_add_to_a_spec(writer: httpx2.AsyncClient) -> None:
    root = package("x")
    await writer.post(SPECS, content=packed(document(root)))
    url = f"{SPECS}/{root.hash}"
    tag = (await writer.get(url)).headers["ETag"]
    assert (await writer.patch(url, json={"extra": {"a": 1}})).status_code == 428
    edited = await writer.patch(url, json={"extra": {"a": 1}}, headers={"If-Match": tag})
    assert edited.json()["extra"] == {"a": 1}
    outdated = await writer.patch(url, json={"extra": {}}, headers={"If-Match": tag})
    assert outdated.status_code == 412
    new = {"If-Match": edited.headers["ETag"]}
    assert (await writer.patch(url, json={"extra": {"$x": 1}}, headers=new)).status_code == 422
    await writer.post(SPECS, content=packed(document(root)))
    assert (await writer.get(url)).json()["extra"] == {"a": 1}


async def test_a_version_matrix_is_one_pipeline(reader: httpx2.AsyncClient) -> None:
    pipeline = [
        {"$match": {"name": "hdf5"}},
        {"$unwind": "$compilers"},
        {"$group": {"_id": ["$version", "$compilers.name"], "specs": {"$sum": 1}}},
    ]
    answer = await reader.post("/api/v1/specs/aggregate", json=pipeline)
    assert answer.json()["items"], answer.text
