"""The 13 metadata fields of an execution, and the env XML variables that some are read from."""

from collections.abc import Mapping
from typing import Any

METADATA_FIELDS: dict[str, str | None] = {
    "compset": None,
    "compset_alias": "env_case.COMPSET",
    "grid_name": None,
    "grid_resolution": "env_build.GRID",
    "initialization_type": "env_run.RUN_TYPE",
    "compiler": "env_build.COMPILER",
    "git_tag": None,
    "git_commit_hash": None,
    "git_branch": None,
    "git_repository_url": None,
    "campaign": None,
    "experiment_type": None,
    "simulation_type": None,
}
"""The variable, by delta key, whose value a field has whenever that variable is set.

Fields without a variable are read from README.case (`compset`, `grid_name`), the git files, or the
name of the case (`campaign`, `experiment_type`). The field names are those of the user
specification: `compset` is the short alias, `compset_alias` the long name.
"""

VARIABLE_FIELDS: dict[str, str] = {
    variable: field for field, variable in METADATA_FIELDS.items() if variable is not None
}
"""The inverse of that table: the metadata field that represents a variable."""


def metadata_values(configuration: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata fields of a configuration by delta key, None where it has no value."""
    return {field: configuration.get(field) for field in METADATA_FIELDS}
