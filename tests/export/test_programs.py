"""Programs in PyTorch, Keras and MLX: they rebuild the network, and their test loss is that of the engine."""

from __future__ import annotations

import ast
import importlib.util
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.export.networks import every_network, expected, labels_of, program_of
from tuiml.export.exported_run import Trained
from tuiml.export.formats import FORMATS, Order, find


def there(framework: str) -> bool:
    """Whether a framework is installed; nothing is imported."""
    return importlib.util.find_spec(framework) is not None


PROGRAMS = {one.name: one for one in FORMATS if one.suffix == ".py"}
NETWORKS = every_network()
each_program = pytest.mark.parametrize("framework", PROGRAMS)
needs = pytest.mark.parametrize(
    "framework",
    [
        pytest.param(name, marks=pytest.mark.skipif(not there(name), reason=f"{name} is not installed"))
        for name in PROGRAMS
    ],
)
"""For tests that run the programs."""


class Stub:
    """A source that is trained already."""

    def __init__(self, trained: Trained) -> None:
        self.trained = trained


def made(framework: str, found: Trained) -> dict[str, bytes]:
    source: Any = Stub(found)
    return PROGRAMS[framework].make(source, Order("program"))


@needs
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.filterwarnings("ignore:__array__ implementation")  # Keras on PyTorch
def test_the_test_loss_is_the_same(framework: str, network: str, tmp_path: Path) -> None:
    found = NETWORKS[network]()
    _, totals, _ = expected[id(found)]
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


@pytest.mark.parametrize("network", NETWORKS)
def test_onnx_answers_as_the_engine(network: str) -> None:
    pytest.importorskip("onnx")
    runtime = pytest.importorskip("onnxruntime")
    found = NETWORKS[network]()
    source: Any = Stub(found)
    files = find("onnx").make(source, Order("program"))
    session = runtime.InferenceSession(files[".onnx"], providers=["CPUExecutionProvider"])
    raw = found.data.test.inputs.reshape(-1, *found.data.shape)
    (answers,) = session.run(None, {"inputs": raw})
    engine = expected[id(found)][2]
    if not found.classes:
        engine = found.data.original(engine.T).T
    elif found.one_output and found.network.fused:
        engine = np.concatenate([1 - engine, engine])
    np.testing.assert_allclose(answers, engine.T, rtol=2e-5, atol=2e-6)
