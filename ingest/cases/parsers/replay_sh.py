"""replay.sh: the commands that created and changed the case, in the order of their use.

Source of the format: CIME's case.record_cmd writes a bash script with one command per line.
"""

import re

from ingest.archives.content import text_lines
from ingest.cases.parsers.not_understood import Report, ignore
from models.redaction.text import masked_text

_MAX_COMMANDS = 1000
_MAX_COMMAND = 4096
_CONTINUED = re.compile(rb"\\\r?\n")
_NOT_COMMANDS = ("#", "set ", "CASEDIR=", "cd ")


def parse_replay_sh(content: bytes, report: Report = ignore) -> list[str]:
    """Return the last 1000 commands at most, with credentials masked.

    Lines that a backslash joins are one command. Every line is taken for one, so nothing is not
    understood but a file that ends within a command.
    """
    if content.rstrip(b"\r\n").endswith(b"\\"):
        report(content.rstrip(b"\r\n").count(b"\n") + 1, "the last command has no end")
    lines = (line.strip() for line in text_lines(_CONTINUED.sub(b" ", content)))
    commands = [line for line in lines if line and not line.startswith(_NOT_COMMANDS)]
    return [masked_text(command)[:_MAX_COMMAND] for command in commands[-_MAX_COMMANDS:]]
