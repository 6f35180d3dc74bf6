"""`python -m api.bench` is `caseledger-bench`."""

from api.bench import main

main()
