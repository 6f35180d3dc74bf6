"""`caseledger-bench`: measures Caseledger against floors, as ratios within one run."""


def main() -> None:
    """Run the benchmark command."""
    from api.bench.app import app
    from ingest.concurrency.gc_tuning import collect_seldom

    collect_seldom()  # as the program itself does
    app()
