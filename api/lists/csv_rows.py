"""Rows of CSV that a spreadsheet cannot take for formulas. Pure."""

import csv
import io
from collections.abc import Iterable
from typing import Any

import orjson

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")  # noqa: RUF001


def csv_row(values: Iterable[Any]) -> str:
    """Return one line. Null is empty; a list or map is JSON.

    A text that begins like a formula gets an apostrophe before it, and so does one that begins
    with an apostrophe: without the first one, it is the text again.
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
