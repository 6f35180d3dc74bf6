"""The digest of a configuration is of what it means."""

from collections.abc import Mapping

import pytest

from models.configuration.delta import apply_delta, diff
from models.configuration.digest import digest_configuration
from models.configuration.values import Configuration

BASE = {"compiler": "gnu", "env_build.COMPILER": "gnu", "env_run.STOP_N": 5, "atm_in.g.x": 1.0}


def digest(values: Mapping[str, object], *unread: str) -> str:
    return digest_configuration(Configuration.of(values), unread)


def test_it_is_the_same_in_every_process() -> None:
    assert digest({"compiler": "gnu"}) == digest_configuration(
        Configuration.from_stored({"compiler": "gnu"})
    )
    assert len(digest(BASE)) == 32


def test_it_is_of_what_values_mean() -> None:
    assert digest(BASE) == digest(BASE | {"env_run.STOP_N": "5", "atm_in.g.x": 1})
    assert digest(BASE) != digest(BASE | {"env_run.STOP_N": 6})
    assert digest(BASE) != digest(BASE | {"env_run.STOP_N": None})
    assert digest(BASE) != digest(BASE | {"env_build.COMPILER": "intel"})


def test_it_is_of_what_metadata_fields_mean() -> None:
    assert digest({"compset": 5}) == digest({"compset": "5"})
    assert digest({"compset": 5}) != digest({"compset": None})


def test_the_order_of_files_and_variables_does_not_matter() -> None:
    values = BASE | {"env_run.A": 1, "compset": "F2010"}
    assert digest(values) == digest(dict(reversed(values.items())))


def test_a_file_that_holds_nothing_is_as_none() -> None:
    files = Configuration.of(BASE).files
    assert digest_configuration(Configuration({**files, "lnd_in": {}})) == digest(BASE)


def test_a_variable_whose_field_speaks_for_it_counts_by_whether_it_says_the_same() -> None:
    others: list[dict[str, object]] = [
        {"env_build.COMPILER": value} for value in ("gnu", "intel", "", None)
    ]
    assert len({digest({"compiler": "gnu"} | other) for other in [{}, *others]}) == 5
    assert digest({"compiler": "gnu", "env_build.COMPILER": "cray"}) == digest(
        {"compiler": "gnu", "env_build.COMPILER": "intel"}
    )


def test_unread_files_are_left_out() -> None:
    assert digest(BASE, "atm_in") == digest(BASE | {"atm_in.g.x": 2}, "atm_in")


@pytest.mark.parametrize(
    ("field", "variable"),
    [("intel", "intel"), ("1.0", 1.0), (5, 5.0), ("5", 5), ("True", True)],
)
def test_a_rebuilt_configuration_has_the_digest_of_what_was_read(
    field: object, variable: object
) -> None:
    own = {"compiler": field, "env_build.COMPILER": variable, "env_run.STOP_N": "7"}
    rebuilt = apply_delta(BASE, diff(BASE, own))
    assert digest_configuration(rebuilt) == digest(own)
