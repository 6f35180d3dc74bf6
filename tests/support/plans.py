"""The stages of query plans."""

from collections.abc import Iterator
from typing import Any


def stages(plan: dict[str, Any]) -> Iterator[str]:
    yield plan["stage"]
    for child in [*plan.get("inputStages", ()), *filter(None, [plan.get("inputStage")])]:
        yield from stages(child)
