"""`python -m api.bench`, which is the same as `caseledger-bench`."""

from api.bench import main

main()
