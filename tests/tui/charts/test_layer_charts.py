"""The drawings of layers, without a screen: exact strips for small cases, and no size or number too odd."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuiml.tui.charts.distribution import Bars, distribution
from tuiml.tui.charts.heat import heat_map
from tuiml.tui.charts.landscape import Depth, landscape, limits
from tuiml.tui.charts.multiples import Panel, grid, multiples, window
from tuiml.tui.charts.norm_lines import norm_lines
from tuiml.tui.charts.palette import Look
from tuiml.tui.charts.records import Column, input_columns, records
from tuiml.tui.charts.scale import Scale, axis, common, moved
from tuiml.tui.charts.series import in_columns

PLAIN, BARE, FULL = Look(colour=False), Look(colour=False, unicode=False), Look()
UNIT = Scale(0.0, 1.0, 4)
LOG = Scale(-1.0, 1.0, 9, 1e-4)
NAN = math.nan


def texts(strips):
    return [strip.text for strip in strips]


# -- axes --------------------------------------------------------------------------------------------------


def test_a_logarithmic_axis_has_its_middle_bin_around_zero():
    assert LOG.edges().tolist() == pytest.approx([-1, -0.1, -0.01, -1e-3, -1e-4, 1e-4, 1e-3, 0.01, 0.1, 1])
    assert LOG.zero == 4
    assert [LOG.position(v) for v in (-5, -1, 0, 9e-5, 1, 5)] == [0, 0, 0.5, 0.5, 1, 1]
    middles = np.sqrt(LOG.edges()[5:-1] * LOG.edges()[6:])
    assert [LOG.position(v) * 9 for v in middles] == pytest.approx([5.5, 6.5, 7.5, 8.5])
    assert [LOG.position(-v) * 9 for v in middles] == pytest.approx([3.5, 2.5, 1.5, 0.5])


def test_its_labels_are_the_ends_zero_and_powers_of_ten():
    line = axis(LOG, 60, PLAIN).text
    assert line.startswith("-1.0 ─")
    assert line.endswith("─ 1.0")
    for label in (" 0 ", " -.01 ", " .01 "):
        assert label in line


def test_arrows_stand_at_the_ends_where_something_lies_beyond():
    line = axis(UNIT, 30, PLAIN, below=True, above=True).text
    assert (line[:3], line[-5:]) == ("◀0 ", " 1.0▶")
    assert "◀" not in axis(UNIT, 30, PLAIN).text
    assert axis(UNIT, 30, BARE, below=True).text.startswith("<0 -")


def test_one_axis_for_all_holds_the_widest_and_is_as_fine_as_the_finest():
    assert common([]) is None
    assert common([UNIT, UNIT]) == UNIT
    assert common([UNIT, Scale(-2.0, 2.0, 4)]) == Scale(-2.0, 2.0, 16)
    assert common([LOG, Scale(-10.0, 10.0, 9, 1e-6)]) == Scale(-10.0, 10.0, 9, 1e-6)


def test_counts_move_to_another_axis_by_how_far_bins_overlap():
    counts, below, above = moved(np.array([4.0, 8.0]), Scale(0.0, 2.0, 2), Scale(0.5, 3.5, 3))
    assert counts.tolist() == [2 + 4, 4, 0]
    assert (below, above) == (2, 0)


@given(
    st.lists(st.integers(0, 1000), min_size=9, max_size=9),
    st.sampled_from([UNIT, LOG, Scale(-0.3, 0.2, 7), Scale(-9.0, 9.0, 5, 1e-8)]),
)
def test_no_count_is_lost_on_another_axis(counts, target):
    found, below, above = moved(np.array(counts, dtype=float), LOG, target)
    assert found.sum() + below + above == pytest.approx(sum(counts))
    assert (found >= -1e-9).all()


# -- one histogram -----------------------------------------------------------------------------------------


def test_bars_stand_over_their_axis_and_what_lies_beyond_under_its_ends():
    shown = texts(distribution(Bars(UNIT, [1, 2, 4, 2], 3, 45), 24, 7, title="z", look=PLAIN))
    assert shown[0].strip() == "z"
    assert shown[1:5] == [
        "            ██████      ",
        "            ██████      ",
        "      ██████████████████",
        "████████████████████████",
    ]
    assert shown[5].startswith("◀0 ─")
    assert shown[5].endswith("─ 1.0▶")
    assert shown[6] == "◀ 3 < 0   78.9 % > 1.0 ▶"


def test_what_lies_beyond_the_axis_is_said_in_words():
    assert Bars(Scale(-4.0, 2.0, 4), [100] * 4, 13, 1).beyond() == ("13 values < -4.0", "1 value > 2.0")
    assert Bars(Scale(-4.0, 2.0, 4), [100] * 4, 32, 0).beyond() == ("7.4 % < -4.0", "")
    assert Bars(Scale(0.0, 2.25, 4), [1e6] * 4, 0, 30).beyond() == ("", "30 values > 2.25")
    wide = texts(distribution(Bars(UNIT, [1, 2, 4, 2], 3, 45), 60, 7, look=PLAIN))[-1]
    assert wide.split("  ")[0] == "◀ 3 values < 0"


def test_an_axis_of_its_own_ends_where_the_values_do():
    bars = Bars(Scale(-2.0, 2.0, 40), [0] * 10 + [50] * 20 + [0] * 9 + [1])
    assert bars.axis() == Scale(-1.0, 1.0, 20)
    assert bars.on(bars.axis()).beyond() == ("", "1 value > 1.0")
    assert bars.axis(Bars(Scale(-2.0, 2.0, 40), [9] * 40)) == bars.scale, "another run is seen as well"
    few = Bars(UNIT, [0, 4, 0, 0])
    assert few.axis() == UNIT, "never a single bar"
    norms = Bars(Scale(-1e4, 1e4, 121, 1e-12), [0] * 70 + [3] * 20 + [0] * 31)
    own = norms.axis()
    assert own.low == -own.high
    assert 1e-12 < own.floor < own.high < 1e4
    assert sum(norms.on(own).counts) == pytest.approx(60)


def test_the_spike_at_zero_is_named_beside_it():
    shown = texts(distribution(Bars(UNIT, [90, 1, 2, 1]), 60, 8, look=PLAIN))
    assert shown[0].split()[1:5] == ["95.7", "%", "at", "0"]


def test_panels_have_their_own_axes_unless_one_is_asked_for():
    both = [*panels(1), Panel(1, "relu", Bars(Scale(0.0, 4.0, 8), (8, 4, 2, 2, 1, 1, 1, 1)))]
    assert texts(multiples(both, 60, 7, shared=False, look=PLAIN))[-3].count(" 4.0") == 1
    assert texts(multiples(both, 60, 7, shared=True, look=PLAIN))[-3].count(" 4.0") == 2
    beyond = [Panel(0, "relu", Bars(UNIT, (8, 4, 2, 2), 0, 1))]
    assert "1 value > 1" in texts(multiples(beyond, 30, 9, shared=False, look=PLAIN))[-1]


def test_another_runs_histogram_is_an_outline_in_parts_of_its_own_total():
    own, other = Bars(UNIT, [4, 0, 0, 0]), Bars(UNIT, [100, 0, 0, 100])
    shown = texts(distribution(own, 8, 5, other=other, look=PLAIN))[:4]
    assert shown == ["██      ", "██      ", "──    ──", "██      "]
    assert "oo    oo" in texts(distribution(own, 8, 5, other=other, look=BARE))


def test_an_outline_over_a_bar_keeps_the_bar_behind_it():
    own, other = Bars(UNIT, [4, 4, 4, 4]), Bars(UNIT, [4, 2, 4, 2])
    above, _, line, *_ = distribution(own, 8, 5, other=other, look=FULL)
    assert above.text.count("─") == 4
    assert line.text == "██──██──"
    assert all(segment.style.bgcolor for segment in line if "─" in segment.text)


def test_the_spike_at_zero_is_cut_on_a_logarithmic_axis_as_well():
    shown = texts(distribution(Bars(LOG, [1, 2, 3, 2, 9000, 2, 3, 2, 1]), 9, 6, look=PLAIN))
    assert shown[0] == "  █ ▲ █  "


def test_nothing_but_what_lies_beyond_is_reported():
    shown = "\n".join(texts(distribution(Bars(UNIT, [0] * 4, 0, 9), 40, 8, look=PLAIN, empty="no bar")))
    assert "no bar" in shown
    assert "9 values > 1.0 ▶" in shown


# -- small multiples ---------------------------------------------------------------------------------------


def panels(count, scale=UNIT, counts=(1, 2, 4, 2)):
    return [Panel(i, "sigmoid", Bars(scale, counts), ".50 ± .20", 0.25) for i in range(count)]


def test_panels_fill_the_width_then_the_height_and_those_around_the_selected_are_shown():
    assert grid(5, 80, 20) == (5, 1)
    assert grid(10, 80, 20) == (5, 2)
    assert grid(11, 80, 20) == (4, 3)
    assert grid(40, 80, 20) == (5, 3)
    numbers = [[p.number for p in window(panels(9), 3, at)] for at in (0, 4, 8, 99)]
    assert numbers == [[0, 1, 2], [3, 4, 5], [6, 7, 8], [6, 7, 8]]


def test_a_panel_reports_its_number_activation_mean_and_spread_and_the_selected_is_marked():
    shown = texts(multiples(panels(3), 60, 9, title="activations", selected=1, look=PLAIN))
    assert shown[0].strip() == "activations"
    assert [part.strip() for part in shown[1].split("sigmoid")] == ["0", "▶1", "2", ""]
    assert shown[-2].count(".50 ± .20") == 3
    assert shown[-1].count("zeros 25.0 %") == 3
    assert "of 3" not in shown[0]
    assert (
        texts(multiples(panels(9), 30, 9, title="a", selected=4, look=PLAIN))[0].strip() == "a  2 of 9 layers"
    )


def test_all_panels_share_one_axis():
    both = [*panels(1), Panel(1, "relu", Bars(Scale(0.0, 4.0, 4), (8, 4, 2, 2), 0, 7))]
    line = texts(multiples(both, 60, 7, look=PLAIN))[-3]
    assert line.count(" 2.0 ") == line.count(" 4.0") == 2
    assert line.rstrip().endswith("4.0▶")


# -- over time ---------------------------------------------------------------------------------------------


def test_a_column_shows_what_was_last_reported_and_the_mean_where_there_is_more():
    values = np.array([[1.0], [3.0], [9.0]])
    assert in_columns(values, np.array([0.0, 10.0, 99.0]), 4).ravel().tolist() == [2, 2, 2, 9]
    assert in_columns(values, np.array([5.0, 5.0, 5.0]), 3).ravel().tolist()[0] == pytest.approx(13 / 3)
    gap = in_columns(np.array([[1.0], [NAN], [NAN], [2.0]]), np.array([0.0, 1.0, 2.0, 3.0]), 4)
    assert [x for x in gap.ravel().tolist() if not math.isnan(x)] == [1, 2]


@pytest.mark.parametrize(("look", "shades"), [(FULL, "████ 25 % ████"), (PLAIN, "░░▒▒ 25 % ▓▓██")])
def test_a_heat_map_says_what_its_shades_mean(look, shades):
    table = np.array([[1, 0], [0, 1]])
    shown = texts(heat_map(table, 80, 6, title="over time", look=look))
    assert shown[0].rstrip() == f"over time  0 {shades} 100 % of the fullest bin"
    assert "100 %" in texts(heat_map(table, 34, 6, title="over time", look=look))[0]
    assert texts(heat_map(table, 12, 6, title="over time", look=look))[0].rstrip() == "over time"


def test_a_heat_map_places_moments_by_their_steps_and_marks_the_one_looked_at():
    rows = [[1, 0], [0, 1]]
    shown = texts(
        heat_map(
            np.array(rows), 12, 4, steps=[0, 100], marks=[(0.0, "-1"), (1.0, "1")],
            x_labels=("", "100"), cursor=(100, "100"), look=PLAIN,
        )
    )  # fmt: skip
    assert shown[0].endswith("        █")
    assert shown[0].startswith(" 1│")
    assert shown[2].startswith("-1│████████ ")
    assert "▲100" in shown[3]


# -- the gradient's landscape ------------------------------------------------------------------------------


def depth(norms, **values):
    norms = np.array(norms, dtype=float)
    steps = np.arange(len(norms), dtype=float) * 10
    return Depth(list(range(1, norms.shape[1] + 1)), norms, steps, **values)


def test_vanishing_is_dark_at_the_top_and_each_row_ends_with_its_number():
    shown = texts(landscape(depth([[1e-8, 1e-4, 1.0]] * 5, selected=2), 30, 5, title="g", look=PLAIN))
    assert shown[1] == "  1 ▌" + "░" * 18 + " 1e-8  "
    assert shown[2] == "▶ 2 ▌" + "▓" * 18 + " 1e-4  "
    assert shown[3] == "  3 ▌" + "█" * 18 + " 1.0   "
    assert shown[0].split() == ["g", "1e-8", "░░▒▒▓▓███", "1e0"]
    assert shown[4].split() == ["step", "0", "40"]


def test_a_missing_norm_is_a_gap_zero_the_least_and_infinity_the_most():
    shown = texts(landscape(depth([[NAN, 0.0, 1.0, math.inf]] * 3), 40, 6, look=BARE))
    body = [line[5:33] for line in shown[1:5]]
    assert body == [" " * 28, "." * 28, "#" * 28, "#" * 28]
    assert [line[33:].strip() for line in shown[1:5]] == ["-", "0", "1.0", "inf"]


def test_layers_share_rows_where_there_are_more_of_them_and_take_more_where_there_are_fewer():
    many = texts(landscape(depth([[10.0**-n for n in range(30)]] * 4), 60, 12, look=PLAIN))
    assert len(many) == 12
    assert sum("+▌" in line for line in many) == 10
    few = texts(landscape(depth([[1.0, 0.1]] * 4), 60, 12, look=PLAIN))
    assert sum("▌" in line for line in few) == 2
    assert [line[5] for line in few[1:11]] == ["█"] * 5 + ["▓"] * 5


def test_the_moment_looked_at_is_marked_and_its_numbers_are_shown():
    found = depth([[0.5, 1.0], [0.25, 1.0], [0.125, 1.0]], at=1)
    shown = texts(landscape(found, 50, 6, cursor=True, look=PLAIN))
    assert ".25" in "\n".join(shown)
    assert "▲10" in shown[-1]


def test_shades_span_three_powers_of_ten_at_least():
    assert limits(np.array([[1.0, 2.0]])) == (-2, 1)
    assert limits(np.array([[1e-9, 2.0]])) == (-9, 1)
    assert limits(np.array([[NAN, 0.0, math.inf]])) is None


def test_as_lines_each_layer_has_its_place_on_the_axis_and_its_number_at_the_right():
    shown = texts(norm_lines(depth([[1e-4, 1.0]] * 5), 30, 7, title="g", look=BARE))
    assert shown[1] == "  1e0+" + "*" * 15 + " 2: 1    "
    assert shown[5] == " 1e-4+" + "*" * 15 + " 1: 1e-4 "
    assert shown[3] == " 1e-2+" + " " * 24
    gap = texts(norm_lines(depth([[1.0], [NAN], [1.0], [1.0]]), 30, 7, look=PLAIN))
    assert gap[0][6:21].count(" ") == 5


# -- whatever comes ----------------------------------------------------------------------------------------

numbers = st.one_of(st.integers(0, 10**6), st.just(0))
looks = st.sampled_from([FULL, PLAIN, BARE, Look(dark=False)])


@settings(deadline=None, max_examples=60)
@given(
    st.integers(0, 90), st.integers(0, 30), st.lists(numbers, min_size=9, max_size=9), looks,
    st.sampled_from([LOG, Scale(-1.0, 3.0, 9), Scale(0.0, 1e-9, 9)]), st.integers(0, 9),
)  # fmt: skip
def test_any_size_is_filled_and_plain_terminals_get_ascii(width, height, counts, look, scale, beyond):
    bars = Bars(scale, counts, beyond, beyond)
    other = Bars(LOG, counts[::-1], 0, beyond)
    all_panels = [Panel(i, "ta\x1bnh", bars, "a\x1b", 0.5, other) for i in range(4)]
    drawings = [
        distribution(bars, width, height, title="a\x1bb", other=other, look=look),
        distribution(None, width, height, look=look),
        multiples(all_panels, width, height, title="x", selected=3, look=look),
        multiples([], width, height, look=look),
        landscape(depth([counts, [NAN] * 9, counts]), width, height, title="g", cursor=True, look=look),
        landscape(depth([[NAN] * 3]), width, height, title="g", look=look),
        norm_lines(depth([counts, [NAN] * 9, counts]), width, height, title="g", cursor=True, look=look),
        norm_lines(depth([[NAN] * 3]), width, height, title="g", look=look),
        landscape(Depth([], np.empty((0, 0)), np.empty(0)), width, height, look=look),
        heat_map(
            np.array([counts, counts]),
            width,
            height,
            steps=[1, 9],
            marks=[(0.5, "0")],
            cursor=(5, "5"),
            look=look,
        ),
    ]
    for drawn in drawings:
        assert len(drawn) == (height if width else 0)
        for strip in drawn:
            assert strip.cell_length == width == len(strip.text)
            assert "\x1b" not in strip.text
            assert look.unicode or strip.text.isascii()


# -- examples of a table -----------------------------------------------------------------------------------

NAMES = ("sepal length", "petal\x1bwidth", "colour = red", "colour = dark green", "weight")


def table(width, look=PLAIN):
    rows = [(5.1, 0.25, 1, 0, 70), (6.0, NAN, 0, 1, 81.5)]
    inputs, total = input_columns(NAMES, rows, look)
    return texts(records([Column("loss", ["2.3", "11"]), *inputs], width, 3, look, total=total + 1))


def test_values_of_a_table_stand_under_the_names_of_their_columns():
    head, first, second = table(70)
    assert head.split("  ")[0] == "loss"
    assert [name in head for name in ("sepal length", "colour", "weight")] == [True] * 3
    assert "\x1b" not in head
    assert first.split() == ["2.3", "5.10", ".250", "red", "70"]
    assert second.split() == ["11", "6.00", "·", "dark", "green", "81.5"]
    for text in ("5.10", "6.00"):
        line = first if text in first else second
        assert line.index(text) + len(text) == head.index("sepal length") + len("sepal length")


def test_columns_that_have_no_room_are_counted():
    assert table(34)[0].rstrip().endswith("+2 more")
    assert all(len(line) == 34 for line in table(34))
    assert table(44)[0].split() == ["loss", "sepal", "l…", "petal\ufffdw…", "colour", "weight"]
    inputs, total = input_columns(NAMES, [(1.0, 2.0)], PLAIN)
    assert (len(inputs), total) == (2, 4), "only the first values of an example are known"
    assert input_columns((), [(1.0, 2.0)], PLAIN)[0][1].head == "column 2"
