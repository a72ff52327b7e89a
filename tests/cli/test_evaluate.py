"""``tuiml evaluate``: the figures of a run, of a file with labels, of two runs; bad input in one line."""

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
from tests.data.own_files import flowers, homes, idx, text
from tuiml.cli import main
from tuiml.cli.output import cells
from tuiml.data import prepare
from tuiml.data.datasets import datasets

Capture = pytest.CaptureFixture[str]
Train = Callable[..., str]
ROOM = 80
NOISY = 1.6
"""The spread with which the three species overlap, so that no figure is 0 or 1."""


def end_of(home: Path, run: str) -> dict[str, Any]:
    """The last line of a run's metrics."""
    lines = (home / "runs" / run / "metrics.jsonl").read_text().splitlines()
    found: dict[str, Any] = next(line for line in map(json.loads, reversed(lines)) if line["event"] == "end")
    return found


def table(path: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(Path(path).read_text())))


def test_the_figures_of_the_test_part_are_those_that_the_run_reported(
    train: Train, home: Path, evaluate: Any
) -> None:
    flowers(Path("flowers.csv"), 150, NOISY)
    weights = {"setosa": 5.0, "versicolor": 1.0, "virginica": 1.0}
    train({"path": "flowers.csv"}, class_weight=weights, l2=0.01)
    found, end = evaluate("mine"), end_of(home, "mine")
    assert found["evaluated"] == "test part"
    assert found["examples"] == 30
    assert found["accuracy"]["value"] == pytest.approx(end["test_accuracy"])
    assert found["loss"]["value"] == pytest.approx(end["test_loss"], rel=1e-5)  # no class weights, no penalty
    assert found["accuracy"]["low"] < found["accuracy"]["value"] < found["accuracy"]["high"]
    assert np.sum(found["confusion"]) == 30
    assert np.trace(found["confusion"]) / 30 == pytest.approx(end["test_accuracy"])
    assert sum(one["examples"] for one in found["calibration"]["bins"]) == 30


def test_a_run_without_a_test_part_is_evaluated_on_its_validation_part(train: Train, evaluate: Any) -> None:
    flowers(Path("flowers.csv"))
    train({"path": "flowers.csv", "test": 0.0, "validation": 20}, epochs=1)
    found = evaluate("mine")
    assert (found["evaluated"], found["examples"]) == ("validation part", 20)
    assert "the validation part is evaluated" in found["said"]


def test_a_run_with_nothing_held_out_is_refused(train: Train, capsys: Capture, evaluate: Any) -> None:
    flowers(Path("flowers.csv"))
    train({"path": "flowers.csv", "test": 0.0, "validation": 0}, epochs=1)
    assert main(["evaluate", "mine"]) == 2
    assert "neither a test nor a validation part" in one_line(capsys)
    found = evaluate("mine", "flowers.csv")
    assert "90 of the 90 examples are among those that it was trained on" in found["said"]


def test_a_table_with_labels_is_matched_by_name_and_what_it_lacks_is_said(
    train: Train, evaluate: Any, capsys: Capture
) -> None:
    flowers(Path("flowers.csv"), 150, NOISY)
    train({"path": "flowers.csv"})
    flowers(Path("plain.csv"), 60, NOISY, seed=3)
    plain = evaluate("mine", "plain.csv")
    rows = list(csv.reader(io.StringIO(Path("plain.csv").read_text())))[1:]
    lines = ["SPECIES;height;note;width;length"]
    for length, width, height, kind in rows:
        lines.append(
            ";".join([kind, height.replace(".", ","), "x", width.replace(".", ","), length.replace(".", ",")])
        )
    lines += ["moon;1,5;x;0,5;1", "moon;1,5;x;0,5;1", ";1,5;x;0,5;1", "?;1,5;x;0,5;1"]
    text(Path("other.csv"), "\n".join(lines) + "\n")
    other = evaluate("mine", "other.csv")
    for name in ("examples", "accuracy", "loss", "confusion", "classes"):
        assert other[name] == plain[name]
    assert other["unseen"] == 2
    assert "labels that training never had, left out: 'moon' (2)" in other["said"]
    assert "rows without a label are passed over (2): 64, 65" in other["said"]
    assert "columns that are not used: note" in other["said"]
    assert main(["evaluate", "mine", "other.csv"]) == 0
    hits = round(other["accuracy"]["value"] * 60)
    assert f"with the 2 examples of classes that training never had: accuracy {100 * hits / 62:.2f} %" in (
        capsys.readouterr().out
    )


def test_labels_stay_with_their_rows_where_some_are_left_out(train: Train, evaluate: Any) -> None:
    flowers(Path("flowers.csv"))
    train({"path": "flowers.csv", "missing": "drop"})
    lines = Path("flowers.csv").read_text().splitlines()[:40]
    lines[5:5] = ["", "1,,3,virginica", "1,2,3,", "1,2,,setosa"]
    text(Path("gaps.csv"), "\n".join(lines) + "\n")
    evaluate("mine", "gaps.csv", "--csv", "out.csv")
    rows = table("out.csv")
    assert [row["row"] for row in rows] == [str(n) for n in range(2, len(lines) + 1) if n not in (6, 7, 8, 9)]
    assert [row["label"] for row in rows] == [lines[int(row["row"]) - 1].rpartition(",")[2] for row in rows]


def test_labels_that_are_numbers_are_the_same_however_they_are_written(train: Train, evaluate: Any) -> None:
    rng = np.random.default_rng(4)
    rows = [(*rng.normal(k % 2, 0.7, 2).round(2).tolist(), k % 2 + 1) for k in range(80)]
    text(Path("t.csv"), "a,b,class\n" + "".join(f"{a},{b},{y}\n" for a, b, y in rows))
    train({"path": "t.csv"})
    text(Path("points.csv"), "a,b,class\n" + "".join(f"{a},{b},{y}.0\n" for a, b, y in rows))
    assert evaluate("mine", "points.csv")["confusion"] == evaluate("mine", "t.csv")["confusion"]


def test_labels_of_arrays_are_told_apart_by_all_their_digits(train: Train, evaluate: Any) -> None:
    rng = np.random.default_rng(5)
    kinds = np.arange(120) % 3
    x = rng.normal(kinds[:, None], 0.8, (120, 2)).astype(np.float32)
    for labels in (kinds + 1234567.0, np.array(["a", "b", "c"])[kinds], np.array([b"a", b"b", b"c"])[kinds]):
        np.savez("x.npz", x=x, y=labels)
        name = f"run-{labels.dtype.kind}"
        train({"path": "x.npz", "predict": "classes", "test": 0.0}, name=name)
        found = evaluate(name, "x.npz")
        assert found["unseen"] == 0
        assert [one["support"] for one in found["classes"]] == [40, 40, 40]


def test_arrays_tables_and_pictures_of_the_same_digits_have_the_same_figures(
    train: Train, evaluate: Any, tmp_path: Path, capsys: Capture
) -> None:
    train({"name": "digits", "train": 300}, [{"type": "flatten"}, {"type": "dense", "activation": "softmax"}])
    found = evaluate("mine")
    data = prepare.load(datasets.read({"name": "digits"}), 0)
    x, y = data.test.inputs, data.test.labels
    np.savez("one.npz", x=x, y=y)
    np.savez("parts.npz", x_train=x[:9], y_train=y[:9], x_test=x.reshape(-1, 8, 8), y_test=np.eye(10)[y])
    header = ["label", *(f"p{k}" for k in range(64))]
    table = "\n".join(",".join(map(str, row)) for row in ([*header], *np.column_stack([y, x]).tolist()))
    text(Path("digits.csv"), table + "\n")
    Path("idx").mkdir()
    Path("idx/t10k-images-idx3-ubyte").write_bytes(idx(x.reshape(-1, 8, 8), 0x08))
    Path("idx/t10k-labels-idx1-ubyte").write_bytes(idx(y, 0x08))
    assert main(["predict", "mine", "idx/t10k-images-idx3-ubyte", "--json"]) == 0
    capsys.readouterr()
    for name in ("one.npz", "parts.npz", "digits.csv", "idx/t10k-images-idx3-ubyte"):
        other = evaluate("mine", name)
        assert other["confusion"] == found["confusion"]
        assert other["loss"]["value"] == pytest.approx(found["loss"]["value"], rel=1e-5)
    assert (
        "x_test and y_test are evaluated; not used: x_train, y_train" in evaluate("mine", "parts.npz")["said"]
    )
    pillow = pytest.importorskip("PIL.Image")
    for k, (row, label) in enumerate(zip(x, y, strict=True)):
        folder = tmp_path / "pictures" / str(label)
        folder.mkdir(parents=True, exist_ok=True)
        pillow.fromarray(np.rint(row.reshape(8, 8) * (255 / 16)).astype(np.uint8)).save(folder / f"{k}.png")
    other = evaluate("mine", "pictures")
    assert other["confusion"] == found["confusion"]
    (tmp_path / "pictures" / "house").mkdir()
    pillow.fromarray(np.zeros((8, 8), np.uint8)).save(tmp_path / "pictures" / "house" / "1.png")
    assert evaluate("mine", "pictures")["unseen"] == 1


def test_numbers_are_judged_in_the_units_of_the_data(train: Train, home: Path, evaluate: Any) -> None:
    homes(Path("homes.csv"))
    train({"path": "homes.csv", "label": ["price", "weight"], "numbers": True}, epochs=40)
    found, end = evaluate("mine"), end_of(home, "mine")
    assert found["r2"]["value"] == pytest.approx(end["test_r2"], rel=1e-4)
    assert found["loss"]["value"] == pytest.approx(end["test_loss"], rel=1e-4)
    price, weight = found["targets"]
    assert (price["name"], weight["name"]) == ("price", "weight")
    assert price["rmse"]["value"] > price["mae"]["value"] > 100
    assert weight["rmse"]["value"] < 0.1
    assert price["mae"]["low"] < price["mae"]["value"] < price["mae"]["high"]
    evaluate("mine", "homes.csv", "--csv", "out.csv")
    rows = table("out.csv")
    errors = [float(row["price: prediction"]) - float(row["price: target"]) for row in rows]
    text(Path("part.csv"), "\n".join([*Path("homes.csv").read_text().splitlines()[:60], "50,3,,0.03"]) + "\n")
    part = evaluate("mine", "part.csv")
    assert part["targets"][0]["mae"]["value"] == pytest.approx(np.abs(errors[:59]).mean(), rel=1e-5)
    assert "rows without a label are passed over (1): 61" in part["said"]


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("length,width,height\n1,2,3\n", "lacks the label species; the run was trained on species"),
        ("length,width,height,spezies\n1,2,3,x\n", "lacks the label species; did you mean 'spezies'?"),
        ("length,widht,height,species\n1,2,3,setosa\n", "lacks the column width; did you mean 'widht'?"),
        ("length,width,height,species\n1,2,3,\n", "no row has a label"),
        ("length,width,height,species\n1,2,3,moon\n", "no label is a class of the run (setosa, versicolor"),
        ("length,width,height,species\n", "has no rows below its header"),
        ("1,2,3\n2,3,4\n", "has no labels: the column species is not there"),
        ("", "is empty"),
    ],
)
def test_a_table_that_cannot_be_evaluated_is_one_line(
    rows: str, said: str, train: Train, tmp_path: Path, capsys: Capture
) -> None:
    flowers(Path("flowers.csv"))
    train({"path": "flowers.csv"}, epochs=1)
    text(Path("new.csv"), rows)
    before = sorted(tmp_path.rglob("*"))
    assert main(["evaluate", "mine", "new.csv", "--csv", "out.csv"]) == 2
    assert said in one_line(capsys)
    assert sorted(tmp_path.rglob("*")) == before


def test_other_input_that_cannot_be_evaluated_is_one_line(
    train: Train, home: Path, tmp_path: Path, capsys: Capture
) -> None:
    train({"name": "moons", "size": 100}, epochs=1)
    (home / "runs" / "bare").mkdir()
    (home / "runs" / "bare" / "preset.toml").write_bytes(
        (home / "runs" / "mine" / "preset.toml").read_bytes()
    )
    np.save("x.npy", np.zeros((3, 2)))
    np.savez("x.npz", x=np.zeros((3, 2)))
    np.savez("text.npz", x=np.zeros((3, 2)), y=np.array(["a", "b", "c"]))
    text(Path("three.csv"), "1,2,3,4\n")
    (tmp_path / "folder").mkdir()
    for words, said in (
        (["nobody"], "there is no run 'nobody'"),
        (["bare"], "no sound checkpoint"),
        (["mine", "nothing.csv"], "there is no nothing.csv"),
        (["mine", "x.npy"], "x.npy has no labels"),
        (["mine", "x.npz"], "examples are to be called x and their labels y"),
        (["mine", "text.npz"], "no label is a class of the run (upper, lower)"),
        (["mine", "three.csv"], "has 4 columns; 2 inputs and a label are needed"),
        (["mine", "folder"], "has no labels"),
        (["mine", "--csv", "nowhere/out.csv"], "there is no folder nowhere"),
        (["mine", "--csv", "folder"], "folder is a folder"),
    ):
        assert main(["evaluate", *words]) == 2
        assert said in one_line(capsys)


def test_places_of_classes_are_labels_where_no_table_named_them(train: Train, evaluate: Any) -> None:
    train({"name": "moons", "size": 400}, epochs=3)
    data = prepare.load(datasets.read({"name": "moons", "size": 400}), 0)
    np.savez("moons.npz", x=data.test.inputs, y=data.test.labels)
    found = evaluate("mine", "moons.npz")
    assert "taken as the places of the classes" in found["said"]
    assert found["confusion"] == evaluate("mine")["confusion"]


def test_the_csv_has_a_row_for_each_example(train: Train, evaluate: Any) -> None:
    flowers(Path("flowers.csv"), 150, NOISY)
    train({"path": "flowers.csv"})
    found = evaluate("mine", "--csv", "out.csv")
    rows = table("out.csv")
    assert len(rows) == found["examples"]
    right = [row["label"] == row["prediction"] for row in rows]
    assert np.mean(right) == pytest.approx(found["accuracy"]["value"])
    assert np.mean([float(row["loss"]) for row in rows]) == pytest.approx(found["loss"]["value"], rel=1e-5)
    for row in rows:
        outputs = {name: float(row[name]) for name in ("setosa", "versicolor", "virginica")}
        assert row["prediction"] == max(outputs, key=outputs.__getitem__)
        assert float(row["loss"]) == pytest.approx(-np.log(outputs[row["label"]]), rel=1e-4)


def test_outputs_that_are_no_probabilities_have_no_calibration(
    train: Train, home: Path, evaluate: Any, capsys: Capture
) -> None:
    layers = [
        {"type": "dense", "units": 8, "activation": "tanh"},
        {"type": "dense", "activation": "identity"},
    ]
    train({"name": "moons", "size": 200}, layers, epochs=1, loss="mse")
    found, end = evaluate("mine"), end_of(home, "mine")
    assert found["calibration"] is None
    assert found["accuracy"]["value"] == pytest.approx(end["test_accuracy"])  # of the outputs as they are
    assert main(["evaluate", "mine"]) == 0
    assert "no calibration: the outputs are no probabilities" in capsys.readouterr().out


def test_one_output_for_two_classes_is_the_probability_of_the_second(
    train: Train, home: Path, evaluate: Any
) -> None:
    layers = [
        {"type": "dense", "units": 8, "activation": "tanh"},
        {"type": "dense", "units": 1, "activation": "sigmoid"},
    ]
    train({"name": "moons", "size": 300}, layers, epochs=5, loss="binary_cross_entropy")
    found, end = evaluate("mine"), end_of(home, "mine")
    assert found["accuracy"]["value"] == pytest.approx(end["test_accuracy"])
    assert found["loss"]["value"] == pytest.approx(end["test_loss"], rel=1e-5)
    assert found["calibration"]["brier"] > 0


def test_every_line_fits_80_columns(train: Train, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(ROOM))
    rng = np.random.default_rng(6)
    labels = rng.integers(40, size=2000)
    names = np.array([f"a class with a long name, {k:02}" for k in range(40)])
    np.savez("many.npz", x=rng.normal(0, 1, (2000, 4)) + labels[:, None], y=names[labels])
    flowers(Path("flowers.csv"), 150, NOISY)
    homes(Path("homes.csv"))
    long = "a-run-whose-name-is-longer-than-a-column"
    train({"path": "flowers.csv"}, name=long, epochs=1)
    train({"path": "flowers.csv"}, name="flowers", epochs=2)
    train({"path": "many.npz"}, name="many", epochs=1)
    data = {"path": "homes.csv", "label": ["price", "weight"], "numbers": True}
    train(data, name="homes", epochs=1)
    train(data, name="homes-2", epochs=3)
    for words, there in (
        ([long, "--against", "flowers"], "confusion matrix: true ↓ predicted →"),
        (["many"], "the classes that are confused most"),
        (["homes", "--against", "homes-2"], "weight: mean absolute error"),
    ):
        assert main(["evaluate", *words]) == 0
        out = capsys.readouterr().out
        assert there in out
        assert [line for line in out.splitlines() if cells(line) > ROOM] == []
