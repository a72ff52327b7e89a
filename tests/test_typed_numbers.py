"""Numbers as a person types them."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tuiml.typed_numbers import LONGEST, evaluate


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e-3", 0.001), ("1/3", 1 / 3), ("2**8", 256), ("2^8", 256), ("1_000", 1000), ("0,01", 0.01),
        ("0,005", 0.005), ("1,000,000", 1_000_000), (" .5 ", 0.5), ("5.", 5.0), ("-2**2", -4), ("2**-1", 0.5),
        ("2**3**2", 512), ("(1+2)*3-4", 5), ("1/2/2", 0.25), ("--3", 3), ("2*-3", -6), ("1e2**2", 1e4),
    ],
)  # fmt: skip
def test_an_expression_has_the_value_that_it_has_in_python(text: str, value: float) -> None:
    found = evaluate(text)
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("1/0", "division by zero"), ("1/(2-2)", "division by zero"), ("2**9999", "too large"),
        ("9**9**9**9", "too large"), ("1e400", "too large"), ("0**-1", "too large"), ("(1", "not closed"),
        ("(-8)**(1/3)", "negative"), ("abc", "give a number"), ("", "give a number"), ("1e", "give a number"),
        ("1__0", "give a number"), ("0x10", "give a number"), ("1 2", "give a number"),
        ("1+", "give a number"),
        ("nan", "give a number"), ("inf", "give a number"), ("__import__('os')", "give a number"),
        ("1,000", "1000 or 1.000"), ("1" * (LONGEST + 1), "longer than"), ("(" * LONGEST, "give a number"),
    ],
)  # fmt: skip
def test_what_is_no_number_says_why(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        evaluate(text)


@given(st.text("0123456789.e+-*/^() _,", max_size=80))
def test_no_text_takes_long_or_does_anything_else(text: str) -> None:
    try:
        found = evaluate(text)
    except ValueError:
        return
    assert math.isfinite(found)


def test_whole_numbers_take_thousands_and_stay_whole() -> None:
    assert evaluate("1,000", integer=True) == 1000
    found = evaluate("1e3", integer=True)
    assert (found, type(found)) == (1000, int)
    assert evaluate("1.5", integer=True) == 1.5
