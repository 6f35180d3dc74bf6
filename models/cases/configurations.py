"""The full configuration of an execution, which is stored for one and as differences for others."""

from collections.abc import Mapping
from typing import Any

from models.cases.execution import Execution
from models.configuration.delta import Delta, apply_delta, flatten_delta
from models.configuration.values import Configuration


def execution_configuration(
    execution: Execution, base_id: str | None, base: Mapping[str, Any] | None
) -> Configuration | None:
    """Rebuild an execution's configuration; None when it could not be read.

    `base` is the configuration of the execution `base_id`: `configuration` and `configurationOf`
    of the case.
    """
    if not execution.has_configuration or base is None:
        return None
    if execution.execution_id == base_id:
        return Configuration.of(base)
    return apply_delta(base, whole_delta(execution))


def whole_delta(execution: Execution) -> Delta:
    """Return all differences that are stored of an execution, by delta key."""
    delta: Delta = {}
    for stored in (
        execution.run_config_deltas,
        execution.expected_variation,
        execution.repeated_deltas,
        execution.provisional_deltas,
    ):
        delta |= flatten_delta(stored or {})
    return delta
