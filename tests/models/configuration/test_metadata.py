"""The metadata fields are the thirteen of the specification."""

from models.configuration.metadata import METADATA_FIELDS, VARIABLE_FIELDS, metadata_values


def test_there_are_thirteen_metadata_fields() -> None:
    assert set(METADATA_FIELDS) == {
        "compset", "compset_alias", "grid_name", "grid_resolution", "initialization_type",
        "compiler", "git_tag", "git_commit_hash", "git_branch", "git_repository_url", "campaign",
        "experiment_type", "simulation_type",
    }  # fmt: skip


def test_a_variable_leads_back_to_its_field() -> None:
    assert {METADATA_FIELDS[field] for field in VARIABLE_FIELDS.values()} == set(VARIABLE_FIELDS)


def test_fields_that_a_configuration_lacks_are_null() -> None:
    values = metadata_values({"compiler": "gnu", "env_run.STOP_N": 1})
    assert values == dict.fromkeys(METADATA_FIELDS) | {"compiler": "gnu"}
