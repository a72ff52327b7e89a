"""``tuiml train`` beside a PyTorch loop: ``python -m tests.benchmarks.train``, with MNIST fetched.

The preset mnist-4x200-relu, whole, by the command line, and the same network, data, batches and rate in an
eager loop of PyTorch, as one would write it; each in a process of its own, in turns. What is compared is
examples per second of the training alone: neither the start nor the validation counts.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PRESET = "mnist-4x200-relu"


def torch_loop(epochs: int, threads: int) -> float:
    """Examples per second of the loop by hand."""
    import torch
    from torch import nn

    from tuiml.data.prepare import load
    from tuiml.spec.library import find

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    data = load(find(PRESET).preset().data, 0)
    x, x_val = (torch.from_numpy(part.inputs).float() / 255 for part in (data.train, data.validation))
    y, y_val = (torch.from_numpy(part.labels).long() for part in (data.train, data.validation))
    sizes = [784, 200, 200, 200, 200]
    layers = [m for a, b in itertools.pairwise(sizes) for m in (nn.Linear(a, b), nn.ReLU())]
    model = nn.Sequential(*layers, nn.Linear(200, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    loss_of = nn.CrossEntropyLoss()
    seconds = 0.0
    for _ in range(epochs):
        began = time.perf_counter()
        for rows in torch.randperm(len(x)).split(100):
            optimizer.zero_grad()
            loss = loss_of(model(x[rows]), y[rows])
            loss.backward()
            optimizer.step()
        seconds += time.perf_counter() - began
        with torch.no_grad():
            loss_of(model(x_val), y_val)
    return epochs * len(x) / seconds


def tuiml_train(epochs: int, threads: int) -> float:
    """Examples per second as the run's last line has it."""
    with tempfile.TemporaryDirectory() as home:
        command = [sys.executable, "-m", "tuiml", "train", PRESET, "--run", "run", "--quiet"]
        command += ["--threads", str(threads), "--set", f"training.epochs={epochs}"]
        subprocess.run(command, check=True, env={**os.environ, "TUIML_HOME": home}, stdout=subprocess.DEVNULL)
        last = (Path(home) / "runs" / "run" / "metrics.jsonl").read_text(encoding="utf-8").splitlines()[-1]
    return float(json.loads(last)["examples_per_second"])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.train", description=__doc__)
    parser.add_argument("--pairs", type=int, default=4, help="runs of each (default 4)")
    parser.add_argument("--epochs", type=int, default=30, help="of a run (default 30)")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1, help="of both")
    parser.add_argument("--loop", action="store_true", help=argparse.SUPPRESS)
    chosen = parser.parse_args()
    if chosen.loop:
        print(torch_loop(chosen.epochs, chosen.threads))
        return
    itself = [sys.executable, "-m", "tests.benchmarks.train", "--loop"]
    itself += ["--epochs", str(chosen.epochs), "--threads", str(chosen.threads)]
    ratios = []
    for _ in range(chosen.pairs):
        mine = tuiml_train(chosen.epochs, chosen.threads)
        loop = float(subprocess.run(itself, check=True, capture_output=True, text=True).stdout)
        ratios.append(mine / loop)
        print(f"tuiml train {mine:9,.0f}  PyTorch {loop:9,.0f} examples/s  {ratios[-1]:.2f} ×", flush=True)
    print(f"{chosen.threads} thread(s): tuiml train / PyTorch: {statistics.median(ratios):.2f} (median)")


if __name__ == "__main__":
    main()
