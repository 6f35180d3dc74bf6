"""What routes depend on."""

from typing import Annotated

from fastapi import Depends, Request

from models.configuration.rules import Tables
from models.configuration.variation import VariationTable
from models.database.client import Database


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Store = Annotated[Database, Depends(_database)]


async def _tables(request: Request) -> Tables:
    tables: Tables = request.app.state.tables
    return tables


SiteTables = Annotated[Tables, Depends(_tables)]


async def _variation(tables: SiteTables) -> VariationTable:
    return tables.variation


Variation = Annotated[VariationTable, Depends(_variation)]
