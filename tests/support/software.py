"""Executions with software, and the specs that it resolves to."""

from typing import Any

from models.cases.execution import Software
from models.cases.listed_execution import listed_id
from models.cases.recording import write_case
from models.database.client import Database
from tests.support.cases import FIRST, success
from tests.support.executions import KEY, RULES

NETCDF = "a4hji6eqs4xwpfczsaj4vjhvdxvgoc7q"
ZLIB = "z2345672345672345672345672345672"
LOADED = Software(name="netcdf-c", version="4.4.1", hash="a4hji6e", source="module")


async def record(database: Database, lid: str = FIRST, *software: Software) -> str:
    await write_case(database, KEY, [success(lid, software=list(software))], RULES)
    return listed_id(KEY.case_id, lid)


async def record_spec(
    database: Database, own: str, name: str = "netcdf-c", version: str = "4.4.1", **fields: Any
) -> None:
    spec = {"_id": own, "hash": own, "hashes": [own], "name": name, "version": version, **fields}
    await database.specs.insert(spec)


async def links(database: Database, own_id: str) -> list[tuple[str, str, int]]:
    execution = await database.executions.find_one({"_id": own_id})
    assert execution is not None
    return [(e["hash"], e["role"], e["candidates"]) for e in execution.get("specs", [])]
