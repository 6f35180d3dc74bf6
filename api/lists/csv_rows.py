"""Rows of CSV that no spreadsheet program evaluates as formulas."""

import csv
import io
from collections.abc import Iterable
from typing import Any

import orjson

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")  # noqa: RUF001


def csv_row(values: Iterable[Any]) -> str:
    """Return one line of CSV. Null is an empty cell; a list or map is JSON.

    A text that begins like a formula is prefixed with an apostrophe, and so is a text that begins
    with an apostrophe. So removing one leading apostrophe restores the text.
    """
    line = io.StringIO()
    csv.writer(line, lineterminator="\r\n").writerow([_cell(value) for value in values])
    return line.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        return f"'{value}" if value.startswith(_FORMULA) else value
    return orjson.dumps(value, option=orjson.OPT_UTC_Z | orjson.OPT_NAIVE_UTC).decode().strip('"')
