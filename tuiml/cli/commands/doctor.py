"""``tuiml doctor``: versions, backend, terminal, folders and data sets, with reasons."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

from tuiml.cli.output import print_json, say, say_wrapped
from tuiml.cli.parser import JSON, Command
from tuiml.formatting import bytes_text
from tuiml.installation import EXTRAS, hint
from tuiml.runs import threads

PACKAGES = ("numpy", "textual", "pydantic", "safetensors", "mlx", "numba")


def run(chosen: argparse.Namespace) -> int:
    """Print what tuiml finds on this machine."""
    asked = threads.given() is not None  # before limit() settles it
    count = threads.limit()
    found = examine(count, asked)
    if chosen.json:
        print_json(found)
        return 0
    for title, rows in found.items():
        say(title)
        for name, value in rows.items():
            say_wrapped(f"  {name:<14} {_words(value)}", 17)
    return 0


def _words(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, dict):
        return ", ".join(f"{key} {_words(inner)}" for key, inner in value.items())
    return "–" if value in (None, "") else str(value)


def examine(count: int, asked: bool) -> dict[str, dict[str, Any]]:
    """All findings by section, as plain data.

    Args:
        count: threads that a batch is split for.
        asked: True if the environment asked for that number.
    """
    from tuiml import __version__
    from tuiml.backends.choice import choose
    from tuiml.data import catalog
    from tuiml.runs import environment, memory_estimate

    chosen = choose()
    why = "the environment says so" if asked else "one a core; more than four gain little"
    return {
        "versions": {"tuiml": __version__, "python": environment.python()}
        | {name: _version(name) for name in PACKAGES},
        "machine": {
            "system": environment.system(),
            "cores": threads.cores(),
            "memory": bytes_text(memory_estimate.machine()),
            "blas": environment.blas(),
            "threads": count,
            "threads why": why,
        },
        "backend": {
            "chosen": chosen.name,
            "why": chosen.why,
            "device": chosen.device,
            "fast": _fast(chosen.name),
        },
        "terminal": _terminal(),
        "extras": _extras(),
        "folders": _folders(),
        "data": {row.name: row.where for row in catalog.where()},
    }


def _fast(backend: str) -> str:
    """Says if machine code is used, or why not."""
    from tuiml.backends import fast

    if backend != "numpy":
        return "no: only the numpy backend runs machine code of numba's"
    why = fast.trouble()
    return (
        f"no: {why}"
        if why
        else f"yes: numba {fast.version()} compiles what NumPy's plans do element by element"
    )


def _terminal() -> dict[str, Any]:
    size = shutil.get_terminal_size()
    return {
        "terminal": sys.stdout.isatty(),
        "TERM": os.environ.get("TERM"),
        "COLORTERM": os.environ.get("COLORTERM"),
        "NO_COLOR": bool(os.environ.get("NO_COLOR")),
        "size": f"{size.columns}×{size.lines}",
        "encoding": sys.stdout.encoding,
    }


def _extras() -> dict[str, str]:
    """Of each extra that is for no backend, its version or how to install it."""
    return {
        extra: _version(package) or f"no: {hint(extra)}"
        for extra, package in EXTRAS.items()
        if not extra.startswith("mlx") and extra != "fast"
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _folders() -> dict[str, Any]:
    from tuiml import files

    home = files.home()
    settings = home / "settings.toml"
    found = {"home": home, "runs": home / "runs", "presets": home / "presets", "cache": files.cache()}
    given = [
        Path(os.path.expanduser(part)) for part in os.environ.get("TUIML_DATA", "").split(os.pathsep) if part
    ]
    rows: dict[str, Any] = {name: _folder(path, written=True) for name, path in found.items()}
    state = "there" if settings.is_file() else "not there: tuiml settings --create"
    rows["settings"] = f"{settings} ({state})"
    return rows | {f"TUIML_DATA {i}": _folder(path, written=False) for i, path in enumerate(given, 1)}


def _folder(path: Path, *, written: bool) -> str:
    """The path of a folder, and if it can be used."""
    if not written:
        return f"{path} ({'there' if path.is_dir() else 'not there'})"
    nearest = next((p for p in (path, *path.parents) if p.exists()), path)
    able = nearest.is_dir() and os.access(nearest, os.W_OK | os.X_OK)
    state = "there" if path.is_dir() else "made when needed"
    return f"{path} ({state}, {'writable' if able else 'NOT writable: set TUIML_HOME'})"


COMMAND = Command("doctor", "print versions, backend, terminal, folders and data sets", run, [JSON])
