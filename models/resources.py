"""The resources that have lists, each with the table of its fields."""

from collections.abc import Mapping

from models.case_fields import CASES
from models.execution_fields import EXECUTIONS
from models.fields import Table

RESOURCES: Mapping[str, Table] = {table.resource: table for table in (CASES, EXECUTIONS)}
