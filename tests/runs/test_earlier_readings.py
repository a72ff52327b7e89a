"""Runs whose file is read by other rules since: resumed and replayed as they began, or it is said."""

import json

import numpy as np
import pytest
from safetensors.numpy import load_file

from tuiml.data import notices
from tuiml.data.prepare import load
from tuiml.runs import checkpoint_file, folder, library, replay, session
from tuiml.spec import check, dumps, loads
from tuiml.training.events import Start

LAYERS = {
    "classes": [{"type": "flatten"}, {"type": "dense", "activation": "softmax"}],
    "regression": [{"type": "flatten"}, {"type": "dense"}],
}
LOSS = {"classes": "cross_entropy", "regression": "mse"}


def preset(path, target="classes", epochs=1, **options):
    from tuiml.data.own.reading import DataFiles

    training = {"loss": LOSS[target], "epochs": epochs, "learning_rate": 0.05}
    document = {"version": 1, "data": {"path": str(path), **options}, "layers": LAYERS[target]}
    found, problems = check(document | {"training": training}, DataFiles())
    assert found, problems
    return found


def arrays(path, labels, inputs=None):
    rng = np.random.default_rng(0)
    x = rng.standard_normal((len(labels), 4)).astype(np.float32) if inputs is None else inputs
    np.savez(path, x=x, y=labels)
    return path


def without(name, key):
    """Remove an option of the data from a run's preset: as 0.2 wrote it, whose rule needed none."""
    path = library.find(name) / folder.PRESET
    document = loads(path.read_text())
    del document["data"][key]
    path.write_text(dumps(document))
    for file in path.parent.glob("*.safetensors"):
        details = json.loads(checkpoint_file.read_text(file, 10_000_000))
        del details["preset"]["data"][key]
        file.write_bytes(b"".join(checkpoint_file.pieces(load_file(file), json.dumps(details))))


@pytest.mark.parametrize(
    ("labels", "target"),
    [
        (np.arange(200) % 3 * 1.0, "regression"),
        (np.random.default_rng(1).integers(0, 60, 200) * 2, "classes"),
    ],
)
def test_labels_stay_what_they_were_when_the_run_began(tmp_path, labels, target):
    path = arrays(tmp_path / "a.npz", labels)
    *_, whole = session.run(preset(path, target, 2, predict=target), name="whole", backend="numpy")
    list(session.run(preset(path, target, 1, predict=target), name="old", backend="numpy"))
    without("old", "predict")
    *_, verdict = replay.replay("old")
    assert verdict.same
    *events, resumed = session.resume("old", ["training.epochs=2"])
    (begun,) = [event for event in events if isinstance(event, Start)]
    assert begun.note == ""
    assert begun.step > 0
    assert resumed.test_loss == whole.test_loss


@pytest.mark.parametrize(("shape", "most"), [((8, 8), 15), ((5,), 200)])
def test_bytes_that_were_scaled_otherwise_are_said_when_the_run_is_resumed(tmp_path, shape, most):
    inputs = np.random.default_rng(0).integers(0, most + 1, (200, *shape)).astype(np.uint8)
    path = arrays(tmp_path / "a.npz", np.arange(200) % 2, inputs)
    chosen = preset(path)
    list(session.run(chosen, name="old", backend="numpy"))
    began = session.resume("old", ["training.epochs=2"])
    assert next(e for e in began if isinstance(e, Start)).note == ""
    list(began)
    metrics, now = library.find("old") / folder.METRICS, load(chosen.data, 0).fingerprint
    before = notices.fingerprint(_whole(chosen.data))
    assert now != before
    metrics.write_text(metrics.read_text().replace(now, before))  # as 0.2 wrote it: without the scale
    again = session.resume("old", ["training.epochs=3"])
    note = next(e for e in again if isinstance(e, Start)).note
    list(again)
    assert "its data, or how it is read and scaled, is not what it was" in note


def test_pixels_that_reach_white_have_the_hash_that_0_2_wrote(tmp_path):
    inputs = np.random.default_rng(0).integers(0, 256, (200, 8, 8)).astype(np.uint8)
    data = preset(arrays(tmp_path / "a.npz", np.arange(200) % 2, inputs)).data
    assert load(data, 0).fingerprint == notices.fingerprint(_whole(data))


def _whole(dataset):
    from tuiml.data.own import reading, split

    return split.pool_and_test(dataset, reading.examples(dataset, None))
