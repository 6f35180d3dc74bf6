"""What routes depend on."""

from typing import Annotated

from fastapi import Depends, Request

from models.database import Database
from models.variation import VariationTable


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Store = Annotated[Database, Depends(_database)]


async def _variation(request: Request) -> VariationTable:
    table: VariationTable = request.app.state.tables.variation
    return table


Variation = Annotated[VariationTable, Depends(_variation)]
