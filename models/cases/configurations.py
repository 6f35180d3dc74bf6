"""The full configurations of the executions of a case: one is stored, the others as differences.

    case.configuration  (that of execution `configuration_of`, the base)
        ├── + deltas of execution 1   ->  configuration of execution 1
        ├── + deltas of execution 2   ->  configuration of execution 2
        └── …

The digest that each execution records shows whether a rebuilt configuration is the one that was
read.
"""

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from models.cases.case import CaseRecord
from models.cases.execution import Execution
from models.configuration.delta import Delta, apply_delta, flatten_delta
from models.configuration.digest import digest_configuration
from models.configuration.rules import DeltaRules
from models.configuration.values import Configuration
from models.errors import DamagedError


def execution_configuration(
    execution: Execution, base_id: str | None, base: Mapping[str, Any] | None
) -> Configuration | None:
    """Return an execution's configuration, rebuilt; None when it could not be read.

    It does not have the files that could not be read, whose contents are unknown.
    `base` is the configuration of the execution `base_id`: `configuration` and `configurationOf`
    of the case.
    """
    if not execution.has_configuration or base is None:
        return None
    if execution.execution_id == base_id:
        return Configuration.of(base)
    rebuilt = apply_delta(base, whole_delta(execution))
    return rebuilt.without_files(execution.unread_files)


def whole_delta(execution: Execution) -> Delta:
    """Return all differences that are stored for an execution, by delta key."""
    delta: Delta = {}
    for stored in (
        execution.run_config_deltas,
        execution.expected_variation,
        execution.repeated_deltas,
        execution.provisional_deltas,
    ):
        delta |= flatten_delta(stored or {})
    return delta


class Configurations:
    """The full configuration of every execution of a case, rebuilt only on request.

    `case` is the case as it is stored, None when it is new. `rules` decide what differences mean.
    """

    def __init__(self, case: CaseRecord | None, rules: DeltaRules) -> None:
        self.rules = rules
        self._case = case
        self._new: dict[str, Configuration | None] = {}
        self._lost: set[str] = set()

    def put(self, execution_id: str, configuration: Configuration | None) -> None:
        """Set the configuration of an execution that is new or better known than before."""
        self._new[execution_id] = configuration

    def is_new(self, execution_id: str | None) -> bool:
        """Return whether the execution's configuration was `put`, so that it needs new deltas."""
        return execution_id in self._new

    def mark_lost(self, execution_id: str) -> None:
        """Keep the deltas of an execution unchanged: they are known to be damaged."""
        self._lost.add(execution_id)

    def is_lost(self, execution_id: str) -> bool:
        """Return whether the execution's configuration cannot be rebuilt."""
        return execution_id in self._lost

    def of(self, execution: Execution) -> Configuration | None:
        """Return the configuration of an execution, None when it could not be read.

        Raise DamagedError when it cannot be rebuilt from what is stored: nothing is derived from
        damaged deltas.
        """
        execution_id = execution.execution_id
        if execution_id in self._new:
            return self._new[execution_id]
        if self._case is None or not execution.has_configuration:
            return None
        base_id, base = self.base
        if execution_id == base_id:
            return base
        try:
            configuration = execution_configuration(execution, base_id, base)
        except (AttributeError, KeyError, TypeError) as error:
            detail = f"its deltas cannot be read: {error!r}"
            raise lost_configuration(execution_id, detail) from None
        if configuration is None or not is_sound(execution, configuration):
            detail = "its deltas do not reproduce the configuration that was read"
            raise lost_configuration(execution_id, detail)
        return configuration

    @cached_property
    def base(self) -> tuple[str | None, Configuration | None]:
        """The stored configuration and the execution it belongs to, established by digest.

        Both are None when the case has no configuration. Raise DamagedError when the stored
        configuration is missing, or is that of no execution.
        """
        case = self._case
        if case is None or case.configuration is None:
            if case is not None and any(e.has_configuration for e in case.executions):
                raise DamagedError("lost", f"case {case.name}: its configuration is missing")
            return None, None
        base = Configuration.from_stored(case.configuration)
        preferred = (case.configuration_of, case.canonical_execution_id)
        by_preference = sorted(
            (e for e in case.executions if e.has_configuration),
            key=lambda e: [e.execution_id != execution_id for execution_id in preferred],
        )
        for execution in by_preference:
            # Without a digest, only the execution that the case names is taken at its word.
            is_named = execution.execution_id == case.configuration_of
            can_be_base = is_named or execution.configuration_digest is not None
            if can_be_base and is_sound(execution, base):
                return execution.execution_id, base
        detail = f"case {case.name}: its configuration is not that of {case.configuration_of}"
        raise DamagedError("lost", detail)


def lost_configuration(execution_id: str, detail: str) -> DamagedError:
    """Return the error for an execution whose configuration cannot be rebuilt."""
    return DamagedError("lost", f"execution {execution_id}: {detail}")


def is_sound(execution: Execution, configuration: Configuration) -> bool:
    """Return whether a configuration has the digest that the execution records, if it has one."""
    digest = execution.configuration_digest
    return digest is None or digest == digest_configuration(configuration, execution.unread_files)
