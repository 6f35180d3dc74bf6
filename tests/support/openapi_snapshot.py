"""Writes down the OpenAPI document for the test that compares it: `make openapi`."""

import json
import zlib
from pathlib import Path
from typing import Any

from api.app import create_app
from models.settings import Settings

SNAPSHOT = Path(__file__).with_name("openapi.json")


def current() -> dict[str, Any]:
    """Return the document, without the version, which changes with every release."""
    document = json.loads(json.dumps(create_app(Settings()).openapi()))
    del document["info"]["version"]
    return dict(document)


def written(document: dict[str, Any]) -> dict[str, Any]:
    """Return the document as it is written down: nothing in it stands twice.

    Parameters and answers that several operations have stand once, in `shared`; the examples of
    answers are in `api/examples.json`, from which they come.
    """
    short = json.loads(json.dumps(document))
    shared: dict[str, Any] = {}

    def named(name: str, part: dict[str, Any]) -> str:
        text = json.dumps(part, sort_keys=True)
        key = f"{name}-{zlib.crc32(text.encode()):08x}"
        shared[key] = part
        return key

    for item in short["paths"].values():
        for operation in item.values():
            parameters = operation.get("parameters", ())
            operation["parameters"] = [named(one["name"], one) for one in parameters]
            for status, answer in operation["responses"].items():
                for content in answer.get("content", {}).values():
                    content.pop("example", None)
                operation["responses"][status] = named(status, answer)
    return {**short, "shared": shared}


def main() -> None:
    """Write the document down."""
    text = json.dumps(written(current()), indent=1, sort_keys=True, ensure_ascii=False)
    SNAPSHOT.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
