"""The most memory that ``tuiml train`` has resident on all 60,000 images of MNIST."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from tuiml import files
from tuiml.data import catalog

PRESET = """
version = 1
data = { name = "mnist", validation = 0 }
layers = [
    { type = "flatten" },
    { type = "dense", units = 200, activation = "relu" },
    { type = "dense", activation = "softmax" },
]
training = { optimizer = "adam", learning_rate = 0.001, epochs = 1 }
"""


def peak() -> tuple[float | None, str]:
    """Megabytes (10⁶ bytes), or ``None`` and why not; MNIST is not downloaded for this."""
    if not catalog.where("mnist")[0].here:
        return None, "MNIST is not here: tuiml data fetch mnist"
    folders = os.pathsep.join(map(str, files.data_folders()))
    with tempfile.TemporaryDirectory() as home:
        preset = Path(home) / "preset.toml"
        preset.write_text(PRESET, encoding="utf-8")
        command = [sys.executable, "-m", "tuiml", "train", str(preset), "--backend", "numpy", "--quiet"]
        environment = {**os.environ, "TUIML_HOME": home, "TUIML_DATA": folders}
        process = subprocess.Popen(
            command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )
        assert process.stderr is not None
        message = process.stderr.read().decode(errors="replace").strip()
        _, status, usage = os.wait4(process.pid, 0)
    if status:
        return None, message.splitlines()[-1] if message else f"status {status}"
    unit = 1 if sys.platform == "darwin" else 1024  # ru_maxrss: bytes on a Mac, kilobytes on Linux
    return usage.ru_maxrss * unit / 1e6, ""
