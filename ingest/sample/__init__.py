"""A made E3SM performance archive in the real format, with the truth about it."""

from ingest.sample.archive import SampleArchive, write_files
from ingest.sample.truth import (
    DERIVED,
    SampleCase,
    SampleChange,
    SampleExecution,
    SampleFile,
    SampleOptions,
)

__all__ = [
    "DERIVED",
    "SampleArchive",
    "SampleCase",
    "SampleChange",
    "SampleExecution",
    "SampleFile",
    "SampleOptions",
    "write_files",
]
