"""Observations of executions, merged into cases."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from models.cases.case import CaseRecord
from models.cases.merge import Merged, merge
from models.cases.observation import Observation
from tests.support.executions import KEY, RULES, observation

NOW = datetime(2025, 1, 1, tzinfo=UTC)
FIRST, SECOND, THIRD = "999999.250101-000000", "1000000.250101-000000", "1.250101-000001"
BASE = {"compiler": "gnu", "env_run.ATM_NCPL": 48, "env_run.STOP_N": 5}


def case_of(*batches: Iterable[Observation]) -> CaseRecord:
    return folded(*batches).case


def success(lid: str, configuration: Mapping[str, Any] | None = BASE, **fields: Any) -> Observation:
    return observation(lid, configuration, **fields)


def failure(lid: str, configuration: Mapping[str, Any] | None = BASE, **fields: Any) -> Observation:
    given = {"complete": False, "status": "unknown", "missing": ["CaseStatus"]} | fields
    return observation(lid, configuration, **given)


LIDS = [f"{n}.2501{n:02}-000000" for n in range(1, 13)]


def folded(*batches: Iterable[Observation], case: CaseRecord | None = None) -> Merged:
    result = None
    for batch in batches:
        result = merge(case, KEY, batch, NOW, RULES)
        case = CaseRecord.model_validate(result.case.stored())
    assert result is not None
    return result
