"""The configuration of an execution is rebuilt from what is stored."""

from typing import Any

import pytest

from models.cases.configurations import execution_configuration
from models.cases.execution import Execution
from models.configuration.delta import Delta, diff, nest_delta
from models.configuration.variation import VariationTable

BASE = {"compiler": "gnu", "env_run.STOP_N": 1, "env_run.ATM_NCPL": 48}
OTHER = {"compiler": "gnu", "env_run.STOP_N": 5, "env_run.ATM_NCPL": 96, "env_run.NEW": None}


def execution(**fields: Any) -> Execution:
    lid = "1.250101-000000"
    given: dict[str, Any] = {
        "execution_id": lid, "job_id": "1", "job_number": 1, "lid_time": "2025-01-01T00:00:00",
        "order_key": lid, "status": "completed", "status_source": None, "complete": True,
        "has_configuration": True, "fingerprint": "f", "source_path": "/p", "ingestion_id": "i",
    }  # fmt: skip
    return Execution(**(given | fields))


def stored(delta: Delta) -> dict[str, Any] | None:
    return nest_delta(delta) or None


def test_the_base_has_the_configuration_of_the_case() -> None:
    rebuilt = execution_configuration(execution(), "1.250101-000000", BASE)
    assert rebuilt == BASE


def test_changes_and_expected_variation_are_put_together() -> None:
    changed, expected = VariationTable().split(diff(BASE, OTHER), (), ())
    other = execution(run_config_deltas=stored(changed), expected_variation=stored(expected))
    assert execution_configuration(other, "base", BASE) == OTHER


def test_provisional_deltas_count_as_well() -> None:
    other = execution(provisional_deltas=stored(diff(BASE, OTHER)))
    assert execution_configuration(other, "base", BASE) == OTHER


def test_differences_that_repeat_others_count_as_well() -> None:
    base, own = BASE | {"drv_in.g.atm_ncpl": 48}, OTHER | {"drv_in.g.atm_ncpl": 96}
    delta = diff(base, own)
    repeated = {"drv_in.g.atm_ncpl": delta.pop("drv_in.g.atm_ncpl")}
    other = execution(run_config_deltas=stored(delta), repeated_deltas=stored(repeated))
    assert execution_configuration(other, "base", base) == own


def test_an_execution_that_does_not_differ_has_the_configuration_of_the_base() -> None:
    assert execution_configuration(execution(), "base", BASE) == BASE


@pytest.mark.parametrize(
    ("has_configuration", "base"),
    [
        pytest.param(False, BASE, id="its files could not be read"),
        pytest.param(True, None, id="the case has none"),
    ],
)
def test_what_was_never_read_is_not_made_up(
    has_configuration: bool, base: dict[str, Any] | None
) -> None:
    other = execution(has_configuration=has_configuration)
    assert execution_configuration(other, "base", base) is None
