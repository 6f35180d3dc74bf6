"""Dependencies of routes: the database, and the rules of the site."""

from typing import Annotated

from fastapi import Depends, Request

from models.configuration.rules import DeltaRules
from models.configuration.variation import VariationTable
from models.database.client import Database


async def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


DatabaseDep = Annotated[Database, Depends(_database)]


async def _rules(request: Request) -> DeltaRules:
    rules: DeltaRules = request.app.state.rules
    return rules


SiteRules = Annotated[DeltaRules, Depends(_rules)]


async def _variation(rules: SiteRules) -> VariationTable:
    return rules.variation


Variation = Annotated[VariationTable, Depends(_variation)]
