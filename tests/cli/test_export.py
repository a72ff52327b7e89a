"""``tuiml export``: every format of a run that was trained; bad input in one line, and nothing written."""

from __future__ import annotations

import ast
import csv
import importlib.util
import io
import json
import os
import re
import struct
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests.data.own_files import flowers
from tuiml.cli import main
from tuiml.export.charts import CHARTS
from tuiml.export.formats import FORMATS as ALL
from tuiml.spec import dumps

Capture = pytest.CaptureFixture[str]
FORMATS = {one.name: one for one in ALL}
LACKING = ("r2", "saturated", "predictions", "boundary", "fit")
"""Charts that the run of flowers has not."""
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def trained(capsys: Capture, data: dict[str, Any], name: str = "mine", **more: Any) -> None:
    """A run of a small network."""
    layers = [{"type": "dense", "units": 6, "activation": "relu"}, {"type": "dense"}]
    loss = more.pop("loss", "cross_entropy")
    if loss == "cross_entropy":
        layers[-1]["activation"] = "softmax"
    training = {"loss": loss, "learning_rate": 0.05, "batch_size": 16, "epochs": 4}
    document = {"version": 1, "name": name, "data": data, "layers": layers, "training": training, **more}
    Path("mine.toml").write_text(dumps(document))
    assert main(["train", "mine.toml", "--run", "mine", "--quiet"]) == 0
    capsys.readouterr()


@pytest.fixture
def flower_run(capsys: Capture) -> str:
    trained(capsys, {"path": str(flowers(Path("flowers.csv")))})
    batch = {"event": "batch", "epoch": 1, "step": 2, "train_loss": 1.25, "train_accuracy": 0.5}
    lines = metrics_file().read_text().splitlines()
    metrics_file().write_text("\n".join([lines[0], json.dumps(batch), *lines[1:], ""]))
    return "mine"


def metrics_file() -> Path:
    """The lines of the run, which has none about batches: it was too quick."""
    return Path(os.environ["TUIML_HOME"], "runs", "mine", "metrics.jsonl")


def refused(capsys: Capture, *words: str, code: int = 2) -> str:
    """The one line of a refusal, after which no file is new."""
    before = sorted(Path().rglob("*"))
    assert main(["export", *words]) == code
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert sorted(Path().rglob("*")) == before
    return err


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_is_written_and_said(name: str, flower_run: str, capsys: Capture) -> None:
    if name == "onnx":
        pytest.importorskip("onnx")
    assert main(["export", flower_run, "--to", name, "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["run"] == "mine"
    assert said["format"] == name
    for file in said["files"]:
        assert Path(file).stat().st_size > 100
    assert refused(capsys, flower_run, "--to", name).count("--force")
    assert main(["export", flower_run, "--to", name, "--force"]) == 0
    assert capsys.readouterr().out.split() == said["files"]


@pytest.mark.parametrize("name", [one.name for one in FORMATS.values() if one.setting])
def test_every_choice_of_a_format_is_written_to_a_file_of_its_own(
    name: str, flower_run: str, capsys: Capture
) -> None:
    setting, found = FORMATS[name].setting, set[str]()
    assert setting
    for word in setting.words:
        code = main(["export", flower_run, "--to", name, f"--{setting.name}", word])
        out, err = capsys.readouterr()
        if code:
            assert name == "svg"  # a chart that this run has not
            assert word in LACKING, err
        found |= set(out.split())
    assert len(found) >= len(setting.words) - len(LACKING)


# -- what is in the files ---------------------------------------------------------------------------------


def test_a_program_reads_the_table_that_the_run_was_trained_on(flower_run: str, capsys: Capture) -> None:
    """Its parts that need no framework are run: columns by name, scaling, labels by their texts."""
    assert main(["export", flower_run, "--to", "torch", "--data"]) == 0
    code = Path("mine_torch.py").read_text()
    assert Path("mine_torch.npz").exists()
    tree, wanted = ast.parse(code), ("read_data", "preprocess", "as_targets")
    kept = [
        node
        for node in tree.body
        if (isinstance(node, ast.FunctionDef) and node.name in wanted)
        or (isinstance(node, ast.Assign) and "nn." not in ast.unparse(node))
        or (isinstance(node, ast.Import | ast.ImportFrom) and "torch" not in ast.unparse(node))
    ]
    space: dict[str, Any] = {"__file__": str(Path("mine_torch.py").resolve())}
    exec(compile(ast.Module(kept, []), "mine_torch.py", "exec"), space)
    x, y = space["read_data"]("flowers.csv")
    rows = list(csv.DictReader(Path("flowers.csv").read_text().splitlines()))
    assert [space["CLASSES"][label] for label in y] == [row["species"] for row in rows]
    names = ("length", "width", "height")
    assert x.tolist() == [[float(row[name]) for name in names] for row in rows]
    inputs = space["preprocess"](x)
    assert inputs.dtype == np.float32
    assert np.abs(inputs.mean(axis=0)).max() < 0.3
    assert np.abs(inputs.std(axis=0) - 1).max() < 0.3
    test_x, test_y = space["read_data"]("mine_torch.npz")
    assert {tuple(row) for row in np.round(test_x, 4)} <= {tuple(row) for row in np.round(x, 4)}
    assert set(test_y) <= set(y.tolist())


def test_the_weights_have_the_names_and_the_layout_of_each_framework(
    flower_run: str, capsys: Capture
) -> None:
    found = {}
    for framework in ("torch", "keras", "mlx"):
        assert main(["export", flower_run, "--to", "safetensors", "--for", framework]) == 0
        found[framework] = safetensors.numpy.load_file(f"mine-{framework}.safetensors")
    assert set(found["torch"]) == {"0.weight", "0.bias", "2.weight", "2.bias"}
    assert set(found["mlx"]) == {f"layers.{name}" for name in found["torch"]}
    names = {f"dense_{n}/{kind}" for n in (1, 2) for kind in ("kernel", "bias")}
    assert set(found["keras"]) == names
    assert found["torch"]["0.weight"].shape == (6, 3)
    np.testing.assert_array_equal(found["keras"]["dense_1/kernel"], found["torch"]["0.weight"].T)
    np.testing.assert_array_equal(found["mlx"]["layers.2.weight"], found["torch"]["2.weight"])
    with safetensors.safe_open("mine-torch.safetensors", "numpy") as file:
        about = file.metadata()
    assert json.loads(about["classes"]) == ["setosa", "versicolor", "virginica"]
    assert len(json.loads(about["inputs"])["scale"]) == 3


def test_csv_has_the_epochs_the_steps_and_the_layers(flower_run: str, capsys: Capture) -> None:
    tables = {}
    for name in ("epochs", "steps", "layers"):
        assert main(["export", flower_run, "--to", "csv", "--table", name, "--out", "-"]) == 0
        tables[name] = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["epoch"] for row in tables["epochs"]] == ["1", "2", "3", "4"]
    assert 0 < float(tables["epochs"][-1]["val_accuracy"]) <= 1
    assert {row["layer"] for row in tables["layers"]} == {"0", "1"}
    assert float(tables["layers"][-1]["weight_norm"]) > 0
    assert tables["layers"][-1]["dead"] == ""  # softmax is never silent
    assert tables["steps"] == [{"epoch": "1", "step": "2", "train_loss": "1.25", "train_accuracy": "0.5"}]


def test_tensorboard_reads_its_events(flower_run: str, capsys: Capture) -> None:
    reader = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    assert main(["export", flower_run, "--to", "tensorboard"]) == 0
    events = reader.EventAccumulator("mine-tensorboard", size_guidance={"scalars": 0, "histograms": 0})
    events.Reload()
    scalars = events.Scalars("loss/validation")
    assert [one.step for one in scalars] == sorted({one.step for one in scalars})
    assert len(scalars) == 4
    histogram = events.Histograms("layer_00/weights")[-1].histogram_value
    assert histogram.num == 18
    assert sum(histogram.bucket) == 18


def test_events_are_whole_records(flower_run: str, capsys: Capture) -> None:
    """Without TensorBoard: lengths fit, and each record's masked CRC-32C is right (RFC 3720's polynomial)."""

    def crc(data: bytes) -> int:
        found = 0xFFFFFFFF
        for byte in data:
            found ^= byte
            for _ in range(8):
                found = (found >> 1) ^ (0x82F63B78 if found & 1 else 0)
        found ^= 0xFFFFFFFF
        return (((found >> 15) | (found << 17)) + 0xA282EAD8) & 0xFFFFFFFF

    assert crc(b"123456789") == (((0xE3069283 >> 15) | (0xE3069283 << 17)) + 0xA282EAD8) & 0xFFFFFFFF
    assert main(["export", flower_run, "--to", "tensorboard"]) == 0
    (file,) = Path("mine-tensorboard").iterdir()
    data, at, records = file.read_bytes(), 0, []
    while at < len(data):
        (length,) = struct.unpack_from("<Q", data, at)
        body = data[at + 12 : at + 12 + length]
        assert struct.unpack_from("<I", data, at + 8) == (crc(data[at : at + 8]),)
        assert struct.unpack_from("<I", data, at + 12 + length) == (crc(body),)
        records.append(body)
        at += 16 + length
    assert b"brain.Event:2" in records[0]
    assert sum(b"loss/validation" in record for record in records) == 4


def svg_of(page: str) -> list[ET.Element]:
    return [ET.fromstring(found) for found in re.findall(r"<svg.*?</svg>", page, re.DOTALL)]


def test_the_report_is_one_file_that_loads_nothing(capsys: Capture) -> None:
    trained(
        capsys, {"path": str(flowers(Path("flowers.csv")))}, name='<b>&"quoted"</b>', note="</pre><script>"
    )
    with metrics_file().open("a") as file:
        evil = {"event": "notice", "about": "x", "text": "<script>alert(1)</script>\u001b[31m", "step": 3}
        file.write(json.dumps(evil) + "\n")
    assert main(["export", "mine", "--to", "html"]) == 0
    page = Path("mine.html").read_text()
    for word in ("<script", "src=", "href=", "@import", "url(", "\u001b"):
        assert word not in page
    assert "&lt;script&gt;alert(1)" in page
    assert "default-src 'none'" in page
    assert "prefers-color-scheme:dark" in page
    assert "@media print" in page
    titles = [
        found.findtext(f"{SVG}title") or "" for found in svg_of(re.sub(r"(?s)<style>.*?</style>", "", page))
    ]
    for chart in ("Loss", "Accuracy", "Confusion matrix"):
        assert any(title.startswith(chart) for title in titles), chart
    assert re.findall(r"<h2>(.*?)</h2>", page)[:2] == ["Curves", "Layers"]
    capsys.readouterr()
    assert main(["evaluate", "mine", "--json"]) == 0
    accuracy = json.loads(capsys.readouterr().out)["accuracy"]
    assert f"{100 * accuracy['low']:.2f} % to {100 * accuracy['high']:.2f} %" in page
    assert "<td>versicolor</td>" in page


def test_the_report_does_without_the_data(flower_run: str, capsys: Capture) -> None:
    Path("flowers.csv").unlink()
    assert main(["export", flower_run, "--to", "html"]) == 0
    _, err = capsys.readouterr()
    assert "no confusion matrix" in err
    assert "Loss" in Path("mine.html").read_text()


def test_a_loop_of_ones_own_has_its_scalars(flower_run: str, capsys: Capture) -> None:
    """A watched loop has no preset, and numbers under names of its own."""
    folder = metrics_file().parent
    for file in (*folder.glob("*.safetensors"), folder / "preset.toml"):
        file.unlink()
    own = [{"event": "scalars", "epoch": 1, "step": n, "values": {"<i>": n / 2, "kl": None}} for n in (3, 4)]
    with metrics_file().open("a") as file:
        file.writelines(json.dumps(line) + "\n" for line in own)
    for name in ("csv", "html", "tensorboard"):
        assert main(["export", flower_run, "--to", name]) == 0
    capsys.readouterr()
    assert main(["export", flower_run, "--to", "csv", "--table", "steps", "--out", "-"]) == 0
    rows = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [row["<i>"] for row in rows] == ["", "1.5", "2.0"]
    assert "<h2>Scalars</h2>" in Path("mine.html").read_text()
    (events,) = Path("mine-tensorboard").iterdir()
    assert events.read_bytes().count(b"<i>") == 2
    assert "preset" in refused(capsys, flower_run, "--to", "torch", code=2)
    modules = [{"name": "body.0", "type": "Linear", "parameters": 24}, {"name": "<b>", "type": "ReLU"}]
    (folder / "model.json").write_text(
        json.dumps(
            {"version": 1, "framework": "pytorch", "type": "Net", "optimizer": "SGD", "modules": modules}
        )
    )
    assert main(["export", flower_run, "--to", "html", "--force"]) == 0
    page = Path("mine.html").read_text()
    for words in ("pytorch Net", "body.0 (Linear)", "&lt;b&gt; (ReLU)", "a loop of your own"):
        assert words in page


@pytest.mark.parametrize("chart", CHARTS)
def test_a_chart_is_an_svg_of_its_own(chart: str, flower_run: str, capsys: Capture) -> None:
    code = main(["export", flower_run, "--to", "svg", "--chart", chart])
    if code:
        _, err = capsys.readouterr()
        assert chart in LACKING, err
        assert len(err.splitlines()) == 1
        return
    root = ET.fromstring(Path(f"mine-{chart}.svg").read_text())
    assert root.tag == f"{SVG}svg"
    assert len(list(root.iter())) > 10


def test_a_regression_has_its_own_charts(capsys: Capture) -> None:
    trained(capsys, {"name": "sine"}, loss="mse")
    for chart in ("r2", "predictions", "fit"):
        assert main(["export", "mine", "--to", "svg", "--chart", chart]) == 0
    capsys.readouterr()
    assert "confusion" in refused(capsys, "mine", "--to", "svg", "--chart", "confusion")


def test_points_in_the_plane_have_a_boundary(capsys: Capture) -> None:
    trained(capsys, {"name": "moons"})
    assert main(["export", "mine", "--to", "svg", "--chart", "boundary"]) == 0
    root = ET.fromstring(Path("mine-boundary.svg").read_text())
    assert len(list(root.iter(f"{SVG}circle"))) > 100
    assert len({one.get("style") for one in root.iter(f"{SVG}rect")} - {None}) == 2


# -- refusals ---------------------------------------------------------------------------------------------


def test_an_unknown_format_or_choice_is_refused_with_the_nearest(flower_run: str, capsys: Capture) -> None:
    assert "did you mean 'keras'?" in refused(capsys, flower_run, "--to", "kears")
    assert "did you mean 'safetensors'?" in refused(capsys, flower_run, "--to", "safetensor")
    assert "there are torch, keras" in refused(capsys, flower_run, "--to", "pdf")
    assert "--chart is an option of svg" in refused(capsys, flower_run, "--to", "csv", "--chart", "loss")
    assert "--data" in refused(capsys, flower_run, "--to", "csv", "--data")
    assert "there is no run" in refused(capsys, "nothing", "--to", "csv")
    assert "several files" in refused(capsys, flower_run, "--to", "torch", "--out", "-")


def test_a_word_that_a_setting_lacks_is_refused(flower_run: str, capsys: Capture) -> None:
    assert main(["export", flower_run, "--to", "svg", "--chart", "lost"]) == 2
    _, err = capsys.readouterr()
    assert "did you mean 'loss'?" in err
    assert len(err.splitlines()) == 1


def test_a_run_without_weights_has_figures_but_no_weights(flower_run: str, capsys: Capture) -> None:
    for file in metrics_file().parent.glob("checkpoint-*"):
        file.unlink()
    for name, form in FORMATS.items():
        if form.weights and (name != "onnx" or importlib.util.find_spec("onnx")):
            assert "no sound checkpoint" in refused(capsys, flower_run, "--to", name)
    assert main(["export", flower_run, "--to", "csv"]) == 0


def test_nothing_else_is_ever_replaced(flower_run: str, capsys: Capture) -> None:
    Path("mine_torch.safetensors").write_text("mine")
    assert "--force" in refused(capsys, flower_run, "--to", "torch")
    assert Path("mine_torch.safetensors").read_text() == "mine"
    Path("mine-epochs.csv").mkdir()
    assert "is a folder" in refused(capsys, flower_run, "--to", "csv", "--table", "epochs", "--force")
    Path("board").write_text("x")
    assert "is no folder" in refused(capsys, flower_run, "--to", "tensorboard", "--out", "board", "--force")
    assert "ends in .csv" in refused(capsys, flower_run, "--to", "csv", "--out", "x.html")


def test_out_is_a_file_or_a_folder(flower_run: str, capsys: Capture) -> None:
    Path("there").mkdir()
    assert main(["export", flower_run, "--to", "torch", "--out", "there"]) == 0
    assert main(["export", flower_run, "--to", "torch", "--out", "new/net.py"]) == 0
    assert main(["export", flower_run, "--to", "html", "--out", "report"]) == 0
    assert capsys.readouterr().out.split() == [
        "there/mine_torch.py",
        "there/mine_torch.safetensors",
        "new/net.py",
        "new/net.safetensors",
        "report.html",
    ]
    assert '"net.safetensors"' in Path("new/net.py").read_text()


def test_what_code_cannot_express_is_listed(
    flower_run: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tuiml.export.training_torch import OPTIMIZERS
    from tuiml.export.writers import torch

    monkeypatch.delitem(torch.LAYERS, "dense")
    monkeypatch.delitem(torch.ACTIVATIONS, "relu")
    monkeypatch.delitem(OPTIMIZERS, "sgd")
    said = refused(capsys, flower_run, "--to", "torch")
    assert "cannot express the optimizer sgd, the layer dense, the activation relu" in said


def test_the_settings_are_those_in_force(flower_run: str, capsys: Capture) -> None:
    """An optimizer and a rate that were changed while the run was trained."""
    lines = metrics_file().read_text().splitlines()
    common = {
        "event": "intervention",
        "step": 2,
        "epoch": 1,
        "epochs_done": 0.4,
        "steps": 20,
        "batch_size": 16,
    }
    changes = [
        {**common, "number": 1, "what": "optimizer", "value": {"name": "adam"}, "learning_rate": 0.05},
        {**common, "number": 2, "what": "rate", "value": 0.0125, "learning_rate": 0.0125},
        {**common, "number": 3, "what": "rate", "value": -1, "learning_rate": 0.1},
    ]
    metrics_file().write_text("\n".join([lines[0], *map(json.dumps, changes), *lines[1:], ""]))
    assert main(["export", flower_run, "--to", "torch"]) == 0
    code = Path("mine_torch.py").read_text()
    assert "torch.optim.Adam(model.parameters(), lr=LEARNING_RATE" in code
    assert "LEARNING_RATE = 4, 16, 0.0125" in code


def test_names_from_files_and_paths_stay_text(capsys: Capture) -> None:
    table = Path("odd.csv")
    rows = "".join(f"{n % 7},{n % 3},{'a' if n % 2 else chr(34) * 2}\n" for n in range(60))
    head = '"x""]; import os #",b,"""""""class\\"\n'
    table.write_text(head + rows.replace('""', '"q""""q"'))
    trained(capsys, {"path": str(table)}, name='""" + exit() + """\\')
    for name in ("torch", "keras", "mlx"):
        assert main(["export", "mine", "--to", name, "--out", f'o"{name}\\.py']) == 0
        tree = ast.parse(Path(f'o"{name}\\.py').read_text())
        values = {
            node.targets[0].id: ast.literal_eval(node.value)
            for node in tree.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.List | ast.Constant | ast.Dict)
        }
        assert values["CLASSES"] == ['q""q', "a"] or values["CLASSES"] == ["a", 'q""q']
        assert list(values["COLUMNS"]) == ['x"]; import os #', "b"]
        assert values["LABEL"] == '"""class\\'
