"""Columns far from 0 or near the smallest float32 train with all their digits, and are shown as they are."""

import numpy as np
import pytest

from tests.data.own_files import own
from tuiml.data.prepare import load
from tuiml.formatting import limits_text
from tuiml.training.inspections.plane import limits_of, raw_limits

ROWS = 60
COLUMNS = {
    "seconds": 1_700_000_000.0 + np.arange(ROWS),
    "tiny": (1.0 + np.arange(ROWS)) * 1e-50,
    "denormal": (1.0 + np.arange(ROWS)) * 1e-320,
    "near one": 1.4 + np.arange(ROWS) * 1e-9,
    "usual": np.arange(ROWS) * 0.5,
}


def data(tmp_path, **options):
    cells = [[*(repr(float(values[i])) for values in COLUMNS.values()), "uv"[i % 2]] for i in range(ROWS)]
    lines = [",".join(row) for row in ([*COLUMNS, "y"], *cells)]
    path = tmp_path / "t.csv"
    path.write_text("\n".join(lines))
    return load(own(path, **options), 0)


@pytest.mark.parametrize("normalize", ["standard", "unit"])
def test_raw_values_are_the_files(tmp_path, normalize):
    found = data(tmp_path, normalize=normalize)
    inputs = found.batch(found.train, slice(None))
    assert np.isfinite(inputs).all()
    assert all(len(np.unique(column)) == len(found.train) for column in inputs.T)
    raw = found.raw(found.train.inputs)
    rows = np.rint(raw[:, 0] - 1_700_000_000.0).astype(int)
    for column, values in zip(raw.T, COLUMNS.values(), strict=True):
        assert column == pytest.approx(values[rows], rel=1e-6, abs=1e-323)
    assert (raw[:, 0] == COLUMNS["seconds"][rows]).all()
    assert (found.raw(found.train.inputs[3]) == raw[3]).all()


def test_the_limits_of_a_chart_are_the_columns_own(tmp_path):
    found = data(tmp_path)
    left, right, *_ = raw_limits(found, limits_of(found))
    assert 1_699_999_990 < left < 1_700_000_010
    assert 1_700_000_050 < right < 1_700_000_070
    assert len(set(limits_text(left, right))) == 2


def test_what_was_not_moved_is_shown_as_it_is(tmp_path):
    found = data(tmp_path, ignore=["seconds", "tiny", "denormal", "near one"], normalize="none")
    assert (found.raw(found.train.inputs) == found.train.inputs).all()
    assert limits_text(0.25, 12.0) == (".25", "12")
    assert limits_text(3.0, 3.0) == ("3.0", "3.0")
