"""seq_maps.rc: the mapping files of the coupler.

Source of the format: CIME's driver writes `  atm2ice_fmapname: "…"`, one a line.
"""

import re

from ingest.archives.content import text_lines
from ingest.cases.parsers.incremental import Variables
from models.configuration.keys import join_key

FILE = "seq_maps"
_LINE = re.compile(r"(?P<name>[A-Za-z]\w*)\s*:\s*(?P<value>.*)")
_QUOTES = "\"'"


def parse_seq_maps(content: bytes) -> Variables:
    """Return the values by delta key, in the order of the file; the last of one name counts."""
    lines = (_LINE.fullmatch(line.strip()) for line in text_lines(content))
    return {
        join_key(FILE, line["name"].lower()): line["value"].strip().strip(_QUOTES) or None
        for line in lines
        if line is not None
    }
