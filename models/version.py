"""The versions of the installed Caseledger and of its schema."""

from importlib.metadata import version
from typing import Final

VERSION: Final = version("caseledger")

READER_VERSION: Final = 3
"""The version of what is read of an execution's files. An import reads those again that an earlier
version has read."""

SCHEMA_VERSION: Final = 3
"""The version of the collections, indexes and closures of specs. A database that has it is not
checked again."""
