"""Fixtures for tests of the screen."""

import pytest

from tests.tui.fake_probe_client import FakeProbeClient
from tuiml.data.own import reading


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pilot looks every millisecond whether the app is idle, in place of every twentieth of a second."""
    monkeypatch.setattr("textual._wait.SLEEP_GRANULARITY", 0.001)
    monkeypatch.setattr("textual._wait.SLEEP_IDLE", 0.0002)


@pytest.fixture(autouse=True)
def no_prober(monkeypatch: pytest.MonkeyPatch) -> None:
    """No process looks at networks or files beside the screen, unless a test asks for one."""
    monkeypatch.setattr("tuiml.tui.app.app.ProbeClient", FakeProbeClient)
    monkeypatch.setattr(
        "tuiml.tui.process.file_inspection_client.FileInspectionClient.find",
        lambda self, dataset: reading.find(dataset),
    )
