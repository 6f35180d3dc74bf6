"""Closures that an earlier version has derived are found, and derived again."""

import pytest

from models.connection import open_database
from models.database.client import Database
from models.settings import Settings
from models.specs.store import write_specs
from models.verify.difference import Difference
from models.verify.specs import verify_specs
from models.version import SCHEMA_VERSION
from tests.support.databases import NewDatabase
from tests.support.spec_documents import diamond, document, documents, on, package


async def _differences(database: Database, *, repair: bool = False) -> list[Difference]:
    return [each async for each in verify_specs(database, repair=repair)]


async def test_closures_of_an_earlier_version_are_derived_again(database: Database) -> None:
    tool = package("tool", on(package("leaf"), "link", "iconv"))
    leaf = tool.dependencies[0].package
    app = package("app", on(tool, "build"), on(leaf, "link"))
    old = package("z", version="1.2.11")
    built = package("lib", on(old, "build link"))
    spliced = package("lib", on(package("z", version="1.3"), "link"), build_spec=built)
    for given in (app, diamond(), spliced):
        await write_specs(database, documents(document(given)))
    whole = {each["_id"]: each for each in await database.specs.find({})}
    (entry,) = (each for each in whole[app.hash]["dependencies"] if each["name"] == "leaf")
    assert (entry["virtuals"], entry["reachVirtuals"]) == (["iconv"], [])
    assert await _differences(database) == []
    before = ["dependencies.reachTypes", "dependencies.reachVirtuals"]
    await database.specs.update_all({}, [{"$unset": before}])
    assert await _differences(database) == [Difference("specs", app.hash, "dependencies")]
    await database.specs.update_all({"name": "leaf"}, [{"$set": {"versionKey": "~~@old"}}])
    assert len(await _differences(database, repair=True)) > 1
    assert await _differences(database) == []
    now = {each["_id"]: each for each in await database.specs.find({})}
    for id_, spec in whole.items():
        assert now[id_] | {"updatedAt": 0} == spec | {"updatedAt": 0}


@pytest.mark.slow
async def test_opening_a_database_of_an_earlier_version_derives_closures_again(
    new_database: NewDatabase, settings: Settings
) -> None:
    async with new_database("test_closures") as database:
        app = diamond()
        await write_specs(database, documents(document(app)))
        whole = await database.specs.find({}, {"updatedAt": 0}, sort=[("_id", 1)])
        await database.specs.update_all({}, [{"$unset": ["dependencies.along"]}])
        await database.schema.update({}, {"$set": {"version": SCHEMA_VERSION - 1}})
        async with open_database(settings.model_copy(update={"database": database.name})):
            now = await database.specs.find({}, {"updatedAt": 0}, sort=[("_id", 1)])
            assert now == whole
            assert await database.has_schema(SCHEMA_VERSION)


async def test_what_stands_on_something_deleted_is_left_alone(database: Database) -> None:
    app = diamond()
    await write_specs(database, documents(document(app)))
    leaf = next(each.package for each in app.dependencies if each.package.name == "leaf")
    await database.specs.delete({"_id": leaf.hash})
    assert await _differences(database, repair=True) == []
