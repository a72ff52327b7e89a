"""Programs in PyTorch, Keras and MLX: they rebuild the network, and their test loss is that of the engine."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from tests.export.networks import every_network, expected, labels_of, program_of
from tuiml.export.format import Order, all_formats
from tuiml.export.source import Trained

PROGRAMS = {name: one for name, one in all_formats().items() if one.suffix == ".py"}
NETWORKS = every_network()
each_program = pytest.mark.parametrize("framework", PROGRAMS)


class Stub:
    """A source that is trained already."""

    def __init__(self, trained: Trained) -> None:
        self.trained = trained


def made(framework: str, found: Trained) -> dict[str, bytes]:
    source: Any = Stub(found)
    return PROGRAMS[framework].make(source, Order("program"))


@each_program
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras on PyTorch
def test_the_test_loss_is_the_same(framework: str, network: str, tmp_path: Path) -> None:
    pytest.importorskip(framework if framework != "mlx" else "mlx.core")
    found = NETWORKS[network]()
    _, totals = expected[id(found)]
    files = made(framework, found)
    program = program_of(files[".py"], files[".safetensors"], tmp_path)
    raw = found.data.raw(found.data.test.inputs).reshape(-1, *found.data.shape)
    loss, score = program.evaluate(program.load_model(), raw, labels_of(found))
    assert loss == pytest.approx(totals.mean_loss, rel=1e-6)
    assert score == pytest.approx(totals.accuracy if found.classes else totals.r2, abs=1e-6)


@each_program
def test_the_code_is_python_and_its_lines_are_not_long(framework: str) -> None:
    for network in NETWORKS.values():
        code = made(framework, network())[".py"].decode()
        ast.parse(code)
        assert max(map(len, code.splitlines())) <= 130
