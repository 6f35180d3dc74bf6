"""`caseledger-bench`: measurements of Caseledger as ratios to lower bounds within one run."""


def main() -> None:
    """Run the benchmark command."""
    from api.bench.app import app
    from ingest.concurrency.gc_tuning import tune_garbage_collector

    tune_garbage_collector()  # as `caseledger` does
    app()
