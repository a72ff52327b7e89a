"""An engine without a process: what it is asked is noted, and events come when a test feeds them."""

from __future__ import annotations

from typing import Any

from tuiml.training.events import End, Epoch, Event, Progress, Start, State
from tuiml.tui.process.child import Post, TrainingEvents

RUN = "a-run"


class FakeTrainingClient:
    """Answers at once what a real one would say of a run of two epochs of ten steps."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self.active = False
        self.paused = False
        self.asked: list[Any] = []
        self.steps = 0
        self.requests: list[Any] = []
        self.drawings: list[Any] = []
        self.path, self.statistics = "", False
        self.pace: float | None = None

    def set_pace(self, pace: float | None) -> None:
        self.pace = pace

    def start(self, document: dict[str, Any]) -> bool:
        if self.active:
            return False
        self.asked.append(("start", document))
        self.active, self.paused, self.steps = True, False, 0
        self.report(
            Start(
                run=RUN, path="", backend="numpy", device="cpu", threads=2, parameters=100,
                train_examples=100, validation_examples=10, test_examples=10, batch_size=10,
                epochs=2, steps=20, seed=0,
            )
        )  # fmt: skip
        return True

    def resume_run(self, path: str, settings: Any = ()) -> bool:
        if self.active:
            return False
        self.asked.append(("resume_run", path, list(settings)))
        self.active, self.paused = True, False
        return True

    def inspect_again(self) -> None:
        self.asked.append("inspect_again")

    def find_rate(self, document: dict[str, Any], post: Post, backend: str = "auto") -> bool:
        if self.active:
            return False
        self.asked.append(("find_rate", document))
        self.finding: Post | None = post
        return True

    def stop_finding(self) -> None:
        self.asked.append("stop_finding")
        self.finding = None

    def observe(self, on: bool) -> None:
        self.observed = on

    def report(self, *events: Event) -> None:
        self._post(TrainingEvents(list(events)))

    def train(self, steps: int = 1) -> None:
        """Let the run go on by some steps."""
        for _ in range(steps):
            if not self.active:
                return
            self.steps += 1
            epoch = (self.steps - 1) // 10 + 1
            self.report(Progress(epoch, self.steps, 1.0, 0.5, 0.1, 1000.0, 0.1 * self.steps, 1.0))
            if self.steps % 10 == 0:
                self.report(Epoch(epoch, self.steps, 1.0, 0.5, 1.0, 0.5, 0.1, 0.1 * self.steps, 1000.0))
            if self.steps == 20:
                self.end("completed")

    def end(self, reason: str) -> None:
        self.active = False
        self.report(
            End(
                reason=reason, run=RUN, path="", epochs=self.steps // 10, step=self.steps, best_epoch=1,
                test_loss=1.0, test_accuracy=0.5, seconds=1.0, examples_per_second=1000.0,
            )
        )  # fmt: skip

    def pause(self) -> None:
        self.asked.append("pause")
        self.paused = True
        self.report(State("paused", self.steps, 0.1))

    def resume(self) -> None:
        self.asked.append("resume")
        self.paused = False
        self.report(State("running", self.steps, 0.1))

    def step(self) -> None:
        self.asked.append("step")
        self.train()

    def stop(self) -> None:
        self.asked.append("stop")
        self.end("stopped")

    def set_rate(self, rate: float) -> None:
        self.asked.append(("rate", rate))
        self.report(State("running", self.steps, rate))

    def rewind(self, step: int) -> None:
        self.asked.append(("rewind", step))
        self.paused = True

    def change(self, asked: dict[str, Any]) -> None:
        self.asked.append(("change", asked))

    def inspect(self, requests: Any) -> None:
        self.requests = list(requests)

    def predict(self, drawing: Any) -> None:
        self.drawings.append(drawing)

    def inspect_run(self, path: str, statistics: bool = False) -> None:
        self.path, self.statistics = path, statistics

    def close(self, timeout: float = 0.0) -> None:
        self.asked.append("close")
        self.active = False
