"""seq_maps.rc: the mapping files of the coupler.

Source of the format: CIME's driver writes lines of the form `  atm2ice_fmapname: "…"`.
"""

import re

from ingest.archives.content import text_lines
from ingest.cases.parsers.incremental import Variables
from ingest.cases.parsers.not_understood import Report, ignore
from models.configuration.keys import join_key

FILE = "seq_maps"
_LINE = re.compile(r"(?P<name>[A-Za-z]\w*)\s*:\s*(?P<value>.*)")
_QUOTES = "\"'"
_COMMENTS = ("#", "!")


def parse_seq_maps(content: bytes, report: Report = ignore) -> Variables:
    """Return the values by delta key, in file order; the last line with a name counts."""
    variables: Variables = {}
    for number, text in enumerate(text_lines(content), 1):
        stripped = text.strip()
        line = _LINE.fullmatch(stripped)
        if line is not None:
            value = line["value"].strip().strip(_QUOTES) or None
            variables[join_key(FILE, line["name"].lower())] = value
        elif stripped and not stripped.startswith(_COMMENTS):
            report(number, stripped)
    return variables
