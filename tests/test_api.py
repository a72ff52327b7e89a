"""The Python API: what docs/python.md says works, lazily imported, saved however a loop ends."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuiml
from tests.moons_preset import MOONS as DOCUMENT
from tests.test_readme import blocks
from tuiml import api
from tuiml.backends import blas
from tuiml.cli import main
from tuiml.runs import library
from tuiml.runs.folder import read_metrics, runs_folder
from tuiml.runs.writer import is_held
from tuiml.spec import dumps

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs/python.md").read_text()


def result(preset: Any = None, **options: Any) -> tuiml.End:
    *_, end = tuiml.train(preset or DOCUMENT, **options)
    assert isinstance(end, tuiml.End)
    return end


def python(code: str, **env: str) -> str:
    """What a program prints that is run in a process of its own."""
    found = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        env={**os.environ, **env},
        cwd=ROOT,
        timeout=120,
        check=False,
    )
    assert found.returncode == 0, found.stderr
    return found.stdout.strip()


# -- what is public ---------------------------------------------------------------------------------------


def test_every_example_of_the_page_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for code in blocks(PAGE, "python"):
        exec(compile(code, "docs/python.md", "exec"), names)
    assert names["answers"].columns == ("yield",)
    assert set(names["losses"]) == {0.01, 0.1}


def test_the_page_names_all_that_is_public_and_nothing_else() -> None:
    named = set(re.findall(r"tuiml\.([A-Za-z_]\w*)", PAGE))
    beside = {"Answers", "Event", "LayerStatistics", "Notice", "Run", "Start"}  # types of values
    assert named | beside == set(tuiml.__all__) == {*api.__all__, "watch"}
    assert set(tuiml.__all__) <= set(dir(tuiml))
    for name in api.__all__:
        assert getattr(tuiml, name) is getattr(api, name)
    with pytest.raises(AttributeError, match="'trian'"):
        _ = tuiml.trian


def test_importing_it_imports_neither_numpy_nor_pydantic() -> None:
    heavy = "[m for m in ('numpy', 'pydantic', 'textual', 'tuiml.api') if m in sys.modules]"
    assert python(f"import sys, tuiml; dir(tuiml); print({heavy})") == "[]"


def test_neither_the_app_nor_the_commands_are_imported() -> None:
    found = "[m for m in sys.modules if m.startswith(('tuiml.cli', 'tuiml.tui.', 'textual'))]"
    assert python(f"import sys, tuiml; tuiml.train; print({found})") == "[]"


# -- training ---------------------------------------------------------------------------------------------


def test_a_run_is_as_the_command_trains_it(tmp_path: Path) -> None:
    path = tmp_path / "small.toml"
    path.write_text(dumps(DOCUMENT))
    assert main(["train", str(path), "--quiet", "--run", "typed", "--threads", "1"]) == 0
    end = result(path, name="scripted", threads=1)
    typed, scripted = (read_metrics(runs_folder() / name) for name in ("typed", "scripted"))
    kinds = ("start", "epoch", "end")
    assert [line["event"] for line in scripted if line["event"] in kinds] == [
        line["event"] for line in typed if line["event"] in kinds
    ]
    assert end.test_loss == next(line for line in typed if line["event"] == "end")["test_loss"]
    weights = [tuiml.open_run(name).weights for name in ("typed", "scripted")]
    assert weights[0].keys() == weights[1].keys()
    assert all(np.array_equal(weights[0][name], weights[1][name]) for name in weights[0])


def test_a_preset_is_a_name_a_path_a_dict_or_a_preset(tmp_path: Path) -> None:
    path = tmp_path / "own.toml"
    path.write_text(dumps({key: value for key, value in DOCUMENT.items() if key != "name"}))
    few = {"training.epochs": 1}
    run = tuiml.open_run(result(path, set=few).path)
    assert run.preset.name == "own"
    assert run.preset.training.epochs == 1
    assert tuiml.open_run(result(str(path), set=few).path).preset == run.preset
    assert tuiml.open_run(result(run.preset).path).preset == run.preset
    assert result("spiral-playground", set=few | {"data.size": 100}).epochs == 1


def test_settings_take_numbers_of_numpy_and_leave_a_dict_as_it_was() -> None:
    before = repr(DOCUMENT)
    end = result(set={"training.epochs": np.int64(2), "layers[*].initializer": "he_normal"})
    assert end.epochs == 2
    assert repr(DOCUMENT) == before


def test_every_problem_is_said_at_once_and_nothing_is_written(own_folders: Path) -> None:
    wrong = {"training.epochs": 0, "layers[0].activation": "rellu", "layerz[0].units": 3}
    with pytest.raises(tuiml.SpecError) as caught:
        tuiml.train(DOCUMENT, set=wrong)
    paths = [problem.path for problem in caught.value.problems]
    assert sorted(paths) == ["layers[0].activation", "set", "training.epochs"]
    assert "did you mean 'relu'?" in str(caught.value)
    for preset, said in (("digits-quickstrat", "did you mean 'digits-quickstart'?"), ({}, "layers: is mis")):
        with pytest.raises(tuiml.SpecError, match=re.escape(said)):
            tuiml.train(preset)
    with pytest.raises(ValueError, match="threads = 0"):
        tuiml.train(DOCUMENT, threads=0)
    with pytest.raises(tuiml.RunError, match="is not a backend"):
        next(tuiml.train(DOCUMENT, backend="cuda"))  # type: ignore[arg-type] # that is what is tested
    assert not list(own_folders.iterdir())


def test_a_name_that_is_taken_is_refused_at_once() -> None:
    result(name="mine")
    with pytest.raises(tuiml.RunError, match="there is a run 'mine' already"):
        tuiml.train(DOCUMENT, name="mine")


def shards() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("shard")]


def test_leaving_the_loop_stops_saves_and_releases_the_run() -> None:
    for event in tuiml.train(DOCUMENT, set={"training.epochs": 1000}, name="left", threads=2):
        if isinstance(event, tuiml.Epoch):
            assert is_held(runs_folder() / "left")
            break
    del event
    run = tuiml.open_run("left")
    assert run.end is not None
    assert run.end.reason == "stopped"
    assert not is_held(run.path)
    longer = ["--set", f"training.epochs={run.end.epochs + 2}"]
    assert main(["resume", "left", "--quiet", *longer]) == 0
    assert run.end.reason == "completed"


def test_an_error_in_the_loop_saves_the_run() -> None:
    def loop() -> None:
        for event in tuiml.train(DOCUMENT, name="failed"):
            if isinstance(event, tuiml.Epoch):
                raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        loop()
    assert library.summary(runs_folder() / "failed").reason == "stopped"


def test_ctrl_c_ends_the_run_whole_and_is_raised_then() -> None:
    code = f"""
import signal, threading, tuiml
main, sent = threading.main_thread().ident, []
def press():
    sent.append(1)
    signal.pthread_kill(main, signal.SIGINT)
try:
    for event in tuiml.train({DOCUMENT!r}, set={{"training.epochs": 1000000}}, name="cut"):
        if isinstance(event, tuiml.Start): threading.Timer(0.3, press).start()
except KeyboardInterrupt:
    before = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    print(sent, before, tuiml.open_run("cut").end.reason)
"""
    assert python(code) == "[1] True stopped"
    assert not is_held(runs_folder() / "cut")


def test_ctrl_c_just_after_an_event_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    one_thread, sent = blas.one_thread, []

    @contextlib.contextmanager
    def then_ctrl_c() -> Iterator[None]:
        with one_thread():
            yield
        if not sent:
            sent.append(1)
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(blas, "one_thread", then_ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        for _ in tuiml.train(DOCUMENT, name="cut"):
            pass
    assert library.summary(runs_folder() / "cut").reason == "stopped"


def test_a_handler_of_the_users_own_stays() -> None:
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        for _ in tuiml.train(DOCUMENT):
            assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    finally:
        signal.signal(signal.SIGINT, before)


def test_it_trains_in_a_thread_that_is_not_the_main_one() -> None:
    ends: list[tuiml.End] = []
    thread = threading.Thread(target=lambda: ends.append(result()))
    thread.start()
    thread.join()
    assert ends[0].reason == "completed"


def test_the_matrix_library_has_its_threads_back_between_events() -> None:
    if not blas.controllable():
        return  # NumPy's own library is another one here
    code = f"""
import os
for name in ("OPENBLAS", "OMP", "MKL"): os.environ.pop(name + "_NUM_THREADS", None)
import numpy, tuiml
from tuiml.backends import blas
get, put = blas._openblas()
put(2)
environment = dict(os.environ)
events = tuiml.train({DOCUMENT!r})
print({{get() for _ in events}}, environment == dict(os.environ))
with blas.one_thread(): print(get())
"""
    assert python(code) == "{2} True\n1"


# -- runs -------------------------------------------------------------------------------------------------


def test_metrics_are_columns_with_nan_where_there_is_none() -> None:
    regression = {
        **DOCUMENT,
        "data": {"name": "sine", "size": 100},
        "layers": [{"type": "dense", "units": 4, "activation": "tanh"}, {"type": "dense"}],
        "training": {"loss": "mse", "epochs": 4, "batch_size": 16},
    }
    run = tuiml.open_run(result(regression, batches=True).path)
    metrics = run.metrics
    assert metrics["epoch"].tolist() == [1, 2, 3, 4]
    assert metrics["epoch"].dtype == metrics["step"].dtype == np.int64
    assert metrics["train_loss"].dtype == np.float64
    assert np.isnan(metrics["train_accuracy"]).all()
    assert np.isfinite(metrics["val_r2"]).all()
    assert {len(column) for column in metrics.values()} == {4}
    assert {"step", "train_loss"} <= run.steps.keys()
    assert len(run.layers) == 2
    assert run.end is not None
    assert run.end.reason == "completed"


def test_a_rewind_is_not_in_the_columns() -> None:
    run = tuiml.open_run(result(name="back").path)
    first, *_ = run.metrics["step"].tolist()
    line = {
        "event": "intervention",
        "number": 1,
        "step": 3 * first,
        "epoch": 2,
        "what": "rewind",
        "value": first,
        "epochs_done": 1,
        "steps": 3 * first,
        "batch_size": 32,
        "learning_rate": 0.1,
        "last_intervention": 0,
    }
    with (run.path / "metrics.jsonl").open("a") as file:
        file.write(json.dumps(line) + "\n")
    assert run.metrics["step"].tolist() == [first]
    assert run.end is None


def test_the_numbers_of_a_watched_loop_are_columns_too(own_folders: Path) -> None:
    path = own_folders / "runs" / "mine"
    path.mkdir(parents=True)
    (path / "model.json").write_text('{"framework": "pytorch"}')
    (path / "metrics.jsonl").write_text(
        '{"event": "batch", "epoch": 1, "step": 5, "train_loss": 2.0, "train_accuracy": null}\n'
        '{"event": "scalars", "epoch": 1, "step": 5, "values": {"kl": 0.5, "step": 99.0}}\n'
        '{"event": "scalars", "epoch": 1, "step": 6, "values": {"kl": 0.25}}\n'
    )
    run = tuiml.open_run("mine")
    steps = run.steps
    assert steps["step"].tolist() == [5, 6]
    assert steps["kl"].tolist() == [0.5, 0.25]
    assert steps["train_loss"][0] == 2.0
    assert np.isnan(steps["train_loss"][1])
    for ask in (lambda: run.preset, lambda: run.weights, lambda: run.predict([1.0])):
        with pytest.raises(tuiml.RunError, match="a loop of your own"):
            ask()


def test_a_run_that_is_not_there_or_has_nothing_is_said(own_folders: Path) -> None:
    with pytest.raises(tuiml.RunError, match="there is no run 'nothing'"):
        tuiml.open_run("nothing")
    path = Path(result(name="bare").path)
    for file in path.glob("*.safetensors"):
        file.unlink()
    (path / "metrics.jsonl").unlink()
    run = tuiml.open_run("bare")
    with pytest.raises(tuiml.RunError, match="no sound checkpoint"):
        _ = run.weights
    with pytest.raises(tuiml.RunError, match="No such file"):
        _ = run.metrics


# -- predictions ------------------------------------------------------------------------------------------


@pytest.fixture
def flowers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuiml.Run:
    """A run on a table with a number, one with decimal commas, a text and a date."""
    monkeypatch.chdir(tmp_path)
    rows = ["size;weight;colour;day;kind"]
    for n in range(60):
        colour = ("red", "blue", "white")[n % 3]
        rows.append(f"{n % 7}.5;{n % 5},125;{colour};2024-01-{1 + n % 28:02};{'ab'[n % 2]}")
    Path("flowers.csv").write_text("\n".join(rows) + "\n")
    return tuiml.open_run(result({**DOCUMENT, "data": {"path": "flowers.csv", "label": ["kind"]}}).path)


ROW = {"size": 2.5, "weight": 1.125, "colour": "blue", "day": "2024-01-05"}


def test_rows_are_read_as_the_file_is(flowers: tuiml.Run, capsys: pytest.CaptureFixture[str]) -> None:
    Path("new.csv").write_text("colour;day;size;weight\nblue;2024-01-05;2.5;1,125\nred;2024-01-20;6;4\n")
    assert main(["predict", flowers.name, "new.csv"]) == 0
    lines = capsys.readouterr().out.splitlines()[1:]
    expected = [[float(cell) for cell in line.split(",")[2:]] for line in lines]
    other = {"size": 6, "weight": 4.0, "colour": "red", "day": "2024-01-20", "kind": "a"}
    for given in ([ROW, other], {key: [ROW[key], other[key]] for key in ROW}):
        answers = flowers.predict(given)
        assert answers.columns == ("a", "b")
        assert np.allclose(answers.values, expected, atol=1e-6)
        assert answers.predicted() == tuple("ab"[row.argmax()] for row in answers.values)
    assert np.allclose(flowers.predict(ROW).values, expected[:1], atol=1e-6)


def test_a_data_frame_is_columns(flowers: tuiml.Run) -> None:
    class Frame:
        columns = tuple(ROW)

        def __getitem__(self, name: str) -> np.ndarray[Any, Any]:
            return np.array([ROW[name]])

    assert np.array_equal(flowers.predict(Frame()).values, flowers.predict(ROW).values)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"size": "large"}, "row 0, column 'size': 'large' is not a number"),
        ({"size": None}, "row 0, column 'size': a value is missing"),
        ({"size": float("nan")}, "row 0, column 'size': a value is missing"),
        ({"size": 1e60}, "row 0, column 'size': 1e+60 is more than a float32 holds"),
        ({"colour": None}, "row 0, column 'colour': a value is missing"),
        ({"day": 3}, "row 0, column 'day': 3 is not a date such as 2024-05-31"),
        ({"size": [1, 2]}, "has one value, others have several"),
    ],
)
def test_a_wrong_value_is_named(flowers: tuiml.Run, change: dict[str, Any], said: str) -> None:
    with pytest.raises(tuiml.DataError, match=re.escape(said)):
        flowers.predict(ROW | change)


def test_a_column_that_is_lacking_is_named(flowers: tuiml.Run) -> None:
    without = {name: value for name, value in ROW.items() if name != "weight"}
    with pytest.raises(tuiml.DataError, match="column weight is lacking; did you mean 'weigth'"):
        flowers.predict(without | {"weigth": 1})
    with pytest.raises(tuiml.DataError, match="give rows by column names"):
        flowers.predict(np.zeros((1, 6)))
    for empty in ([], {}, {"size": []}):
        with pytest.raises(tuiml.DataError):
            flowers.predict(empty)


def test_a_text_that_training_never_had_is_a_warning(flowers: tuiml.Run) -> None:
    with pytest.warns(UserWarning, match="column 'colour' that training never had, taken for none: 'green'"):
        answers = flowers.predict(ROW | {"colour": "green"})
    assert len(answers.values) == 1


def test_an_array_of_the_wrong_shape_is_refused() -> None:
    run = tuiml.open_run(result().path)
    assert run.predict([0.5, 0.5]).values.shape == (1, 2)
    assert run.predict([[0.5, 0.5]] * 3).values.shape == (3, 2)
    for wrong in ([1.0, 2.0, 3.0], [[1.0], [1.0, 2.0]], ["a", "b"], [[float("inf"), 0.0]], 3, [None, 1]):
        with pytest.raises(tuiml.DataError):
            run.predict(wrong)


def test_the_best_checkpoint_is_another_one() -> None:
    document = {**DOCUMENT, "training": {"learning_rate": 0.5, "epochs": 12, "batch_size": 8, "seed": 3}}
    path = result(document).path
    best, newest = (tuiml.open_run(path, checkpoint=which) for which in ("best", "newest"))
    assert best.end is not None
    if best.end.best_epoch < best.end.epochs:
        assert any(not np.array_equal(best.weights[name], newest.weights[name]) for name in best.weights)
