"""replay.sh: the commands that made and changed the case, in the order of their use.

Source of the format: CIME's case.record_cmd, a bash script with one command to a line.
"""

import re

from ingest.archives.content import text_lines
from models.redaction.text import masked_text

_MOST = 1000
_LONGEST = 4096
_CONTINUED = re.compile(rb"\\\r?\n")
_NOT_COMMANDS = ("#", "set ", "CASEDIR=", "cd ")


def parse_replay_sh(content: bytes) -> list[str]:
    """Return the commands, of many the last ones, with credentials masked.

    A command that goes on in the next line, after a backslash, is told as one.
    """
    lines = (line.strip() for line in text_lines(_CONTINUED.sub(b" ", content)))
    commands = [line for line in lines if line and not line.startswith(_NOT_COMMANDS)]
    return [masked_text(command)[:_LONGEST] for command in commands[-_MOST:]]
