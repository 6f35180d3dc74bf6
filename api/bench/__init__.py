"""`caseledger-bench`: measures Caseledger against floors, as ratios within one run."""


def main() -> None:
    """Run the benchmark command."""
    from api.bench.app import app
    from ingest.concurrency.gc_tuning import tune_garbage_collector

    tune_garbage_collector()  # as the program itself does
    app()
