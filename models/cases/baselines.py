"""Baselines: the executions that an execution is compared with, and its differences to them. Pure.

    canonical   the first successful execution of the case, or the pinned one
    lineage     the first successful execution of the same creation of the case (CASE_HASH)
    previous    the last execution before it whose configuration is known
    <id>        any execution of the case

Only differences to the canonical execution are stored. Those to another one are computed from the
two configurations that the stored differences give back.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from models.cases.configurations import Configurations
from models.cases.execution import Execution
from models.configuration.delta import Delta, diff
from models.configuration.rules import DeltaRules
from models.configuration.values import Configuration
from models.errors import DamagedError

CANONICAL = "canonical"
LINEAGE = "lineage"
PREVIOUS = "previous"
WORDS = (CANONICAL, LINEAGE, PREVIOUS)


@dataclass(frozen=True, slots=True)
class Differences:
    """The differences of a configuration to a baseline, split by what they mean.

    The fields are those of `Execution`: `changed` is what `run_config_deltas` holds.
    """

    changed: Delta
    expected: Delta
    repeats: Delta


def differences(
    baseline: Configuration,
    current: Configuration,
    rules: DeltaRules,
    unread: Collection[str] = (),
) -> Differences:
    """Return the differences of `current`, without its `unread` files, to a baseline."""
    return split_delta(diff(baseline, current, unread), baseline, current, rules)


def split_delta(
    delta: Delta, baseline: Configuration | None, current: Configuration | None, rules: DeltaRules
) -> Differences:
    """Return the parts of a delta between two configurations, by what the rules say of them."""
    changes, repeats = rules.derivation.split_repeats(delta)
    files = (side.files.keys() if side is not None else () for side in (baseline, current))
    changed, expected = rules.variation.split(changes, *files)
    return Differences(changed, expected, repeats)


def baseline_id(case: Mapping[str, Any], execution: Mapping[str, Any], baseline: str) -> str | None:
    """Return the id of the execution that `baseline` names for an execution, None without one.

    `case` needs `canonicalExecutionId` and `lineages`, `execution` its `caseHash` and
    `previousExecutionId`, as they are stored.
    """
    if baseline == CANONICAL:
        named = case["canonicalExecutionId"]
    elif baseline == PREVIOUS:
        named = execution.get("previousExecutionId")
    elif baseline == LINEAGE:
        same = (item for item in case["lineages"] if item["caseHash"] == execution["caseHash"])
        named = next((item.get("canonicalExecutionId") for item in same), None)
    else:
        named = baseline
    return None if named is None else str(named)


def with_previous(
    executions: Sequence[Execution], configurations: Configurations
) -> Iterable[Execution]:
    """Yield the executions, in their order, with what each changed since the one before it.

    That is computed only where one of the two has a new configuration, or another is the one before
    it. An execution whose configuration is unknown, or can no longer be rebuilt, is passed over.
    """
    previous: Execution | None = None
    for execution in executions:
        if configurations.is_lost(execution.execution_id):
            yield execution
            continue
        if not execution.has_configuration:
            yield _since(execution, None, [])
            continue
        if previous is None:
            yield _since(execution, None, [])
        elif _is_up_to_date(execution, previous, configurations):
            yield execution
        else:
            yield _compared(execution, previous, configurations)
        previous = execution


def _is_up_to_date(
    execution: Execution, previous: Execution, configurations: Configurations
) -> bool:
    return execution.previous_execution_id == previous.execution_id and not (
        configurations.is_new(execution.execution_id)
        or configurations.is_new(previous.execution_id)
    )


def _compared(
    execution: Execution, previous: Execution, configurations: Configurations
) -> Execution:
    try:
        before, current = configurations.of(previous), configurations.of(execution)
    except DamagedError:  # `verify` reports it, and this is computed when it is repaired
        return _since(execution, None, [])
    if before is None or current is None:
        return _since(execution, None, [])
    found = differences(before, current, configurations.rules, execution.unread_files)
    return _since(execution, previous.execution_id, sorted(found.changed))


def _since(execution: Execution, previous_id: str | None, changed: list[str]) -> Execution:
    is_known = (execution.previous_execution_id, execution.changed_since_previous) == (
        previous_id,
        changed,
    )
    if is_known:
        return execution
    update = {"previous_execution_id": previous_id, "changed_since_previous": changed}
    return execution.model_copy(update=update)
