"""A site's own tables come before the built-in ones."""

from pathlib import Path

import pytest

from models.errors import SettingsError
from models.tables import load_tables

ENTRY = {"canonical": 1, "current": 2}


def test_without_files_the_built_in_tables_count() -> None:
    tables = load_tables(None, None)
    assert tables.variation.classify("env_run.STOP_N") == ("segment", True)


def test_the_lists_of_a_site_come_first(tmp_path: Path) -> None:
    own = tmp_path / "variation.toml"
    own.write_text('[[changed]]\nclass = "science"\nkeys = ["env_run.STOP_N"]\n')
    tables = load_tables(own, None)
    assert tables.variation.classify("env_run.STOP_N") == ("science", False)
    assert tables.variation.classify("env_run.RESUBMIT") == ("lifecycle", True)


def test_the_rules_of_a_site_come_first(tmp_path: Path) -> None:
    own = tmp_path / "derivation.toml"
    own.write_text('[[rule]]\nprimary = "a.x"\nderived = ["b.y"]\n')
    changes, repeats = load_tables(None, own).derivation.set_repeats_apart(
        {"a.x": ENTRY, "b.y": ENTRY}
    )
    assert (list(changes), list(repeats)) == (["a.x"], ["b.y"])
    assert changes["a.x"]["alsoIn"] == ["b.y"]


def test_rules_that_lead_in_a_circle_come_to_an_end(tmp_path: Path) -> None:
    own = tmp_path / "derivation.toml"
    own.write_text(
        '[[rule]]\nprimary = "a.x"\nderived = ["b.y"]\n'
        '[[rule]]\nprimary = "b.y"\nderived = ["a.x"]\n'
    )
    load_tables(None, own).derivation.set_repeats_apart({"a.x": ENTRY, "b.y": ENTRY})


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[[changed", id="not TOML"),
        pytest.param('[[changed]]\nclass = "x"\n', id="without keys"),
        pytest.param("changed = 3\n", id="not a list"),
    ],
)
def test_a_file_that_is_no_table_is_named(tmp_path: Path, text: str) -> None:
    own = tmp_path / "own.toml"
    own.write_text(text)
    with pytest.raises(SettingsError, match=r"own\.toml"):
        load_tables(own, None)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match="nowhere"):
        load_tables(tmp_path / "nowhere", None)


@pytest.mark.parametrize(
    ("key", "causes"),
    [
        pytest.param(
            "lnd_in_0002.elm_inparm.finidat", ["env_run.CONTINUE_RUN"], id="initial conditions"
        ),
        pytest.param(
            "mosart_in.mosart_inparm.finidat_rtm", ["env_run.CONTINUE_RUN"], id="of the rivers"
        ),
        pytest.param(
            "mpaso_in.time_management.config_start_time",
            ["env_run.CONTINUE_RUN", "env_run.RUN_STARTDATE"],
            id="start of the ocean",
        ),
    ],
)
def test_what_a_continued_run_does_not_read_is_a_change_of_its_own_in_others(
    key: str, causes: list[str]
) -> None:
    derivation = load_tables(None, None).derivation
    changes, _ = derivation.set_repeats_apart({key: ENTRY})
    assert changes == {key: ENTRY}
    for cause in causes:
        changes, repeats = derivation.set_repeats_apart({cause: ENTRY, key: ENTRY})
        assert changes == {cause: ENTRY | {"alsoIn": [key]}}
        assert repeats == {key: ENTRY}
