from typing import Any

import pytest

from ingest.secrets import MASK, masked_text, without_secrets

SECRET = "hunter2hunter2hunter2hunter2"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("env_run.DB_PASSWORD", SECRET, id="password"),
        pytest.param("env_case.API_KEY", SECRET, id="key"),
        pytest.param("atm_in.nl.auth_token", [SECRET, "b"], id="list"),
        pytest.param("env_run.MY_SECRET", 12345, id="number"),
    ],
)
def test_a_variable_that_is_called_a_secret_is_masked(key: str, value: Any) -> None:
    assert without_secrets({key: value}) == {key: MASK}


@pytest.mark.parametrize(
    ("key", "value"),
    [
        pytest.param("env_run.USE_TOKENS", True, id="logical"),
        pytest.param("env_run.PASSWORD", "", id="empty"),
        pytest.param("env_run.PASSWORD", None, id="null"),
        pytest.param("env_run.STOP_N", 5, id="another name"),
        pytest.param("env_build.GRID", "a%ne30np4.pg2_l%r05", id="text"),
        pytest.param("env_case.SUPPORTED_BY", "someone -at- ornl.gov", id="address"),
        pytest.param("atm_in.g.x", "file://a/b, mail@example.org", id="url and address"),
    ],
)
def test_what_is_no_secret_is_left_alone(key: str, value: Any) -> None:
    assert without_secrets({key: value}) == {key: value}


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(f"https://user:{SECRET}@github.com/o/r", id="password in a URL"),
        pytest.param(f"see https://{SECRET}@host/x and more", id="token in a URL"),
        pytest.param(f"https://user:a:{SECRET}@host/", id="colon in the password"),
        pytest.param(f"ghp_{SECRET}", id="GitHub token"),
        pytest.param(f"x=glpat-{SECRET}", id="GitLab token"),
        pytest.param(f"eyJ{SECRET}.{SECRET}.{SECRET}", id="JSON web token"),
    ],
)
def test_a_credential_in_a_text_is_masked(text: str) -> None:
    assert SECRET not in masked_text(text)
    assert without_secrets({"atm_in.g.x": [text, "b"]})["atm_in.g.x"][1] == "b"
    assert SECRET not in str(without_secrets({"atm_in.g.x": [text, "b"]}))
