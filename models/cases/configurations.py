"""The full configuration of an execution, which is stored for one and as differences for others."""

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


class Configurations:
    """The full configuration of every execution, rebuilt only when it is asked for.

    `rules` tell what their differences mean.
    """

    def __init__(self, case: CaseRecord | None, rules: DeltaRules) -> None:
        self.rules = rules
        self._case = case
        self._new: dict[str, Configuration | None] = {}
        self._lost: set[str] = set()

    def put(self, execution_id: str, configuration: Configuration | None) -> None:
        """Take the configuration of an execution that is new or seen better than before."""
        self._new[execution_id] = configuration

    def is_new(self, execution_id: str | None) -> bool:
        """Tell whether the execution's configuration comes from this fold."""
        return execution_id in self._new

    def lose(self, execution_id: str) -> None:
        """Leave the deltas of an execution as they are: they are damaged, and it is known."""
        self._lost.add(execution_id)

    def is_lost(self, execution_id: str) -> bool:
        """Tell whether the execution's configuration cannot be had."""
        return execution_id in self._lost

    def of(self, execution: Execution) -> Configuration | None:
        """Return the configuration of an execution, None when it could not be read.

        DamagedError when what is stored does not give it any more: nothing is made of damage.
        """
        own_id = execution.execution_id
        if own_id in self._new:
            return self._new[own_id]
        if self._case is None or not execution.has_configuration:
            return None
        base_id, base = self.base
        if own_id == base_id:
            return base
        try:
            found = execution_configuration(execution, base_id, base)
        except (AttributeError, KeyError, TypeError) as error:
            raise _lost(own_id, f"its deltas cannot be read: {error!r}") from None
        if found is None or not is_sound(execution, found):
            raise _lost(own_id, "its deltas do not give the configuration that was read")
        return found

    @cached_property
    def base(self) -> tuple[str | None, Configuration | None]:
        """The configuration that the case holds, and whose it is, by its digest.

        DamagedError when it is that of no execution.
        """
        case = self._case
        if case is None or case.configuration is None:
            if case is not None and any(e.has_configuration for e in case.executions):
                raise DamagedError("lost", f"case {case.name}: its configuration is not there")
            return None, None
        base = Configuration.from_stored(case.configuration)
        preferred = (case.configuration_of, case.canonical_execution_id)
        by_preference = sorted(
            (e for e in case.executions if e.has_configuration),
            key=lambda e: [e.execution_id != own_id for own_id in preferred],
        )
        for execution in by_preference:
            is_named = execution.execution_id == case.configuration_of
            is_told = is_named or execution.configuration_digest is not None
            if is_told and is_sound(execution, base):
                return execution.execution_id, base
        told = f"case {case.name}: its configuration is not that of {case.configuration_of}"
        raise DamagedError("lost", told)


def _lost(execution_id: str, detail: str) -> DamagedError:
    return DamagedError("lost", f"execution {execution_id}: {detail}")


def is_sound(execution: Execution, configuration: Configuration) -> bool:
    """Tell whether this is the execution's configuration, as far as its digest is recorded."""
    own = execution.configuration_digest
    return own is None or own == digest_configuration(configuration, execution.unread_files)
