"""A run that goes on under other conditions says so."""

from dataclasses import replace

import pytest

from tuiml.runs.run import other_conditions
from tuiml.training.events import Start

START = Start(
    "r", "/r", "numpy", "cpu", 2, 10, 8, 0, 0, 4, 1, 2, 0, {"numpy": "2.4", "blas": "openblas (Zen kernels)"}
)


def test_nothing_is_said_where_all_is_as_it_was():
    assert other_conditions(START.to_json(), START) == ""
    assert other_conditions({}, START) == ""  # an older tuiml wrote none of it
    assert other_conditions({"versions": 3, "threads": None}, START) == ""


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"backend": "mlx"}, "backend numpy before, now mlx"),
        ({"threads": 4}, "threads 2 before, now 4"),
        ({"versions": {"numpy": "2.5"}}, "numpy 2.4 before, now 2.5"),
        ({"versions": {"numba": "0.68"}}, "numba not used before, now 0.68"),
        ({"versions": {"blas": "openblas (Haswell kernels)"}}, "blas openblas (Zen kernels) before, now"),
    ],
)
def test_what_changed_is_named_with_both_values(change, words):
    said = other_conditions(START.to_json(), replace(START, **change))
    assert words in said
    assert "same bits" in said


def test_numba_that_is_gone_is_named():
    before = START.to_json() | {"versions": {"numba": "0.68"}}
    said = other_conditions(before, replace(START, versions={"numba": "not used"}))
    assert "numba 0.68 before, now not used" in said


def test_what_a_file_says_is_shown_as_plain_text():
    before = START.to_json() | {"backend": "\x1b[31mred\nnews"}
    assert other_conditions(before, START).isprintable()
