"""Mending damaged deltas from what the listed executions hold of them. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from models.cases.case import CaseRecord
from models.cases.configurations import Configurations, is_sound
from models.cases.execution import Execution
from models.cases.listed_execution import listed_id
from models.configuration.delta import diff, flatten_delta
from models.configuration.keys import flatten
from models.configuration.values import Configuration
from models.errors import DamagedError

Json = Mapping[str, Any]


def restore_configurations(
    case: CaseRecord, case_id: str, configurations: Configurations, listed: Mapping[str, Json]
) -> Iterator[tuple[str, str]]:
    """Put in the configurations that deltas do not give any more; give what is lost, and why.

    `listed` are the listed executions by id: their `overrides` and `unset` hold again what the
    deltas hold. DamagedError when the configuration of the case itself is damaged.
    """
    base_id, base = configurations.base
    if base is None:
        return
    for execution in case.executions:
        own_id = execution.execution_id
        if own_id == base_id or not execution.has_configuration:
            continue
        try:
            found = configurations.of(execution)
        except DamagedError as error:
            found, reason = None, str(error)
        else:
            reason = f"execution {own_id}: its deltas and what is recorded of them disagree"
        if found is not None and _is_told(execution, found):
            continue
        restored = _from_listing(base, listed.get(listed_id(case_id, own_id)))
        if restored is not None and _is_right(execution, base, restored):
            configurations.put(own_id, restored)
        elif found is None or execution.configuration_digest is None:
            configurations.lose(own_id)
            yield own_id, reason


def _is_told(execution: Execution, found: Configuration) -> bool:
    """Tell whether a rebuilt configuration is right: by its digest, or else by what has changed."""
    if execution.configuration_digest is not None:
        return is_sound(execution, found)
    changed = sorted(flatten_delta(execution.run_config_deltas or {}))
    return changed == execution.changed and len(changed) == (execution.change_count or 0)


def _is_right(execution: Execution, base: Configuration, restored: Configuration) -> bool:
    if execution.configuration_digest is not None:
        return is_sound(execution, restored)
    return set(execution.changed) <= diff(base, restored, execution.unread_files).keys()


def _from_listing(base: Configuration, listed: Json | None) -> Configuration | None:
    if listed is None:
        return None
    overrides, unset = listed.get("overrides"), listed.get("unset")
    if not isinstance(overrides, Mapping) or not isinstance(unset, list):
        return None
    values = {key: value for key, value in base.items() if key not in unset}
    return Configuration.of(values | flatten(overrides))
