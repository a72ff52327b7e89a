"""``tuiml predict`` and ``evaluate`` on pixels that are scaled otherwise than those of the run's data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import tuiml
from tests.cli.test_predict import table
from tuiml.cli import main

Capture = pytest.CaptureFixture[str]
Train = Callable[..., str]
LAYERS = [{"type": "flatten"}, {"type": "dense", "activation": "softmax"}]


def images(top: int = 255) -> tuple[Any, Any]:
    """40 images of 8×8 bytes: the upper half or the lower one is bright."""
    rng = np.random.default_rng(0)
    y = np.arange(40) % 2
    x = rng.integers(0, top // 3, (40, 8, 8))
    for k in range(40):
        x[k, 4 * y[k] : 4 * y[k] + 4] += top - top // 3
    return x.astype(np.uint8), y


@pytest.fixture
def name(train: Train, tmp_path: Path) -> str:
    x, y = images()
    np.savez(tmp_path / "bytes.npz", x=x, y=y)
    return train({"path": "bytes.npz"}, LAYERS)


def probabilities(word: str, file: str, capsys: Capture) -> tuple[Any, str]:
    """The probability of the first class of each example, and what is said."""
    assert main(["predict", word, file]) == 0
    out, err = capsys.readouterr()
    return np.array([float(row["0"]) for row in table(out)]), err


def test_fractions_are_scaled_to_the_bytes_of_training_and_that_is_said(
    name: str, tmp_path: Path, capsys: Capture
) -> None:
    x, y = images()
    expected, err = probabilities(name, "bytes.npz", capsys)
    assert "the values are" not in err
    fractions = x / 255
    np.savez(tmp_path / "fractions.npz", x=fractions, y=y)
    np.savetxt(tmp_path / "fractions.csv", fractions.reshape(40, -1), delimiter=",")
    for file in ("fractions.npz", "fractions.csv"):
        found, err = probabilities(name, file, capsys)
        np.testing.assert_allclose(found, expected, atol=1e-5)
        assert "whole numbers from 0 to 255: they are multiplied by 255" in err
    assert main(["evaluate", name, "fractions.npz"]) == 0
    assert "multiplied by 255" in capsys.readouterr().err
    with pytest.warns(UserWarning, match="multiplied by 255"):
        answers = tuiml.open_run(name).predict(fractions)
    np.testing.assert_allclose(answers.values[:, 0], expected, atol=1e-5)


def test_black_and_white_is_scaled_too(name: str, tmp_path: Path, capsys: Capture) -> None:
    masks = images()[0] > 127
    np.savez(tmp_path / "masks.npz", x=masks)
    np.savez(tmp_path / "white.npz", x=(255 * masks).astype(np.uint8))
    found, err = probabilities(name, "masks.npz", capsys)
    assert "multiplied by 255" in err
    np.testing.assert_array_equal(found, probabilities(name, "white.npz", capsys)[0])


def test_numbers_between_bytes_are_taken_as_they_are(name: str, tmp_path: Path, capsys: Capture) -> None:
    x = images()[0].astype(np.float32)
    predict = tuiml.open_run(name).predict
    with pytest.warns(UserWarning, match="not all whole"):
        between = predict(x[:1] * 0.5 + x[1:2] * 0.5).values[0]
    ends = predict(x[:2]).values
    logits = np.log(ends[:, 0] / ends[:, 1])  # a linear network: the middle has the mean of the logits
    assert np.log(between[0] / between[1]) == pytest.approx(logits.mean(), abs=1e-3)


@pytest.mark.parametrize("values", [images()[0] / 127.5 - 1, images()[0].astype(np.int32) * 100])
def test_other_numbers_than_pixels_are_refused_in_one_line(
    values: Any, name: str, tmp_path: Path, capsys: Capture
) -> None:
    np.savez(tmp_path / "new.npz", x=values)
    assert main(["predict", name, "new.npz"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "whole numbers from 0 to 255: give those, or fractions from 0 to 1" in err


def test_bytes_are_scaled_for_a_run_on_fractions(train: Train, tmp_path: Path, capsys: Capture) -> None:
    x, y = images()
    np.savez(tmp_path / "fractions.npz", x=(x / 255).astype(np.float32), y=y)
    np.savez(tmp_path / "bytes.npz", x=x)
    name = train({"path": "fractions.npz"}, LAYERS)
    found, err = probabilities(name, "bytes.npz", capsys)
    assert "trained on 0 to 1: they are divided by 255" in err
    np.testing.assert_allclose(found, probabilities(name, "fractions.npz", capsys)[0], atol=1e-5)


def test_counts_beyond_those_of_training_are_said(train: Train, tmp_path: Path, capsys: Capture) -> None:
    x, y = images(top=20)
    np.savez(tmp_path / "counts.npz", x=x, y=y)
    np.savez(tmp_path / "more.npz", x=x * 2)
    np.savez(tmp_path / "few.npz", x=np.minimum(x, 1))
    name = train({"path": "counts.npz"}, LAYERS)
    assert probabilities(name, "counts.npz", capsys)[1].count("the values are") == 0
    for file in ("more.npz", "few.npz"):
        assert "they are taken as they are" in probabilities(name, file, capsys)[1]


def test_pixels_are_scaled_for_a_run_on_fewer_shades(train: Train, tmp_path: Path, capsys: Capture) -> None:
    x, y = images(top=16)
    np.savez(tmp_path / "shades.npz", x=x, y=y)
    np.savez(tmp_path / "pixels.npz", x=np.rint(x * (255 / x.max())).astype(np.uint8))
    name = train({"path": "shades.npz"}, LAYERS)
    found, err = probabilities(name, "pixels.npz", capsys)
    assert "they are multiplied by 0.0" in err
    np.testing.assert_allclose(found, probabilities(name, "shades.npz", capsys)[0], atol=0.02)
