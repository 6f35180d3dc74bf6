"""`caseledger-bench`: measures Caseledger against floors, as ratios within one run."""


def main() -> None:
    """Run the benchmark command."""
    from api.bench.app import app

    app()
