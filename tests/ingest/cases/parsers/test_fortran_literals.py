"""The forms are those that Fortran, CIME's namelist.py and f90nml read."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.cases.parsers.fortran_literals import boz_literal, complex_literal, literal


@pytest.mark.parametrize("token", ["T", "t", ".T", ".t.", ".TRUE.", "true", ".tEXt$", ".t2", "T*"])
def test_a_word_that_begins_with_t_is_true(token: str) -> None:
    assert literal(token) is True


@pytest.mark.parametrize("token", ["F", "f", ".F", ".f.", ".FALSE._4", "Fort", ".false_x", "f%"])
def test_a_word_that_begins_with_f_is_false(token: str) -> None:
    assert literal(token) is False


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("1+6", 1e6), ("-1.5-3", -0.0015), ("1-0", 1.0), ("1.+0", 1.0), ("-.5+1", -5.0),
        ("1.d0", 1.0), ("1D6", 1e6), ("+.5e6", 5e5), ("1q2", 100.0), ("2.e+3_r8", 2000.0),
    ],
)  # fmt: skip
def test_a_real_has_an_exponent_with_a_letter_or_a_sign(token: str, value: float) -> None:
    assert literal(token) == value
    assert type(literal(token)) is float


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("inf", "Infinity"), ("+Infinity", "Infinity"), ("INF", "Infinity"),
        ("-inf", "-Infinity"), ("-INFINITY", "-Infinity"),
        ("nan", "NaN"), ("-NaN", "NaN"), ("+NAN", "NaN"), ("NaN(x56)", "NaN"),
    ],
)  # fmt: skip
def test_what_is_infinite_or_no_number_is_text(token: str, value: str) -> None:
    assert literal(token) == value


@pytest.mark.parametrize(
    "token", [".", "+", "-", "1e", "1.6.5", "at", "info", "nan())", "0x1", "1+", "1__x+", "2A"]
)  # fmt: skip
def test_anything_else_is_no_constant(token: str) -> None:
    assert literal(token) is None


@pytest.mark.parametrize("token", ["9" * 30, "-" + "9" * 5000, "1e400", "1+400"])
def test_what_is_too_large_stays_as_it_is(token: str) -> None:
    assert literal(token) == token


@pytest.mark.parametrize(
    ("token", "value"),
    [
        ("(1,2)", "(1.0,2.0)"), ("(-1.e+06,+2.d-5)", "(-1000000.0,2e-05)"),
        ("( \n \n 1. \n,\n 2.\n)", "(1.0,2.0)"), ("(inf,NaN)", "(Infinity,NaN)"),
        ("()", None), ("(,)", None), ("(a,2.)", None), ("(1,.true.)", None), ("(1,2,3)", None),
        ("(1)", None),
    ],
)  # fmt: skip
def test_a_complex_constant_has_two_numbers(token: str, value: Any) -> None:
    assert complex_literal(token) == value


def test_a_boz_constant_has_digits_of_its_base() -> None:
    assert boz_literal('"0F"X') == "z'0f'"
    assert boz_literal("o'18'") is None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_real_is_read_in_each_notation(value: float) -> None:
    mantissa, _, exponent = f"{value:.17e}".partition("e")
    for mark in ("e", "E", "d", "D", "q", ""):
        assert literal(f"{mantissa}{mark}{exponent}") == value


@given(st.text(max_size=30).filter(bool))
def test_any_text_is_a_constant_or_none(token: str) -> None:
    literal(token)
