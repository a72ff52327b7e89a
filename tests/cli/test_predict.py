"""``tuiml predict``: the answers of the engine, whatever the order of the columns; bad input in one line."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.cli.conftest import one_line
from tests.data.own_files import flowers, text
from tuiml.cli import main
from tuiml.data.arrays import Part
from tuiml.data.own import reading
from tuiml.runs.predictor import Predictor, open_run
from tuiml.training.run_control import RunControl

Capture = pytest.CaptureFixture[str]
Train = Callable[..., str]


def opened(name: str) -> Predictor:
    events = open_run(name, control=RunControl())
    while True:
        try:
            next(events)
        except StopIteration as done:
            found: Predictor = done.value
            return found


def table(out: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(out)))


def given(monkeypatch: pytest.MonkeyPatch, words: str) -> None:
    """What comes from standard input."""
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(words.encode())))


def test_the_answers_are_those_of_the_engine_on_the_same_rows(
    train: Train, tmp_path: Path, capsys: Capture
) -> None:
    name = train({"path": str(flowers(tmp_path / "flowers.csv"))})
    assert main(["predict", name, "flowers.csv"]) == 0
    out, err = capsys.readouterr()
    assert "the newest checkpoint" in err
    assert "the label is not used: species" in err
    rows = table(out)
    assert [row["row"] for row in rows] == [str(number) for number in range(2, 92)]
    predictor = opened(name)
    dataset: Any = predictor.dataset
    part = reading.examples(dataset)
    assert isinstance(part, Part)
    expected, _ = predictor.prepared.engine.evaluate_each(
        Part(part.inputs.astype(np.float32), np.asarray(part.labels))
    )
    predictor.close()
    found = np.array([[float(row[name]) for name in ("setosa", "versicolor", "virginica")] for row in rows])
    np.testing.assert_allclose(found, expected.T, rtol=2e-5, atol=1e-7)
    assert [row["prediction"] for row in rows] == [dataset.classes[k] for k in expected.argmax(axis=0)]


def test_columns_are_matched_by_name_and_standard_input_is_read(
    train: Train, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = train({"path": str(flowers(tmp_path / "flowers.csv"))})
    text(tmp_path / "new.csv", "length,width,height\n1.5,2.25,0.5\n4,3,5\n")
    assert main(["predict", name, "new.csv", "--json"]) == 0
    plain = capsys.readouterr().out
    given(monkeypatch, "note;HEIGHT;width;length\nx;0,5;2,25;1,5\ny;5;3;4\n")
    assert main(["predict", name, "-", "--json"]) == 0
    out, err = capsys.readouterr()
    assert out == plain
    assert "columns that are not used: note" in err
    given(monkeypatch, "1.5,2.25,0.5\n4,3,5\n")
    assert main(["predict", name, "-", "--json"]) == 0
    out, err = capsys.readouterr()
    found, named = ([json.loads(line) for line in lines.splitlines()] for lines in (out, plain))
    assert [line["probabilities"] for line in found] == [line["probabilities"] for line in named]
    assert [(line["row"], other["row"]) for line, other in zip(found, named, strict=True)] == [(1, 2), (2, 3)]
    assert "taken in their order: length, width, height" in err
    assert sum(found[0]["probabilities"].values()) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("command", ["predict", "evaluate"])
def test_the_backend_is_chosen_and_refused_as_in_training(
    command: str, train: Train, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = train({"path": str(flowers(tmp_path / "flowers.csv"))}, epochs=1)
    assert main([command, name, "flowers.csv", "--backend", "numpy"]) == 0
    capsys.readouterr()
    assert main([command, name, "flowers.csv", "--backend", "cuda"]) == 2
    assert "choose from" in one_line(capsys)
    monkeypatch.setattr("tuiml.backends.choice._missing", lambda: "it is not here")
    for words in ([command, name, "flowers.csv"], ["train", "mine.toml"]):
        assert main([*words, "--backend", "mlx"]) == 2
        assert "it is not here" in one_line(capsys)


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("length,widht,height\n1,2,3\n", "lacks the column width; did you mean 'widht'?"),
        ("a,b,c\n1.5,2,x\n2.5,3,x\n", "lacks the columns length, width, height"),
        ("1,2\n3,4\n", "has 2 columns and does not name them; 3 are needed (length, width, height)"),
        ("length,width,height\n1,2,3\n1,tall,3\n", "row 3, column 'width' is 'tall'"),
        ("length,width,height\n1,2,3\n\n1,,3\n", "row 4, column 'width' is empty"),
        ("length,width,height\n1,2,1e300\n", "row 2, column 'height' is 1e+300, more than a float32 holds"),
        ("length,width,height\n1,2\n", "row 2 has 2 cells"),
        ("length,width,height\n", "has no rows below its header"),
        ("", "standard input is empty"),
    ],
)
def test_a_table_that_cannot_be_used_is_one_line(
    rows: str, said: str, train: Train, tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = train({"path": str(flowers(tmp_path / "flowers.csv"))}, epochs=1)
    given(monkeypatch, rows)
    assert main(["predict", name, "-"]) == 2
    assert said in one_line(capsys)


def test_a_run_or_a_file_that_is_not_there_is_one_line(train: Train, tmp_path: Path, capsys: Capture) -> None:
    assert main(["predict", "nobody", "x.csv"]) == 2
    one_line(capsys)
    name = train({"name": "moons", "size": 100}, epochs=1)
    assert main(["predict", name, "x.csv"]) == 2
    assert "there is no x.csv" in one_line(capsys)
    text(tmp_path / "x.csv", "1,2,3\n")
    assert main(["predict", name, "x.csv"]) == 2
    assert "has 3 columns" in one_line(capsys)
    text(tmp_path / "x.csv", "0.5,0.25\n")
    assert main(["predict", name, "x.csv", "--checkpoint", "best"]) == 0
    assert capsys.readouterr().out.startswith("row,prediction,")


def priced(path: Path) -> Path:
    rng = np.random.default_rng(2)
    lines = ["area,place,price"]
    for row in range(80):
        area, place = rng.uniform(20, 120), ("town", "coast", "hills")[row % 3]
        price = 1000 * area + 20_000 * (row % 3) + rng.normal(0, 500)
        lines.append(f"{area:.1f},{place},{price:.0f}")
    return text(path, "\n".join(lines) + "\n")


def test_numbers_are_in_the_units_of_the_data_and_unseen_values_are_said(
    train: Train, tmp_path: Path, capsys: Capture
) -> None:
    data = {"path": str(priced(tmp_path / "homes.csv")), "label": "price", "missing": "mean", "numbers": True}
    name = train(data, epochs=60)
    text(tmp_path / "new.csv", "place,area\ncoast,50\nhills,100\nmoon,100\n?,100\n,\n")
    assert main(["predict", name, "new.csv"]) == 0
    out, err = capsys.readouterr()
    prices = [float(row["price"]) for row in table(out)]
    assert prices[0] == pytest.approx(70_000, rel=0.15)
    assert prices[1] == pytest.approx(140_000, rel=0.15)
    assert prices[2] == prices[3]  # a value that is unknown is none, as one that is missing
    assert "values of 'place' that training never had, taken for none: 'moon' (1)" in err
    assert "missing values, filled as in training: area (1), place (2)" in err
    predictor = opened(name)
    mean = predictor.prepared.data.train.inputs[:, 0].mean()
    predictor.close()
    text(tmp_path / "mean.csv", f"place,area\n,{mean:.9g}\n")
    assert main(["predict", name, "mean.csv", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["outputs"]["price"] == pytest.approx(prices[4], rel=1e-5)


def test_arrays_and_images_are_read(train: Train, tmp_path: Path, capsys: Capture) -> None:
    pillow = pytest.importorskip("PIL.Image")
    layers = [{"type": "flatten"}, {"type": "dense", "activation": "softmax"}]
    name = train({"name": "digits", "train": 500}, layers, epochs=2)
    predictor = opened(name)
    raw = predictor.prepared.data.test.inputs[:3]
    side = predictor.prepared.data.shape[0]
    top = float(predictor.prepared.data.train.inputs[:256].max())
    predictor.close()
    np.save(tmp_path / "x.npy", raw.reshape(3, side, side))
    np.savez(tmp_path / "x.npz", x=raw, y=np.arange(3))
    assert main(["predict", name, "x.npy", "--json"]) == 0
    expected = capsys.readouterr().out
    assert [json.loads(line)["example"] for line in expected.splitlines()] == [0, 1, 2]
    assert main(["predict", name, "x.npz", "--json"]) == 0
    out, err = capsys.readouterr()
    assert out == expected
    assert "arrays that are not used: y" in err
    (tmp_path / "some").mkdir()
    for k, row in enumerate(raw):
        image = np.rint(row.reshape(side, side) * (255 / top)).astype(np.uint8)
        pillow.fromarray(image).save(tmp_path / "some" / f"{k}.png")
    assert main(["predict", name, "some", "--json"]) == 0
    found = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    wanted = [json.loads(line) for line in expected.splitlines()]
    assert [line["file"] for line in found] == ["0.png", "1.png", "2.png"]
    assert [line["prediction"] for line in found] == [line["prediction"] for line in wanted]
    assert main(["predict", name, "some/0.png"]) == 0
    assert capsys.readouterr().out.splitlines()[1].startswith("0.png,")
    np.save(tmp_path / "bad.npy", raw[:, :5])
    assert main(["predict", name, "bad.npy"]) == 2
    assert "the run was trained on" in one_line(capsys)
    flowers_name = text(tmp_path / "broken.png", "no image")
    assert main(["predict", name, flowers_name.name]) == 2
    assert "cannot be read as an image" in one_line(capsys)
