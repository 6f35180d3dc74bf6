"""Restoring configurations with damaged deltas from the listed executions. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

from models.cases.case import CaseRecord
from models.cases.configurations import Configurations, is_sound
from models.cases.execution import Execution
from models.cases.listed_execution import listed_configuration, listed_id
from models.configuration.delta import diff, flatten_delta
from models.configuration.values import Configuration
from models.errors import DamagedError

Json = Mapping[str, Any]


def restore_configurations(
    case: CaseRecord, case_id: str, configurations: Configurations, listed: Mapping[str, Json]
) -> Iterator[tuple[str, str]]:
    """Put the configurations that deltas no longer give into `configurations`.

    Mark those that cannot be restored as lost, and yield their execution ids with the reasons.
    `listed` are the listed executions by id: their `overrides` and `unset` contain the differences
    a second time. Raise DamagedError when the configuration of the case itself is damaged.
    """
    base_id, base = configurations.base
    if base is None:
        return
    for execution in case.executions:
        execution_id = execution.execution_id
        if execution_id == base_id or not execution.has_configuration:
            continue
        try:
            rebuilt = configurations.of(execution)
        except DamagedError as error:
            rebuilt, reason = None, str(error)
        else:
            reason = f"execution {execution_id}: its deltas and their recorded keys disagree"
        if rebuilt is not None and _is_rebuilt(execution, rebuilt):
            continue
        restored = _from_listing(base, listed.get(listed_id(case_id, execution_id)))
        if restored is not None and _is_restored(execution, base, restored):
            configurations.put(execution_id, restored)
        elif rebuilt is None or execution.configuration_digest is None:
            configurations.mark_lost(execution_id)
            yield execution_id, reason


def _is_rebuilt(execution: Execution, rebuilt: Configuration) -> bool:
    """Return whether a rebuilt configuration is right: by its digest, or else the changed keys."""
    if execution.configuration_digest is not None:
        return is_sound(execution, rebuilt)
    changed = sorted(flatten_delta(execution.run_config_deltas or {}))
    return changed == execution.changed and len(changed) == (execution.change_count or 0)


def _is_restored(execution: Execution, base: Configuration, restored: Configuration) -> bool:
    """Return whether a restored configuration is right, or at least has all changed keys."""
    if execution.configuration_digest is not None:
        return is_sound(execution, restored)
    return set(execution.changed) <= diff(base, restored, execution.unread_files).keys()


def _from_listing(base: Configuration, listed: Json | None) -> Configuration | None:
    """Return the configuration that a listed execution gives, None when it has no valid fields."""
    if listed is None:
        return None
    overrides, unset = listed.get("overrides"), listed.get("unset")
    if not isinstance(overrides, Mapping) or not isinstance(unset, list):
        return None
    return listed_configuration(base, overrides, unset)
