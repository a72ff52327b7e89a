"""Drawings and the numbers in them: sizes, gaps, spikes, rounding, and what plain terminals get."""

from __future__ import annotations

import math
import threading
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from tuiml import formatting
from tuiml.tui.charts import numbers
from tuiml.tui.charts.axes import Mark
from tuiml.tui.charts.bars import heights, mini, progress, shared, zero_bin
from tuiml.tui.charts.curve import Curve
from tuiml.tui.charts.distribution import Bars, distribution
from tuiml.tui.charts.heat import heat_map
from tuiml.tui.charts.lines import LineChart
from tuiml.tui.charts.palette import ASCII, COLOURS, LAYER_COLOURS, UNICODE, Look, glyphs, layer_colour
from tuiml.tui.charts.pixels import grey, resized, signed
from tuiml.tui.charts.scale import Scale
from tuiml.tui.charts.series import Means, Series, decimate, smoothed, value_at
from tuiml.tui.charts.text import Line, clean, fit

PLAIN = Look(colour=False)
BARE = Look(colour=False, unicode=False)


def smooth(xs, ys, fraction):
    return smoothed(np.array(xs, dtype=np.float64), np.array(ys, dtype=np.float64), fraction)[1]


any_float = st.floats(width=64)
any_value = st.one_of(st.none(), any_float, st.integers(-(10**400), 10**400))
looks = st.builds(Look, st.booleans(), st.booleans(), st.booleans())
sizes = st.one_of(st.integers(0, 30), st.integers(31, 200))
names = st.text(max_size=12)
counts = st.lists(any_value, max_size=40)
points = st.lists(st.tuples(any_float, any_value), max_size=40).map(
    lambda pairs: ([x for x, _ in pairs], [y for _, y in pairs])
)
limits = st.one_of(st.none(), st.tuples(any_float, any_float))
styles = st.sampled_from(["solid", "dashed", "dotted"])


def texts(strips: list[Line]) -> list[str]:
    return ["".join(segment.text for segment in strip) for strip in strips]


def line_chart(curves, width, height, **options):
    return LineChart(curves, **options).lines(width, height)


def histogram(values, low, high, width, height, *, title="", look):
    return distribution(Bars(Scale(low, high, len(values)), values), width, height, title=title, look=look)


def assert_size(strips: list[Line], width: int, height: int) -> None:
    assert len(strips) == (height if width and height else 0)
    for strip in strips:
        # measured anew: the length a strip was given may be wrong
        assert Line.of(list(strip)).cell_length == strip.cell_length == width


def assert_ascii(strips: list[Line], look: Look) -> None:
    assert look.unicode or all(text.isascii() and text.isprintable() for text in texts(strips))


# --- sizes, whatever the numbers ----------------------------------------------------------------


@settings(deadline=None, max_examples=150)
@given(
    drawn=st.lists(st.tuples(names, points, styles, st.one_of(st.none(), points)), max_size=3),
    width=sizes,
    height=st.integers(0, 40),
    title=names,
    x_label=names,
    kind=st.sampled_from(["number", "percent"]),
    log=st.booleans(),
    x_range=limits,
    y_range=limits,
    mark=st.builds(Mark, any_float, names),
    look=looks,
)
def test_line_chart_has_its_size(
    drawn, width, height, title, x_label, kind, log, x_range, y_range, mark, look
) -> None:
    curves = [Curve(label, xy, "blue", style, raw) for label, xy, style, raw in drawn]
    strips = line_chart(
        curves, width, height, title=title, x_label=x_label, y_format=kind, log=log,
        x_range=x_range, y_range=y_range, marks=[mark], look=look,
    )  # fmt: skip
    assert_size(strips, width, height)
    assert_ascii(strips, look)
    assert all(clean(text) == text for text in texts(strips))


@settings(deadline=None)
@given(counts, any_float, any_float, sizes, st.integers(0, 60), names, looks)
def test_histogram_has_its_size(values, low, high, width, height, title, look) -> None:
    strips = histogram(values, low, high, width, height, title=title, look=look)
    assert_size(strips, width, height)
    assert_ascii(strips, look)


@settings(deadline=None)
@given(
    st.lists(st.lists(any_float, min_size=9, max_size=9), max_size=12),
    st.lists(st.tuples(st.floats(0, 1), st.sampled_from(["0", "-1.2", "1e-5"])), max_size=3),
    sizes, st.integers(0, 40), names, names, looks,
)  # fmt: skip
def test_heat_map_has_its_size(rows, marks, width, height, title, label, look) -> None:
    strips = heat_map(
        np.array(rows), width, height, marks=marks, title=title, x_labels=(label, label), look=look
    )
    assert_size(strips, width, height)
    assert_ascii(strips, look)


@given(counts, sizes, st.one_of(st.none(), st.integers(-3, 60)), looks)
def test_mini_has_its_width(values, width, zero, look) -> None:
    line = mini(values, width, zero=zero, look=look)
    assert len(line) == width
    assert set(line) <= set(look.glyphs.bars)


@given(any_value, sizes, looks)
def test_progress_has_its_width(fraction, width, look) -> None:
    assert len(progress(fraction, width, look)) == width


# --- points -------------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.floats(-1e6, 1e6), st.floats(allow_infinity=False)), min_size=1, max_size=200),
    st.integers(1, 30),
)
def test_decimation_keeps_extremes_in_order(pairs, columns) -> None:
    xs, ys = [x for x, _ in pairs], [y for _, y in pairs]
    x, y = decimate(xs, ys, columns)
    finite = [value for value in ys if not math.isnan(value)]
    kept = y[~np.isnan(y)]
    assert len(kept) <= 2 * columns
    assert all(a <= b for a, b in pairwise(x))
    assert set(zip(x.tolist(), map(repr, y.tolist()), strict=True)) <= set(
        zip(xs, map(repr, ys), strict=True)
    )
    if finite:
        assert (kept.min(), kept.max()) == (min(finite), max(finite))
    else:
        assert np.isnan(y).any()


def test_decimation_keeps_the_extremes_of_each_column() -> None:
    x, y = decimate(range(8), [1, 9, 2, 5, 0, 3, 7, 4], 2)
    assert (x.tolist(), y.tolist()) == ([0, 1, 4, 6], [1, 9, 0, 7])


def test_a_gap_before_a_long_silence_is_kept() -> None:
    # 11 shares a column with 10; without its NaN a line would cross from 10 to 500
    _, y = decimate([9, 10, 11, 500], [1.0, 2.0, None, 3.0], 5)
    assert [str(value) for value in y] == ["1.0", "2.0", "nan", "3.0"]


def test_series_is_bounded_and_loses_no_spike() -> None:
    series = Series(256)
    for step in range(20_000):
        series.append(step, 1000.0 if step == 7_777 else -1000.0 if step == 12_345 else math.sin(step))
    x, y = series.points()
    assert len(series) == len(x) <= 256
    assert (x[0], x[-1]) == (0, 19_999)
    assert x[y.argmax()] == 7_777
    assert x[y.argmin()] == 12_345
    assert series.last == math.sin(19_999)
    # the oldest points are thinned no more than the others: 256 / 8 columns, none of them lost
    assert np.diff(x).max() <= 2 * 20_000 / 32


def test_series_takes_gaps_and_drops_points_without_place() -> None:
    series = Series()
    series.extend([(0, 1.0), (1, None), (2, math.inf), (math.nan, 5.0), (3, 10**400)])
    x, y = series.points()
    assert x.tolist() == [0, 1, 2, 3]
    assert np.isnan(y).tolist() == [False, True, True, True]
    assert math.isnan(series.last)
    with pytest.raises(ValueError, match="read-only"):
        y[0] = 2.0
    series.cut(-math.inf)
    assert len(series) == 0


def test_series_keeps_gaps_when_full() -> None:
    series = Series(64)
    for step in range(1000):
        series.append(step, math.nan if 400 <= step < 600 else 1.0)
    x, y = series.points()
    inside = (x > 410) & (x < 590)
    assert inside.any()
    assert np.isnan(y[inside]).all()


def test_smoothing_is_unbiased_from_the_start() -> None:
    assert smooth(range(50), [3.0] * 50, 0.1) == pytest.approx([3.0] * 50)
    first = smooth([0, 1, 1.1], [4.0, 0.0, 1.0], 0.1)
    assert first.tolist() == pytest.approx([4.0, 0.5, 0.5])


def test_smoothing_is_by_distance_not_by_count_and_keeps_a_steep_start() -> None:
    x = np.concatenate([np.linspace(0.01, 1, 100), np.linspace(90, 110, 5)])
    y = np.concatenate([1 / x[:100], [0.0, 1.0, 2.0, 3.0, 4.0]])
    line = smooth(x, y, 0.12)
    assert line[0] == y[0]
    assert line[1] == pytest.approx(y[1], rel=0.05)
    assert line[-3] == pytest.approx(2.0)
    assert line[-1] == pytest.approx(3.0)


def test_smoothing_leaves_gaps_and_goes_on_after_them() -> None:
    line = smooth([1, 1.01, 1.02], [2.0, None, 2.0], 0.1)
    assert np.isnan(line).tolist() == [False, True, False]
    assert line[2] == pytest.approx(2.0)


def test_a_spike_is_forgotten_beyond_the_points_it_is_averaged_with() -> None:
    y = np.full(500, 0.25)
    y[100] = 1e200
    line = smooth(np.arange(500.0), y, 0.1)
    assert line[100] > 1e190
    assert line[:89].tolist() == line[115:200].tolist() + [0.25] * 4
    assert line[300] == pytest.approx(0.25)


@given(st.lists(st.tuples(st.floats(0, 1e9), any_value), max_size=30), st.floats(0, 1))
def test_smoothing_stays_within_its_points(pairs, fraction) -> None:
    pairs.sort(key=lambda pair: pair[0])
    values = np.array([formatting.as_float(y) for _, y in pairs], dtype=np.float64)
    values[~np.isfinite(values)] = np.nan
    line = smooth([x for x, _ in pairs], values, fraction)
    assert np.isnan(line).tolist() == np.isnan(values).tolist()
    finite = values[np.isfinite(values)]
    shown = line[~np.isnan(line)]
    if len(shown):
        slack = 1e-9 * np.abs(finite).max()
        assert finite.min() - slack <= shown.min()
        assert shown.max() <= finite.max() + slack


@pytest.mark.parametrize("count", [5_000, 50_000])
def test_many_points_are_smoothed_to_their_means(count) -> None:
    x, y = np.arange(count) / count, np.tile([0.0, 2.0, math.nan, 1.0], count // 4)
    xs, ys = smoothed(x, y, 0.0)
    assert len(xs) <= 2048
    assert ys.mean() == pytest.approx(1.0, abs=0.1)
    assert smoothed(x, y, 0.1)[1][-1000:] == pytest.approx(1.0, abs=0.1)


def test_means_stay_means_however_many_there_are() -> None:
    rng = np.random.default_rng(0)
    series, values = Means(64), rng.exponential(1.0, 5000)
    values[2000:2500] = math.nan
    for step, value in enumerate(values):
        series.append(step, value)
    x, y = series.points()
    assert 32 <= len(series) <= 64
    assert (np.diff(x) > 0).all()
    assert np.isnan(y[(x > 2100) & (x < 2400)]).all()
    assert np.nanmean(y[x < 1900]) == pytest.approx(values[:1900].mean(), rel=0.1)
    assert series.last == values[-1]


@pytest.mark.parametrize(
    ("at", "value"),
    [
        (0.6, 5.0),
        (0.0, 5.0),
        (-9.0, math.nan),
        (1.0, 5.0),
        (2.9, 6.0),
        (3.0, math.nan),
        (5.4, 8.0),
        (9, math.nan),
    ],
)
def test_a_curve_is_read_at_a_point_or_last_before_it(at, value) -> None:
    found = value_at(np.array([1.0, 2, 3, 4]), np.array([5.0, 6, math.nan, 8]), at)
    assert found == value or (math.isnan(found) and math.isnan(value))
    assert math.isnan(value_at(np.empty(0), np.empty(0), at))


# --- line charts --------------------------------------------------------------------------------


def test_an_image_in_another_size_keeps_its_values_below_zero() -> None:
    picture = np.array([[-1.0, 1.0], [0.5, -0.5]])
    assert resized(picture, 4, 4).tolist() == np.repeat(np.repeat(picture, 2, 0), 2, 1).tolist()
    assert resized(-np.ones((8, 8)), 14, 14) == pytest.approx(-np.ones((14, 14)))


@pytest.mark.parametrize("look", [Look(), PLAIN, BARE])
@pytest.mark.parametrize("size", [(0, 5), (4, 0), (0, 0)])
def test_an_image_for_which_there_is_no_room_is_empty(size: tuple[int, int], look: Look) -> None:
    small = resized(np.ones((8, 8)), *size)
    assert small.shape == size
    for rows in (grey(small, look), signed(small, look)):
        assert "".join(segment.text for row in rows for segment in row) == ""


def test_a_title_that_is_cut_ends_with_a_sign() -> None:
    drawn = distribution(None, 20, 8, title="as of step 3 · 1 dense 64 relu · activations", look=Look())
    assert drawn[0].text == "as of step 3 · 1 de…"


def canvas(strips: list[Line]) -> list[str]:
    """The part right of the axis, without title and bottom axis."""
    lines = [text for text in texts(strips) if "│" in text[:8] or "┤" in text[:8]]
    start = next(i for i, letter in enumerate(lines[0]) if letter in "│┤") + 1
    return [line[start:] for line in lines]


def test_a_gap_is_empty() -> None:
    x = list(range(100))
    y = [None if 40 <= i < 60 else 1.0 + i % 7 for i in x]
    lines = canvas(line_chart([Curve("train", (x, y))], 104, 20, look=PLAIN))
    columns = len(lines[0])
    filled = [any(line[c] != " " for line in lines) for c in range(columns)]
    gap = range(int(40 / 99 * columns) + 1, int(59 / 99 * columns) - 1)
    assert not any(filled[c] for c in gap)
    assert all(filled[c] for c in range(columns) if c < gap.start - 2 or c > gap.stop + 2)


def test_before_the_first_point_it_waits_calmly() -> None:
    shown = texts(line_chart([Curve("train", Series())], 60, 8, title="loss", look=PLAIN))
    assert shown[0].startswith("loss  train ── ·")
    assert any(line.strip() == "waiting for the first batch" for line in shown[1:])


def test_a_single_point_and_a_constant_are_seen() -> None:
    alone = canvas(line_chart([Curve("val", ([3], [0.5]))], 60, 12, look=PLAIN))
    assert sum(line.count("●") for line in alone) == 1
    level = canvas(line_chart([Curve("val", ([0, 10], [0.5, 0.5]))], 60, 12, look=PLAIN))
    drawn = [line for line in level if line.strip()]
    assert len(drawn) == 1
    assert " " not in drawn[0]


def test_two_curves_differ_without_colour() -> None:
    x = [0, 100]
    both = [Curve("train", (x, [2.301, 2.301])), Curve("val", (x, [1.25, 1.25]), "orange", "dashed")]
    strips = line_chart(both, 80, 20, look=PLAIN)
    assert texts(strips)[0].split() == ["train", "──", "2.301", "val", "┄┄", "1.250"]
    solid, dashed = [line for line in canvas(strips) if line.strip()]
    assert " " not in solid
    assert len(dashed.split()) > 10


def test_the_title_gives_up_words_before_values() -> None:
    x = [0, 1]
    both = [
        Curve("train", (x, [2.0, 2.301])),
        Curve("validation", (x, [2.0, 2.302]), "orange", "dashed", end="val"),
    ]
    for width, expected in (
        (60, "loss  train ── 2.301  validation ┄┄ 2.302"),
        (38, "loss  train ── 2.301  val ┄┄ 2.302"),
        (26, "loss  ── 2.301  ┄┄ 2.302"),
        (20, "── 2.301  ┄┄ 2.302"),
        (16, "loss  ┄┄ 2.302"),
    ):
        assert texts(line_chart(both, width, 6, title="loss", look=PLAIN))[0].rstrip() == expected


def test_the_last_value_is_that_of_the_newest_point() -> None:
    series = Series()
    series.extend([(0, 0.5), (1, None)])
    assert "── ·" in texts(line_chart([Curve("train", series)], 40, 8, look=PLAIN))[0]
    series.append(2, 0.125)
    assert "── 12.5 %" in texts(line_chart([Curve("t", series)], 40, 8, y_format="percent", look=PLAIN))[0]


def test_ticks_of_the_chart_are_rounded() -> None:
    y = 1.641025641025641 + np.sin(np.arange(500) / 40) * 0.337
    lines = texts(line_chart([Curve("train", (np.arange(500), y))], 90, 24, x_label="step", look=PLAIN))
    labels = [line.split("┤")[0].strip() for line in lines if "┤" in line]
    assert len(labels) >= 4
    assert all(len(label) <= 4 for label in labels), labels
    values = [float(label) for label in labels]
    assert np.diff(values) == pytest.approx([values[1] - values[0]] * (len(values) - 1))
    assert lines[-1].split() == ["0", "100", "200", "300", "400", "step"]


def test_a_spike_survives_between_dashes() -> None:
    x = np.arange(1000)
    for at in range(500, 540):
        y = np.ones(1000)
        y[at] = 9.0
        curve = Curve("val", (x, y), "orange", "dashed")
        lines = canvas(line_chart([curve], 104, 20, y_range=(0, 10), look=PLAIN))
        assert any(line.strip() for line in lines[: len(lines) // 3]), at


def test_raw_points_are_faint_and_behind() -> None:
    look = Look()
    x = np.arange(200)
    raw = 1 + np.sin(x * 12.9) * 0.5
    strips = line_chart([Curve("train", (x, np.ones(200)), raw=(x, raw))], 80, 20, look=look)
    drawn = {segment.style for strip in strips[1:] for segment in strip if segment.text.strip()}
    assert {look.style("blue"), look.style("blue", faint=True)} <= drawn
    level = [strip for strip in strips[1:] if any(s.style == look.style("blue") for s in strip)]
    assert len(level) == 1
    assert not any(s.style == look.style("blue", faint=True) for s in level[0])


def test_a_logarithmic_axis_has_powers_of_ten_and_gaps_for_what_has_no_logarithm() -> None:
    x = list(range(60))
    y = [10 ** (-i / 10) for i in x]
    y[30] = 0.0
    lines = texts(line_chart([Curve("train", (x, y))], 80, 24, log=True, look=PLAIN))
    labels = [line.split("┤")[0].strip() for line in lines if "┤" in line]
    assert labels[0] == "1"
    assert "1e-5" in labels


def test_marks_stand_behind_the_curve_with_their_label() -> None:
    curve = Curve("train", ([0, 100], [1.0, 1.0]))
    lines = texts(line_chart([curve], 80, 20, marks=[Mark(50, "best"), Mark(500, "beyond")], look=PLAIN))
    assert "▲best" in lines[-1]
    assert "beyond" not in lines[-1]
    at = lines[-1].index("▲")
    assert sum(line[at : at + 5].count("│") for line in lines) >= 10


def test_an_outlier_of_the_raw_points_does_not_flatten_the_curve() -> None:
    x = np.arange(500)
    raw = np.linspace(1, 2, 500)
    raw[250] = 1e6
    lines = canvas(
        line_chart([Curve("train", (x, np.linspace(1, 2, 500)), raw=(x, raw))], 80, 20, look=PLAIN)
    )
    assert sum(1 for line in lines if line.strip()) > len(lines) // 2


def test_the_cursor_is_a_line_at_which_every_curve_is_read() -> None:
    x = np.arange(0.0, 101.0)
    curves = [
        Curve("train", (x, x / 10)),
        Curve("val", ([0.0, 40, 80], [5.0, 6, 7]), "orange", "dashed"),
        Curve("run", ([0.0, 10], [3.0, 4]), "purple"),
    ]
    lines = texts(line_chart(curves, 90, 20, cursor=Mark(62.0, "62"), x_label="step", look=PLAIN))
    assert lines[0].split() == ["train", "──", "6.200", "val", "┄┄", "6.000", "run", "──", "·"]
    at = lines[-1].index("▲62")
    column = round(lines[-2].index("└") + 1 + 0.62 * (90 - lines[-2].index("└") - 2))
    assert abs(column - at) <= 2
    assert sum(line[column - 1 : column + 2].count("│") for line in lines[1:-2]) >= len(lines) - 5
    assert lines[-1].rstrip().endswith("step")


def test_names_stand_beside_the_ends_of_the_curves_without_overlap() -> None:
    x = [0.0, 10.0]
    curves = [
        Curve("", (x, [1.0, y]), end=name, marker="●") for name, y in (("a", 1.0), ("b", 1.01), ("c", 3.0))
    ]
    lines = texts(line_chart(curves, 80, 20, x_label="epoch", look=PLAIN))
    rows = {
        name: next(i for i, line in enumerate(lines) if line.rstrip().endswith(f"● {name}")) for name in "abc"
    }
    assert rows["c"] < rows["b"] < rows["a"]
    assert rows["a"] - rows["b"] == 1
    assert sum(line.count("●") for line in lines) >= 3 + 3
    narrow = texts(line_chart(curves, 30, 20, look=PLAIN))
    assert not any(line.rstrip().endswith("● a") for line in narrow), "no room for names"


def test_values_stand_beside_the_names_where_the_title_has_no_room_for_them() -> None:
    curves = [Curve(f"run {n}", ([0.0, 1], [0.0, n]), end=f"run {n}") for n in range(1, 9)]
    lines = texts(line_chart(curves, 70, 20, title="loss", look=PLAIN))
    assert lines[0].strip() == "loss"
    assert any(line.rstrip().endswith("run 3 3.000") for line in lines)


def test_spikes_are_cut_off_and_said_and_a_steep_start_is_not() -> None:
    x = np.arange(200.0)
    y = 0.2 + 2.0 * np.exp(-x / 5)
    spiky = y.copy()
    spiky[[120, 121]] = 50.0, 1e6
    for values, words in ((y, ""), (spiky, "▲2 values > 2.")):
        lines = texts(line_chart([Curve("train", (x, values))], 90, 24, spare="spikes", look=PLAIN))
        assert (words in "".join(lines)) if words else "value" not in "".join(lines)
        assert max(float(line.split("┤")[0]) for line in lines if "┤" in line) <= 2.5
    plain = texts(line_chart([Curve("train", (x, spiky))], 90, 24, look=PLAIN))
    assert "1,000,000" in "".join(plain)


def test_early_epochs_do_not_stretch_the_axis_and_are_said() -> None:
    x = np.arange(1.0, 21)
    y = np.append([0.1, 0.5], np.linspace(0.95, 0.98, 18))
    lines = texts(
        line_chart(
            [Curve("", (x, y))], 90, 24, spare="early", y_format="percent", look=PLAIN, title="accuracy"
        )
    )
    assert "▼2 values < 95.0 %" in "".join(lines)
    assert [line for line in lines if "┤" in line][-1].startswith("95.0%")
    flat = texts(line_chart([Curve("", (x, np.linspace(0.5, 0.6, 20)))], 90, 24, spare="early", look=PLAIN))
    assert "value" not in "".join(flat)


def test_what_is_left_behind_does_not_count_for_the_limits() -> None:
    x = np.arange(10.0)
    curves = [Curve("left", (x, x * 100), "quiet", aside=True), Curve("train", (x, x / 9))]
    labels = [line.split("┤")[0] for line in texts(line_chart(curves, 60, 20, look=PLAIN)) if "┤" in line]
    assert max(map(float, labels)) == 1.0
    assert "900" in "".join(texts(line_chart(curves[:1], 60, 20, look=PLAIN))), "alone it counts"


def test_a_line_goes_to_the_edges_of_the_part_that_is_shown() -> None:
    curve = Curve("val", ([0.0, 10.0], [0.0, 10.0]))
    lines = canvas(line_chart([curve], 60, 20, x_range=(4.0, 6.0), y_range=(4.0, 6.0), look=PLAIN))
    columns = len(lines[0])
    assert all(any(line[c] != " " for line in lines) for c in range(columns))


def test_notes_follow_the_values_as_far_as_there_is_room() -> None:
    curve, notes = Curve("train", ([0, 1], [2.0, 2.301])), [("a much longer remark", "short"), ("o: log",)]
    for width, expected in (
        (60, "a much longer remark  o: log"),
        (34, "short  o: log"),
        (24, "short"),
        (20, ""),
    ):
        line = texts(line_chart([curve], width, 6, notes=notes, look=PLAIN))[0]
        assert line.rstrip() == f"train ── 2.301  {expected}".rstrip()


def test_charts_drawn_in_two_threads_equal_those_drawn_alone() -> None:
    def chart(seed: int) -> list[str]:
        x = np.arange(300)
        y = np.sin(x / (3 + seed)) * seed
        return texts(
            line_chart([Curve(f"c{seed}", (x, y)), Curve("v", (x, y / 2), "orange", "dashed")], 70, 16)
        )

    alone = {seed: chart(seed) for seed in (1, 2)}
    wrong: list[int] = []
    barrier = threading.Barrier(2)

    def draw(seed: int) -> None:
        barrier.wait()
        wrong.extend(seed for _ in range(12) if chart(seed) != alone[seed])

    threads = [threading.Thread(target=draw, args=(seed,)) for seed in (1, 2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert alone[1] != alone[2]
    assert wrong == []


def test_ascii_curves_have_their_own_characters() -> None:
    x = list(range(100))
    curves = [
        Curve("a", (x, [1.0] * 100)),
        Curve("b", (x, [2.0] * 100), style="dashed"),
        Curve("c", (x, [3.0] * 100), style="dotted"),
    ]
    lines = texts(line_chart(curves, 60, 16, look=BARE))
    assert lines[0].split() == ["a", "**", "1.000", "b", "oo", "2.000", "c", "++", "3.000"]
    drawn = [line[line.index("+" if "+" in line[:6] else "|") + 1 :] for line in lines[1:-2]]
    dotted, dashed, solid = [line for line in drawn if line.strip()]
    assert solid == "*" * len(solid)
    assert dashed.startswith("oo oo oo")
    assert dotted.startswith("+ + +")


# --- histograms ---------------------------------------------------------------------------------


def bars(strips: list[Line]) -> list[str]:
    return texts(strips)[:-1]


def test_the_spike_at_zero_does_not_flatten_the_others() -> None:
    relu = [10_000, 100, 90, 80, 60, 40, 20, 10, 5, 1]
    shown = texts(histogram(relu, 0.0, 5.0, 40, 10, title="dense 3", look=PLAIN))
    assert shown[0].split("  ")[0] == "dense 3"
    body = shown[1:-1]
    assert body[0].startswith("▲▲▲▲████")
    assert "▲" not in "".join(body)[4:]
    assert body[len(body) // 2].startswith("█" * 20)


def test_a_high_bar_elsewhere_is_not_cut() -> None:
    saturated = [1000, 5, 3, 3, 5, 900]
    shown = bars(histogram(saturated, 0.5, 1.0, 12, 9, look=PLAIN))
    assert "▲" not in "".join(shown)
    assert shown[0].count("█") + shown[1].count("█") >= 4
    assert "▲" not in "".join(bars(histogram([500, 600, 550], -1, 1, 12, 9, look=PLAIN)))


def test_nothing_but_zeros_is_a_full_bar() -> None:
    shown = bars(histogram([0, 0, 50, 0, 0], -1, 1, 10, 6, look=PLAIN))
    assert all(line == "    ██    " for line in shown)


def test_bars_rise_by_eighths_and_the_least_is_seen() -> None:
    shown = bars(histogram([1, 2, 4, 8, 8000], 1, 2, 5, 3, look=PLAIN))
    assert shown == ["    █", "▁▁▁▁█"]
    assert bars(histogram(range(17), 1, 2, 17, 3, look=PLAIN))[1] == " ▁▂▃▄▅▆▇█████████"


def test_the_axis_shows_both_ends_and_zero() -> None:
    axis = texts(histogram([1, 2, 3], -2.0837, 1.0419, 60, 8, look=PLAIN))[-1]
    assert axis.startswith("-2.08 ─")
    assert axis.endswith("─ 1.04")
    assert 38 <= axis.index(" 0 ") <= 41
    assert " .75 " in texts(histogram([1, 2, 3], 0.5, 1.0, 60, 8, look=PLAIN))[-1]


@pytest.mark.parametrize(
    ("low", "high", "bins", "expected"),
    [
        (0, 1, 10, 0),
        (-1, 0, 10, 9),
        (-1, 1, 10, 5),
        (1, 2, 10, None),
        (-3, 1, 4, 3),
        (0, 0, 5, None),
        (0, 1, 0, None),
    ],
)
def test_zero_bin(low, high, bins, expected) -> None:
    assert zero_bin(low, high, bins) == expected


def test_mini() -> None:
    assert mini([8, 1, 0, 0, 2, 8], 6) == "█▁  ▂█"
    assert mini([0, 1, 2, 3, 4, 5, 6, 7, 7, 7], 10) == " ▂▃▄▅▆▇███"
    assert mini([1, 1, 0, 0], 2) == "█ "
    assert mini([], 4) == mini([0, 0], 4) == mini([math.nan, None], 4) == "    "
    assert mini([900, 4, 2, 1], 4, zero=0) == "██▄▂"
    assert mini([7, 3], 2, look=BARE) == "#-"


def test_rebinning_shares_by_area() -> None:
    assert shared(np.array([2.0, 4, 2, 4]), 2) == pytest.approx([6, 6])
    assert shared(np.array([3.0, 3, 3]), 2) == pytest.approx([4.5, 4.5])
    assert shared(np.array([4.0, 2.0]), 4) == pytest.approx([2, 2, 1, 1])


@given(st.lists(st.floats(0, 1e9), min_size=1, max_size=60), st.integers(1, 80))
def test_rebinning_keeps_the_sum(values, width) -> None:
    assert shared(np.array(values), width).sum() == pytest.approx(sum(values))


def test_bars_of_nothing_are_empty_and_the_greatest_is_full() -> None:
    for values, expected in (([0.0, 0.25, 0.5, 1.0], [0, 0.25, 0.5, 1]), ([0.0] * 3, [0] * 3)):
        (columns,), cut = heights([np.array(values)], len(values), None)
        assert columns.tolist() == expected
        assert not cut.any()


def test_progress_is_full_only_when_done() -> None:
    assert progress(0.5, 4) == "▰▰▱▱"
    assert progress(0.999, 4) == "▰▰▰▱"
    assert progress(1.0, 4) == progress(7, 4) == "▰▰▰▰"
    assert progress(None, 3) == progress(-1, 3) == "▱▱▱"
    assert progress(0.5, 4, BARE) == "##--"


# --- heat maps ----------------------------------------------------------------------------------


def test_heat_map_shows_time_to_the_right_and_values_upwards() -> None:
    rising = [[1 if bin_ == moment else 0 for bin_ in range(8)] for moment in range(8)]
    shown = texts(heat_map(np.array(rising), 8, 8, look=PLAIN))
    assert shown == [" " * (7 - row) + "█" + " " * row for row in range(8)]


def test_heat_map_is_legible_without_colour() -> None:
    shown = texts(heat_map(np.array([[100, 60, 25, 2, 0]] * 4), 4, 5, look=PLAIN))
    assert [line[0] for line in shown] == [" ", "░", "▒", "█", "█"]


def test_heat_map_uses_half_cells_in_colour() -> None:
    strips = heat_map(np.array([[0, 1, 0, 1]] * 3), 3, 2, look=Look())
    assert texts(strips) == ["▀▀▀", "▀▀▀"]
    strips = heat_map(np.array([[1, 0, 1, 1]] * 3), 3, 2, look=Look())
    assert texts(strips) == ["▀▀▀", "▄▄▄"]


def test_heat_map_labels() -> None:
    shown = texts(
        heat_map(
            np.array([[1, 2, 3]] * 9),
            60,
            9,
            marks=[(0.0, "-2"), (1.0, "1"), (2 / 3, "0")],
            title="weights",
            x_labels=("step 0", "step 90"),
            look=PLAIN,
        )
    )
    assert shown[0].startswith("weights")
    assert shown[1].startswith(" 1│")
    assert shown[-2].startswith("-2│")
    assert sum(line.startswith(" 0│") for line in shown) == 1
    assert shown[-1].startswith("   step 0")
    assert shown[-1].endswith("step 90")


# --- numbers ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (0.5, ".50"), (-7.1, "-7.1"), (3e-9, "3e-9"), (200_960, "200,960"), (math.nan, "·"), (None, "·"),
        (0, "0"), (0.0, "0"), (78.2, "78"), (0.021, ".02"), (0.996, "1.0"), (9.96, "10"), (-0.25, "-.25"),
        (31_234.4, "31,234"), (1e30, "1e30"), (math.inf, "inf"), (-math.inf, "-inf"), (12_345_678, "12.3M"),
        (0.0021, "2e-3"), (np.float32(0.5), ".50"), (np.int64(1234), "1,234"), (10**400, ">1e300"),
    ],
)  # fmt: skip
def test_compact(value, expected) -> None:
    assert formatting.compact(value) == expected


@given(any_value, st.integers(1, 6))
def test_compact_is_short(value, digits) -> None:
    assert 1 <= len(formatting.compact(value, digits)) <= 12


@given(st.floats(-1e300, 1e300))
def test_compact_reports_the_number(value) -> None:
    shown = float(formatting.compact(value, 4).replace(",", ""))
    assert shown == pytest.approx(value, rel=5.1e-3, abs=0)


@pytest.mark.parametrize(
    ("fraction", "expected"),
    [
        (0.112, "11.2 %"), (0, "0 %"), (1, "100 %"), (0.0001, "<0.1 %"), (0.99999, ">99.9 %"),
        (None, "·"), (math.nan, "·"), (0.39, "39.0 %"), (1.5, "150.0 %"),
    ],
)  # fmt: skip
def test_percent(fraction, expected) -> None:
    assert formatting.percent(fraction) == expected


@pytest.mark.parametrize(
    ("seconds", "expected"),
    [
        (72, "1:12"), (7.4, "0:07"), (0.42, "0.4 s"), (1e-3, "0.1 s"), (0, "0:00"),
        (59.7, "1:00"), (7389, "2:03:09"), (273_600, "3 d 4 h"),
        (None, "·"), (-1, "·"), (math.inf, "·"),
    ],
)  # fmt: skip
def test_duration(seconds, expected) -> None:
    assert formatting.duration(seconds) == expected


@pytest.mark.parametrize(
    ("speed", "expected"),
    [(31_234, "31,200/s"), (0.52, ".52/s"), (124.7, "125/s"), (None, "·"), (0, "0/s"), (9.4e8, "9.4e8/s")],
)  # fmt: skip
def test_rate(speed, expected) -> None:
    assert formatting.rate(speed) == expected


@given(st.floats(-1e12, 1e12), st.floats(-1e12, 1e12), st.integers(1, 12))
def test_ticks_are_rounded(a, b, n) -> None:
    ticks = numbers.nice_ticks(a, b, n)
    low, high = min(a, b), max(a, b)
    slack = (high - low) * 1e-6
    assert len(ticks) <= n + 1
    assert all(low - slack <= tick <= high + slack for tick in ticks)
    for first, second in pairwise(ticks):
        digits = f"{second - first:.6e}".partition("e")[0]
        assert digits in ("1.000000", "2.000000", "5.000000")
    # rounded: no more digits than the distance to the next needs
    labels = numbers.tick_labels(ticks)
    assert len(set(labels)) == len(ticks)


@pytest.mark.parametrize(
    ("low", "high", "n", "labels"),
    [
        (0, 1, 5, ["0.0", "0.2", "0.4", "0.6", "0.8", "1.0"]),
        (2.297, 2.304, 3, ["2.298", "2.300", "2.302", "2.304"]),
        (0, 23_456, 3, ["0", "10,000", "20,000"]),
        (0, 4.1e-6, 3, ["0", "2e-6", "4e-6"]),
        (-1e9, 1e9, 2, ["-1e9", "0", "1e9"]),
        (1.0, 1.0, 3, []),
    ],
)
def test_tick_labels(low, high, n, labels) -> None:
    assert numbers.tick_labels(numbers.nice_ticks(low, high, n)) == labels


def test_percent_ticks() -> None:
    assert numbers.tick_labels([0, 0.5, 1], "percent") == ["0%", "50%", "100%"]
    assert numbers.tick_labels([0.93, 0.935], "percent") == ["93.0%", "93.5%"]


@given(st.floats(-1e290, 1e290), st.floats(-1e290, 1e290), st.integers(1, 9))
def test_limits_hold_their_numbers(a, b, n) -> None:
    low, high = numbers.nice_limits(min(a, b), max(a, b), n)
    slack = 1e-6 * (high - low)
    assert low <= min(a, b) + slack
    assert high >= max(a, b) - slack
    assert low < high


# --- what the terminal can show -----------------------------------------------------------------


def test_glyphs_follow_the_encoding() -> None:
    assert glyphs("utf-8") is glyphs("UTF-16") is UNICODE
    assert (
        glyphs("ascii") is glyphs("latin-1") is glyphs("cp437") is glyphs(None) is glyphs("no-such") is ASCII
    )
    assert all(str(getattr(ASCII, name)).isascii() for name in ASCII.__slots__)
    for kind in (UNICODE, ASCII):
        singles = (
            kind.vertical,
            kind.horizontal,
            kind.tick,
            kind.up,
            kind.down,
            kind.dot,
            kind.done,
            kind.more,
        )
        assert all(fit(glyph, 1) == glyph for glyph in singles)


def test_layers_keep_a_colour_that_is_not_trouble() -> None:
    assert [layer_colour(i) for i in range(6)] == list(LAYER_COLOURS)
    assert layer_colour(6) == layer_colour(0)
    assert set(LAYER_COLOURS) <= set(COLOURS) - {"red", "quiet"}


def test_without_colour_no_style_has_one() -> None:
    rows = [[1, 2, 3]] * 4
    x = [0, 1, 2]
    curves = [Curve("a", (x, x), raw=(x, x))]
    for look in (PLAIN, BARE):
        drawings = [
            line_chart(curves, 60, 14, title="t", x_label="x", look=look, marks=[Mark(1, "m")]),
            histogram([9, 1, 2], 0, 1, 40, 9, title="t", look=look),
            heat_map(np.array(rows), 40, 9, marks=[(0, "0"), (1, "1")], title="t", look=look),
        ]  # fmt: skip
        for segment in (segment for strips in drawings for strip in strips for segment in strip):
            assert segment.style is not None
            assert segment.style.color is None
            assert segment.style.bgcolor is None


def test_names_from_files_cannot_reach_the_terminal() -> None:
    hostile = "a\x1b[2J\u202eb\x9b1m\nc[/]"
    for look in (Look(), BARE):
        strips = line_chart(
            [Curve(hostile, ([0, 1], [1, 2]))], 90, 12, title=hostile, x_label=hostile, look=look
        )
        strips += histogram([1, 2], 0, 1, 60, 6, title=hostile, look=look)
        strips += heat_map(np.array([[1, 2]]), 60, 6, title=hostile, x_labels=(hostile, hostile), look=look)
        shown = "".join(texts(strips))
        assert not set(shown) & set("\x1b\u202e\x9b\n")
        assert "c[/]" in shown
    assert clean("naïve · 字 σ×2", BARE) == "naive - ? sigmax2"


@given(st.text(max_size=30), st.integers(0, 20))
def test_fitted_text_has_its_width(text, width) -> None:
    assert cell_len(fit(clean(text), width)) == width
