"""`caseledger token`: the token alone on stdout, once, and never again."""

import json
import subprocess

import pytest

from models.settings import Settings
from models.tokens.token import split_token
from tests.support.command_line import _run
from tests.support.paths import ROOT


@pytest.fixture
def place(settings: Settings, _server: object) -> dict[str, str]:
    return {"HOME": str(settings.home), "DATABASE": settings.database}


def ran(place: dict[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    return _run("token", *arguments, **place)


@pytest.mark.slow
def test_a_token_is_made_listed_and_revoked(place: dict[str, str]) -> None:
    made = ran(place, "create", "nightly", "--scope", "ingest", "--scope", "read", "--days", "30")
    assert made.returncode == 0, made.stderr
    text = made.stdout.removesuffix("\n")
    parts = split_token(text)
    assert parts is not None
    assert parts[0] in made.stderr
    assert parts[1] not in made.stderr
    (listed,) = json.loads(ran(place, "list", "--json").stdout)
    assert listed["id"] == parts[0]
    assert (listed["name"], listed["scopes"]) == ("nightly", ["read", "ingest"])
    assert listed["createdBy"] == "command line"
    assert listed["expiresAt"] > listed["createdAt"]
    assert ran(place, "revoke", parts[0]).returncode == 0
    (revoked,) = json.loads(ran(place, "list", "--json").stdout)
    assert revoked["revokedAt"]
    shown = ran(place, "list").stdout
    assert parts[0] in shown.replace("\n", "")
    assert parts[1] not in shown
    assert "secretHash" not in revoked


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["create", "x", "--scope", "root"], id="unknown scope"),
        pytest.param(["create", "x"], id="no scope"),
        pytest.param(["create", "", "--scope", "read"], id="no name"),
        pytest.param(["create", "a\nb", "--scope", "read"], id="two lines"),
        pytest.param(["revoke", "x"], id="unknown token"),
    ],
)
def test_what_makes_no_sense_is_wrong_usage(place: dict[str, str], arguments: list[str]) -> None:
    answer = ran(place, *arguments)
    assert answer.returncode == 2
    assert not answer.stdout


def test_the_documentation_names_every_metric() -> None:
    from api.monitoring.metrics import Metrics

    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    for metric in Metrics().registry.collect():
        assert metric.name.removesuffix("_in_use") in text


def test_the_documentation_names_every_scope() -> None:
    from models.tokens.token import SCOPES

    text = (ROOT / "docs" / "operating.md").read_text(encoding="utf-8")
    assert all(f"| `{scope}` |" in text for scope in SCOPES)
