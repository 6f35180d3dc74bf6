"""The digest of a configuration is of what it means."""

from collections.abc import Mapping

from models.configuration import Configuration
from models.configuration_digest import digest_configuration
from models.delta import apply_delta, diff

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


def test_unread_files_are_left_out() -> None:
    assert digest(BASE, "atm_in") == digest(BASE | {"atm_in.g.x": 2}, "atm_in")


def test_a_rebuilt_configuration_has_the_digest_of_what_was_read() -> None:
    own = {"compiler": "intel", "env_build.COMPILER": "intel", "env_run.STOP_N": "7"}
    rebuilt = apply_delta(BASE, diff(BASE, own))
    assert digest_configuration(rebuilt) == digest(own)
