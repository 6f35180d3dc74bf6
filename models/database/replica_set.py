"""The replica set of one that the embedded server is: retryable writes need one."""

import time
from collections.abc import Mapping
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
