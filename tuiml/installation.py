"""How to install an optional package into this copy of tuiml.

On the public package index the name ``tuiml`` belongs to another project, so no hint may name it to pip. This
distribution is called :data:`DISTRIBUTION`; the package and the command are called ``tuiml``.
"""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

DISTRIBUTION = "tuiml-lab"
EXTRAS = {
    "fast": "numba",
    "images": "pillow",
    "mlx-cpu": "mlx[cpu]",
    "mlx-cuda": "mlx[cuda13]",
    "dask": "distributed",
    "optuna": "optuna",
    "onnx": "onnx",
    "web": "textual-serve",
    "resources": "psutil",
}
"""The package that each extra of pyproject.toml installs."""


def hint(extra: str) -> str:
    """The command that installs an extra into the environment that tuiml runs in.

    Args:
        extra: a key of :data:`EXTRAS`.
    """
    package, prefix = shlex.quote(EXTRAS[extra]), Path(sys.prefix)
    if (prefix / "pipx_metadata.json").is_file():
        return f"pipx inject {shlex.quote(prefix.name)} {package}"
    if (prefix / "uv-receipt.toml").is_file():  # uv tool install
        return f"uv pip install --python {shlex.quote(str(prefix))} {package}"
    checkout = Path(__file__).resolve().parent.parent
    if (checkout / "pyproject.toml").is_file():
        return f"pip install -e {shlex.quote(f'{checkout}[{extra}]')}"
    folder = _installed_from()
    return f"pip install {shlex.quote(f'{folder}[{extra}]') if folder else package}"


def _installed_from() -> Path | None:
    """The folder that pip or uv built the distribution from, if it was one and is still there (PEP 610)."""
    import json  # these are only imported where a hint is needed
    from importlib import metadata
    from urllib.parse import unquote, urlsplit

    try:
        direct = json.loads(metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or "{}")
        folder = Path(unquote(urlsplit(direct["url"]).path)) if "dir_info" in direct else None
    except (metadata.PackageNotFoundError, OSError, ValueError, TypeError, KeyError, AttributeError):
        return None
    return folder if folder and (folder / "pyproject.toml").is_file() else None
