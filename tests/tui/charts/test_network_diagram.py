"""The diagram of a network: what is on it, at any size and with any terminal."""

import pytest
from rich.cells import cell_len

from tuiml.tui.charts.network_diagram import NARROWEST, Block, Frame, network_diagram
from tuiml.tui.charts.palette import Look

LOOKS = [Look(), Look(dark=False), Look(colour=False), Look(colour=False, unicode=False)]
CNN = [
    Block(-1, ("input",), "28×28", 784, True, True),
    Block(0, ("conv2d relu", "relu"), "16×26×26", 16 * 26 * 26, True),
    Block(1, ("flatten",), "10816", 10816, thin=True),
    Block(2, ("dense relu", "relu"), "64", 64),
    Block(3, ("dense softmax", "softmax"), "10", 10),
]
DEEP = [Block(i, ("dense sigmoid", "sigmoid"), "256", 256) for i in range(-1, 40)]


def text(lines):
    return "\n".join(line.text for line in lines)


@pytest.mark.parametrize("look", LOOKS)
@pytest.mark.parametrize("blocks", [CNN, DEEP, CNN[:1]], ids=["cnn", "deep", "input"])
def test_it_fits_whatever_the_size(look, blocks):
    for width in (5, 16, 37, 69, 114):
        for height in (5, 8, 13, 30):
            lines = network_diagram(blocks, 2, width, height, look)
            assert len(lines) <= height
            assert all(cell_len(line.text) == width for line in lines)
            assert look.unicode or text(lines).isascii()
    assert network_diagram(blocks, 2, NARROWEST - 1, 9, look) == []


def test_shapes_names_and_the_scale_are_told():
    found = text(network_diagram(CNN, 2, 100, 12, Look()))
    for word in ("input", "28×28", "conv2d relu", "16×26×26", "dense softmax", "log scale"):
        assert word in found
    assert "log scale" not in text(network_diagram(DEEP, 0, 100, 12, Look()))


@pytest.mark.parametrize("look", LOOKS[2:])
def test_the_selected_layer_needs_no_colour(look):
    solid, pointer = ("█", "▸") if look.unicode else ("#", ">")
    found = text(network_diagram(CNN, 2, 70, 10, look))
    assert solid in found
    assert f"{pointer}dense relu" in found or f"{pointer}relu" in found
    assert solid not in text(network_diagram(CNN, -5, 70, 10, look)).replace("input", "")


def test_another_selection_moves_nothing():
    def without_mark(selected):
        return text(network_diagram(CNN, selected, 66, 10, Look())).replace("▸", " ")

    assert len({without_mark(selected) for selected in range(4)}) == 1


def test_higher_bars_have_larger_outputs():
    lines = network_diagram(CNN, -5, 100, 16, Look())
    cells = 100 // len(CNN)
    bars = [
        sum(any(c in "█▀▄" for c in line.text[i * cells : (i + 1) * cells]) for line in lines)
        for i in range(5)
    ]
    assert bars[1] >= bars[0] > bars[3] > bars[4] > 0


def test_a_long_stack_shows_the_layers_around_the_selected_one():
    frame = Frame.of(DEEP, 20, 70)
    assert 20 in [block.index for block in frame.shown]
    assert "of 40 layers" in text(network_diagram(DEEP, 20, 70, 10, Look()))
    place = [block.index for block in frame.shown].index(20)
    assert frame.at(place * frame.cells + 1) == 20
    assert frame.at(69) in (None, frame.shown[-1].index)
    assert Frame.of(DEEP, -1, 70).at(0) is None, "the input is no layer"


def test_a_shape_that_is_not_known_is_a_question_mark():
    found = text(network_diagram([CNN[0], Block(0, ("dense relu",), "?", 0)], 0, 60, 9, Look(colour=False)))
    assert "???" in found
