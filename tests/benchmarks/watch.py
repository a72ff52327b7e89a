"""The speed of a loop of one's own with and without ``tuiml.watch``: ``python -m tests.benchmarks.watch``.

Networks of PyTorch on one thread, in blocks by turns. The watched loop's clock stands still while the other
one runs, so that the run takes its part of its own time alone. Printed are the median of the blocks' speeds
and the speed of all blocks together: snapshots may fall into a few blocks alone. Speeds are steps a second of
the processor's time, whatever else the machine does.
"""

from __future__ import annotations

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Callable

import torch

from tests.watch.torch_models import ResNet, Transformer, loss_of
from tuiml.watch.models import Models
from tuiml.watch.run import WatchedRun


class Loop:
    """A training loop, watched or not, with a clock of its own."""

    def __init__(self, make: Callable[[], tuple[torch.nn.Module, torch.Tensor, torch.Tensor]], watched: bool):
        torch.manual_seed(0)
        self._model, self._x, self._y = make()
        self._optimizer = torch.optim.AdamW(self._model.parameters(), lr=1e-3)
        self.steps, self.seconds, self.busy, self._began = 0, 0.0, 0.0, 0.0
        self.speeds: list[float] = []
        self.run = WatchedRun(Models(self._model, self._optimizer), "loop", self._clock) if watched else None

    def _clock(self) -> float:
        return self.seconds + (time.perf_counter() - self._began if self._began else 0.0)

    def block(self, seconds: float) -> None:
        """Train for so long."""
        self._began, steps, busy = time.perf_counter(), 0, time.process_time()
        while (taken := time.perf_counter() - self._began) < seconds:
            self._optimizer.zero_grad()
            loss = loss_of(self._model, self._x, self._y)
            loss.backward()
            self._optimizer.step()
            if self.run is not None:
                self.run.step(loss=loss)
            steps += 1
        self.seconds, self._began = self.seconds + taken, 0.0
        busy = time.process_time() - busy
        self.steps, self.busy = self.steps + steps, self.busy + busy
        self.speeds.append(steps / busy)


def resnet() -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    return ResNet(16), torch.randn(32, 3, 32, 32), torch.randint(0, 10, (32,))


def transformer() -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    x = torch.randint(0, 50, (16, 16))
    return Transformer(width=64, layers=4), x, x.roll(1, 1)


def small() -> tuple[torch.nn.Module, torch.Tensor, torch.Tensor]:
    model = torch.nn.Sequential(torch.nn.Linear(16, 32), torch.nn.ReLU(), torch.nn.Linear(32, 4))
    return model, torch.randn(32, 16), torch.randint(0, 4, (32,))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.watch", description=__doc__)
    parser.add_argument("--seconds", type=float, default=40.0, help="of each loop (default: 40)")
    parser.add_argument("--block", type=float, default=1.0, help="seconds of a block (default: 1)")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    print("speed with tuiml.watch, of the speed without:")
    for make in (resnet, transformer, small):
        with tempfile.TemporaryDirectory() as home:
            os.environ["TUIML_HOME"] = home
            loops = [Loop(make, watched=False), Loop(make, watched=True)]
            for loop in loops:
                loop.block(chosen.block)
                loop.steps, loop.seconds, loop.busy, loop.speeds = 0, 0.0, 0.0, []
            while loops[0].seconds < chosen.seconds:
                for loop in loops:
                    loop.block(chosen.block)
            plain, watched = loops
            run = watched.run
            assert run is not None
            run.close()
            assert run.path is not None
            with open(run.path / "metrics.jsonl", encoding="utf-8") as file:
                snapshots = sum('"event": "snapshot"' in line for line in file)
        medians = [statistics.median(loop.speeds) for loop in loops]
        whole = (watched.steps / watched.busy) / (plain.steps / plain.busy)
        print(
            f"{make.__name__:12} {medians[0]:8.1f} steps/s  median {100 * medians[1] / medians[0]:5.1f} %"
            f"  all blocks {100 * whole:5.1f} %  {snapshots} snapshots"
        )


if __name__ == "__main__":
    main()
