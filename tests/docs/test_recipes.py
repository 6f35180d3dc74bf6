"""Every recipe of docs/recipes.md runs over REST, in mongosh and in Python, and is right."""

import json
import re
import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from bson import json_util
from pymongo import MongoClient

from models.database.client import Database
from tests.support.archives import sample_cases
from tests.support.documents import run
from tests.support.paths import ROOT
from tests.support.served import served

pytestmark = pytest.mark.slow

Json = dict[str, Any]
TEXT = (ROOT / "docs" / "recipes.md").read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class Recipe:
    title: str
    collection: str
    text: str


def recipes() -> list[Recipe]:
    found = re.findall(r"\n### (.+?)\n.*?On `(\w+)`:\n\n```json\n(.*?)```", TEXT, re.DOTALL)
    return [Recipe(*parts) for parts in found]


RECIPES = recipes()
CURL, MONGOSH = re.findall(r"```sh\n(.*?)```", TEXT, re.DOTALL)[:2]
PYTHON = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)[0]


@dataclass(frozen=True, slots=True)
class Ledger:
    """All documents of the sample archive, as Python sees them."""

    cases: list[Json]
    executions: list[Json]

    def completed(self) -> list[Json]:
        return [e for e in self.executions if e["status"] == "completed" and e["timing"]]


def own(ledger: Ledger, execution: Json, key: str) -> Any:
    case = next(case for case in ledger.cases if case["_id"] == execution["caseId"])
    value: Any = case["configuration"]
    override: Any = execution["overrides"]
    for part in key.split("."):
        value = (value or {}).get(part)
        override = (override or {}).get(part)
    return value if override is None else override


def in_order(items: Iterable[Json], *names: str) -> list[Json]:
    return sorted(items, key=lambda item: [item[name] for name in names])


def grouped(items: Iterable[Json], key: Callable[[Json], Any]) -> list[tuple[Any, list[Json]]]:
    groups: dict[Any, list[Json]] = {}
    for item in items:
        groups.setdefault(key(item), []).append(item)
    return sorted(groups.items())


def life(ledger: Ledger) -> list[Json]:
    identity = {"machine": "chrysalis", "user": "jdoe", "name": "v3.LR.historical_0101"}
    (case,) = (case for case in ledger.cases if identity.items() <= case.items())
    items = []
    for e in case["executions"]:
        item = {"executionId": e["executionId"], "status": e["status"], "changed": e["changed"],
                "values": e["runConfigDeltas"]}  # fmt: skip
        for name, field in (("from", "simulationStart"), ("to", "simulationEnd")):
            if e[field]:
                item[name] = e[field]["date"]
        items.append(item)
    return items


def another_compiler(ledger: Ledger) -> list[Json]:
    found = [
        {
            "caseName": e["caseName"], "machine": e["machine"], "executionId": e["executionId"],
            "status": e["status"], "compiler": e["runConfigDeltas"]["compiler"]["current"],
            "canonical": e["runConfigDeltas"]["compiler"]["canonical"],
        }
        for e in ledger.executions
        if "compiler" in e["changed"]
    ]  # fmt: skip
    return in_order(found, "caseName", "executionId")


def netcdf(ledger: Ledger) -> list[Json]:
    found = [
        {"machine": e["machine"], "caseName": e["caseName"], "executionId": e["executionId"],
         "hash": [s["hash"] for s in e["software"] if s["name"] == "netcdf-c"]}
        for e in ledger.executions
        if any((s["name"], s["version"]) == ("netcdf-c", "4.4.1") for s in e["software"])
    ]  # fmt: skip
    return in_order(found, "caseName", "executionId")


def versions(ledger: Ledger) -> list[Json]:
    used = [
        {"key": (e["machine"], s["version"], s["hash"]), "time": e["lidTime"]}
        for e in ledger.executions
        for s in e["software"]
        if s["name"] == "netcdf-c"
    ]
    return [
        {"_id": dict(zip(("machine", "version", "hash"), key, strict=True)),
         "executions": len(items), "first": min(i["time"] for i in items),
         "last": max(i["time"] for i in items)}
        for key, items in grouped(used, lambda item: item["key"])
    ]  # fmt: skip


def progress(ledger: Ledger) -> list[Json]:
    ended = [e for e in ledger.executions if e["status"] == "completed" and e["simulationEnd"]]
    found = []
    for case_id, items in grouped(ended, lambda e: e["caseId"]):
        furthest = max(items, key=lambda e: e["simulationEnd"]["sortKey"])
        years = sum(e["timing"]["runLengthDays"] / 365 for e in items if e["timing"])
        found.append(
            {"_id": case_id, "case": furthest["caseName"], "machine": furthest["machine"],
             "begin": min(e["simulationStart"]["date"] for e in items),
             "furthest": furthest["simulationEnd"]["date"], "years": pytest.approx(years)}
        )  # fmt: skip
    return in_order(found, "case", "_id")


def other_code(ledger: Ledger) -> list[Json]:
    found = []
    for e in ledger.executions:
        if {"git_commit_hash", "git_tag", "git_branch"} & set(e["changed"]):
            item = {
                name: e[name] for name in ("caseName", "executionId", "gitTag", "gitCommitHash")
            }
            if "git_commit_hash" in e["runConfigDeltas"]:
                item["canonical"] = e["runConfigDeltas"]["git_commit_hash"]["canonical"]
            found.append(item)
    return in_order(found, "caseName", "executionId")


def parameter(ledger: Ledger) -> list[Json]:
    key = "atm_in.zmconv_nl.zmconv_ke"
    known = [e for e in ledger.executions if e["compset"] is not None and key not in e["unset"]]
    pairs = [{"value": own(ledger, e, key), "case": e["caseName"]} for e in known]
    return [
        {"_id": value, "executions": len(items), "cases": sorted({i["case"] for i in items})}
        for value, items in grouped(
            [pair for pair in pairs if pair["value"] is not None], lambda item: item["value"]
        )
    ]


def throughput(ledger: Ledger) -> list[Json]:
    def key(e: Json) -> tuple[Any, ...]:
        return e["machine"], e["gridName"], e["timing"]["totalPesActive"]

    found = []
    for group, items in grouped(ledger.completed(), key):
        rates = [e["timing"]["modelThroughput"] for e in items]
        found.append(
            {"_id": dict(zip(("machine", "grid", "pes"), group, strict=True)),
             "executions": len(items), "mean": pytest.approx(sum(rates) / len(rates)),
             "least": min(rates), "most": max(rates)}
        )  # fmt: skip
    return found


def cost(ledger: Ledger) -> list[Json]:
    found = []
    for group, items in grouped(
        ledger.completed(), lambda e: (e["machine"], e["compset"], e["gridName"])
    ):
        years = [e["timing"]["runLengthDays"] / 365 for e in items]
        hours = sum(y * e["timing"]["modelCost"] for y, e in zip(years, items, strict=True))
        found.append(
            {"_id": dict(zip(("machine", "compset", "grid"), group, strict=True)),
             "years": pytest.approx(sum(years)), "peHours": pytest.approx(hours),
             "peHoursPerYear": pytest.approx(hours / sum(years))}
        )  # fmt: skip
    return found


def failures(ledger: Ledger) -> list[Json]:
    failed = [e for e in ledger.executions if e["status"] in ("failed", "timeout", "cancelled")]
    return [
        {"_id": {"machine": machine, "month": month}, "failures": len(items),
         "cases": len({e["caseName"] for e in items})}
        for (machine, month), items in grouped(failed, lambda e: (e["machine"], e["lidTime"][:7]))
    ]  # fmt: skip


def attempts(ledger: Ledger) -> list[Json]:
    tried = [c for c in ledger.cases if c["attempts"]]
    found = []
    for (machine, user), cases in grouped(tried, lambda c: (c["machine"], c["user"])):
        outcomes = Counter(a["outcome"] for c in cases for a in c["attempts"])
        found.append(
            {"_id": {"machine": machine, "user": user}, "attempts": outcomes.total(),
             "completed": outcomes["completed"], "cases": len({c["name"] for c in cases}),
             "share": round(outcomes["completed"] / outcomes.total(), 3)}
        )  # fmt: skip
    return found


def frequent(ledger: Ledger) -> list[Json]:
    changes = [{"key": key, "case": e["caseId"]} for e in ledger.executions for key in e["changed"]]
    found = [
        {"_id": key, "executions": len(items), "cases": len({i["case"] for i in items})}
        for key, items in grouped(changes, lambda item: item["key"])
    ]
    return sorted(found, key=lambda item: (-item["executions"], item["_id"]))[:20]


def created_again(ledger: Ledger) -> list[Json]:
    found = [
        {"name": c["name"], "machine": c["machine"], "user": c["user"],
         "times": len(c["lineages"]), "first": [one["firstExecutionId"] for one in c["lineages"]]}
        for c in ledger.cases
        if len(c["lineages"]) > 1
    ]  # fmt: skip
    return in_order(found, "name", "machine", "user")


def missing(ledger: Ledger) -> list[Json]:
    found = Counter(
        (c["machine"], name)
        for c in ledger.cases
        for e in c["executions"]
        if not e["complete"]
        for name in e["missing"]
    )
    items = [
        {"_id": {"machine": machine, "file": name}, "executions": number}
        for (machine, name), number in found.items()
    ]
    return sorted(items, key=lambda i: (-i["executions"], i["_id"]["machine"], i["_id"]["file"]))


def core_hours(ledger: Ledger) -> list[Json]:
    timed = [e for e in ledger.executions if e["timing"] and e["timing"]["runSeconds"] is not None]
    found = []
    for (machine, user), items in grouped(timed, lambda e: (e["machine"], e["user"])):
        used = sum(e["timing"]["runSeconds"] * e["timing"]["totalPesActive"] for e in items)
        found.append((used, {"machine": machine, "user": user}, len(items)))
    found.sort(key=lambda item: -item[0])
    return [
        {"_id": who, "executions": number, "peHours": pytest.approx(used / 3600)}
        for used, who, number in found
    ]


def changed_since(ledger: Ledger) -> list[Json]:
    names = ("_id", "name", "machine", "updatedAt", "executionCount", "statusCounts")
    cases = sorted(ledger.cases, key=lambda c: (-c["updatedAt"].timestamp(), c["_id"]))
    return [{name: case[name] for name in names} for case in cases]


EXPECTED: dict[str, Callable[[Ledger], list[Json]]] = {
    "What changed over a case's life": life,
    "Executions that ran with another compiler": another_compiler,
    "Executions that used netcdf-c 4.4.1": netcdf,
    "Versions of a package, and what ran on them": versions,
    "How far each case has come": progress,
    "Executions that ran other code than the canonical one": other_code,
    "Values of a parameter, and where they were used": parameter,
    "Throughput by machine and pe layout": throughput,
    "Cost per simulated year": cost,
    "Failures by machine and month": failures,
    "Attempts and successes": attempts,
    "The most frequent changes": frequent,
    "Cases that were created again": created_again,
    "Files that are missing most often": missing,
    "Core hours by user": core_hours,
    "Cases that have changed since a day": changed_since,
}


@pytest.fixture(scope="module")
async def documents_of(ledger: Database) -> Ledger:
    return Ledger(await ledger.cases.find({}), await ledger.executions.find({}))


@pytest.fixture(scope="module")
async def port(ledger: Database) -> AsyncIterator[int]:
    """The service, on the sample archive."""
    async with served(ledger) as number:
        yield number


def test_every_recipe_is_tested() -> None:
    assert [recipe.title for recipe in RECIPES] == list(EXPECTED)
    assert TEXT.count("```json") == len(RECIPES)


def agrees(found: list[Json], recipe: Recipe, ledger: Ledger) -> None:
    expected = EXPECTED[recipe.title](ledger)
    assert found == expected
    if recipe.title != "Cases that were created again":  # there are none in the sample
        assert found


OPTIONS = json_util.JSONOptions(tz_aware=True)


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
async def test_recipe_in_python(ledger: Database, documents_of: Ledger, recipe: Recipe) -> None:
    pipeline = json_util.loads(recipe.text)
    with MongoClient[Json](ledger.uri, tz_aware=True) as client:
        found = list(client[ledger.name][recipe.collection].aggregate(pipeline))
    agrees(found, recipe, documents_of)


@pytest.mark.skipif(shutil.which("curl") is None, reason="curl is not here")
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
async def test_recipe_with_curl(
    port: int, documents_of: Ledger, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "pipeline.json").write_text(recipe.text)
    command = CURL.replace(":8000/", f":{port}/").replace("/cases/", f"/{recipe.collection}/")
    answer = json_util.loads(await run(command, tmp_path), json_options=OPTIONS)
    assert answer["isComplete"] is True
    agrees(answer["items"], recipe, documents_of)


@pytest.mark.skipif(shutil.which("mongosh") is None, reason="mongosh is not here")
@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
async def test_recipe_in_mongosh(
    ledger: Database, documents_of: Ledger, recipe: Recipe, tmp_path: Path
) -> None:
    (tmp_path / "pipeline.json").write_text(recipe.text)
    uri = ledger.uri.replace("/caseledger?", f"/{ledger.name}?")
    command = MONGOSH.replace("$(caseledger db uri)", uri).replace(
        '"cases"', f'"{recipe.collection}"'
    )
    agrees(
        json_util.loads(await run(command, tmp_path), json_options=OPTIONS), recipe, documents_of
    )


async def test_the_python_of_the_page_works(
    ledger: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = next(recipe for recipe in RECIPES if recipe.collection == "cases")
    (tmp_path / "pipeline.json").write_text(recipe.text)
    monkeypatch.chdir(tmp_path)
    names: Json = {"uri": ledger.uri.replace("/caseledger?", f"/{ledger.name}?")}
    exec(PYTHON, names)
    assert names["items"]
    names["database"].client.close()


def test_the_truth_of_the_sample_is_found(documents_of: Ledger) -> None:
    """What the generator knows of its cases is what the recipe finds in the documents."""
    truth = Counter(
        change.key
        for case in sample_cases()
        for execution in case.executions
        for change in execution.changes
        if change.kind == "configuration"
    )
    assert truth
    assert {item["_id"]: item["executions"] for item in frequent(documents_of)} == truth


async def test_a_case_that_was_created_again_is_found(
    database: Database, documents_of: Ledger
) -> None:
    case = next(case for case in documents_of.cases if len(case["lineages"]) == 1)
    (lineage,) = case["lineages"]
    again = case | {"lineages": [lineage, lineage | {"caseHash": "another"}]}
    await database.cases.insert(again)
    await database.cases.insert(case | {"_id": "other", "name": "other"})
    recipe = next(recipe for recipe in RECIPES if "created again" in recipe.title)
    found = await database.cases.aggregate(json_util.loads(recipe.text))
    assert found == created_again(Ledger([again], []))
    assert [item["times"] for item in found] == [2]


def test_the_page_lists_what_is_allowed() -> None:
    from api.aggregation.operators import PUBLIC_COLLECTIONS, STAGES

    line = next(line for line in TEXT.splitlines() if line.startswith("| stages |"))
    assert set(re.findall(r"`(\$\w+)`", line)) == STAGES
    for names in re.findall(r'privileges: (\[".*?\])', TEXT):
        assert set(json.loads(names)) == PUBLIC_COLLECTIONS
