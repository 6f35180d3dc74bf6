"""The versions of the installed Caseledger and of its schema."""

from importlib.metadata import version
from typing import Final

VERSION: Final = version("caseledger")

SCHEMA_VERSION: Final = 2
"""The version of the collections and indexes; a database that has it is not checked again."""
