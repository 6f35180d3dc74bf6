"""The command `caseledger` as a process."""

import os
import subprocess
import sys


def _run(*arguments: str, **settings: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [*_COMMAND, *arguments],
        env=_environment(**settings),
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
    )


_COMMAND = [sys.executable, "-m", "api.cli"]


def _environment(**settings: str) -> dict[str, str]:
    return {**os.environ, **{f"CASELEDGER_{name}": value for name, value in settings.items()}}
