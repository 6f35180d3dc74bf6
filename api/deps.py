"""What routes depend on."""

from typing import Annotated

from fastapi import Depends, Request

from models.database import Database


def _database(request: Request) -> Database:
    database: Database = request.app.state.database
    return database


Store = Annotated[Database, Depends(_database)]
