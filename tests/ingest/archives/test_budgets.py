"""Budgets are what the settings say."""

import pytest

from ingest.archives.budgets import Budgets, budgets_of
from models.settings import Settings, load_settings


def test_the_defaults_are_those_of_the_settings() -> None:
    assert budgets_of(Settings()) == Budgets()


def test_settings_change_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CASELEDGER_MAX_ARCHIVE_MIB", "3")
    monkeypatch.setenv("CASELEDGER_MAX_HEADER_KIB", "16")
    budgets = budgets_of(load_settings())
    assert (budgets.archive_bytes, budgets.header_bytes) == (3 * 2**20, 2**14)
