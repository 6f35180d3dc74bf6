"""The resources that have lists, by name, each with the table of its fields."""

from collections.abc import Mapping

from models.builds.build_fields import BUILDS
from models.cases.case_fields import CASES
from models.cases.execution_fields import EXECUTIONS
from models.fields import FieldTable
from models.specs.spec_fields import SPECS

RESOURCES: Mapping[str, FieldTable] = {
    table.resource: table for table in (CASES, EXECUTIONS, BUILDS, SPECS)
}
