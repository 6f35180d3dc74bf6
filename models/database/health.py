"""Whether a server can be used, and if not, why and what to do about it."""

import asyncio
from collections.abc import Mapping
from typing import Any

from pymongo import AsyncMongoClient
from pymongo.topology_description import TopologyDescription

from models.database.errors import translate_errors
from models.database.types import Json
from models.errors import DatabaseUnavailableError

_STANDALONE = (
    "MongoDB is not a replica set, which Caseledger needs: start mongod with --replSet, and run"
    " rs.initiate() once in mongosh (see docs/operating.md)"
)
_NOT_INITIATED = (
    "the replica set of MongoDB does not exist yet: run rs.initiate() once in mongosh"
    " (see docs/operating.md)"
)
_NO_MEMBER = (
    "no server at the address of MongoDB is a member of the replica set that it names: correct"
    " replicaSet in CASELEDGER_MONGODB_URL, or start mongod with --replSet and this name, and run"
    " rs.initiate() once in mongosh (see docs/operating.md)"
)
_NO_PRIMARY = "no server at the address of MongoDB is the primary of its replica set at the moment"
_ANSWERING = {"RSPrimary", "Mongos", "Standalone", "LoadBalancer"}


async def check_server(client: "AsyncMongoClient[Json]", seconds: float) -> None:
    """Return once the server answers and can be written to.

    Raise DatabaseUnavailableError, with the reason, when that is not so within `seconds`.
    """
    try:
        with translate_errors():
            hello = await asyncio.wait_for(client.admin.command("hello"), seconds)
    except (TimeoutError, DatabaseUnavailableError):
        raise _absence(client.topology_description) from None
    reason = fault_of(hello)
    if reason is not None:
        raise DatabaseUnavailableError(reason, reason)


def fault_of(hello: Mapping[str, Any]) -> str | None:
    """Return why a server that answers cannot be used, from what it says of itself."""
    if hello.get("isreplicaset"):
        return _NOT_INITIATED
    if "setName" in hello:
        return None if hello.get("isWritablePrimary") else _NO_PRIMARY
    return None if hello.get("msg") == "isdbgrid" else _STANDALONE


def _absence(topology: TopologyDescription) -> DatabaseUnavailableError:
    """Return the error that no server answers, from what the driver knows of all of them."""
    servers = topology.server_descriptions().values()
    kinds = {server.server_type_name for server in servers}
    if kinds & _ANSWERING:
        reason = "MongoDB does not answer in time"
    elif "RSGhost" in kinds:
        reason = _NOT_INITIATED
    elif kinds - {"Unknown"}:
        reason = _NO_PRIMARY
    elif not kinds:
        reason = _NO_MEMBER
    else:
        reason = "MongoDB cannot be reached"
    causes = "; ".join(str(server.error) for server in servers if server.error)
    text = f"{reason}: {causes.partition(' (configured timeouts')[0]}" if causes else reason
    return DatabaseUnavailableError(text, reason)
