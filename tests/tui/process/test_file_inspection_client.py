"""The process that reader at files: a real one, ones that misbehave, and the screen meanwhile."""

import asyncio
import sys
import threading
import tracemalloc
from textwrap import indent

import numpy as np
import pytest

from tests.data.own_files import flowers, idx
from tests.tui.bench import until
from tests.tui.dialogs.test_file_picker import opened
from tuiml.data.file_report import inspect
from tuiml.data.own.reading import DataFiles
from tuiml.runs import file_inspection_process
from tuiml.tui.library.screen import Library
from tuiml.tui.process.file_inspection_client import FileInspectionClient

LIMIT = 60
"""Seconds after which a test that hangs fails."""
REAL = FileInspectionClient.find  # before the fixture for all tests of the screen takes its place
HANG = "if 'slow' in order['options']['path']: time.sleep(1000)"
BREAK = "if 'slow' in order['options']['path']: file_inspection_process.reading.find = lambda *_: 1 / 0\n"
BREAK += "else: file_inspection_process.reading.find = here"


@pytest.fixture(autouse=True)
def real(no_prober, monkeypatch):
    monkeypatch.setattr(FileInspectionClient, "find", REAL)
    monkeypatch.setattr("tuiml.data.own.reading.QUICK", 0)


@pytest.fixture
def program(instead):
    """Let the process do something else before it answers."""

    def replace(body):
        text = "import os, sys, time\nfrom tuiml.runs import file_inspection_process, probe_process\n"
        text += "here = file_inspection_process.reading.find\ndef answer(order):\n"
        text += indent(body, "    ") + "\n    return file_inspection_process.answer_to(order)\n"
        instead(text + "probe_process.serve(int(sys.argv[1]), answer, 0)")

    return replace


@pytest.fixture
async def reader():
    found = FileInspectionClient()
    found.start()
    yield found
    worker = found._worker
    found.close()
    assert worker is None or worker._process.returncode is not None, "no zombie is left"


def arrays(path, count=40):
    np.savez_compressed(path, x=np.zeros((count, 1), np.uint8), y=np.arange(count) % 2)
    return path


async def report(reader, path):
    return await asyncio.wait_for(asyncio.to_thread(inspect, str(path), DataFiles(reader.find)), LIMIT)


async def test_another_process_finds_what_this_one_would_and_stays(tmp_path, reader):
    pytest.importorskip("PIL.Image", reason="Pillow is the extra 'images'; the extra 'test' has it").new(
        "L", (4, 4)
    ).save(tmp_path / "1.png")
    for name in "ab":
        (tmp_path / "pictures" / name).mkdir(parents=True)
        (tmp_path / "pictures" / name / "1.png").write_bytes((tmp_path / "1.png").read_bytes())
    (tmp_path / "x-images-idx2-ubyte").write_bytes(idx(np.zeros((4, 3)), 8))
    (tmp_path / "x-labels-idx1-ubyte").write_bytes(idx(np.arange(4) % 2, 8))
    (tmp_path / "wrong.csv").write_text("a,b\n1,2\n1\n")
    arrays(tmp_path / "a.npz")
    flowers(tmp_path / "f.csv")
    processes = set()
    for name in ("a.npz", "f.csv", "x-images-idx2-ubyte", "pictures", "wrong.csv"):
        found = await report(reader, tmp_path / name)
        processes.add(reader._worker._process.pid)
        assert found == inspect(str(tmp_path / name))
        assert found.usable == (name != "wrong.csv")
    assert len(processes) == 1


async def test_how_far_a_large_table_is_read_is_reported_before(tmp_path, reader):
    flowers(tmp_path / "f.csv")
    await report(reader, tmp_path / "f.csv")
    assert reader.progress == (0, 0)
    flowers(tmp_path / "large.csv", 50_000)
    found = await report(reader, tmp_path / "large.csv")
    assert found == inspect(str(tmp_path / "large.csv"))
    done, total = reader.progress
    assert 0 < done <= total == (tmp_path / "large.csv").stat().st_size


@pytest.mark.skipif(sys.platform != "linux", reason="macOS holds no process to its limit of memory")
async def test_a_file_that_needs_more_memory_than_there_may_be_says_so(tmp_path, reader, instead):
    text = "import sys\nfrom tuiml.runs import file_inspection_process as p\n"
    text += "p.MEMORY = 150_000_000\np.main(sys.argv[1:])"
    instead(text)
    large, small = arrays(tmp_path / "large.npz", 15_000_000), arrays(tmp_path / "small.npz")
    tracemalloc.start()
    found = await report(reader, large)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found.problems == ("large.npz needs more than 150 MB to be read",)
    assert peak < 20_000_000
    assert (await report(reader, small)).usable


async def test_a_look_that_never_ends_is_ended(tmp_path, reader, program, monkeypatch):
    program(HANG)
    assert (await report(reader, arrays(tmp_path / "quick.npz"))).usable
    first = reader._worker
    monkeypatch.setattr(file_inspection_process, "DEADLINE", 0.2)
    slow = arrays(tmp_path / "slow.npz")
    assert (await report(reader, slow)).problems == ("slow.npz: reading it took more than 0.2 s",)
    monkeypatch.setattr(file_inspection_process, "DEADLINE", LIMIT)
    assert (await report(reader, arrays(tmp_path / "other.npz"))).usable
    assert first._process.wait(LIMIT) != 0
    assert reader._worker is not first
    program("")
    reader._worker._process.kill()  # while nothing is asked of it
    reader._worker._process.wait()
    assert (await report(reader, slow)).usable, "asked once more, it is looked at once more"


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("os.kill(os.getpid(), 9)", "the process that reads files was killed by signal 9"),
        ("return {}", "the process that reads files sent what cannot be understood"),
        ("return {'kind': 1}", "the process that reads files sent what cannot be understood"),
    ],
)
async def test_one_that_dies_or_misbehaves_is_reported_and_replaced(tmp_path, reader, program, body, words):
    program(body)
    (problem,) = (await report(reader, arrays(tmp_path / "a.npz"))).problems
    assert words in problem
    program("")
    assert (await report(reader, tmp_path / "a.npz")).usable


async def test_an_error_in_a_reader_is_reported_and_the_process_stays(tmp_path, reader, program):
    program(BREAK)
    (problem,) = (await report(reader, arrays(tmp_path / "slow.npz"))).problems
    assert problem.startswith("slow.npz cannot be read: ZeroDivisionError")
    first = reader._worker
    assert (await report(reader, arrays(tmp_path / "a.npz"))).usable
    assert reader._worker is first


async def test_what_nobody_wants_to_know_any_more_is_let_go(tmp_path, reader, program):
    program(HANG)
    slow, found = arrays(tmp_path / "slow.npz"), []
    thread = threading.Thread(target=lambda: found.append(inspect(str(slow), DataFiles(reader.find))))
    thread.start()
    await until(lambda: reader._worker is not None)
    reader.cancel(thread)
    await asyncio.to_thread(thread.join, LIMIT)
    assert found[0].problems == ("slow.npz was not read",)
    program("")
    assert (await report(reader, slow)).usable


async def test_the_process_ends_when_the_app_does(tmp_path, reader):
    await report(reader, arrays(tmp_path / "a.npz"))
    reader._worker.hang_up()
    assert reader._worker._process.wait(LIMIT) == 0


async def test_keys_work_while_a_look_hangs_and_moving_on_ends_it(tmp_path, program):
    program(HANG)
    flowers(tmp_path / "b.csv")
    arrays(tmp_path / "slow.npz")
    async with opened(tmp_path) as on:
        await on.press(*"slow")
        await on.until(lambda: on.app.file_reader._worker is not None)
        hanging = on.app.file_reader._worker._process
        assert "inspecting" in on.preview
        await on.press("escape", *"b.csv")
        assert on.listed == ["b.csv"]
        await on.at("b.csv", "3 classes")
        await on.until(lambda: hanging.poll() is not None)
        await on.press("enter")
        assert on.app.document.get("data.path") == str(tmp_path / "b.csv")


async def test_a_preset_in_the_library_waits_for_its_file(tmp_path, own_folders):
    path = arrays(tmp_path / "a.npz", 400)
    text = f'version = 1\n[data]\npath = "{path}"\n[[layers]]\ntype = "dense"\nactivation = "softmax"\n'
    (own_folders / "presets").mkdir()
    (own_folders / "presets" / "mine.toml").write_text(text)
    async with opened(tmp_path) as on:
        await on.press("escape")
        on.app.show_screen("library")
        shown = on.app.query_one(Library)
        await on.until(lambda: any(i.name == "mine" and not i.problem for i in shown.items))
