"""The command line: what it prints where, its exit codes, and that it saves before it ends."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.data.own_files import flowers
from tests.moons_preset import MOONS as DOCUMENT
from tuiml import __version__
from tuiml.backends import fast
from tuiml.cli import commands, main
from tuiml.cli.output import cells, print_table
from tuiml.formatting import NONE, accuracy_text, duration, loss
from tuiml.runs import checkpoints, folder, library
from tuiml.spec import dumps
from tuiml.text import plain_text

PATIENCE = 60.0


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUIML_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("TUIML_DATA", raising=False)
    monkeypatch.delenv("TUIML_DEBUG", raising=False)
    return tmp_path / "home"


Capture = pytest.CaptureFixture[str]


def lines_of(text: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in text.splitlines()]


def without_batches(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines that do not depend on the machine's speed: an epoch that takes long also reports batches."""
    return [line for line in lines if line["event"] != "batch"]


# -- train ------------------------------------------------------------------------------------------------


def test_train_prints_json_lines_and_leaves_a_run(small: str, capsys: Capture) -> None:
    assert main(["train", small, "--json", "--run", "mine"]) == 0
    out, err = capsys.readouterr()
    lines = lines_of(out)
    assert [line["event"] for line in without_batches(lines)] == ["start", "epoch", "epoch", "epoch", "end"]
    assert lines[-1]["reason"] == "completed"
    assert lines[-1]["path"] == str(folder.runs_folder() / "mine")
    assert err == ""
    kept = [line for line in folder.read_metrics(Path(lines[-1]["path"])) if line["event"] != "snapshot"]
    assert [line | {"time": 0} for line in without_batches(kept)] == [line | {"time": 0} for line in lines]


def test_train_shows_progress_on_stderr_and_the_result_on_stdout(small: str, capsys: Capture) -> None:
    assert main(["train", small]) == 0
    out, err = capsys.readouterr()
    assert re.search(r"test loss 0\.\d{4}, test accuracy \d+\.\d\d %", out)
    assert len(re.findall(r"^epoch \d/3 ", err, re.MULTILINE)) == 3
    assert "\r" not in err
    assert main(["train", small, "--quiet"]) == 0
    out, err = capsys.readouterr()
    assert "test accuracy" in out
    assert err == ""


def test_set_changes_the_preset_that_is_run(small: str, capsys: Capture) -> None:
    settings = ["--set", "training.epochs=1", "--set", "layers[*].initializer=he_normal"]
    assert main(["train", small, "--json", "--run", "a", *settings]) == 0
    assert len(without_batches(lines_of(capsys.readouterr().out))) == 3
    document = library.read(folder.runs_folder() / "a" / "preset.toml")
    assert document["training"]["epochs"] == 1
    assert [layer["initializer"] for layer in document["layers"]] == ["he_normal", "he_normal"]


def test_every_problem_is_a_line_and_nothing_is_written(small: str, home: Path, capsys: Capture) -> None:
    wrong = ["layers.0.activation=rellu", "training.epochs=0", "training.optimizer=sdg", "foo.bar=1"]
    arguments = [word for setting in wrong for word in ("--set", setting)]
    assert main(["train", small, *arguments]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    starts = {line.split(": ")[0] for line in err.splitlines()}
    assert starts == {"--set", "layers[0].activation", "training.epochs", "training.optimizer"}
    assert "did you mean 'relu'?" in err
    assert not home.exists()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["train", "no-such-preset"], "there is no preset 'no-such-preset'"),
        (["train", "missing.toml"], "there is no preset file 'missing.toml'"),
        (["train", "SMALL", "--backend", "numpi"], "invalid choice"),
        (["train", "SMALL", "--jsno"], "did you mean '--json'?"),
        (["train", "SMALL", "other"], "unknown argument 'other'"),
        (["train", "SMALL", "training.epochs=5"], "did you mean '--set training.epochs=5'?"),
        (["train"], "required: PRESET"),
        (["resume", "nothing"], "there is no run 'nothing'"),
        (["compare", "nothing"], "there is no run 'nothing'"),
        (["show", "digits-quikstart"], "did you mean 'digits-quickstart'?"),
        (["trian"], "there is no preset, run, study or command 'trian'; did you mean 'train'?"),
        (["pressets"], "did you mean 'presets'?"),
        (["digits-quikstart"], "did you mean 'digits-quickstart'?"),
        (["study-initialisers"], "did you mean 'study-initializers'?"),
        (["digits-quickstart"], "needs a terminal"),
        (["study-initializers"], "needs a terminal"),
        ([], "needs a terminal"),
        (["choices", "activation"], "did you mean 'activations'?"),
        (["choices", "activations", "rellu"], "did you mean 'relu'?"),
        (["data"], "required: ACTION"),
        (["data", "fetch", "minst"], "did you mean 'mnist'?"),
        (["data", "check", "missing"], "there is no missing in"),
        (["--verison"], "did you mean '--version'?"),
    ],
)
def test_wrong_usage_is_one_line_and_exit_code_2(
    arguments: list[str], said: str, small: str, home: Path, capsys: Capture
) -> None:
    assert main([small if word == "SMALL" else word for word in arguments]) == 2
    out, err = capsys.readouterr()
    assert said in err
    assert err.count("\n") == 1
    assert out == ""
    assert not (home / "runs").exists()


def test_a_run_that_diverges_ends_with_3(tmp_path: Path, capsys: Capture) -> None:
    path = tmp_path / "wild.toml"
    layers = [{"type": "dense", "units": 8, "activation": "relu"}, {"type": "dense", "activation": "linear"}]
    path.write_text(
        dumps(
            DOCUMENT | {"layers": layers, "training": {"loss": "mse", "learning_rate": 500.0, "epochs": 50}}
        )
    )
    assert main(["train", str(path), "--json"]) == 3
    out, err = capsys.readouterr()
    end = lines_of(out)[-1]
    assert end["reason"] == "diverged"
    assert "not finite" in err
    assert checkpoints.steps_in(Path(end["path"]))


def test_an_unforeseen_error_is_one_line_and_exit_code_1(
    small: str, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    def broken(*_: Any) -> None:
        raise ZeroDivisionError("planted\nsecond line")

    monkeypatch.setattr("tuiml.runs.preparation.network_of", broken)
    assert main(["train", small]) == 1
    err = capsys.readouterr().err
    assert err.startswith("tuiml: ZeroDivisionError: planted")
    assert err.count("\n") == 1
    monkeypatch.setenv("TUIML_DEBUG", "1")
    assert main(["train", small]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_resume_lengthens_a_run(small: str, capsys: Capture) -> None:
    assert main(["train", small, "--run", "a", "--quiet"]) == 0
    assert main(["resume", "a"]) == 2
    assert "lengthen it with --set training.epochs=" in capsys.readouterr().err
    assert main(["resume", "a", "--set", "training.epochs=5", "--json"]) == 0
    lines = lines_of(capsys.readouterr().out)
    assert [line["event"] for line in without_batches(lines)] == [
        "start",
        "intervention",
        "epoch",
        "epoch",
        "end",
    ]
    assert lines[1]["value"] == {"epochs": [3, 5]}
    kept = folder.read_metrics(folder.runs_folder() / "a")
    assert [line["epoch"] for line in kept if line["event"] == "epoch"] == [1, 2, 3, 4, 5]


def test_replay_says_whether_a_run_comes_to_the_same_bits(small: str, capsys: Capture) -> None:
    assert main(["train", small, "--run", "a", "--quiet"]) == 0
    assert (
        main(["resume", "a", "--quiet", "--set", "training.epochs=5", "--set", "training.learning_rate=0.03"])
        == 0
    )
    capsys.readouterr()
    assert main(["replay", "a", "--quiet"]) == 0
    assert "a: same weights, bit for bit, at step" in capsys.readouterr().out
    assert main(["replay", "a", "--run", "b", "--json"]) == 0
    lines = lines_of(capsys.readouterr().out)
    assert lines[-1]["event"] == "replayed"
    assert (lines[-1]["same"], lines[-1]["changes"], lines[-1]["replay"]) == (True, 1, "b")
    assert [line["epoch"] for line in lines if line["event"] == "epoch"] == [1, 2, 3, 4, 5]
    assert main(["replay", "a", "--run", "b"]) == 2
    assert "there is a run 'b' already" in capsys.readouterr().err
    assert main(["replay", "nobody"]) == 2
    path = folder.runs_folder() / "a" / "preset.toml"
    text = path.read_text()
    path.write_text(text.replace("seed = 0", "seed = 1"))
    assert path.read_text() != text
    assert main(["replay", "a", "--quiet"]) == 1
    reported = capsys.readouterr()
    assert "other weights" in reported.out
    assert "arrays, by" in reported.err


def test_runs_report_what_was_changed_by_hand(small: str, capsys: Capture) -> None:
    assert main(["train", small, "--run", "a", "--quiet"]) == 0
    assert main(["resume", "a", "--quiet", "--set", "training.epochs=5"]) == 0
    capsys.readouterr()
    assert main(["runs", "--json"]) == 0
    (line,) = json.loads(capsys.readouterr().out)
    (change,) = line["changes"]
    assert (change["what"], change["value"]) == ("settings", {"epochs": [3, 5]})


# -- in a process of its own ------------------------------------------------------------------------------


def process(*arguments: str, **more: Any) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tuiml", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_the_run_and_saves_it(number: signal.Signals, small: str) -> None:
    with process("train", small, "--json", "--run", "a", "--set", "training.epochs=1000000") as training:
        assert training.stdout
        assert '"start"' in training.stdout.readline()
        assert '"epoch"' in training.stdout.readline()
        training.send_signal(number)
        out, err = training.communicate(timeout=PATIENCE)
    assert training.returncode == 128 + number
    assert err == ""
    end = lines_of(out)[-1]
    assert end["reason"] == "stopped"
    assert checkpoints.steps_in(Path(end["path"]))[0] == end["step"]


def test_a_reader_that_leaves_ends_the_run_quietly_and_saved(small: str) -> None:
    with process("train", small, "--json", "--run", "a", "--set", "training.epochs=1000000") as training:
        assert training.stdout
        assert training.stderr
        training.stdout.readline()
        training.stdout.close()
        assert training.stderr.read() == ""
        assert training.wait(PATIENCE) == 128 + signal.SIGPIPE
    assert library.summary(folder.runs_folder() / "a").reason == "stopped"


def test_a_killed_run_is_told_from_one_going_on_and_can_be_resumed(small: str, capsys: Capture) -> None:
    with process("train", small, "--json", "--run", "a", "--set", "training.epochs=1000000") as training:
        assert training.stdout
        training.stdout.readline()
        assert library.summary(folder.runs_folder() / "a").reason == "running"
        training.kill()
        training.communicate(timeout=PATIENCE)
    assert library.summary(folder.runs_folder() / "a").reason == "interrupted"
    assert main(["resume", "a", "--set", "training.epochs=2", "--json"]) == 0
    assert lines_of(capsys.readouterr().out)[-1]["reason"] == "completed"


def test_on_a_terminal_one_line_is_drawn_again_and_again(small: str) -> None:
    ours, theirs = pty.openpty()
    environment = {**os.environ, "TERM": "xterm"}
    command = [sys.executable, "-m", "tuiml", "train", small]
    with (
        open(ours, "rb", buffering=0) as screen,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=theirs, env=environment) as training,
    ):
        os.close(theirs)
        drawn = b""
        with contextlib.suppress(OSError):  # so Linux says that the other end is closed
            while data := screen.read(65536):
                drawn += data
        out, _ = training.communicate(timeout=PATIENCE)
    assert training.returncode == 0
    assert b"test accuracy" in out
    text = drawn.decode()
    assert "\x1b" not in text
    lines = [line.rstrip("\r") for line in text.split("\n")]
    assert "42 parameters" in lines[0]
    assert lines[1].split("\r")[-1].startswith("epoch 3/3 ▰▰▰▰▰▰▰▰▰▰  loss 0.")
    assert all(len(drawing) < 80 for drawing in lines[1].split("\r"))
    assert lines[2:] == [""]


LOADED = """
import sys
from tuiml.cli import main
main(sys.argv[1:])
heavy = {"numpy", "pydantic", "textual", "rich", "mlx", "safetensors"}
print(sorted(heavy & {name.partition(".")[0] for name in sys.modules}), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [(["--version"], []), (["--help"], []), (["train", "--help"], []), (["runs"], ["pydantic"])],
)
def test_what_needs_no_library_loads_none(arguments: list[str], loaded: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOADED, *arguments], capture_output=True, text=True, check=True
    )
    assert done.stderr.splitlines()[-1] == str(loaded)


def test_the_threads_are_settled_before_numpy_is_imported(small: str) -> None:
    watch = """
import os, sys
class Watch:
    def find_spec(self, name, path, target=None):
        if name == "numpy":
            print("threads", os.environ.get("OPENBLAS_NUM_THREADS"), file=sys.stderr)
sys.meta_path.insert(0, Watch())
from tuiml.cli import main
sys.exit(main(sys.argv[1:]))
"""
    bare = {key: value for key, value in os.environ.items() if not key.endswith("_NUM_THREADS")}
    done = subprocess.run(
        [sys.executable, "-c", watch, "train", small, "--json"],
        capture_output=True,
        text=True,
        env=bare,
        check=True,
    )
    said = done.stderr.splitlines()
    assert said == ["threads 1"]  # the shards of a batch are threads of our own
    assert lines_of(done.stdout)[0]["threads"] >= 1


def test_threads_can_be_given_and_are_kept_by_a_resume(small: str, capsys: Capture) -> None:
    assert main(["train", small, "--run", "mine", "--threads", "3", "--json"]) == 0
    assert lines_of(capsys.readouterr().out)[0]["threads"] == 3
    assert main(["resume", "mine", "--set", "training.epochs=9", "--json"]) == 0
    first = lines_of(capsys.readouterr().out)[0]
    assert (first["threads"], first["note"]) == (3, "")
    for wrong in ("0", "65", "two", "-1"):
        assert main(["train", small, "--threads", wrong]) == 2
        assert "--threads" in capsys.readouterr().err


def test_a_resume_under_other_conditions_says_so(small: str, capsys: Capture) -> None:
    assert main(["train", small, "--run", "mine", "--quiet"]) == 0
    metrics = folder.runs_folder() / "mine" / "metrics.jsonl"
    metrics.write_text(re.sub('"numpy": "[^"]*"', '"numpy": "1.0"', metrics.read_text()))
    capsys.readouterr()
    assert main(["resume", "mine", "--set", "training.epochs=9"]) == 0
    assert "numpy 1.0 before, now" in capsys.readouterr().err


# -- what is printed --------------------------------------------------------------------------------------


def test_version_and_help(capsys: Capture) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"tuiml {__version__}\n"
    assert main(["-h"]) == 0
    listed = capsys.readouterr().out
    for name in commands.names():
        assert re.search(rf"^    {name}\s+{re.escape(commands.load(name).help)}$", listed, re.MULTILINE)
    for arguments in (*([name, "-h"] for name in commands.names()), ["data", "check", "-h"]):
        assert main(arguments) == 0
        assert f"usage: tuiml {arguments[0]}" in capsys.readouterr().out


def test_show_prints_the_layer_table(small: str, capsys: Capture) -> None:
    assert main(["show", small]) == 0
    out = capsys.readouterr().out
    rows = [line.split() for line in out.splitlines()]
    assert ["0", "dense", "8", "24", "tanh", "glorot_uniform"] in [row[:6] for row in rows]
    assert ["1", "dense", "2", "18", "softmax", "glorot_uniform"] in [row[:6] for row in rows]
    assert "42 parameters" in out
    assert re.search(r"^optimizer +sgd, learning rate 0.1$", out, re.MULTILINE)
    assert main(["show", small, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [layer["output_shape"] for layer in found["layers"]] == [[8], [2]]
    assert (found["parameters"], found["problems"]) == (42, [])
    assert found["memory"] > sum(layer["memory"] for layer in found["layers"])


def test_show_counts_what_is_kept_but_not_trained(capsys: Capture) -> None:
    assert main(["show", "mnist-sigmoid-10-batch-norm"]) == 0
    assert "732,170 parameters and 4,608 values not trained;" in capsys.readouterr().out
    assert main(["show", "mnist-sigmoid-10-batch-norm", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["not_trained"] == 4608
    assert [layer["not_trained"] for layer in found["layers"]][:5] == [0, 0, 512, 0, 0]


def test_show_of_a_broken_preset_shows_what_can_be_read_and_every_problem(
    small: str, capsys: Capture
) -> None:
    wrong = ["--set", "layers.1.activation=rellu", "--set", "training.optimizer=sdg", "--set", "a.b=1"]
    assert main(["show", small, *wrong]) == 2
    out, err = capsys.readouterr()
    assert re.search(r"^0 +dense +8 +24 +tanh", out, re.MULTILINE)
    assert len(err.splitlines()) == 3
    assert main(["show", small, *wrong, "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert [p["path"] for p in found["problems"]] == ["--set", "layers[1].activation", "training.optimizer"]
    assert found["parameters"] is None


@pytest.mark.parametrize(
    "text", ["", "version = 1", "version = 1\nlayers = 3\ndata = []\ntraining = 1", "\0"]
)
def test_show_of_nonsense_lists_problems(text: str, tmp_path: Path, capsys: Capture) -> None:
    (tmp_path / "x.toml").write_text(text)
    assert main(["show", str(tmp_path / "x.toml")]) == 2
    err = capsys.readouterr().err
    assert err
    assert "Traceback" not in err
    assert "Error" not in err


def test_presets_lists_bundled_own_and_broken_ones(home: Path, capsys: Capture) -> None:
    (home / "presets").mkdir(parents=True)
    (home / "presets" / "mine.toml").write_text(dumps(DOCUMENT | {"note": "First. Second."}))
    (home / "presets" / "broken.toml").write_text("version = 1\nname = '\x1b[31m'")
    assert main(["presets"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^mine +own +moons +2 +sgd +3 +First$", out, re.MULTILINE)
    assert re.search(r"^digits-quickstart +tuiml +digits", out, re.MULTILINE)
    assert re.search(r"^broken .* broken: ", out, re.MULTILINE)
    assert "\x1b" not in out
    assert main(["presets", "--json"]) == 0
    rows = {row["preset"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows["mine"]["note"] == "First. Second."
    assert rows["broken"]["problems"]
    assert rows["digits-quickstart"] | {"bundled": True, "problems": []} == rows["digits-quickstart"]


def test_runs_and_compare(small: str, capsys: Capture) -> None:
    assert main(["runs"]) == 0
    assert "there are no runs" in capsys.readouterr().err
    for name, rate in (("slow", "0.01"), ("fast", "0.3")):
        assert (
            main(["train", small, "--run", name, "--quiet", "--set", f"training.learning_rate={rate}"]) == 0
        )
    capsys.readouterr()
    assert main(["runs"]) == 0
    rows = capsys.readouterr().out.splitlines()
    assert sorted(row.split()[0] for row in rows[1:]) == ["fast", "slow"]
    assert main(["runs", "--json"]) == 0
    assert {row["end"]["reason"] for row in json.loads(capsys.readouterr().out)} == {"completed"}
    assert main(["compare", "slow", "fast"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["slow", "fast"]
    assert rows[1] == ["training.learning_rate", "0.01", "0.3"]
    assert ["ended", "completed", "completed"] in rows
    assert any(row[:2] == ["test", "accuracy"] for row in rows)
    assert main(["compare", "slow", "fast", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [row["settings"] for row in found] == [{"training.learning_rate": rate} for rate in (0.01, 0.3)]


def test_choices_are_those_of_the_registries(capsys: Capture) -> None:
    from tuiml.nn import activations, optimizers

    assert main(["choices", "--json"]) == 0
    kinds = json.loads(capsys.readouterr().out)
    assert kinds["activations"] == activations.names()
    for kind, names in kinds.items():
        assert main(["choices", kind]) == 0
        listed = [line.split()[0] for line in capsys.readouterr().out.splitlines()[1:]]
        assert listed == names
        for name in names:
            assert main(["choices", kind, name]) == 0
            assert main(["choices", kind, name, "--json"]) == 0
            capsys.readouterr()
    assert main(["choices", "optimizers", "adam"]) == 0
    out = capsys.readouterr().out
    assert optimizers["adam"].source in out
    assert re.search(r"^beta1 +0.9 +a number at least 0, below 1", out, re.MULTILINE)


def test_a_terminal_shows_how_far_a_large_table_is_read(
    tmp_path: Path, capsys: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = flowers(tmp_path / "large.csv", 50_000)
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    words = ["--set", f"data.path={path}", "--set", "training.epochs=1"]
    for command in (["data", "check", str(path)], ["train", "digits-quickstart", *words]):
        assert main(command) == 0
        assert re.search(r"large\.csv: \S+ of \S+ MB", capsys.readouterr().err)


def test_data_list_and_check(tmp_path: Path, capsys: Capture) -> None:
    assert main(["data", "list"]) == 0
    out = capsys.readouterr().out
    assert re.search(r"^digits +bundled +8×8 +10 +1,797 +yes", out, re.MULTILINE)
    assert re.search(r"^mnist .* no +not here: tuiml data fetch mnist$", out, re.MULTILINE)
    folder = tmp_path / "files"
    folder.mkdir()
    (folder / "images-idx3-ubyte").write_bytes(bytes([0, 0, 8, 3, *[0, 0, 0, 2] * 3, *range(8)]))
    (folder / "labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes([0, 0, 8, 1, 0, 0, 0, 2, 1, 0])))
    assert main(["data", "check", str(folder)]) == 0
    images, labels, kind, *_ = capsys.readouterr().out.splitlines()
    assert images.endswith("2 examples of 2×2 bytes, values 0 to 7; not a file that tuiml knows")
    assert labels.endswith("of each label 1, 1")
    assert kind == f"{folder}: IDX files of uint8: images-idx3-ubyte"
    (folder / "more-idx1-ubyte").write_bytes(b"\0\0\x08\x01\0\0\0\x09abc")
    assert main(["data", "check", str(folder)]) == 2
    out, err = capsys.readouterr()
    assert len(out.splitlines()) == 2
    assert "several files of examples" in err
    assert "more-idx1-ubyte is shorter" in err
    assert main(["data", "check", str(folder), "--json"]) == 2
    found = json.loads(capsys.readouterr().out)
    assert [bool(row["problem"]) for row in found["files"]] == [False, False, True]
    assert len(found["problems"]) == 1


def test_data_fetch_of_what_is_here(capsys: Capture) -> None:
    assert main(["data", "fetch", "digits"]) == 0
    out, err = capsys.readouterr()
    assert out == ""
    assert "needs no download" in err


def test_doctor(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture) -> None:
    monkeypatch.setenv("TUIML_DATA", str(home / "elsewhere"))
    assert main(["doctor", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["versions"]["tuiml"] == __version__
    assert found["backend"]["chosen"] == "numpy"
    assert found["backend"]["fast"].startswith("yes: numba" if fast.version() else "no: ")
    assert found["folders"]["runs"] == f"{home / 'runs'} (made when needed, writable)"
    assert found["folders"]["TUIML_DATA 1"].endswith("(not there)")
    assert main(["doctor"]) == 0
    assert "digits" in capsys.readouterr().out
    assert not home.exists()
    monkeypatch.setenv("TUIML_FAST", "0")
    assert main(["doctor"]) == 0
    assert "no: TUIML_FAST=0 is set" in capsys.readouterr().out


def test_nothing_that_a_terminal_acts_on_is_printed(small: str, capsys: Capture) -> None:
    path = Path(small).with_name("\x1b]0;evil\x07.toml")
    path.write_text(dumps(DOCUMENT).replace('name = "small"\n', "", 1))
    for arguments in (
        ["train", str(path), "--quiet"],
        ["show", str(path)],
        ["train", "\x1b[31m\u202e"],
        ["\x9bm"],
    ):
        main(arguments)
        out, err = capsys.readouterr()
        assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", out + err)


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("plain é 日本 😀", "plain é 日本 😀"),
        ("a\x1b[31mb\x9b\x07", "a�[31mb��"),
        ("\u202etxt.exe\u2066", "�txt.exe�"),
        ("two\nlines\u2028\ttab", "two�lines��tab"),
        ("\udcff", "�"),
    ],
)
def test_plain_text(text: str, plain: str) -> None:
    assert plain_text(text) == plain


def test_plain_text_of_several_lines() -> None:
    assert plain_text("a\tb\r\nc\x1b", lines=True) == "a b�\nc�"


def test_figures_and_tables(capsys: Capture) -> None:
    assert [loss(v) for v in (0.24101, 0.0, 123.4, 1e-7, 5e5, float("nan"))] == [
        "0.2410", "0.0000", "123.4000", "1e-07", "5e+05", "–"
    ]  # fmt: skip
    assert [duration(v, NONE) for v in (7, 750.9, 3723, float("inf"))] == ["0:07", "12:31", "1:02:03", "–"]
    assert accuracy_text(0.9312) == "93.12 %"
    assert accuracy_text(59_999 / 60_000) == ">99.99 %"
    assert accuracy_text(1 / 60_000) == "<0.01 %"
    assert [accuracy_text(1.0), accuracy_text(0.0)] == ["100 %", "0 %"]
    print_table(("name", "n"), [["日本", "5"], ["e\u0301", "12"]], right=("n",))
    lines = capsys.readouterr().out.splitlines()
    assert {cells(line) for line in lines} == {8}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="Linux alone has a device that is always full")
@pytest.mark.parametrize("arguments", [["train", "SMALL", "--json", "--run", "a"], ["presets"]])
def test_a_full_disk_behind_stdout_is_an_error_of_one_line(arguments: list[str], small: str) -> None:
    command = [sys.executable, "-m", "tuiml", *(small if word == "SMALL" else word for word in arguments)]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=PATIENCE)
    assert done.returncode == 1
    assert re.fullmatch(r"tuiml: .*No space left on device.*\n", done.stderr)
