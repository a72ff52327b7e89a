"""The process that trains beside the screen: its line to the app, and that it ends with the app."""

from __future__ import annotations

import base64
import contextlib
import json
import os
import queue
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tuiml.runs import checkpoints, folder, library
from tuiml.runs.app_connection import MOST, WAITING, Sender, Unpacker, pack, thin
from tuiml.runs.training_process import obey
from tuiml.spec import dumps

PATIENCE = 60.0
"""Seconds after which a test fails instead of waiting on."""
ENDLESS: dict[str, Any] = {
    "version": 1,
    "name": "endless",
    "data": {"name": "moons", "size": 500},
    "layers": [
        {"type": "dense", "units": 8, "activation": "tanh"},
        {"type": "dense", "activation": "softmax"},
    ],
    "training": {"optimizer": "adam", "batch_size": 10, "epochs": 1_000_000},
}
SHORT = ENDLESS | {"training": {"batch_size": 50, "epochs": 3}}


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TUIML_HOME", str(tmp_path / "home"))
    return tmp_path / "home"


# -- frames -----------------------------------------------------------------------------------------------


def test_messages_survive_however_the_bytes_are_cut() -> None:
    messages = [{"do": "rate", "value": 0.1}, {}, {"text": "é\n😀" * 100}]
    data = b"".join(map(pack, messages))
    for size in (1, 3, len(data)):
        unpacker = Unpacker()
        found = [m for i in range(0, len(data), size) for m in unpacker.feed(data[i : i + size])]
        assert found == messages


@pytest.mark.parametrize(
    "data",
    [
        (MOST + 1).to_bytes(4, "big"),
        b"\xff\xff\xff\xff",
        b"\0\0\0\2[]",
        b"\0\0\0\1{",
        b"\0\0\0\1\xff",
        (200_000).to_bytes(4, "big") + b"[" * 200_000,
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="frame"):
        Unpacker().feed(data)


def test_a_number_that_json_lacks_is_not_sent() -> None:
    with pytest.raises(ValueError, match="JSON"):
        pack({"loss": float("nan")})
    with pytest.raises(ValueError, match="more than"):
        pack({"text": "x" * MOST})


class App:
    """The app's end of the line."""

    def __init__(self, line: socket.socket) -> None:
        self.line = line
        self.line.settimeout(PATIENCE)
        self._unpacker = Unpacker()

    def send(self, **message: Any) -> None:
        self.line.sendall(pack(message))

    def messages(self) -> Iterator[dict[str, Any]]:
        """What comes, until the other end closes."""
        while data := self.line.recv(65536):
            yield from self._unpacker.feed(data)

    def events(self) -> Iterator[dict[str, Any]]:
        for message in self.messages():
            yield from message.get("events", [message])

    def until(self, kind: str, **values: Any) -> dict[str, Any]:
        """The next event of a kind that has these values."""
        for event in self.events():
            if event["event"] == kind and values.items() <= event.items():
                return event
        raise AssertionError(f"the line closed before {kind} {values}")


@pytest.fixture
def ends() -> Iterator[tuple[socket.socket, App]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield ours, App(theirs)


def test_an_app_that_does_not_read_gets_the_newest_picture_and_every_epoch(
    ends: tuple[socket.socket, App],
) -> None:
    line, app = ends
    sender = Sender(line)
    filler = "x" * 1_000_000  # more than the socket holds: the first one blocks the sender's thread
    for number in range(1000):
        sender.send({"event": "snapshot", "number": number, "filler": filler})
        if number % 10 == 0:
            sender.send({"event": "epoch", "number": number})
    received: list[dict[str, Any]] = []
    # What waits is known only once reading starts, so read and close from here on.
    sender.send({"event": "end"})
    for event in app.events():
        received.append(event)
        if event["event"] == "end":
            break
    assert sender.close(PATIENCE)
    snapshots = [event["number"] for event in received if event["event"] == "snapshot"]
    assert snapshots[-1] == 999
    assert len(snapshots) <= 3
    assert [event["number"] for event in received if event["event"] == "epoch"] == [*range(0, 1000, 10)]
    assert received[-1]["event"] == "end"


def test_progress_is_thinned_for_an_app_that_does_not_read_for_long(ends: tuple[socket.socket, App]) -> None:
    line, app = ends
    sender = Sender(line)
    sender.send({"event": "snapshot", "filler": "x" * 4_000_000})
    for number in range(3 * WAITING):
        sender.send({"event": "epoch" if number % 1000 == 0 else "batch", "number": number})
    sender.send({"event": "end"})
    received = []
    for event in app.events():
        received.append(event)
        if event["event"] == "end":
            break
    assert sender.close(PATIENCE)
    assert len(received) < 2 * WAITING
    assert sum(event["event"] == "epoch" for event in received) == 3 * WAITING / 1000
    numbers = [event["number"] for event in received if "number" in event]
    assert numbers == sorted(numbers)


def test_progress_is_held_back_until_something_else_happens_or_the_app_gives_an_order(
    ends: tuple[socket.socket, App],
) -> None:
    line, app = ends
    sender, messages = Sender(line, lambda: 1e6), app.messages()

    def bundle() -> list[int]:
        return [event["n"] for event in next(messages)["events"]]

    sender.send({"event": "batch", "n": 0})
    assert bundle() == [0]
    sender.send({"event": "batch", "n": 1})
    sender.send({"event": "epoch", "n": 2})
    sender.send({"event": "state", "n": 3})
    assert bundle() == [1, 2, 3]
    sender.send({"event": "batch", "n": 4})
    sender.send({"event": "snapshot", "n": 5})
    sender.hurry()
    assert bundle() == [4, 5]
    sender.send({"event": "batch", "n": 6})  # an answer may take a moment
    assert bundle() == [6]
    assert sender.close(PATIENCE)


def test_what_is_held_back_is_sent_in_the_end(ends: tuple[socket.socket, App]) -> None:
    line, app = ends
    sender = Sender(line, lambda: 1e6)
    for number in range(3):
        sender.send({"event": "batch", "n": number})
    assert sender.close(PATIENCE)
    line.close()
    assert [event["n"] for event in app.events()] == [0, 1, 2]


def test_thinning_keeps_what_is_no_progress() -> None:
    events = [{"event": kind, "n": n} for n, kind in enumerate(["batch", "epoch", "batch", "state", "batch"])]
    assert [event["n"] for event in thin(events)] == [0, 1, 3, 4]


def test_an_app_that_is_gone_does_not_hold_the_sender_up(ends: tuple[socket.socket, App]) -> None:
    line, app = ends
    sender = Sender(line)
    app.line.close()
    sender.send({"event": "snapshot", "filler": "x" * 4_000_000})
    assert not sender.close(PATIENCE)
    assert sender.broken


# -- the process ------------------------------------------------------------------------------------------


class Process:
    """A worker as the app starts it."""

    def __init__(self, errors: Path) -> None:
        ours, theirs = socket.socketpair()
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)  # soon full when we do not read
        with theirs, errors.open("wb") as file:
            self.popen = subprocess.Popen(
                [sys.executable, "-m", "tuiml.runs.training_process", str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=file,
            )
        self.app = App(ours)
        self.errors = errors

    def start(self, document: dict[str, Any], **more: Any) -> None:
        self.app.send(do="start", document=document, backend="auto", **more)

    def wait(self) -> int:
        return self.popen.wait(PATIENCE)


@pytest.fixture
def worker(tmp_path: Path) -> Iterator[Process]:
    process = Process(tmp_path / "errors")
    yield process
    process.app.line.close()
    with contextlib.suppress(subprocess.TimeoutExpired):
        process.wait()
    process.popen.kill()
    process.popen.wait()
    assert process.errors.read_text() == ""


def run_folder() -> Path:
    """The folder of the only run; it does not exist if there is none."""
    return next(folder.runs_folder().glob("*"), folder.runs_folder() / "run")


def test_a_run_is_told_from_start_to_end(worker: Process) -> None:
    worker.start(SHORT)
    events = list(worker.app.events())
    kinds = [event["event"] for event in events if event["event"] not in ("batch", "snapshot")]
    assert [kind for kind in kinds if kind != "restore_points"] == ["start", "epoch", "epoch", "epoch", "end"]
    assert events[-1]["reason"] == "completed"
    assert events[-1]["path"] == str(run_folder())
    assert worker.wait() == 0


def test_pause_step_go_on_rate_and_stop(worker: Process) -> None:
    worker.start(ENDLESS)
    worker.app.until("epoch")
    worker.app.send(do="pause")
    step = worker.app.until("state", state="paused")["step"]
    worker.app.send(do="step")
    assert worker.app.until("state", state="paused")["step"] == step + 1
    worker.app.send(do="rate", value=0.5)
    assert worker.app.until("state", state="paused")["learning_rate"] == 0.5
    for nonsense in (
        {"do": "dance"},
        {"do": ["x"]},
        {"do": "rate", "value": "fast"},
        {"do": "rate", "value": -1},
    ):
        worker.app.send(**nonsense)
    worker.popen.send_signal(signal.SIGINT)  # the terminal's ctrl+c is not for it
    worker.app.send(do="resume")
    assert worker.app.until("state", state="running")["step"] == step + 1
    worker.app.until("epoch")
    worker.app.send(do="stop")
    end = worker.app.until("end")
    assert end["reason"] == "stopped"
    assert worker.wait() == 0
    assert checkpoints.steps_in(run_folder())[0] == end["step"]


def test_a_bad_preset_is_answered_with_its_problems_and_writes_nothing(worker: Process, home: Path) -> None:
    worker.start(ENDLESS | {"layers": [{"type": "dense", "activation": "rellu"}], "data": {"name": "moon"}})
    (message,) = worker.app.messages()
    assert message["event"] == "problems"
    assert {path for path, _ in message["problems"]} == {"layers[0].activation", "data"}
    assert worker.wait() == 1
    assert not home.exists()


def test_missing_data_is_a_problem_of_the_data(worker: Process, home: Path) -> None:
    cache = home / "cache" / "data" / "mnist"
    cache.parent.mkdir(parents=True)
    cache.write_text("a file where a folder belongs: so nothing can be downloaded")
    worker.start(ENDLESS | {"data": {"name": "mnist"}, "layers": [{"type": "flatten"}, *ENDLESS["layers"]]})
    message = list(worker.app.events())[-1]
    assert message["event"] == "problems"
    assert message["problems"][0][0] == "data"
    assert "\n" not in message["problems"][0][1]
    assert not run_folder().exists()


def test_anything_else_is_a_failure_of_one_line(worker: Process) -> None:
    folder.runs_folder().parent.mkdir(parents=True)
    folder.runs_folder().write_text("a file where a folder belongs")
    worker.start(ENDLESS)
    (message,) = worker.app.messages()
    assert message["event"] == "failed"
    assert str(folder.runs_folder()) in message["message"]
    assert "\n" not in message["message"]


@pytest.mark.parametrize("how", ["closes", "babbles"])
def test_a_run_is_saved_when_the_app_goes(worker: Process, how: str) -> None:
    worker.start(ENDLESS)
    worker.app.until("epoch")
    if how == "babbles":
        worker.app.line.sendall(b"\xff" * 8)
        worker.app.until("end", reason="stopped")
    else:
        worker.app.line.close()
    assert worker.wait() == 0
    assert library.summary(run_folder()).reason == "stopped"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_run_is_saved_when_the_worker_is_reported_to_end(worker: Process, number: int) -> None:
    worker.start(ENDLESS)
    worker.app.until("epoch")
    worker.popen.send_signal(number)
    worker.app.until("end", reason="stopped")
    assert worker.wait() == 0
    assert library.summary(run_folder()).reason == "stopped"


def test_a_worker_whose_app_does_not_read_still_ends_when_reported_to(worker: Process) -> None:
    worker.start(ENDLESS)
    worker.app.until("epoch")
    worker.popen.send_signal(signal.SIGTERM)
    assert worker.wait() == 0
    assert library.summary(run_folder()).reason == "stopped"


def test_a_paused_run_ends_with_the_app(worker: Process) -> None:
    worker.start(ENDLESS)
    worker.app.send(do="pause")
    worker.app.until("state", state="paused")
    worker.app.line.close()
    assert worker.wait() == 0
    assert library.summary(run_folder()).reason == "stopped"


PARENT = """
import json, os, signal, socket, subprocess, sys
from tuiml.runs.app_connection import Unpacker, pack
mine, theirs = socket.socketpair()
alive = int(sys.argv[1])
command = [sys.executable, "-m", "tuiml.runs.training_process", str(theirs.fileno())]
subprocess.Popen(command, pass_fds=[theirs.fileno(), alive], stdin=subprocess.DEVNULL)
theirs.close()
os.close(alive)
mine.sendall(pack({"do": "start", "document": json.loads(sys.argv[2])}))
unpacker = Unpacker()
while not any(e["event"] == "epoch" for m in unpacker.feed(mine.recv(65536)) for e in m["events"]):
    pass
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_worker_ends_with_its_parent_even_by_sigkill() -> None:
    # The worker holds the pipe's only other end: it closes when the worker is gone.
    alive, held = os.pipe()
    try:
        parent = subprocess.Popen(
            [sys.executable, "-c", PARENT, str(held), json.dumps(ENDLESS)], pass_fds=[held]
        )
        os.close(held)
        assert parent.wait(PATIENCE) == -signal.SIGKILL
        assert select.select([alive], [], [], PATIENCE)[0] == [alive]
        assert os.read(alive, 1) == b""
    finally:
        os.close(alive)
    assert library.summary(run_folder()).reason == "stopped"


def test_pictures_are_switched_on_and_off_from_the_app() -> None:
    from tuiml.training.run_control import RunControl

    control, first = RunControl(), queue.SimpleQueue[Any]()
    for value, expected in ((False, False), ("on", False), (None, False), (True, True)):
        obey(control, {"do": "observe", "value": value}, first)
        assert control.observed is expected
    assert not control.attention  # nothing that a step would have to wait for


def test_going_back_and_changes_reach_the_run_unless_they_are_nonsense() -> None:
    from tuiml.training.run_control import RunControl

    control, first = RunControl(), queue.SimpleQueue[Any]()
    for value in ("3", -1, 2.5, True, None, [1]):
        obey(control, {"do": "rewind", "value": value}, first)
    for value in ("sgd", None, 3, ["optimizer"]):
        obey(control, {"do": "change", "value": value}, first)
    assert control.take_orders() == []
    assert not control.paused
    obey(control, {"do": "change", "value": {"batch_size": 8}}, first)
    obey(control, {"do": "rewind", "value": 3}, first)
    assert control.take_orders() == [{"change": {"batch_size": 8}}, {"rewind": 3}]
    assert control.paused


# -- what was learned -------------------------------------------------------------------------------------

SEEN = {"what": "boundary", "columns": 8, "rows": 6, "layer": 0, "first": 0, "count": 1}


def test_requested_inspections_come_in_training_in_a_pause_and_after_the_end(worker: Process) -> None:
    worker.start(ENDLESS, answers_after_end=True)
    worker.app.until("epoch")
    for nonsense in ("x", [3], [SEEN | {"columns": 10**6}], {"do": 1}, [SEEN | {"what": "all"}], None):
        worker.app.send(do="inspect", value=nonsense)
        worker.app.send(do="predict", value=nonsense)
    worker.app.send(do="inspect", value=[SEEN])
    first = worker.app.until("boundary")["step"]
    assert worker.app.until("boundary")["step"] > first
    worker.app.send(do="pause")
    step = worker.app.until("state", state="paused")["step"]
    worker.app.send(do="inspect", value=[SEEN | {"what": "confusion"}])
    assert worker.app.until("confusion")["step"] == step
    worker.app.send(do="stop")
    assert worker.app.until("end")["step"] == step
    library.rename(run_folder(), "another")  # nobody holds its folder any more
    for what in ("highest_loss", "responses", "boundary"):
        worker.app.send(do="inspect", value=[SEEN | {"what": what}])
        assert worker.app.until(what)["step"] == step
    assert worker.popen.poll() is None
    worker.app.line.close()
    assert worker.wait() == 0


def test_a_past_run_is_looked_into_without_being_touched(worker: Process, home: Path) -> None:
    worker.start(SHORT)
    list(worker.app.events())
    files = {path: path.read_bytes() for path in run_folder().iterdir()}
    ours, theirs = socket.socketpair()
    with ours, theirs:
        viewer = subprocess.Popen(
            [sys.executable, "-m", "tuiml.runs.training_process", str(theirs.fileno())],
            pass_fds=[theirs.fileno()],
        )
        theirs.close()
        app = App(ours)
        app.send(do="open", run=str(run_folder()))
        app.send(do="inspect", value=[SEEN, SEEN | {"what": "confusion"}])
        found: dict[str, dict[str, Any]] = {}
        for event in app.events():
            found[event["event"]] = event
            if {"boundary", "confusion"} <= set(found):
                break
        assert len(base64.b64decode(found["boundary"]["predicted"])) == 48
        assert found["confusion"]["evaluated"] == 50
        viewer.send_signal(signal.SIGTERM)
        assert viewer.wait(PATIENCE) == 0
    assert {path: path.read_bytes() for path in run_folder().iterdir()} == files


def test_a_run_without_a_sound_checkpoint_cannot_be_looked_into(worker: Process) -> None:
    path = run_folder()
    path.mkdir(parents=True)
    (path / "preset.toml").write_text(dumps(SHORT))
    worker.app.send(do="open", run=str(path))
    assert "checkpoint" in worker.app.until("failed")["message"]
    assert worker.wait() == 1
