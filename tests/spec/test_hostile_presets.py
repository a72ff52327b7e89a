"""Half a hundred hostile presets: each under half a second and 100 MB, reported in lines that can be read."""

import json
import subprocess
import sys

import pytest

from tests.spec.hostile_presets import CASES, FILES, TEXTS


@pytest.fixture(scope="module")
def opened():
    done = subprocess.run(
        [sys.executable, "-m", "tests.spec.hostile_presets"], capture_output=True, text=True, timeout=300
    )
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stderr
    return {line["name"]: line for line in lines}


def test_there_are_enough():
    assert len(TEXTS) >= 50
    assert len(FILES) >= 8


@pytest.mark.parametrize("name", CASES)
def test_a_hostile_preset_is_refused_in_no_time(opened, name):
    found = opened[name]
    valid = found["code"] == 0
    assert found["code"] in (0, 2), found
    assert found["seconds"] < 0.5
    assert found["megabytes"] < 100
    lines = (found["out"] + found["err"]).splitlines()
    assert lines
    assert all(line.isprintable() for line in lines)
    assert valid == (name == "markup")
    assert len(lines) <= 501
    errors = found["err"].splitlines()
    assert valid or 1 <= len(errors) <= 101
    assert all(len(line) < 700 for line in errors)
    assert "Traceback" not in found["err"]
    assert found["left"] == ["preset.toml"]


def test_the_figure_is_reported(opened):
    (line,) = opened["a layer of 400 GB"]["err"].splitlines()
    assert "100,066,100,010 (400 GB); at most 1,000,000,000 (4.0 GB)" in line
