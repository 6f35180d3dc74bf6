"""The benchmarks of the import, at sizes that tell nothing: they run, and count what there is."""

import pytest

from api.bench.growth import measure_growth
from api.bench.importing import measure_import
from api.bench.memory import measure_memory
from api.bench.sample_source import SampleSource
from ingest.cases.sources import base
from ingest.sample import SampleArchive, SampleOptions


@pytest.mark.slow
async def test_an_import_is_measured_beside_its_floors() -> None:
    figures = await measure_import(cases=2, executions=2, jobs=1, rounds=1)
    assert (figures["executions"], figures["jobs"]) == (4, 1)
    assert figures["files"] > 4 * 30
    assert figures["seconds"].keys() == {"floor", "first", "second", "walk"}
    seconds = figures["seconds"]
    assert figures["firstToFloor"] == seconds["first"] / seconds["floor"]
    assert figures["secondToFirst"] == seconds["second"] / seconds["first"]
    assert figures["secondToWalk"] == seconds["second"] / seconds["walk"]


@pytest.mark.slow
def test_memory_is_that_of_all_processes() -> None:
    figures = measure_memory([5, 10], jobs=1)
    assert [one["executions"] for one in figures["sizes"]] == [5, 10]
    assert all(one["peakMiB"] > 50 for one in figures["sizes"])


@pytest.mark.slow
async def test_growth_is_measured_at_each_size() -> None:
    figures = await measure_growth([6, 2], 2)
    assert [one["executions"] for one in figures["sizes"]] == [2, 6]
    assert all(one["milliseconds"] > 0 for one in figures["sizes"])


def test_a_made_source_holds_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base, "_BATCH_SIZE", 2)
    archive = SampleArchive(SampleOptions(cases=4, executions=2, failures=False))
    source = SampleSource(archive)
    sizes = []
    for batch in source.batches():
        found = [source.list_files(place) for place in batch]
        wanted = [each for each in found[1:] if each]  # the first one is known already
        assert [found for found, _ in source.read(wanted, 2**20)] == wanted
        sizes.append((len(batch), len(source._files)))
    assert [size for size, _ in sizes] == [2, 2, 2, 2]
    assert max(held for _, held in sizes) <= 2
