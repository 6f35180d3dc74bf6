"""A synthetic E3SM performance archive in the real format, and the facts about it."""

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
