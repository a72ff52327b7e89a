"""The benchmark that the README names runs, and its figures land in the right places."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest

from tests.benchmarks.__main__ import report
from tests.benchmarks.workloads import WORKLOADS, data, network, products


def test_the_benchmark_runs_without_any_peer() -> None:
    command = [sys.executable, "-m", "tests.benchmarks", "--seconds", "0.001", "--json", "W4"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert set(found["threads"]) >= {"1"}
    for rows in found["threads"].values():
        assert set(rows) == {"W4"}
        assert rows["W4"]["tuiml"] > 0 < rows["W4"]["µs"]


def test_the_table_has_a_row_a_workload_and_a_column_a_way() -> None:
    rows = {"W1": {"µs": 1700.0, "tuiml": 1.2, "PyTorch": 1.8}, "W5": {"µs": 5000.0, "tuiml": 1.4}}
    lines = "\n".join(report({"machine": "a", "versions": {}, "threads": {"1": rows}, "busy": 1.5}))
    assert "| workload | products, µs | tuiml | PyTorch |" in lines
    assert "| 1700 | 1.20 | 1.80 |" in lines
    assert "| 5000 | 1.40 | – |" in lines
    assert "1.50 times as long" in lines


@pytest.mark.parametrize("work", WORKLOADS, ids=lambda work: work.key)
def test_the_data_fit_the_network_and_the_products_can_be_done(work) -> None:
    found, net = data(work), network(work)
    assert net.input_shape == found.shape
    assert net.outputs == len(found.classes) == work.sizes[-1]
    assert found.train.inputs.dtype == (np.uint8 if work.sizes[0] == 784 else np.float32)
    products(work)(1)
