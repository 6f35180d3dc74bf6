"""Settings come from the environment, and secrets do not come out again."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import SettingsError
from models.settings import Settings, load_settings, mask_password, shown_settings

SECRET = "s3cr3t"


@pytest.fixture(autouse=True)
def _no_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.upper().startswith("CASELEDGER_")]:
        monkeypatch.delenv(name)


def test_without_settings_the_embedded_server_is_used() -> None:
    assert load_settings().is_embedded


def test_a_url_means_that_a_server_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASELEDGER_MONGODB_URL", "mongodb://db")
    assert not load_settings().is_embedded


def test_an_empty_variable_counts_as_not_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASELEDGER_MONGODB_URL", "")
    assert load_settings().is_embedded


def url_of(settings: Settings) -> str | None:
    return settings.mongodb_url.get_secret_value() if settings.mongodb_url else None


def test_a_url_can_be_given_as_a_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "url").write_text("mongodb://db\n")
    monkeypatch.setenv("CASELEDGER_MONGODB_URL_FILE", str(tmp_path / "url"))
    assert url_of(load_settings()) == "mongodb://db"


def test_a_url_counts_before_its_file(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("CASELEDGER_MONGODB_URL_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("CASELEDGER_MONGODB_URL", "mongodb://db")
    assert url_of(load_settings()) == "mongodb://db"


@pytest.mark.parametrize(
    "content",
    [pytest.param(None, id="not there"), pytest.param(b"\xff\xfe", id="not text")],
)
def test_a_url_file_that_cannot_be_read_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "url").write_bytes(content)
    monkeypatch.setenv("CASELEDGER_MONGODB_URL_FILE", str(tmp_path / "url"))
    with pytest.raises(SettingsError, match="CASELEDGER_MONGODB_URL_FILE"):
        load_settings()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        pytest.param("PORT", "65536", id="port out of range"),
        pytest.param("PORT", "http", id="port that is no number"),
        pytest.param("JOBS", "0", id="no jobs"),
        pytest.param("DATABASE", "a.b", id="database with a dot"),
        pytest.param("DATABASE", "a" * 64, id="database with a long name"),
        pytest.param("DATABASE", "\u00e4" * 32, id="database with a name of many bytes"),
        pytest.param("DATABASE_TIMEOUT_SECONDS", "0", id="no time"),
        pytest.param("MAX_FILE_MIB", "-1", id="negative size"),
        pytest.param("MAX_ARCHIVE_MIB", "0", id="no archive"),
        pytest.param("MAX_EXPANSION_RATIO", "1", id="no expansion"),
        pytest.param("MAX_HEADER_KIB", "x", id="header size that is no number"),
        pytest.param("MAX_DEPTH", "65", id="too deep"),
    ],
)
def test_a_setting_that_makes_no_sense_is_named(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"CASELEDGER_{name}", value)
    with pytest.raises(SettingsError, match=f"CASELEDGER_{name}: "):
        load_settings()


def test_a_bad_setting_is_not_told_with_its_value(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASELEDGER_PORT", SECRET)
    with pytest.raises(SettingsError) as caught:
        load_settings()
    assert SECRET not in str(caught.value)


def test_settings_cannot_be_changed() -> None:
    settings = load_settings()
    with pytest.raises(ValueError, match="frozen"):
        setattr(settings, "port", 1)  # noqa: B010


def test_all_settings_are_shown_by_the_names_of_their_variables() -> None:
    shown = shown_settings(load_settings())
    assert shown.keys() == {f"CASELEDGER_{name.upper()}" for name in Settings.model_fields}
    assert shown["CASELEDGER_PORT"] == 8000


def test_the_password_is_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASELEDGER_MONGODB_URL", f"mongodb://me:{SECRET}@db/x")
    assert shown_settings(load_settings())["CASELEDGER_MONGODB_URL"] == "mongodb://me:***@db/x"


def test_settings_do_not_print_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASELEDGER_MONGODB_URL", f"mongodb://me:{SECRET}@db/x")
    assert SECRET not in repr(load_settings())


@pytest.mark.parametrize(
    ("url", "masked"),
    [
        pytest.param("mongodb://h:1/d", "mongodb://h:1/d", id="nothing to mask"),
        pytest.param("mongodb://u@h", "mongodb://u@h", id="user only"),
        pytest.param("mongodb://u:p@h1:1,h2:2/d", "mongodb://u:***@h1:1,h2:2/d", id="replica set"),
        pytest.param("mongodb+srv://u:p@h", "mongodb+srv://u:***@h", id="seed list"),
        pytest.param("mongodb://u:p@x@h/d", "mongodb://u:***@h/d", id="unescaped at"),
        pytest.param("mongodb://u:p/x@h/d", "mongodb://u:***@h/d", id="unescaped slash"),
        pytest.param("mongodb://u:p?x@h/d", "mongodb://u:***@h/d", id="unescaped question mark"),
        pytest.param("mongodb://u:@h/d", "mongodb://u:***@h/d", id="empty password"),
        pytest.param(
            "mongodb://h/?tlsCertificateKeyFilePassword=p&w=1",
            "mongodb://h/?tlsCertificateKeyFilePassword=***&w=1",
            id="option",
        ),
        pytest.param("mongodb://h?authSecret=a@b", "mongodb://h?authSecret=***", id="at in option"),
        pytest.param("u:p@h", "***", id="no URL"),
    ],
)
def test_a_connection_string_is_masked(url: str, masked: str) -> None:
    assert mask_password(url) == masked


@given(st.text(alphabet="ab:/?@&=%#", max_size=10))
def test_a_password_never_shows(noise: str) -> None:
    assert SECRET not in mask_password(f"mongodb://user:{noise}{SECRET}{noise}@host:1/db?w=1")
