"""The page on reliability names tests that exist."""

import re

import pytest

from tests.support.paths import ROOT

PAGE = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
NAMED = re.compile(r"`(?P<path>[\w/]+\.py)?(?:::(?P<test>test_\w+))?`")


def named() -> list[tuple[str, str | None]]:
    found = []
    path = ""
    for name in NAMED.finditer(PAGE):
        path = name["path"] or path
        found.append((path, name["test"]))
    return found


@pytest.mark.parametrize(("path", "test"), named())
def test_a_test_that_is_named_exists(path: str, test: str | None) -> None:
    text = (ROOT / "tests" / path).read_text(encoding="utf-8")
    assert test is None or f"def {test}(" in text


def test_every_goal_has_a_line() -> None:
    goals = re.findall(r"^\| R-(\d\d) \|", PAGE, re.MULTILINE)
    assert goals == [f"{number:02}" for number in range(1, 45)]
