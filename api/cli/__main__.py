"""`python -m api.cli` is `caseledger`."""

from api.cli import main

main()
