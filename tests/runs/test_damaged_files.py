"""Files of a run that are damaged, lost, another run's or made to harm: said in a line, and nothing worse."""

from __future__ import annotations

import contextlib
import hashlib
import json
import math
import os
import pickle
import random
import shutil
import struct
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.numpy

from tests.runs.crash import BATCHES, DOCUMENT, STEPS, preset
from tuiml.backends.choice import choose
from tuiml.data import prepare
from tuiml.runs import checkpoint_file, checkpoint_recovery, checkpoints, folder, library, metrics, session
from tuiml.runs.errors import CheckpointError, RunError
from tuiml.runs.preparation import build_engine
from tuiml.spec import SpecError, check, network_of
from tuiml.training.events import End, Epoch, Event, Start
from tuiml.training.run_control import RunControl
from tuiml.training.schedule_state import Position

FLIPS = MUTATIONS = 200
SECONDS = 3.0
BYTES = 100_000_000
"""What reading a file of some kilobytes, or a header of the largest size, may take at most."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The folder of a finished run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TUIML_HOME", str(tmp_path_factory.mktemp("sound")))
        list(session.run(preset(), name="hurt", save_every=0.0))
        yield folder.runs_folder() / "hurt"


@pytest.fixture
def hurt(sound: Path, own_folders: Path) -> Path:
    """A copy of it, to be damaged."""
    path = own_folders / "runs" / "hurt"
    shutil.copytree(sound, path)
    return path


def path_of(run: Path, step: int = STEPS) -> Path:
    return checkpoints.path_of(run, step)


def load(path: Path) -> checkpoints.Checkpoint:
    return checkpoints.load(path, network_of(preset()), preset().training.optimizer)


def survey(run: Path) -> checkpoint_recovery.Survey:
    parts = preset(), network_of(preset()), prepare.load(preset().data, 0)
    return checkpoint_recovery.survey(run, build_engine(*parts, choose("numpy"), 1))


def refused(path: Path) -> str:
    """What is said of a file that is no sound checkpoint: soon, in a line, without taking memory for it."""
    began = time.process_time()
    with pytest.raises(CheckpointError):
        load(path)
    assert time.process_time() - began < SECONDS
    tracemalloc.start()  # which makes it slower
    try:
        with pytest.raises(CheckpointError) as caught:
            load(path)
        assert tracemalloc.get_traced_memory()[1] < BYTES
    finally:
        tracemalloc.stop()
    assert str(caught.value).isprintable()
    assert len(str(caught.value)) < 500
    return str(caught.value)


def go_on(name: str = "hurt", *settings: str) -> tuple[str, End]:
    """Go on with a run to its end: what it said at its start, and its end."""
    events: list[Event] = list(session.resume(name, settings))
    start, end = events[0], events[-1]
    assert isinstance(start, Start)
    assert isinstance(end, End)
    return start.note, end


def begin_again(run: Path, epochs: int = 2) -> None:
    """Cut a finished run back to its first epochs, as if it had been killed there."""
    shutil.rmtree(run)
    control = RunControl()
    for event in session.run(preset(), name=run.name, control=control, save_every=0.0):
        if isinstance(event, Epoch) and event.epoch == epochs:
            control.stop()


def weights(run: Path) -> dict[str, bytes]:
    return {name: values.tobytes() for name, values in load(path_of(run)).tensors.items()}


# -- a bit ------------------------------------------------------------------------------------------------


def test_each_of_many_flipped_bits_is_noticed_and_the_generation_before_loads(hurt: Path) -> None:
    rng, data = random.Random(0), path_of(hurt).read_bytes()
    before = checkpoints.steps_in(hurt)[1]
    start = 8 + int.from_bytes(data[:8], "little")
    for number in range(FLIPS):
        bit = rng.randrange(8 * (start if number % 2 else 0), 8 * len(data))
        flipped = bytearray(data)
        flipped[bit // 8] ^= 1 << bit % 8
        path_of(hurt).write_bytes(flipped)
        refused(path_of(hurt))
        found = survey(hurt)
        assert found.newest
        assert found.newest.step == before
        assert list(found.refused) == [STEPS]
        assert not found.spared


# -- made by somebody -------------------------------------------------------------------------------------


def parts(data: bytes) -> tuple[dict[str, Any], bytes]:
    """Header and arrays of a file."""
    size = int.from_bytes(data[:8], "little")
    return json.loads(data[8 : 8 + size]), data[8 + size :]


def seal(header: dict[str, Any] | bytes, payload: bytes) -> bytes:
    """A file with the right SHA-256, whatever else is wrong with it."""
    text = header if isinstance(header, bytes) else json.dumps(header, separators=(",", ":")).encode()
    found = parts(len(text).to_bytes(8, "little") + text)[0] if not isinstance(header, bytes) else {}
    old = found.get("__metadata__", {}).get("sha256") if isinstance(found.get("__metadata__"), dict) else None
    if isinstance(old, str):
        text = text.replace(old.encode(), checkpoint_file.BLANK.encode(), 1)
    text += b" " * (-len(text) % 8)
    whole = len(text).to_bytes(8, "little") + text + payload
    digest = hashlib.sha256(whole).hexdigest()
    return whole.replace(checkpoint_file.BLANK.encode(), digest.encode(), 1)


def changed(data: bytes, **text: Any) -> bytes:
    """A checkpoint with other details, sealed."""
    header, payload = parts(data)
    details = json.loads(header["__metadata__"]["tuiml"])
    for key, value in text.items():
        inside = details if key in details else details["position"]
        inside[key] = value
    header["__metadata__"]["tuiml"] = json.dumps(details)
    return seal(header, payload)


def first_array(header: dict[str, Any]) -> dict[str, Any]:
    return next(value for key, value in header.items() if key != "__metadata__")


def crafted(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Files that are not what they say, each with the right SHA-256 where it has one at all."""
    header, payload = parts(data)
    names = [name for name in header if name != "__metadata__"]

    def other(change: Any, arrays: bytes = payload) -> bytes:
        copy = json.loads(json.dumps(header))
        change(copy)
        return seal(copy, arrays)

    def moved(by: int) -> Any:
        def change(h: dict[str, Any]) -> None:
            h[names[1]]["data_offsets"] = [place + by for place in h[names[1]]["data_offsets"]]

        return change

    def text_of(key: str, value: Any) -> Any:
        return lambda h: h["__metadata__"].update({key: value})

    def of_first(**values: Any) -> Any:
        return lambda h: first_array(h).update(values)

    nan = np.frombuffer(payload, np.float32).copy()
    nan[3] = np.nan
    infinite = np.where(np.arange(len(nan)) == 5, np.inf, np.frombuffer(payload, np.float32))
    deep = "[" * 100_000
    text = json.dumps(header, separators=(",", ":"))
    one = json.dumps(header[names[0]])
    yield "nothing", b""
    yield "a pickle", pickle.dumps(Harm())
    yield "a zip of a pickle", b"PK\3\4" + pickle.dumps(Harm())
    yield "zeros", bytes(len(data))
    yield "a header of absurd length", struct.pack("<Q", 2**63 - 1) + data[8:]
    yield "a header longer than any", struct.pack("<Q", 2**62) + bytes(100)
    yield "a header of 9 MB", seal(text[:-1].encode() + b" " * 9_000_000 + b"}", payload)
    yield "overlapping arrays", other(moved(-4))
    yield "a hole", other(moved(4))
    yield "a hole, larger", other(moved(4), payload + bytes(4))
    yield "trailing bytes", seal(header, payload + b"x" * 8)
    yield "arrays cut off", seal(header, payload[:-4])
    yield "a name twice", seal((text[:-1] + f',"{names[0]}":{one}}}').encode(), payload)
    yield "metadata twice", seal((text[:-1] + ',"__metadata__":{}}').encode(), payload)
    empty = {f"e{i}": {"dtype": "F32", "shape": [0], "data_offsets": [0, 0]} for i in range(100_000)}
    yield "100,000 empty arrays", seal({**header, **empty}, payload)
    yield "not a number in an array", seal(header, nan.tobytes())
    yield "infinity in an array", seal(header, infinite.astype(np.float32).tobytes())
    yield "another dtype", other(of_first(dtype="F64"))
    yield "bytes for floats", other(of_first(dtype="U8"))
    yield "an unknown dtype", other(of_first(dtype="\x1b[31m"))
    yield "another shape", other(of_first(shape=[3]))
    yield "a huge shape", other(of_first(shape=[2**40, 2**40], data_offsets=[0, 2**82]))
    yield "a negative shape", other(of_first(shape=[-6]))
    yield "negative offsets", other(of_first(data_offsets=[-24, 0]))
    yield "true for one", other(of_first(data_offsets=[False, 24]))
    yield "offsets that are texts", other(of_first(data_offsets=["0", "24"]))
    yield "an array that is a list", other(lambda h: h.update({names[0]: [1, 2]}))
    yield "an array missing", other(lambda h: h.pop(names[0]))
    yield "a header that is a list", seal(b"[1]", payload)
    yield "a header nested deep", seal(deep.encode(), payload)
    yield "a header that is no text", seal(b"\xff\xfe" * 40, payload)
    yield "metadata that is no text", other(text_of("tuiml", {"step": 1}))
    yield "metadata that is a list", other(lambda h: h.update({"__metadata__": []}))
    yield "no metadata", other(lambda h: h.pop("__metadata__"))
    yield "no SHA-256", seal((text.replace("sha256", "sha257")).encode(), payload)
    yield "a text nested deep", other(text_of("tuiml", deep))
    yield "a text that is a list", other(text_of("tuiml", "[]"))
    for key, value in (
        ("step", -1),
        ("step", True),
        ("step", 1e300),
        ("step", 10**4000),
        ("position", None),
        ("epoch", 0),
        ("epoch", 10**4000),
        ("batch", -1),
        ("batch", 2.5),
        ("rate", 10**4000),
        ("rate", math.inf),
        ("rate", 0),
        ("rate", "fast"),
        ("best_loss", math.nan),
        ("best_epoch", 10**300),
        ("examples", -5),
        ("seconds", -1e9),
        ("totals", [0.0, 10**4000, 0]),
        ("totals", {}),
        ("metrics", -1),
        ("metrics", "all"),
    ):
        yield f"{key} {str(value)[:12]}", changed(data, **{key: value})
    huge = text.replace('\\"step\\": 16', '\\"step\\": ' + "9" * 5000)
    yield "a number of 5,000 digits", seal(huge.encode(), payload)


class Harm:
    """What a pickle of it does when it is loaded."""

    def __reduce__(self) -> tuple[Any, tuple[str]]:
        return os.system, ("touch harmed",)


def test_crafted_files_are_refused(hurt: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data, seen = path_of(hurt).read_bytes(), set()
    path_of(hurt).write_bytes(changed(data))
    assert load(path_of(hurt)).step == STEPS  # what is only sealed anew is sound
    for name, made in crafted(data):
        path_of(hurt).write_bytes(made)
        assert refused(path_of(hurt)), name
        found = survey(hurt)
        assert found.newest, name
        assert found.newest.step < STEPS, name
        seen.add(name)
    assert len(seen) >= 55
    assert not (tmp_path / "harmed").exists()


def test_a_step_that_is_not_the_files_is_refused_where_it_is_looked_for(hurt: Path) -> None:
    data = path_of(hurt).read_bytes()
    path_of(hurt).write_bytes(changed(data, step=12))
    found = survey(hurt)
    assert found.newest
    assert found.newest.step < STEPS


@pytest.mark.parametrize(
    "where",
    [
        {"epoch": 2},
        {"epoch": 10**15},
        {"batch": 99},
        {"done": 10**15},
        {"resized_at": 10**15},
        {"best_step": 3, "best_epoch": 10**15},
        {"optimizer_start": 10**15},
        {"interventions": 10**15},
        {"improved_epoch": 10**15},
        {"examples": 10**15, "seconds": 1e300},
        {"rate": 1e300},
        {"totals": [1e300, 10**15, 1]},
    ],
)
def test_a_position_that_makes_no_sense_is_refused_or_ends(hurt: Path, where: dict[str, Any]) -> None:
    data = path_of(hurt).read_bytes()
    path_of(hurt).write_bytes(changed(data, **where))
    began = time.process_time()
    with contextlib.suppress(RunError):
        go_on("hurt", "training.epochs=6")
    assert time.process_time() - began < 5


def test_mutated_checkpoints_are_refused_or_sound(hurt: Path) -> None:
    """With the right SHA-256, so that what is behind it is reached."""
    rng, data = random.Random(1), path_of(hurt).read_bytes()
    header, payload = parts(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    began, loaded = time.process_time(), 0
    for number in range(MUTATIONS):
        if number % 4 == 0:  # bytes
            made = bytearray(data)
            for _ in range(rng.randrange(1, 6)):
                made[rng.randrange(len(made))] = rng.randrange(256)
        elif number % 4 == 1:  # cut off, or longer
            made = bytearray(data[: rng.randrange(len(data))] + rng.randbytes(rng.randrange(9)))
        else:  # the header, or the arrays, sealed anew
            edited, arrays = bytearray(text), bytearray(payload)
            for _ in range(rng.randrange(1, 4)):
                if number % 4 == 2:
                    place = rng.randrange(len(edited))
                    edited[place : place + rng.randrange(2)] = rng.choice([b"", b"9", b'"', b"]", b"-", b"e"])
                else:
                    arrays[rng.randrange(len(arrays))] = rng.randrange(256)
            blank = bytes(edited).replace(
                header["__metadata__"]["sha256"].encode(), checkpoint_file.BLANK.encode()
            )
            made = bytearray(seal(blank, bytes(arrays)))
        path_of(hurt).write_bytes(made)
        with contextlib.suppress(CheckpointError):
            found = load(path_of(hurt))
            loaded += 1
            assert all(np.isfinite(values).all() for values in found.tensors.values())
        assert survey(hurt).newest
    assert 20 < loaded < 150
    assert time.process_time() - began < MUTATIONS * SECONDS


def test_a_preset_in_a_checkpoint_is_not_trusted(hurt: Path) -> None:
    data = path_of(hurt).read_bytes()
    deep: Any = 1
    for _ in range(500):
        deep = [deep]
    for value in (None, 3, [], {}, {"version": 10**4000}, {"version": 2}, deep, DOCUMENT | {"layers": deep}):
        path_of(hurt).write_bytes(changed(data, preset=value))
        found = survey(hurt)
        assert found.newest
        assert found.newest.step < STEPS
        assert found.spared == {STEPS}
    units = {"type": "dense", "units": 10**4000, "activation": "\x1b]0;x\x07"}
    path_of(hurt).write_bytes(changed(data, preset=DOCUMENT | {"layers": [units]}))
    assert "cannot be used" in survey(hurt).note


@pytest.mark.parametrize("kind", ["folder", "pipe", "loop"])
def test_what_is_no_file_is_passed_over(hurt: Path, kind: str) -> None:
    for name in (path_of(hurt), hurt / folder.INITIAL):
        name.unlink()
        {"folder": name.mkdir, "pipe": lambda n=name: os.mkfifo(n), "loop": lambda n=name: n.symlink_to(n)}[
            kind
        ]()
    assert survey(hurt).newest
    assert survey(hurt).spared <= {STEPS}


def test_the_file_is_safetensors_own_and_written_without_copies() -> None:
    arrays = {f"layers.{i}.weight": np.full((1000, 1000), float(i), np.float32) for i in range(5)}
    made = checkpoints.encode(arrays, 1, Position(rate=0.1), {"preset": {}})
    again = safetensors.numpy.load(made)
    assert all(np.array_equal(again[name], values) for name, values in arrays.items())
    tracemalloc.start()
    pieces = checkpoint_file.pieces(arrays, "{}")
    assert tracemalloc.get_traced_memory()[1] < 100_000  # of 20 MB
    tracemalloc.stop()
    assert sum(map(len, pieces)) > 20_000_000


def test_files_of_older_versions_are_read(hurt: Path) -> None:
    """They were written by safetensors itself, its own way of spacing the header."""
    found = load(path_of(hurt))
    header, _ = parts(path_of(hurt).read_bytes())
    text = header["__metadata__"]["tuiml"]
    old = safetensors.numpy.save(found.tensors, metadata={"sha256": checkpoint_file.BLANK, "tuiml": text})
    digest = hashlib.sha256(old).hexdigest()
    path_of(hurt).write_bytes(old.replace(checkpoint_file.BLANK.encode(), digest.encode(), 1))
    assert load(path_of(hurt)).position == found.position


# -- another run's, or lost ------------------------------------------------------------------------------


def train(name: str, **training: Any) -> Path:
    chosen, problems = check(DOCUMENT | {"training": DOCUMENT["training"] | training})
    assert chosen, problems
    list(session.run(chosen, name=name, save_every=0.0))
    return folder.runs_folder() / name


@pytest.mark.parametrize("other", [{}, {"learning_rate": 0.01}, {"seed": 1}, {"l2": 0.1}])
def test_a_checkpoint_of_another_run_is_noticed_and_left_alone(hurt: Path, other: dict[str, Any]) -> None:
    whole = weights(hurt)
    begin_again(hurt)
    copied = path_of(train("other", **other), STEPS - BATCHES)
    shutil.copy(copied, hurt)
    note, end = go_on()
    said = "another run" if not {"seed", "l2"} & set(other) else "(training."
    assert f"goes on from step {2 * BATCHES}, for checkpoint-{STEPS - BATCHES}.safetensors" in note
    assert said in note
    assert end.reason == "completed"
    assert weights(hurt) == whole


def test_a_preset_that_was_changed_by_hand_is_refused_and_loses_nothing(hurt: Path) -> None:
    text = (hurt / folder.PRESET).read_text()
    before = sorted(path.name for path in hurt.iterdir())
    for old, new in (("units = 6", "units = 7"), ("rate = 0.2", "rate = 0.3"), ("size = 140", "size = 150")):
        assert old in text
        (hurt / folder.PRESET).write_text(text.replace(old, new))
        with pytest.raises(RunError, match=r"another preset than preset\.toml \((data|layers)") as caught:
            go_on()
        assert "\n" not in str(caught.value)
    assert sorted(path.name for path in hurt.iterdir()) == before


@pytest.mark.parametrize("damage", [b"", b"\xff", b"version = 1\n[[[", None])
def test_a_damaged_preset_comes_back_from_a_checkpoint(hurt: Path, damage: bytes | None) -> None:
    whole, text = weights(hurt), (hurt / folder.PRESET).read_text()
    begin_again(hurt)
    if damage is None:
        (hurt / folder.PRESET).unlink()
    else:
        (hurt / folder.PRESET).write_bytes(damage)
    note, _ = go_on()
    assert (
        note
        == f"preset.toml was lost or damaged and is written anew from checkpoint-{2 * BATCHES}.safetensors"
    )
    assert (hurt / folder.PRESET).read_text() == text
    assert weights(hurt) == whole
    (hurt / folder.PRESET).unlink()
    for step in checkpoints.steps_in(hurt):
        path_of(hurt, step).unlink()
    with pytest.raises(SpecError, match=r"preset\.toml: cannot be read"):
        go_on()


@pytest.mark.parametrize("damage", ["lost", "flipped", "of another run"])
def test_lost_initial_values_are_written_anew(hurt: Path, damage: str) -> None:
    path, whole = hurt / folder.INITIAL, weights(hurt)
    begin_again(hurt)
    first = safetensors.numpy.load_file(path)
    if damage == "lost":
        path.unlink()
    elif damage == "flipped":
        path.write_bytes(path.read_bytes()[:-1] + b"x")
    else:
        shutil.copy(train("other", seed=1) / folder.INITIAL, path)
    note, _ = go_on()
    assert note == "initial.safetensors was lost or damaged and is written anew"
    again = safetensors.numpy.load_file(path)
    assert all(np.array_equal(again[name], values) for name, values in first.items())
    assert weights(hurt) == whole


def test_a_checkpoint_that_cannot_be_read_now_is_not_removed(
    hurt: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_again(hurt)
    newest, opened = path_of(hurt, 2 * BATCHES), os.open

    def failing(path: Any, *args: Any, **kwargs: Any) -> int:
        if str(path) == str(newest):
            raise OSError(5, "Input/output error")
        return opened(path, *args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", failing)
        found = survey(hurt)
        assert found.spared == {2 * BATCHES}
        assert "Input/output error" in found.note
    found = survey(hurt)
    assert found.newest
    assert found.newest.step == 2 * BATCHES
    assert not found.note


# -- the metrics -----------------------------------------------------------------------------------------


def epochs(run: Path) -> list[dict[str, Any]]:
    return [line for line in folder.read_metrics(run) if line.get("event") == "epoch"]


@pytest.mark.parametrize(
    "damage",
    [
        b'{"event": "epoch", "ep',
        b"\0" * 5_000_000,
        b"\xff\xfe garbage\n\n[1]\n{}\n",
        b"[" * 200_000 + b"\n",
        b'{"a":' * 100_000 + b"\n",
        b'{"event": "epoch", "step": ' + b"9" * 5000 + b"}\n",
        b'{"event": "picture", "step": 1e999}\n',
        b'{"event": "epoch", "step": 1e999, "epoch": 2}\n',
        b'{"event": "start", "threads": [], "versions": 3}\n',
    ],
)
def test_damaged_metrics_hinder_nothing(hurt: Path, damage: bytes) -> None:
    whole, path = weights(hurt), hurt / folder.METRICS
    begin_again(hurt)
    before = epochs(hurt)
    with path.open("ab") as file:
        file.write(damage)
    assert library.summary(hurt).epochs == 2
    go_on()
    assert weights(hurt) == whole
    after = epochs(hurt)
    assert after[:2] == before
    assert [line["epoch"] for line in after] == [1, 2, 3, 4]
    path.unlink()
    assert library.summary(hurt).reason == "broken"


def test_lost_metrics_hinder_nothing(hurt: Path) -> None:
    whole = weights(hurt)
    begin_again(hurt)
    (hurt / folder.METRICS).unlink()
    go_on()
    assert weights(hurt) == whole
    assert [line["epoch"] for line in epochs(hurt)] == [3, 4]


def test_a_line_of_a_gigabyte_takes_neither_memory_nor_long(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    with path.open("wb") as file:
        file.write(b'{"event": "start"}\n')
        file.truncate(1_000_000_000)  # zeros, on a disk that need not hold them
        file.seek(0, os.SEEK_END)
        file.write(b'\n{"event": "end"}\n')
    tracemalloc.start()
    began = time.process_time()
    assert folder.read_metrics(tmp_path) == [{"event": "start"}, {"event": "end"}]
    lines = metrics.Metrics(path)
    assert lines.size == path.stat().st_size
    lines.close()
    assert tracemalloc.get_traced_memory()[1] < 4 * metrics.MOST_LINE
    tracemalloc.stop()
    assert time.process_time() - began < 20


def test_metrics_that_are_a_pipe_are_no_trap(hurt: Path) -> None:
    (hurt / folder.METRICS).unlink()
    os.mkfifo(hurt / folder.METRICS)
    assert library.summary(hurt).reason == "broken"
    with pytest.raises(RunError, match="it is a named pipe"):
        go_on()
