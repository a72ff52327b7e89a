"""Hints on how to install an extra fit the way this copy of tuiml was installed."""

from __future__ import annotations

import json
import re
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import pytest

from tuiml import installation

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The metadata of a copy installed from a wheel; this copy's module lies beside it."""
    site = tmp_path / "env" / "site-packages"
    info = site / "tuiml_lab-0.3.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.4\nName: tuiml-lab\nVersion: 0.3.0\n")
    monkeypatch.setattr(installation, "__file__", str(site / "tuiml" / "installation.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path / "env"))
    monkeypatch.setattr(metadata, "distribution", lambda name: metadata.Distribution.at(info))
    return info


def built_from(site: Path, url: str, **more: object) -> None:
    (site / "direct_url.json").write_text(json.dumps({"url": url, **more}))


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    folder = tmp_path / "my check out"
    folder.mkdir()
    (folder / "pyproject.toml").touch()
    return folder


def test_in_a_checkout_it_names_the_checkout(
    checkout: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(installation, "__file__", str(checkout / "tuiml" / "installation.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    assert installation.hint("fast") == f"pip install -e '{checkout}[fast]'"


def test_built_from_a_folder_it_names_the_folder(site: Path, checkout: Path) -> None:
    built_from(site, checkout.as_uri(), dir_info={})
    assert installation.hint("images") == f"pip install '{checkout}[images]'"


def test_a_folder_that_is_gone_is_not_named(site: Path, tmp_path: Path) -> None:
    built_from(site, (tmp_path / "gone").as_uri(), dir_info={})
    assert installation.hint("images") == "pip install pillow"


@pytest.mark.parametrize("extra", ["fast", "mlx-cpu"])
def test_from_a_wheel_it_names_the_package_itself(site: Path, extra: str) -> None:
    expected = {"fast": "pip install numba", "mlx-cpu": "pip install 'mlx[cpu]'"}[extra]
    assert installation.hint(extra) == expected
    built_from(site, "file:///tmp/tuiml_lab-0.3.0-py3-none-any.whl", archive_info={})
    assert installation.hint(extra) == expected


@pytest.mark.parametrize(
    "written", ["", "{", "[]", '"dir_info"', '{"dir_info": 0}', '{"dir_info": 0, "url": 1}']
)
def test_a_damaged_record_of_the_installation_is_ignored(site: Path, written: str) -> None:
    (site / "direct_url.json").write_text(written)
    assert installation.hint("fast") == "pip install numba"


def test_without_metadata_it_names_the_package_itself(site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> metadata.Distribution:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "distribution", missing)
    assert installation.hint("fast") == "pip install numba"


def test_environments_of_pipx_and_uv_tool_are_changed_by_their_tool(site: Path, checkout: Path) -> None:
    built_from(site, checkout.as_uri(), dir_info={})
    environment = Path(sys.prefix)
    (environment / "uv-receipt.toml").touch()
    assert installation.hint("fast") == f"uv pip install --python {environment} numba"
    (environment / "pipx_metadata.json").touch()
    assert installation.hint("fast") == "pipx inject env numba"


def test_names_agree_with_the_project_file() -> None:
    assert PROJECT["name"] == installation.DISTRIBUTION
    extras = PROJECT["optional-dependencies"]
    for extra, package in installation.EXTRAS.items():
        assert [requirement.partition(">")[0] for requirement in extras[extra]] == [package]


def test_nothing_reports_to_install_tuiml_from_an_index() -> None:
    """There the name ``tuiml`` is another project's."""
    files = [*ROOT.glob("tuiml/**/*.py"), *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")]
    named = re.compile(r"(?:install|inject|--with|uvx|pipx run)\s+(?:-\S+\s+)*[\"']?tuiml\b|tuiml\[")
    assert [str(path) for path in files if named.search(path.read_text())] == []
