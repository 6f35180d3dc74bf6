"""The benchmark of builds, at sizes that tell nothing: it runs, and checks what it is answered."""

from pathlib import Path

import pytest

from api.bench.builds import measure_builds, synthetic_log, synthetic_manifest


@pytest.mark.slow
def test_the_benchmark_of_builds_runs_on_no_other_server_than_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    nowhere = "mongodb://127.0.0.1:1/"
    (tmp_path / "url").write_text(nowhere)
    monkeypatch.setenv("CASELEDGER_MONGODB_URL", nowhere)
    monkeypatch.setenv("CASELEDGER_MONGODB_URL_FILE", str(tmp_path / "url"))
    figures = measure_builds([1], [3])
    assert figures["logs"][0]["peakMiB"] > 1
    assert figures["manifests"][0]["files"] == 3
    assert figures["parser"][0]["warnings"] > 100
    assert figures["logLastToFirst"] == figures["manifestLastToFirst"] == 1


def test_what_is_sent_has_the_size_that_is_asked_for() -> None:
    assert 2**21 <= sum(map(len, synthetic_log(2))) < 2**21 + 20_000
    paths = [entry["path"] for entry in synthetic_manifest(1000)]
    assert paths == sorted(set(paths))
