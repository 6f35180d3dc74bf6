#!python
"""The program `caseledger`: puts its own packages first, and runs the command line.

The packages are called `api`, `ingest` and `models`. A directory of PYTHONPATH may hold modules of
the same names, which would be imported instead. An installer copies this file, so it imports
nothing of Caseledger before the path is right.
"""

import os
import sys
from importlib.machinery import PathFinder
from pathlib import Path


def put_own_packages_first() -> None:
    """Make this process, and all that it starts, import the installed packages."""
    others = set(os.environ.get("PYTHONPATH", "").split(os.pathsep))
    others |= {str(Path(__file__).parent), "", str(Path.cwd())}
    installed = [path for path in sys.path if path not in others]
    for name in ("api", "ingest", "models"):
        own, first = PathFinder.find_spec(name, installed), PathFinder.find_spec(name)
        if own is None or first is None or own.origin == first.origin or own.origin is None:
            continue
        root = str(Path(own.origin).parents[1])
        sys.path.insert(0, root)
        os.environ["PYTHONPATH"] = os.pathsep.join(
            [root, *filter(None, [os.environ.get("PYTHONPATH")])]
        )
        return


if __name__ == "__main__":
    put_own_packages_first()

    from api.cli import main

    main()
