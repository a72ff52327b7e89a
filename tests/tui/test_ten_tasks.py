"""What a user wants to do, as keys from a fresh start: none takes over fifteen, typed letters included."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest

from tests.tui.bench import Bench, screen_text
from tests.tui.files_on_disk import run as finished
from tuiml.spec.library import find, save
from tuiml.training.events import Epoch, Start
from tuiml.tui.chart_views.row_state import RowState
from tuiml.tui.model import settings
from tuiml.tui.process.training_client import TrainingClient
from tuiml.tui.study.screen import StudyScreen

pytestmark = pytest.mark.usefixtures("quick")
MOST = 15
LIMIT = 120.0
"""Seconds that a step may take on a busy machine; most take a few."""
Seen = Callable[[Bench], object]


@dataclass(frozen=True)
class Task:
    """What is to be done: keys, and what must be seen before the next ones; a word in quotes is typed."""

    name: str
    steps: tuple[tuple[str, Seen], ...]
    has: Callable[[Path], object] = lambda folder: None
    """Puts on the disk what the user already has."""
    pace: str = "full"
    """A run that a key is to meet midway is slowed down to be watched; all others need not take that long."""

    @property
    def keys(self) -> list[list[str]]:
        """The keys of each step, each press once."""
        return [pressed(keys) for keys, _ in self.steps]


def pressed(keys: str) -> list[str]:
    """The key presses of a step."""
    found: list[str] = []
    for word in keys.split():
        found += word[1:-1] if word.startswith("'") and len(word) > 1 else [word]
    return found


def shows(*texts: str) -> Seen:
    """True once the screen shows all of them."""
    return lambda on: all(text in screen_text(on.app) for text in texts)


def over(status: str = "completed") -> Seen:
    """True once the run on the screen has ended so, with no process training any more."""
    return lambda on: on.model.status == status and on.model.end is not None and not on.client.active


def histograms_of(*names: str) -> Seen:
    """True once the study has ended and shows the histograms of these values."""

    def seen(on: Bench) -> bool:
        text = on.app.query_one(StudyScreen).view.text
        return not on.app.study.active and "activations" in text and all(name in text for name in names)

    return seen


def answered(*texts: str) -> Seen:
    """True once a row that begins with some cells is predicted to be of the class named last."""

    def seen(on: Bench) -> bool:
        found, state = on.model.inspections.get("row"), on.train.selection.of(RowState)
        if found is None or found.number != state.version or state.cells[: len(texts) - 1] != [*texts[:-1]]:
            return False
        best = max(range(len(found.values)), key=found.values.__getitem__)
        return bool(on.model.preset.data.classes[best] == texts[-1])

    return seen


def val_accuracy(on: Bench) -> float:
    return float(on.model.accuracy.validation.last)


def own_preset(folder: Path) -> None:
    """A small preset of one's own."""
    mine = find("digits-quickstart").document()
    mine["training"] |= {"epochs": 3, "batch_size": 20}
    save(mine | {"name": "mine"})


def three_runs(folder: Path) -> None:
    """Runs with other batch sizes: step 1,000 is in another epoch of each."""
    for place, (size, per_epoch) in enumerate(((10, 50), (20, 40), (30, 20))):
        path = finished(f"batch-{size}", epochs=1, day=place + 1)
        steps, examples = 2000, size * per_epoch
        start = Start(path.name, str(path), "numpy", "cpu", 2, 6570, examples, 150, 297, size,
                      steps // per_epoch, steps, 0)  # fmt: skip
        end = json.loads((path / "metrics.jsonl").read_text().splitlines()[-1])
        end |= {"step": steps, "epochs": steps // per_epoch}
        lines = [{**start.to_json(), "time": f"2024-05-0{place + 1}T10:00:00+00:00"}]
        for n in range(1, steps // per_epoch + 1):
            loss = (place + 1) * 0.1 + (steps - n * per_epoch) / 10_000
            lines.append(Epoch(n, n * per_epoch, loss, 0.9, loss, 0.9, 0.1, n / 10, 1000.0).to_json())
        text = "".join(json.dumps(line) + "\n" for line in [*lines, end])
        (path / "metrics.jsonl").write_text(text)


def own_table(folder: Path) -> None:
    """Measurements of three kinds of flowers."""
    rng = np.random.default_rng(0)
    rows = ["length,width,height,kind"]
    for n in range(240):
        length, width, height = rng.normal([1.5 * (n % 3), 1.0 - n % 3, 1.0], 0.3)
        rows.append(f"{length:.3f},{width:.3f},{height:.3f},{('iris', 'lily', 'rose')[n % 3]}")
    (folder / "flowers.csv").write_text("\n".join(rows) + "\n")


TASKS = (
    Task(
        "make the ten-layer sigmoid net learn",
        (
            ("ctrl+l ctrl+r", lambda on: over()(on) and val_accuracy(on) < 0.2),
            ("5", lambda on: over()(on) and val_accuracy(on) > 0.8),
        ),
    ),
    Task(
        "find the best optimizer",
        (
            ("ctrl+o 'mine' enter", lambda on: on.app.document.name == "mine"),
            ("t down down m", shows("Vary optimizer")),
            ("enter ctrl+r", lambda on: on.app.screen_name == "study"),
            ("", lambda on: not on.app.study.active and shows("optimizer done", " 1 ", " 8 ")(on)),
        ),
        own_preset,
    ),
    Task(
        "read the validation loss at step 1,000 of three runs",
        (
            ("3", shows("batch-10", "batch-20", "batch-30")),
            ("space down space down space =", shows("esc")),
            ("enter", lambda on: on.app.screen_name == "train" and len(on.train.selection.others) == 2),
            ("X G '1e3' enter", shows("step 1,000 ·", ".2000", ".3000", ".4000")),
        ),
        three_runs,
    ),
    Task(
        "find a learning rate by the range test and train with it",
        (
            ("r", shows("enter applies it")),
            ("enter", lambda on: on.app.document.raw["training"]["learning_rate"] != 0.005),
            ("ctrl+r", lambda on: val_accuracy(on) > 0.8),
        ),
    ),
    Task(
        "see where a network overfits, and stop it there",
        (
            ("ctrl+o 'moons' enter", lambda on: on.app.document.name == "overfit-moons"),
            ("ctrl+r", lambda on: over()(on) and shows("early stopping")(on)),
            ("6", over("early_stopped")),
        ),
    ),
    Task(
        "see why it diverged, and go back with a sound rate",
        (
            ("ctrl+r", lambda on: on.model.epoch > 3 and on.model.restore_points),
            ("ctrl+r", lambda on: on.model.status == "paused"),
            ("l '100' enter", lambda on: on.model.rate == 100),
            (". .", shows("earning rate far too high", "w why")),
            ("w", shows("back to")),
            ("enter", lambda on: on.model.rate < 1 and on.model.epoch > 6 and val_accuracy(on) > 0.5),
        ),
        pace="watch",
    ),
    Task(
        "train your own CSV, see what it confuses and predict a row",
        (
            ("o", shows("flowers.csv")),
            ("enter", lambda on: "flowers" in str(on.app.document.raw["data"])),
            ("ctrl+r", lambda on: val_accuracy(on) > 0.9),
            ("", shows("confusion", "iris", "lily", "rose")),
            ("d", shows("predict", "length", "median")),
            ("'3' down '-1'", answered("3", "-1", "rose")),
        ),
        own_table,
    ),
    Task(
        "compare the histograms of initial values",
        (
            ("ctrl+o 'mine' enter", lambda on: on.app.document.name == "mine"),
            ("down enter down down m", shows("Vary initializer")),
            ("enter ctrl+r", lambda on: on.app.screen_name == "study"),
            ("c", histograms_of("he_normal", "glorot_normal")),
        ),
        own_preset,
    ),
    Task(
        "take the first step of a lesson in Korean",
        (
            ("ctrl+l", shows("시그모이드")),
            ("ctrl+r", lambda on: on.app.lesson.progress.at == 1 and shows("✓", "2")(on)),
        ),
    ),
    Task(
        "save the curve as a picture, and copy the command that repeats the run",
        (
            ("ctrl+o 'early' enter", lambda on: on.app.document.name == "overfit-moons-early"),
            ("ctrl+r", over("early_stopped")),
            ("ctrl+e", lambda on: list((settings.home() / "pictures").glob("*.svg"))),
            (
                "ctrl+p 'comm' enter",
                lambda on: on.app.clipboard.startswith("tuiml replay"),
            ),
        ),
    ),
)


@pytest.mark.parametrize("task", TASKS, ids=[task.name for task in TASKS])
async def test_it_is_done_with_few_keys(task: Task, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "ko_KR.UTF-8" if "Korean" in task.name else "en_GB.UTF-8")
    task.has(tmp_path)
    assert sum(map(len, task.keys)) <= MOST
    chosen = replace(settings.load(), pace=task.pace)
    async with Bench.opened(settings=chosen, client=TrainingClient) as on:
        for keys, (_, seen) in zip(task.keys, task.steps, strict=True):
            await on.press(*keys)
            await on.until(lambda seen=seen: seen(on), LIMIT)
