"""nuopc.runconfig: what the NUOPC driver and its components read, in place of drv_in.

Source of the format: CIME/namelist.py writes it for ESMF's class Config. Long lists of values go on
in the next line, after a comma:

    component_list: ATM OCN MED
    ALLCOMP_attributes::
         case_name = b.e30
         flds_co2a = .false.
    ::
"""

import re
from collections.abc import Iterator

from ingest.archives.content import text_lines
from ingest.cases.parsers.fortran_literals import Value, is_plain_logical, literal
from ingest.cases.parsers.incremental import Variables
from ingest.cases.parsers.not_understood import Report, ignore
from models.configuration.keys import join_key
from models.errors import ParseError

FILE = "nuopc_runconfig"
_TABLE = re.compile(r"(?P<name>[A-Za-z][\w.-]*+)::")
_END = "::"
_LABEL = re.compile(r"(?P<name>[A-Za-z][\w.-]*+):(?!:)\s*+(?P<value>.*)")
_SETTING = re.compile(r"(?P<name>[A-Za-z][\w.-]*+)\s*+=\s*+(?P<value>.*)")
_COMMENT = re.compile(r"(?:^|\s)#.*")
_QUOTES = "\"'"
_LOGICALS = frozenset({".true.", ".false.", "true", "false"})  # a single letter is text
_MAX_VALUES = 100_000


def parse_nuopc_runconfig(content: bytes, report: Report = ignore) -> Variables:
    """Return the values by delta key, `nuopc_runconfig.TABLE.name`; labels belong to no table.

    The notation of a value decides on its type; several with commas are a list. A later value of
    the same name counts. Raise ParseError `too_many_values`, or `conflict` when a label is also the
    name of a table.
    """
    variables: Variables = {}
    tables: set[str] = set()
    table = ""
    for number, line in _logical_lines(content):
        opened = _TABLE.fullmatch(line)
        setting = (_SETTING if table else _LABEL).fullmatch(line)
        if opened is not None and not table:
            table = opened["name"]
            tables.add(join_key(FILE, table))
        elif line == _END and table:
            table = ""
        elif setting is not None:
            names = (table, setting["name"]) if table else (setting["name"],)
            variables[join_key(FILE, *names)] = _value(setting["value"].strip())
        else:
            report(number, line)
    if table:
        report(0, f"the table {table} has no end")
    _refuse_conflicts(variables, tables)
    return variables


def _refuse_conflicts(variables: Variables, tables: set[str]) -> None:
    if len(variables) > _MAX_VALUES:
        raise ParseError("too_many_values", f"there are more than {_MAX_VALUES} values")
    both = sorted(tables & variables.keys())
    if both:
        raise ParseError("conflict", f"{both[0][:80]} is a value and a table")


def _logical_lines(content: bytes) -> Iterator[tuple[int, str]]:
    """Yield number and text of the lines that say something; one with a comma last goes on."""
    parts: list[str] = []
    first = 0
    for number, raw in enumerate(text_lines(content), 1):
        line = _COMMENT.sub("", raw).strip()
        if not line:
            continue
        first = first if parts else number
        parts.append(line)
        if not line.endswith(","):
            yield first, " ".join(parts)
            parts = []
    if parts:
        yield first, " ".join(parts)


def _value(text: str) -> object:
    if len(text) > 1 and text[0] in _QUOTES and text.find(text[0], 1) == len(text) - 1:
        return text[1:-1]
    values = [_single(part.strip()) for part in text.split(",")]
    return values if len(values) > 1 else values[0]


def _single(text: str) -> object:
    value = _typed(text) if text else None
    return text if isinstance(value, bool) and text.lower() not in _LOGICALS else value


def _typed(text: str) -> Value:
    """Return a value in the type of its notation; a word that begins like a logical is text."""
    value = literal(text)
    is_word = type(value) is bool and not is_plain_logical(text)
    return text if value is None or is_word else value
