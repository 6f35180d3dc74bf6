"""Writes down the OpenAPI document for the test that compares it: `make openapi`."""

import json
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


def main() -> None:
    """Write the document down."""
    text = json.dumps(current(), indent=1, sort_keys=True, ensure_ascii=False)
    SNAPSHOT.write_text(f"{text}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
