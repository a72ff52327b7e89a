"""The app's end of the process that probes networks: a real one, and ones that misbehave."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from tests import helpers
from tests.tui.process.conftest import Ear
from tuiml.tui.process import probe_client
from tuiml.tui.process.probe_client import ProbeClient, Probed, probed


class ProbeEar(Ear):
    """Asks a client for probes and takes what it posts."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 0.0
        self.client = ProbeClient(self.posted.put_nowait, lambda: self.now)

    def ask(self, **changes: Any) -> int:
        number = self.client.ask(helpers.document(**changes))
        self.note(self.client._worker)
        return number

    async def next(self) -> Probed:
        found = await super().next()
        assert isinstance(found, Probed)
        return found


@pytest.fixture
async def ear() -> AsyncIterator[ProbeEar]:
    found = ProbeEar()
    yield found
    found.client.close()
    found.assert_no_zombies()


async def test_a_real_look_and_another_by_the_same_process(ear: ProbeEar) -> None:
    number = ear.ask()
    found = await ear.next()
    assert (found.number, found.problem) == (number, "")
    assert found.found is not None
    assert (found.found.inputs, len(found.found.snapshot.layers)) == ("data", 2)
    ear.ask(training={"seed": 3})
    other = await ear.next()
    assert other.found is not None
    assert other.found.snapshot != found.found.snapshot
    assert len(ear.processes) == 1


async def test_what_is_wrong_with_a_preset_is_reported(ear: ProbeEar) -> None:
    ear.ask(training={"batch_size": 0})
    found = await ear.next()
    assert found.found is None
    assert found.problem


async def test_only_the_newest_is_answered(ear: ProbeEar, program: Callable[[str], None]) -> None:
    program("first, second = hear(), hear()\nfail(first['number'])\nfail(second['number'])\nhear()")
    ear.ask()
    newest = ear.ask()
    assert (await ear.next()).problem == f"of {newest}"
    assert ear.posted.empty()


async def test_one_that_is_busy_for_long_is_given_up(ear: ProbeEar, program: Callable[[str], None]) -> None:
    program("order = hear()\nif order['number'] > 1: fail(order['number'])\nhear()")
    ear.ask()
    ear.now = probe_client.BUSY / 2
    ear.ask()
    ear.now = probe_client.BUSY * 2
    newest = ear.ask()
    assert (await ear.next()).problem == f"of {newest}"
    assert len(ear.processes) == 2


@pytest.mark.parametrize(
    "body",
    [
        "hear(); line.sendall(b'x' * 100)",
        "hear(); line.sendall(pack({'events': []}))",
        "hear(); line.sendall(pack({'event': 'probe', 'number': 1}))",
        "hear(); line.sendall(pack({'event': 'failed', 'number': True}))",
        "hear(); os.kill(os.getpid(), 9)",
        "hear(); sys.exit('out of ideas')",
        "sys.exit(3)",
    ],
)
async def test_one_that_misbehaves_or_dies_is_reported_and_replaced(
    ear: ProbeEar, program: Callable[[str], None], body: str
) -> None:
    program(body)
    number = ear.ask()
    found = await ear.next()
    assert (found.number, found.found) == (number, None)
    assert "the process that probes networks" in found.problem
    program("fail(hear()['number'])\nhear()")
    newest = ear.ask()
    assert (await ear.next()).problem == f"of {newest}"
    assert len(ear.processes) == 2


GOOD: dict[str, Any] = {
    "event": "probe",
    "inputs": "data",
    "examples": 3,
    "input_mean": 0.0,
    "input_std": None,
    "picture": {"event": "picture", "epoch": 0, "step": 0, "layers": []},
    "note": "as it \x1b[31mis",
}


def test_an_answer_is_read_and_made_harmless() -> None:
    found = probed(1, GOOD).found
    assert found is not None
    assert "\x1b" not in found.note
    assert "\x1b" not in probed(1, {"event": "failed", "message": "a\x1bb"}).problem
    assert probed(1, {"event": "problems", "problems": [["data", "gone"]]}).problem == "gone"


@pytest.mark.parametrize(
    "change",
    [
        {"event": "else"},
        {"inputs": "predict"},
        {"inputs": []},
        {"examples": 1.5},
        {"examples": True},
        {"input_mean": "1"},
        {"input_std": 10**400},
        {"note": None},
        {"picture": None},
        {"picture": {"event": "state", "state": "running", "step": 1, "learning_rate": 0.1}},
        {"picture": {"event": "picture", "epoch": 0, "step": 0, "layers": [{"mean": "1"}]}},
        {"picture": {"event": "picture", "epoch": 0, "step": 0, "layers": 7}},
    ],
)
def test_what_is_no_answer_is_refused(change: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"not|neither"):
        probed(1, GOOD | change)
