"""Replica sets: the one of a single member that the embedded server is, and those of benchmarks.

Retryable writes and transactions need one.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any

from pymongo import MongoClient, errors

from models.database.types import Json

_NOT_YET_INITIALIZED = 94


def make_primary(uri: str, member: str, seconds: float) -> bool:
    """Wait until the server at `uri` is the primary of its replica set; return whether it is.

    A new server is initiated as a replica set; one whose socket has moved is reconfigured.
    """
    deadline = time.monotonic() + seconds
    client: MongoClient[Json] = MongoClient(uri, serverSelectionTimeoutMS=int(seconds * 1000))
    try:
        while time.monotonic() < deadline:
            if client.admin.command("hello").get("isWritablePrimary"):
                return True
            _configure_replica_set(client, member)
            time.sleep(0.02)
    except errors.PyMongoError:
        return False
    finally:
        client.close()
    return False


def _configure_replica_set(client: "MongoClient[Json]", member: str) -> None:
    members = [{"_id": 0, "host": member}]
    try:
        config: Json = client.admin.command("replSetGetConfig")["config"]
    except errors.OperationFailure as error:
        if error.code == _NOT_YET_INITIALIZED:
            new = {"_id": "caseledger", "members": members}
            client.admin.command("replSetInitiate", new)
        return
    if [item["host"] for item in config["members"]] != [member]:
        moved: Mapping[str, Any] = {
            "_id": config["_id"],
            "version": config["version"] + 1,
            "members": members,
        }
        client.admin.command("replSetReconfig", moved, force=True)


def initiate(uri: str, name: str, members: Sequence[str]) -> None:
    """Make the servers at these addresses a new replica set, by the one at `uri`.

    Waits until all of them answer, as the server demands.
    """
    config = {
        "_id": name,
        "members": [{"_id": number, "host": host} for number, host in enumerate(members)],
    }
    for member in members:
        each: MongoClient[Json] = MongoClient(f"mongodb://{member}/?directConnection=true")
        with each:
            each.admin.command("ping")
    client: MongoClient[Json] = MongoClient(uri)
    with client:
        client.admin.command("replSetInitiate", config)


def primary_of(uris: Iterable[str]) -> str | None:
    """Return the address of the primary as the servers at `uris` call it; None if none is one."""
    for uri in uris:
        client: MongoClient[Json] = MongoClient(uri, serverSelectionTimeoutMS=1000)
        with client, suppress(errors.PyMongoError):
            answer = client.admin.command("hello")
            if answer.get("isWritablePrimary"):
                return str(answer["me"])
    return None


def step_down(uri: str) -> None:
    """Let the primary at `uri` step down, so that another member is elected."""
    client: MongoClient[Json] = MongoClient(uri, serverSelectionTimeoutMS=5000)
    with client, suppress(errors.PyMongoError):  # it may be none any more
        client.admin.command("replSetStepDown", 30, secondaryCatchUpPeriodSecs=10)
