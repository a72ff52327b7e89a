"""The disk is full, read-only or broken: the run goes on, says so, and what was saved before still loads."""

from __future__ import annotations

import errno
import itertools
import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.runs import failing_disk
from tests.runs.crash import BATCHES, DOCUMENT, MEMORY, STEPS, preset
from tuiml.runs import checkpoints, folder, library, metrics, session
from tuiml.runs.errors import RunError
from tuiml.runs.last_session import last_session
from tuiml.spec import network_of
from tuiml.spec.toml import dumps
from tuiml.training.events import End, Epoch, Event, Notice, Start, State
from tuiml.training.run_control import RunControl

NAME = "full"


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """In memory where that can be: what is synced to a disk hundreds of times takes its time."""
    with tempfile.TemporaryDirectory(dir=MEMORY) as path:
        monkeypatch.setenv("TUIML_HOME", path)
        yield


def figures(events: list[Event]) -> list[Any]:
    """What the weights of a run come to, to the bit."""
    found: list[Any] = [(e.epoch, e.val_loss) for e in events if isinstance(e, Epoch)]
    end = events[-1]
    assert isinstance(end, End)
    return [*found, end.reason, end.step, end.best_epoch, end.test_loss]


def saving_notices(events: list[Event]) -> list[str]:
    return [e.text for e in events if isinstance(e, Notice)]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Any]]:
    """The figures of a run on a sound disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUIML_HOME", str(tmp_path_factory.mktemp("whole")))
        yield figures(list(session.run(preset(), save_every=0.0)))


def run(disk: failing_disk.Disk) -> list[Event]:
    """A run on that disk."""
    with disk:
        return list(session.run(preset(), name=NAME, save_every=0.0))


def newest() -> int:
    """The step of the newest checkpoint; every one that is there is sound."""
    path = folder.runs_folder() / NAME
    for step in checkpoints.steps_in(path):
        checkpoints.load(checkpoints.path_of(path, step), network_of(preset()), preset().training.optimizer)
    return max(checkpoints.steps_in(path), default=0)


def goes_on(whole: list[Any]) -> None:
    """What is on the disk goes on to the same end."""
    if not last_session(folder.runs_folder() / NAME).ended:
        events = list(session.resume(NAME))
        assert figures(events) == whole[-len(figures(events)) :]
    path = folder.runs_folder() / NAME
    lines = [line for line in folder.read_metrics(path) if line["event"] == "epoch"]
    assert [(line["epoch"], line["val_loss"]) for line in lines] == whole[:-4]
    shutil.rmtree(path)


def test_each_thing_done_to_a_file_may_fail_once(whole: list[Any]) -> None:
    """Before the start it is an error and leaves nothing; after it the run goes on to the same figures."""
    sound = failing_disk.Disk(folder.runs_folder())
    assert figures(run(sound)) == whole
    shutil.rmtree(folder.runs_folder() / NAME)
    assert {"open", "write", "fsync", "replace", "fchmod", "unlink", "mkdir"} <= set(sound.calls)
    said, refused, left = 0, [], []
    for at in range(1, len(sound.calls) + 1):
        disk = failing_disk.Disk(folder.runs_folder(), at, failing_disk.FULL)
        try:
            events = run(disk)
        except RunError as error:
            refused.append(f"{error.code}: {error}")
            left += [*folder.runs_folder().glob("*")] if disk.calls[-1] != "unlink" else []
            continue
        assert figures(events) == whole
        said += "No space left" in "".join(saving_notices(events)) or "No space left" in events[-1].message
        assert newest() == STEPS or "not on the disk" in events[-1].message
        goes_on(whole)
    assert not left
    assert 0 < len(refused) < 25
    assert all(text.startswith("1: cannot write in ") and "No space left" in text for text in refused)
    assert said > 40


def test_a_disk_that_stays_full_from_any_moment_on(whole: list[Any]) -> None:
    sound = failing_disk.Disk(folder.runs_folder())
    run(sound)
    shutil.rmtree(folder.runs_folder() / NAME)
    ran = 0
    for at in range(1, len(sound.calls) + 1, 3):
        try:
            events = run(failing_disk.Disk(folder.runs_folder(), at, failing_disk.FULL, lasting=True))
        except RunError:
            shutil.rmtree(folder.runs_folder() / NAME, ignore_errors=True)
            continue
        ran += 1
        assert figures(events) == whole
        left = newest()
        texts = [text for text in saving_notices(events) if text]
        assert len(texts) <= 1  # once
        end = events[-1]
        assert isinstance(end, End)
        if left < STEPS:
            assert "cannot write in" in texts[0]
            assert "No space left on device" in texts[0]
            assert f"step {left} of {STEPS}" in end.message or "no checkpoint" in end.message
        goes_on(whole)
    assert ran > 20


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES, errno.EIO, errno.EDQUOT])
def test_a_folder_that_is_read_only_for_a_while(number: int, whole: list[Any]) -> None:
    disk, events = failing_disk.Disk(folder.runs_folder()), []
    with disk:
        for event in session.run(preset(), name=NAME, save_every=0.0):
            events.append(event)
            if isinstance(event, Epoch) and event.epoch == 2:
                disk.fail(failing_disk.refuse(number))
            if isinstance(event, Epoch) and event.epoch == 4:
                assert newest() == 2 * BATCHES
                disk.heal()
    first, last = saving_notices(events)
    assert os.strerror(number) in first
    assert f"the last checkpoint is of step {2 * BATCHES}; trying again" in first
    assert last == ""
    assert figures(events) == whole
    assert events[-1].message == ""
    assert newest() == STEPS
    lines = folder.read_metrics(folder.runs_folder() / NAME)
    assert [line["text"] for line in lines if line["event"] == "notice"] == [first, last]
    goes_on(whole)


NOT_SURE = "Input/output error; everything is written, but a power cut may undo the last of it"


@pytest.mark.parametrize(("most", "said"), [(1, ""), (99, NOT_SURE)])
def test_a_disk_that_does_not_confirm_the_last_weights(
    most: int, said: str, whole: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Asked again, it may; if not, the run says so."""
    fsync, asked = os.fsync, []

    def unsure(handle: int) -> None:
        if stat.S_ISDIR(os.fstat(handle).st_mode) and newest() == STEPS:
            asked.append(handle)
            if len(asked) <= most:
                raise OSError(errno.EIO, "Input/output error")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", unsure)
    events = list(session.run(preset(), name=NAME, save_every=0.0))
    assert figures(events) == whole
    assert len(asked) > 1
    assert events[-1].message.endswith(said)
    assert bool(events[-1].message) == bool(said)
    assert len(checkpoints.steps_in(folder.runs_folder() / NAME)) <= 3
    goes_on(whole)


def test_saving_is_tried_again_ever_more_rarely_and_at_once_when_paused(whole: list[Any]) -> None:
    from tuiml.runs.run_recorder import FIRST, LONGEST, Recorder

    made = folder.RunFolder.create(preset(), NAME)
    now, tries = [0.0], []

    def save() -> None:
        tries.append(now[0])
        raise OSError(errno.ENOSPC, "No space left on device")

    recorder = Recorder(made, lambda: 8, lambda: now[0])
    recorder.save(save)
    assert not recorder.ready(True)
    assert recorder.ready(False, now=True)
    for _ in range(3000):
        now[0] += 0.1
        if recorder.ready(True):
            recorder.save(save)
    waits = [b - a for a, b in itertools.pairwise(tries)]
    assert waits[0] == pytest.approx(FIRST, abs=0.11)
    assert waits[1] == pytest.approx(2 * FIRST, abs=0.11)
    assert max(waits) == pytest.approx(LONGEST, abs=0.11)
    assert not recorder.ready(False)
    now[0] += FIRST
    assert recorder.ready(False, soon=True)
    assert len(list(recorder.changes(9))) == 1
    assert not list(recorder.changes(10))
    recorder.save(lambda: None)
    assert [notice.text for notice in recorder.changes(11)] == [""]
    made.close()


def test_a_pause_saves_what_could_not_be_saved(whole: list[Any]) -> None:
    control, disk, events = RunControl(), failing_disk.Disk(folder.runs_folder()), []
    with disk:
        for event in session.run(preset(), name=NAME, control=control, save_every=0.0):
            events.append(event)
            if isinstance(event, Epoch) and event.epoch == 1:
                disk.fail(failing_disk.FULL)
            if isinstance(event, Epoch) and event.epoch == 2:
                disk.heal()
                control.pause()
            if isinstance(event, State) and event.state == "paused":
                assert newest() == 2 * BATCHES
                control.resume()
    assert figures(events) == whole
    assert [bool(text) for text in saving_notices(events)] == [True, False]


def test_the_weights_to_go_on_from_are_kept_where_the_run_ends_with_the_best_ones() -> None:
    """They are not the engine's any more when the disk has room again."""
    document = DOCUMENT["training"] | {
        "early_stopping": {"name": "val_loss", "patience": 4},
        "learning_rate": 0.5,
    }
    chosen = _stopping(document)
    list(session.run(chosen, name="sound", save_every=0.0))
    steps = checkpoints.steps_in(folder.runs_folder() / "sound")
    disk = failing_disk.Disk(folder.runs_folder())
    with disk:
        for event in session.run(chosen, name=NAME, save_every=0.0):
            if isinstance(event, Epoch) and event.step < STEPS:
                disk.fail(failing_disk.FULL)
            if isinstance(event, Epoch) and event.step == STEPS:
                disk.heal()
    assert max(checkpoints.steps_in(folder.runs_folder() / NAME)) == max(steps) == STEPS
    for step in {max(steps), _best("sound")}:
        one, two = (checkpoints.path_of(folder.runs_folder() / name, step) for name in ("sound", NAME))
        first, second = (
            checkpoints.load(path, network_of(chosen), chosen.training.optimizer).tensors
            for path in (one, two)
        )
        assert all(first[name].tobytes() == second[name].tobytes() for name in first)


def _stopping(training: dict[str, Any]) -> Any:
    from tuiml.spec import check

    found, problems = check(DOCUMENT | {"training": training})
    assert found, problems
    return found


def _best(name: str) -> int:
    return library.summary(folder.runs_folder() / name).end["best_epoch"] * BATCHES


# -- lines --------------------------------------------------------------------------------------------------


def test_no_line_is_glued_to_a_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_bytes(b'{"a": 1}\n{"b": ')  # of a writer that was killed
    with failing_disk.Disk(tmp_path) as disk:
        lines = metrics.Metrics(path)
        lines.add(b'{"c": 1}\n', spare=False)
        assert path.read_bytes() == b'{"a": 1}\n{"c": 1}\n'
        disk.fail(failing_disk.FULL, lasting=False)
        with pytest.raises(OSError, match="No space left"):
            lines.add(b'{"d": 12345678}\n', spare=False)
        assert path.read_bytes() == b'{"a": 1}\n{"c": 1}\n{"d": 12'
        assert lines.waits
        lines.add(b'{"e": 1}\n', spare=False)
        lines.close()
    assert path.read_bytes() == b'{"a": 1}\n{"c": 1}\n{"d": 12345678}\n{"e": 1}\n'


def test_of_the_lines_that_wait_pictures_are_dropped_first(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with failing_disk.Disk(tmp_path) as disk:
        lines = metrics.Metrics(path)
        disk.fail(failing_disk.FULL)
        for number in range(100):
            for data, spare in ((b'{"epoch": %d}\n' % number, False), (b"x" * 100_000 + b"\n", True)):
                with pytest.raises(OSError, match="No space left"):
                    lines.add(data, spare)
        disk.heal()
        lines.close()
    kept = path.read_bytes().splitlines()
    assert [json.loads(line)["epoch"] for line in kept if line.startswith(b"{")] == list(range(100))
    assert 0 < len(path.read_bytes()) <= metrics.MOST_WAITING


# -- the command, where the system itself refuses ----------------------------------------------------------

LIMITED = """
import resource, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[1]), resource.RLIM_INFINITY))
from tuiml.cli import main
sys.exit(main(sys.argv[2:]))
"""


def command(*arguments: str, limit: int = resource.RLIM_INFINITY) -> subprocess.CompletedProcess[str]:
    """``tuiml`` in a process in which no file may grow larger than ``limit`` bytes."""
    return subprocess.run(
        [sys.executable, "-c", LIMITED, str(limit), *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture
def wide(tmp_path: Path) -> str:
    """A preset whose checkpoint is larger than its first weights."""
    layers = [{"type": "dense", "units": 100, "activation": "tanh"}] * 2
    path = tmp_path / "wide.toml"
    path.write_text(dumps(DOCUMENT | {"layers": [*layers, {"type": "dense", "activation": "softmax"}]}))
    return str(path)


def test_a_run_whose_files_may_not_grow_goes_on_and_ends_with_code_1(wide: str) -> None:
    sound = command("train", wide, "--run", "sound")
    assert sound.returncode == 0, sound.stderr
    limited = command("train", wide, "--run", NAME, limit=100_000)
    assert limited.returncode == 1
    assert limited.stdout.splitlines()[1] == sound.stdout.splitlines()[1]  # test loss and accuracy
    errors = limited.stderr.splitlines()
    first = next(line for line in errors if "cannot write" in line)
    assert "File too large; there is no checkpoint yet; trying again" in first
    assert errors[-1].startswith("tuiml: cannot write in ")
    assert errors[-1].endswith(f"there is no checkpoint: what {STEPS} steps have learned is not on the disk")
    assert "Traceback" not in limited.stderr
    path = folder.runs_folder() / NAME
    assert checkpoints.steps_in(path) == []
    assert not list(path.glob(".*"))
    resumed = command("resume", NAME)
    assert resumed.returncode == 0, resumed.stderr
    assert resumed.stdout.splitlines()[1] == sound.stdout.splitlines()[1]


def test_a_run_that_cannot_even_begin_is_an_error_that_leaves_nothing(wide: str) -> None:
    failed = command("train", wide, "--run", NAME, limit=20_000)
    assert failed.returncode == 1
    assert failed.stderr.splitlines()[-1].endswith("File too large")
    assert list(folder.runs_folder().iterdir()) == []


def test_a_disk_that_is_full_from_the_start_of_going_on(whole: list[Any]) -> None:
    """Going on rewrites nothing that it could lose."""
    control = RunControl()
    for event in session.run(preset(), name=NAME, control=control, save_every=0.0):
        if isinstance(event, Epoch) and event.epoch == 2:
            control.stop()
    disk = failing_disk.Disk(folder.runs_folder())
    with disk:
        events = []
        for event in session.resume(NAME):
            events.append(event)
            if isinstance(event, Start):
                disk.fail(failing_disk.FULL)
    assert figures(events) == whole[2:]
    assert newest() == 2 * BATCHES
    assert f"what is on the disk is step {2 * BATCHES} of {STEPS}" in events[-1].message
    goes_on(whole)
