"""Extended JSON, in and out, as PyMongo's own reader and writer understand it."""

import json
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from bson import json_util

from api.aggregation.errors import PipelineError
from api.aggregation.values import read_value, write_value


@pytest.mark.parametrize(
    "value",
    [
        {"$date": "2025-01-08T01:35:09Z"},
        {"$date": "2025-01-08T01:35:09.123Z"},
        {"$date": "2025-01-08T01:35:09+02:00"},
        {"$date": {"$numberLong": "1736300109123"}},
        {"$date": {"$numberLong": "-1"}},
        {"$numberLong": "9223372036854775807"},
        {"$numberInt": "-5"},
        {"$numberDouble": "0.1"},
        {"$numberDouble": "-Infinity"},
        {"a": [1, "x", None, True, {"b": {"$numberLong": "5"}}]},
    ],
)
def test_values_are_read_as_the_driver_reads_them(value: Any) -> None:
    options = json_util.JSONOptions(tz_aware=True, tzinfo=UTC)
    assert read_value(value, "") == json_util.object_hook({"v": value}, options)["v"] or (
        read_value(value, "") == json_util.loads(json_util.dumps(value), json_options=options)
    )


@pytest.mark.parametrize(
    "value",
    [
        {"$date": "yesterday"},
        {"$date": "2025-01-08T01:35:09"},
        {"$date": 5},
        {"$date": {"$numberLong": "99999999999999999"}},
        {"$date": {"$numberInt": "5"}},
        {"$numberLong": "9223372036854775808"},
        {"$numberLong": 5},
        {"$numberLong": "9" * 5000},
        {"$numberInt": "2147483648"},
        {"$numberDouble": "x"},
        {"$oid": "5f"},
        {"$date": "2025-01-08T01:35:09Z", "$x": 1},
    ],
)
def test_what_is_no_value_is_refused(value: Any) -> None:
    with pytest.raises(PipelineError):
        read_value({"a": [value]}, "pipeline")


def test_values_are_written_as_the_driver_reads_them() -> None:
    document = {
        "a": datetime(2025, 1, 8, 1, 35, 9, tzinfo=UTC),
        "b": [datetime(2025, 1, 8, 1, 35, 9, 123000, tzinfo=UTC), 2**62, 0.5, None, True, "x"],
        "c": {"inf": math.inf, "minus": -math.inf},
    }
    options = json_util.JSONOptions(tz_aware=True, tzinfo=UTC)
    text = json.dumps(write_value(document), allow_nan=False)
    assert json_util.loads(text, json_options=options) == document
    assert write_value(math.nan) == {"$numberDouble": "NaN"}
    assert write_value(document)["a"] == {"$date": "2025-01-08T01:35:09Z"}
