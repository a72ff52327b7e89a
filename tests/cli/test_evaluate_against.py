"""``tuiml evaluate --against``: two runs on the same examples, and which of them cannot be compared."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.test_evaluate import NOISY, one_line
from tests.data.own_files import flowers, homes, text
from tuiml.cli import main

Capture = pytest.CaptureFixture[str]
Train = Callable[..., str]


def test_two_runs_are_compared_on_the_same_examples(train: Train, evaluate: Any, capsys: Capture) -> None:
    flowers(Path("flowers.csv"), 600, NOISY)
    train({"path": "flowers.csv"}, name="good", epochs=10)
    train({"path": "flowers.csv", "ignore": ["width", "length"]}, name="poor", epochs=1, learning_rate=1e-6)
    found = evaluate("good", "--against", "poor")
    comparison = found["comparison"]
    accuracy, loss = comparison["differences"]
    assert accuracy["interval"]["value"] == pytest.approx(
        found["accuracy"]["value"] - found["against"]["accuracy"]["value"]
    )
    assert accuracy["more_than_chance"]
    assert loss["interval"]["high"] < 0
    split = comparison["mcnemar"]
    assert (split["only_first"] - split["only_second"]) / found["examples"] == pytest.approx(
        accuracy["interval"]["value"]
    )
    back = evaluate("poor", "--against", "good")["comparison"]
    assert back["mcnemar"]["p"] == split["p"] < 0.05
    assert main(["evaluate", "poor", "--against", "good"]) == 0
    assert "good is better by more than chance (McNemar's exact test: p < 0.0001)" in capsys.readouterr().out
    assert main(["evaluate", "good", "flowers.csv", "--against", "good"]) == 0
    assert (
        "the difference is not more than chance (McNemar's exact test: p = 1.0000)" in capsys.readouterr().out
    )


def test_two_regressions_are_compared(train: Train, evaluate: Any, capsys: Capture) -> None:
    homes(Path("homes.csv"))
    data = {"path": "homes.csv", "label": "price", "ignore": "weight", "numbers": True}
    train(data, name="good", epochs=40)
    train(data, name="poor", epochs=1, learning_rate=1e-6)
    rows = {row["name"]: row for row in evaluate("good", "--against", "poor")["comparison"]["differences"]}
    assert set(rows) == {"loss", "R²", "MAE", "RMSE"}
    assert rows["R²"]["interval"]["low"] > 0
    assert rows["RMSE"]["interval"]["high"] < 0
    assert main(["evaluate", "good", "--against", "poor"]) == 0
    assert "good is better by more than chance in R²" in capsys.readouterr().out


def test_runs_that_predict_other_columns_of_a_file_are_refused(train: Train, capsys: Capture) -> None:
    rows = [f"{k % 7},{k % 5},{('no', 'yes')[k % 7 > 3]},{('no', 'yes')[k % 5 > 2]}" for k in range(70)]
    text(Path("two.csv"), "\n".join(["a,b,first,second", *rows]) + "\n")
    train({"path": "two.csv", "label": "first", "ignore": "second"}, name="first", epochs=1)
    train({"path": "two.csv", "label": "second", "ignore": "first"}, name="second", epochs=1)
    assert main(["evaluate", "first", "two.csv", "--against", "second"]) == 2
    assert "first and second predict other columns" in capsys.readouterr().err


def test_losses_of_other_kinds_are_not_compared(train: Train, evaluate: Any) -> None:
    flowers(Path("flowers.csv"), 150, NOISY)
    train({"path": "flowers.csv"}, name="one", epochs=1)
    train(
        {"path": "flowers.csv"}, name="two", epochs=1, loss={"name": "cross_entropy", "label_smoothing": 0.1}
    )
    comparison = evaluate("one", "--against", "two")["comparison"]
    assert [row["name"] for row in comparison["differences"]] == ["accuracy"]
    assert comparison["notes"] == [
        "losses are not compared: one is cross_entropy, the other cross_entropy with other options"
    ]


def test_runs_that_cannot_be_compared_are_one_line(train: Train, capsys: Capture) -> None:
    flowers(Path("flowers.csv"))
    train({"path": "flowers.csv"}, name="flowers", epochs=1)
    train({"name": "moons", "size": 100}, name="moons", epochs=1)
    train({"name": "moons", "size": 100}, name="moons-2", epochs=1, seed=5)
    train({"name": "sine", "size": 100, "numbers": True}, name="sine", epochs=1)
    for names, said in (
        (("flowers", "moons"), "flowers and moons predict other classes"),
        (("moons", "sine"), "moons predicts classes and sine numbers"),
        (("moons", "moons-2"), "other data, or another draw of it"),
        (("moons", "nobody"), "there is no run 'nobody'"),
    ):
        assert main(["evaluate", names[0], "--against", names[1]]) == 2
        assert said in one_line(capsys)
