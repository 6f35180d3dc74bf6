"""Where the project lies, and real files beside it, if there are any."""

import os
from pathlib import Path

ROOT = Path(__file__).parents[2]

REAL_DATA = Path(os.environ.get("CASELEDGER_TEST_DATA", ROOT.parent / "shared" / "data"))
"""Real files for tests that are skipped where they are not at hand."""
