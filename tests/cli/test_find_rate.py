"""``tuiml find-rate``: what it prints where, and its exit codes."""

from __future__ import annotations

import json
import math
import re
import signal
from pathlib import Path
from typing import Any

import pytest

from tests import helpers
from tuiml.cli import main
from tuiml.runs import folder
from tuiml.spec import dumps
from tuiml.training.rate_finder import RateFinder
from tuiml.training.run_control import RunControl

Capture = pytest.CaptureFixture[str]


@pytest.fixture
def small(tmp_path: Path) -> str:
    """The path of a preset file."""
    path = tmp_path / "small.toml"
    path.write_text(dumps(helpers.document(training={"optimizer": "adam"})))
    return str(path)


def test_it_prints_a_suggestion_and_a_chart_and_keeps_nothing(capsys: Capture, own_folders: Path) -> None:
    before = sorted(own_folders.rglob("*"))
    assert main(["find-rate", "digits-quickstart"]) == 0
    out, err = capsys.readouterr()
    assert (found := re.search(r"^learning rate (0\.\d+): where the loss falls most steeply", out, re.M))
    assert f"▲{found[1]}" in out, "marked on the chart"
    assert "10⁻⁵" in out
    assert "the preset has 0.005" in out
    assert err == ""
    assert sorted(own_folders.rglob("*")) == before
    assert not folder.runs_folder().exists()


def test_json_is_one_object_with_every_rate(capsys: Capture) -> None:
    assert (
        main(["find-rate", "digits-quickstart", "--json", "--low", "1e-4", "--high", "1", "--steps", "40"])
        == 0
    )
    out, err = capsys.readouterr()
    found = json.loads(out)
    assert err == ""
    assert 1e-4 < found["learning_rate"] < 1
    assert found["preset_learning_rate"] == 0.005
    assert len(found["rates"]) == len(found["losses"]) == len(found["smoothed"]) == found["tried"] <= 40
    assert found["rates"][0] == pytest.approx(1e-4)


def test_settings_are_heeded(capsys: Capture) -> None:
    rates = []
    for setting in ("training.seed=0", "training.optimizer=adam"):
        assert main(["find-rate", "digits-quickstart", "--json", "--set", setting]) == 0
        rates.append(json.loads(capsys.readouterr().out)["learning_rate"])
    assert rates[1] < rates[0] / 5, "Adam wants smaller rates than SGD"


def test_no_suggestion_is_exit_code_1_and_the_reason(capsys: Capture) -> None:
    assert main(["find-rate", "zeros-never-learns"]) == 1
    assert "no rate: the loss never fell by much" in capsys.readouterr().out
    assert main(["find-rate", "zeros-never-learns", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["learning_rate"] is None


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nonesuch"], "nonesuch"),
        (["SMALL", "--set", "training.epochs=0", "--set", "data.size=1"], "training.epochs"),
        (["SMALL", "--low", "2", "--high", "1"], "from 2 to 1"),
        (["SMALL", "--steps", "3"], "3 rates"),
        (["SMALL", "--stepz", "3"], "--steps"),
    ],
)
def test_wrong_usage_is_exit_code_2(arguments: list[str], word: str, small: str, capsys: Capture) -> None:
    assert main(["find-rate", *[small if a == "SMALL" else a for a in arguments]]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert word in err


def test_ctrl_c_stops_it(small: str, capsys: Capture, monkeypatch: pytest.MonkeyPatch) -> None:
    before: Any = RateFinder._loss

    def interrupted(self: RateFinder, *args: Any) -> float:
        signal.raise_signal(signal.SIGINT)
        while not self._control.stopped:
            pass
        return float(before(self, *args))

    monkeypatch.setattr(RateFinder, "_loss", interrupted)
    assert main(["find-rate", small]) == 130
    out, err = capsys.readouterr()
    assert out == ""
    assert "nothing was saved" in err


def test_a_finder_that_was_stopped_says_so() -> None:
    preset = helpers.preset()
    _, data, engine = helpers.run_parts(preset)
    control = RunControl()
    control.stop()
    (last,) = RateFinder(preset, data, engine, control).events()
    assert math.isnan(last.learning_rate)
