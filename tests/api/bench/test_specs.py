"""The benchmarks run on tiny sizes; what they measure is not for tests."""

from pathlib import Path

import pytest

from api.bench.specs import measure_specs
from ingest.sample.specs import SpecSampleOptions, sample_bytes


@pytest.mark.slow
async def test_specs_are_measured(tmp_path: Path) -> None:
    for number, made in enumerate(sample_bytes(SpecSampleOptions(3))):
        (tmp_path / f"{number}.spec.json").write_bytes(made)
    found = await measure_specs(8, [40], tmp_path, rounds=1)
    assert found["upload"]["nodes"] == 8
    assert found["upload"]["statements"]["known"] == {"all": 1, "find": 1}
    assert found["upload"]["statements"]["new"]["insert"] == 1
    (search,) = found["search"]
    assert search["indexes"] == ["dependency"]
    assert search["found"] == search["documentsExamined"] > 0
    assert {"askedToByHand", "milliseconds"} == search["all"].keys() == search["first"].keys()
    imported = found["import"]
    assert (imported["documents"], imported["rejected"], imported["unchangedAgain"]) == (3, 0, 3)
    assert imported["bytesPerSpec"]["data"] > 0
