"""A run's folder that came from a stranger: nothing outside it is written through a link in it."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import helpers
from tests.runs.test_training_process import App
from tuiml.cli import main
from tuiml.files import UnsafeFile, open_to_append, read_regular, write_whole
from tuiml.runs import folder, library, session
from tuiml.runs.errors import RunError
from tuiml.runs.writer import WRITER

CHECKPOINT = "checkpoint-9.safetensors"
NAMES = (folder.METRICS, folder.PRESET, folder.INITIAL, folder.PRETRAINED, CHECKPOINT)
STARTUP = b"# a shell's start-up file\nalias x=y\n"
SECONDS = 60
"""A command that takes longer waits for a pipe."""


def symbolic(path: Path, victim: Path) -> None:
    path.symlink_to(victim)


def hard(path: Path, victim: Path) -> None:
    os.link(victim, path)


def dangling(path: Path, victim: Path) -> None:
    path.symlink_to(victim.with_name("not there yet"))


def pipe(path: Path, _: Path) -> None:
    os.mkfifo(path)


def directory(path: Path, _: Path) -> None:
    path.mkdir()


def device(path: Path, _: Path) -> None:
    path.symlink_to("/dev/zero")


def bound(path: Path, _: Path) -> None:
    with socket.socket(socket.AF_UNIX) as line:
        before = os.getcwd()
        os.chdir(path.parent)  # a socket's path may be no longer than 107 bytes
        try:
            line.bind(path.name)
        finally:
            os.chdir(before)


Make = Callable[[Path, Path], None]
KINDS: dict[Make, str] = {
    symbolic: "it is a symbolic link",
    hard: "it is a hard link",
    dangling: "it is a symbolic link",
    device: "it is a symbolic link",
    pipe: "it is a named pipe",
    directory: "it is a folder",
    bound: "it is a socket",
}
every_kind = pytest.mark.parametrize("make", KINDS, ids=lambda make: make.__name__)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a finished run of three epochs."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUIML_HOME", str(tmp_path_factory.mktemp("sound")))
        list(session.run(helpers.preset(), name="mine"))
        yield folder.runs_folder() / "mine"


@pytest.fixture
def stranger(sound: Path, own_folders: Path) -> Path:
    """A copy of it, as ``cp -r`` makes one."""
    path = own_folders / "runs" / "stranger"
    shutil.copytree(sound, path)
    return path


@pytest.fixture
def victim(tmp_path: Path) -> Path:
    """A file of the user's, outside the run."""
    path = tmp_path / "victim"
    path.write_bytes(STARTUP)
    path.chmod(0o600)
    return path


def put(make: Make, path: Path, victim: Path) -> None:
    path.unlink(missing_ok=True)
    make(path, victim)


def state(*folders: Path) -> dict[str, object]:
    """All that a folder says of its files, and what is in them."""
    found: dict[str, object] = {}
    for path in (one for root in folders for one in sorted(root.iterdir())):
        at = path.lstat()
        content = path.read_bytes() if path.is_file() and not path.is_symlink() else b""
        found[str(path)] = (at.st_mode, at.st_ino, at.st_nlink, at.st_mtime_ns, content)
    return found


def resume(path: Path, *more: str) -> int:
    return main(["resume", str(path), "--quiet", "--set", "training.epochs=4", *more])


# -- going on ----------------------------------------------------------------------------------------------


@every_kind
@pytest.mark.parametrize("name", NAMES)
def test_resume_refuses_what_is_not_a_file_of_the_run_alone(
    stranger: Path, victim: Path, capsys: pytest.CaptureFixture[str], make: Make, name: str
) -> None:
    put(make, stranger / name, victim)
    before = state(stranger, victim.parent)
    assert resume(stranger) == 2
    said = capsys.readouterr()
    (line,) = said.err.splitlines()
    assert line.startswith(f"tuiml: cannot write to {stranger / name}: {KINDS[make]}")
    assert "put a copy of that file in its place" in line or "remove it" in line
    assert said.out == ""
    assert state(stranger, victim.parent) == before


@pytest.mark.parametrize("kind", [symbolic, hard, pipe], ids=lambda make: make.__name__)
def test_resume_in_a_process_of_its_own_neither_waits_nor_writes(
    stranger: Path, victim: Path, kind: Make
) -> None:
    """The folder's name reaches the lines that are written: it is what the attack wants to have run."""
    evil = stranger.rename(stranger.with_name("$(touch pwned)"))
    put(kind, evil / folder.METRICS, victim)
    command = [sys.executable, "-m", "tuiml", "resume", str(evil), "--set", "training.epochs=4"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert (done.returncode, len(done.stderr.splitlines())) == (2, 1)
    assert "metrics.jsonl" in done.stderr
    assert victim.read_bytes() == STARTUP


def test_the_app_is_reported_and_nothing_is_written(stranger: Path, victim: Path) -> None:
    """As the app goes on with a run: through its worker."""
    put(symbolic, stranger / folder.METRICS, victim)
    before = state(stranger, victim.parent)
    ours, theirs = socket.socketpair()
    with ours:
        with theirs:
            command = [sys.executable, "-m", "tuiml.runs.training_process", str(theirs.fileno())]
            process = subprocess.Popen(command, pass_fds=[theirs.fileno()])
        app = App(ours)
        app.send(do="resume_run", run=str(stranger), settings=["training.epochs=4"])
        (message,) = app.messages()
        assert process.wait(SECONDS) == 1
    assert message["event"] == "failed"
    assert "metrics.jsonl: it is a symbolic link" in message["message"]
    assert state(stranger, victim.parent) == before


def test_a_link_to_a_runs_folder_is_refused_and_the_folder_itself_goes_on(
    stranger: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    link = stranger.with_name("link")
    link.symlink_to(stranger)
    before = state(stranger)
    assert resume(link) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line == f"tuiml: {link} is a symbolic link; give the folder that it leads to"
    assert state(stranger) == before
    assert resume(stranger) == 0


def test_a_file_that_becomes_a_link_after_it_was_looked_at_is_refused(
    stranger: Path, victim: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(hard, stranger / folder.METRICS, victim)
    monkeypatch.setattr("tuiml.runs.folder._refuse_unsafe_files", lambda _: None)
    monkeypatch.setattr("tuiml.files.refuse_unsafe", lambda _: None)
    with pytest.raises(RunError, match="it is a hard link"):
        list(session.resume(stranger))
    put(symbolic, stranger / folder.METRICS, victim)
    with pytest.raises(RunError, match="symbolic links"):
        list(session.resume(stranger))
    assert victim.read_bytes() == STARTUP
    assert not (stranger / WRITER).exists()


@every_kind
def test_what_a_run_may_replace_or_remove_is_no_way_out(stranger: Path, victim: Path, make: Make) -> None:
    """The sign of the writer, the leftovers of one that was killed, and a file that is none of the run's."""
    for name in (WRITER, f".{CHECKPOINT}.x.part", "notes.txt"):
        put(make, stranger / name, victim)
    assert resume(stranger) == 0
    assert victim.read_bytes() == STARTUP
    assert os.listdir(victim.parent) == ["victim"]
    assert os.path.lexists(stranger / "notes.txt")


def test_a_copy_goes_on_with_lost_metrics_and_read_only_files_as_before(stranger: Path) -> None:
    (stranger / folder.METRICS).unlink()
    for file in stranger.iterdir():
        file.chmod(0o444)
    assert resume(stranger) == 0
    epochs = [line["epoch"] for line in folder.read_metrics(stranger) if line["event"] == "epoch"]
    assert epochs == [4]


def test_a_new_run_does_not_take_a_name_that_is_a_link(
    own_folders: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = own_folders / "runs"
    runs.mkdir()
    (runs / "new").symlink_to(tmp_path / "nowhere")
    assert main(["train", "digits-quickstart", "--run", "new", "--quiet"]) == 2
    assert "there is a run 'new' already" in capsys.readouterr().err
    assert not (tmp_path / "nowhere").exists()


def test_renaming_and_deleting_a_link_leave_what_it_leads_to(stranger: Path) -> None:
    outside = stranger.rename(stranger.parents[1] / "outside")
    link = stranger.with_name("link")
    link.symlink_to(outside)
    before = state(outside)
    library.delete(library.rename(link, "other"))
    assert state(outside) == before
    assert library.names() == []


@every_kind
@pytest.mark.parametrize("name", NAMES)
def test_listing_never_waits_or_writes(
    stranger: Path, victim: Path, capsys: pytest.CaptureFixture[str], make: Make, name: str
) -> None:
    put(make, stranger / name, victim)
    before = state(stranger, victim.parent)
    assert main(["runs"]) == 0
    assert "stranger" in capsys.readouterr().out
    assert state(stranger, victim.parent) == before


# -- one file ----------------------------------------------------------------------------------------------


@every_kind
def test_only_an_ordinary_file_is_opened_to_append(tmp_path: Path, victim: Path, make: Make) -> None:
    path = tmp_path / "here"
    make(path, victim)
    with pytest.raises(UnsafeFile, match=KINDS[make]):
        open_to_append(path)
    assert not victim.with_name("not there yet").exists()
    assert victim.read_bytes() == STARTUP


def test_a_file_is_made_or_appended_to(tmp_path: Path) -> None:
    for text in (b"one", b"two"):
        handle = open_to_append(tmp_path / "x")
        os.write(handle, text)
        assert not os.get_inheritable(handle)
        os.close(handle)
    assert read_regular(tmp_path / "x", 100) == b"onetwo"
    assert read_regular(tmp_path / "x", 4) == b"onet"


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o664, 0o755])
def test_a_file_that_is_replaced_keeps_its_mode(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(mode)
    write_whole(path, "new")
    assert path.read_text() == "new"
    assert path.stat().st_mode & 0o7777 == mode


def test_a_file_that_nobody_could_read_can_be_read_once_it_is_replaced(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(0)
    write_whole(path, "new")
    assert path.stat().st_mode & 0o7777 == 0o400


@pytest.mark.parametrize("make", [symbolic, hard, dangling, device, pipe], ids=lambda make: make.__name__)
def test_what_a_link_leads_to_is_not_changed_when_the_link_is_replaced(
    tmp_path: Path, victim: Path, make: Make
) -> None:
    path = tmp_path / "here"
    make(path, victim)
    write_whole(path, "new")
    assert path.is_file()
    assert not path.is_symlink()
    assert path.read_text() == "new"
    assert victim.read_bytes() == STARTUP
    assert victim.stat().st_mode & 0o777 == 0o600
    assert not victim.with_name("not there yet").exists()
