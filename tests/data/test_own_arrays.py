"""Arrays (NPZ) and IDX files of the user's: read as they are, refused by their headers."""

import gzip
import struct
import warnings
import zipfile

import numpy as np
import pytest

from tests.data.own_files import archive, idx, npy, own
from tuiml.data import DataError, file_report
from tuiml.data.datasets import datasets
from tuiml.data.own.entries import Arrays, Idx, Images, Table
from tuiml.data.own.reading import DataFiles, examples
from tuiml.data.prepare import load

LABELS = np.array([0, 1, 2, 1, 0, 2], np.int64)


def problem(path, **options) -> str:
    """The one thing that is wrong with a file."""
    (found,) = file_report.inspect(path, deep=True, **options).problems
    assert found.isprintable()
    return found


def saved(path, packed=False, **arrays):
    """An NPZ file as NumPy writes it."""
    (np.savez_compressed if packed else np.savez)(path, **arrays)
    return path


@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("kind", ["u1", "i1", "<i8", ">i4", "<f2", "<f4", ">f8", "?"])
def test_arrays_of_every_type_are_read(tmp_path, packed, kind):
    x = (np.arange(24).reshape(6, 4) % 2 if kind == "?" else np.arange(24).reshape(6, 4)).astype(kind)
    dataset = own(saved(tmp_path / "a.npz", packed, x=x, y=LABELS))
    part = examples(dataset)
    assert part.inputs.dtype.kind == ("u" if kind == "u1" else "f")
    assert part.inputs.tolist() == x.astype(float).tolist()
    assert part.labels.tolist() == LABELS.tolist()
    assert (dataset.shape, dataset.classes, dataset.top) == (
        (4,),
        ("0", "1", "2"),
        None,
    )


def test_four_arrays_are_both_parts(tmp_path):
    x, y = np.arange(6 * 20, dtype=np.uint8).reshape(6, 4, 5), LABELS
    dataset = own(saved(tmp_path / "a.npz", X_train=x[:4], y_train=y[:4], x_test=x[4:], Y_test=y[4:]))
    assert (dataset.shape, dataset.pool, dataset.test_examples) == ((4, 5), 4, 2)
    data = load(own(tmp_path / "a.npz", validation=1), 0)
    assert data.test.inputs.tolist() == x[4:].reshape(2, -1).tolist()
    assert data.test.labels.tolist() == [0, 2]
    assert len(data.train) == 3


@pytest.mark.parametrize("shape", [(6, 5, 3), (6, 5, 1), (3, 6, 5), (1, 6, 5)])
def test_channels_come_first(tmp_path, shape):
    x = np.arange(6 * np.prod(shape)).reshape(6, *shape).astype(np.float32)
    dataset = own(saved(tmp_path / "a.npz", x=x, y=LABELS))
    wanted = x.transpose(0, 3, 1, 2) if shape[2] in (1, 3) else x
    assert dataset.shape == wanted.shape[1:]
    assert examples(dataset).inputs.tolist() == wanted.reshape(6, -1).tolist()


def test_values_that_lie_by_columns_are_turned(tmp_path):
    x = np.asfortranarray(np.arange(24, dtype=np.float32).reshape(6, 4))
    assert examples(own(saved(tmp_path / "a.npz", x=x, y=LABELS))).inputs.tolist() == x.tolist()


def test_labels_of_every_kind(tmp_path):
    x = np.arange(6, dtype=np.float32)
    for y, classes in (
        (np.array([7, -1, 7, 7, 300, 7]), ("-1", "7", "300")),
        (np.array(["b", "a", "b", "b", "c", "a"]), ("a", "b", "c")),
        (np.array([b"b", b"a", b"b", b"b", b"b", b"a"]), ("a", "b")),
        (np.array([True, False] * 3), ("False", "True")),
        (LABELS.reshape(6, 1), ("0", "1", "2")),
        (np.eye(3)[LABELS], ("0", "1", "2")),
        (np.eye(3, dtype=bool)[LABELS], ("0", "1", "2")),
    ):
        dataset = own(saved(tmp_path / "a.npz", x=x, y=y))
        assert (dataset.shape, dataset.classes, dataset.target) == ((1,), classes, "classes")
        reported = [dataset.classes[label] for label in examples(dataset).labels]
        raw = np.argmax(y, axis=1) if y.ndim == 2 and y.shape[1] == 3 else y.reshape(-1)
        assert reported == [v.decode() if isinstance(v, bytes) else str(v) for v in raw]


def test_labels_that_are_numbers(tmp_path):
    x, y = np.arange(12, dtype=np.float32).reshape(6, 2), np.linspace(0, 1, 12).reshape(6, 2)
    two = own(saved(tmp_path / "a.npz", x=x, y=y))
    assert (two.target, two.outputs) == ("regression", 2)
    assert examples(two).labels.tolist() == y.astype(np.float32).tolist()
    one = own(saved(tmp_path / "b.npz", x=x, y=y[:, 0]))
    assert (one.outputs, examples(one).labels.shape) == (1, (6, 1))
    assert own(saved(tmp_path / "c.npz", x=x, y=LABELS), predict="regression").target == "regression"
    assert own(saved(tmp_path / "d.npz", x=x, y=LABELS.astype(float)), predict="classes").classes == (
        "0",
        "1",
        "2",
    )


X, Y = ("x.npy", npy("(2,)", values=bytes(8))), ("y.npy", npy("(2,)", "'|u1'", b"\0\1"))


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([("x.npy", npy("(2,)", "'|O'", b"cos\nsystem\n(S'true'\ntR.")), Y], "holds 'x' with Python objects"),
        ([("x.npy", npy("(2,)", "[('a', '<f4')]", bytes(8))), Y], "holds 'x' with values of type"),
        ([("x.npy", npy("(2,)", "'<c8'", bytes(16))), Y], "holds 'x' with values of type '<c8'"),
        ([("x.npy", npy("(99999999999,)")), Y], "at most 100,000,000 values"),
        ([("x.npy", npy("(99999999,)")), Y], "not as many as its header announces"),
        ([("x.npy", npy("(2, 99999999999999999999)")), Y], "at most 100,000,000 values"),
        ([("x.npy", npy("(-2,)", values=bytes(8))), Y], "of shape (-2,)"),
        ([("x.npy", npy("(2.0,)", values=bytes(8))), Y], "of shape (2.0,)"),
        ([("x.npy", npy("(" * 20_000)), Y], "too long a header"),
        ([("x.npy", npy("(" * 900)), Y], "is damaged"),
        ([("x.npy", npy("__import__('os').abort()")), Y], "is damaged"),
        ([("x.npy", b"nothing of NumPy's"), Y], "which is no NumPy array"),
        ([("x.npy", b"\x93NUMPY\1\0"), Y], "is damaged"),
        ([("x.npy", npy("(5, 0)")), ("y.npy", npy("(5,)", "'|u1'", b"\0\1\0\1\0"))], "none of them empty"),
        ([("x.npy", npy("(2, 1, 1, 1, 1)", values=bytes(8))), Y], "from one to three dimensions"),
        ([("x.npy", npy("(3,)", values=bytes(12))), Y], "as many labels as examples"),
        ([X, ("x.npy", npy("(2,)", values=bytes(8)))], "two arrays called 'x'"),
        ([("../../x.npy", X[1]), Y], "x and y are needed"),
        ([X, ("y.npy", npy("(2,)", "'|u1'", b"\0\0"))], "every label is the same"),
        ([("x.npy", npy("(2,)", values=struct.pack("<2f", 1, float("nan")))), Y], "example 1 is nan"),
        ([("x.npy", npy("(2,)", "'<f8'", struct.pack("<2d", 1, 1e300))), Y], "example 1 is 1e+300"),
        ([("x\x1b[2J\u202e.npy", X[1])], "x and y are needed"),
        ([], "holds no arrays"),
        ([(f"{i}.npy", b"") for i in range(1500)], "more than 1,000 arrays"),
        ([(f"{i}.npy", b"") for i in range(30_000)], "too long a table of contents"),
    ],
)
def test_what_is_refused_by_its_header(tmp_path, entries, said):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # zipfile's, of names that are there twice
        path = archive(tmp_path / "a.npz", entries)
    assert said in problem(path)


def test_a_bomb_an_encrypted_and_a_damaged_entry_are_refused(tmp_path):
    path = archive(tmp_path / "a.npz", [X, Y])
    whole = path.read_bytes()
    central = whole.rindex(b"PK\1\2", 0, whole.rindex(b"PK\1\2"))
    bomb = bytearray(whole)
    bomb[central + 24 : central + 28] = (4_000_000_000).to_bytes(4, "little")
    path.write_bytes(bomb)
    assert "announces more for 'x' than it can hold" in problem(path)
    locked = bytearray(whole)
    locked[central + 8] |= 1
    path.write_bytes(locked)
    assert "is encrypted" in problem(path)
    for cut in range(0, len(whole), 7):
        path.write_bytes(whole[:cut])
        assert "is damaged" in problem(path) or "is empty" in problem(path)
    packing = archive(tmp_path / "b.npz", [X, Y], zipfile.ZIP_LZMA)
    assert "in a way that NumPy does not" in problem(packing)


def test_one_array_alone_is_reported_what_it_lacks(tmp_path):
    np.save(tmp_path / "x.npy", LABELS)
    assert "one array alone" in problem(tmp_path / "x.npy")


def test_no_pickle_is_ever_read(tmp_path):
    class Bad:
        def __reduce__(self):
            return (open, (str(tmp_path / "written"), "w"))

    x = np.array([Bad(), Bad()], dtype=object)
    np.savez(tmp_path / "a.npz", x=x, y=np.arange(2))
    assert "Python objects" in problem(tmp_path / "a.npz")
    assert not (tmp_path / "written").exists()


# -- IDX ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", [0x08, 0x09, 0x0B, 0x0C, 0x0D, 0x0E])
@pytest.mark.parametrize("packed", [False, True])
def test_idx_files_of_every_type_are_read(tmp_path, kind, packed):
    values = np.arange(6 * 6).reshape(6, 2, 3)
    pack = gzip.compress if packed else bytes
    end = ".gz" if packed else ""
    (tmp_path / f"my-images-idx3-x{end}").write_bytes(pack(idx(values, kind)))
    (tmp_path / f"my-labels-idx1-x{end}").write_bytes(pack(idx(LABELS, 0x08)))
    dataset = own(tmp_path / f"my-images-idx3-x{end}")
    part = examples(dataset)
    assert (dataset.shape, dataset.classes) == ((2, 3), ("0", "1", "2"))
    assert part.inputs.dtype.kind == ("u" if kind == 0x08 else "f")
    assert part.inputs.tolist() == values.reshape(6, -1).tolist()
    assert own(tmp_path).version[1] == own(tmp_path).version[1]
    assert load(own(tmp_path), 0).shape == (2, 3)


def test_a_folder_of_four_idx_files_is_both_parts(tmp_path):
    values = np.arange(60).reshape(10, 2, 3)
    labels = np.arange(10) % 2
    for name, some in (("train", slice(0, 7)), ("t10k", slice(7, 10))):
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(idx(values[some], 8))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels[some], 8))
    dataset = own(tmp_path)
    assert (dataset.pool, dataset.test_examples) == (7, 3)
    assert load(dataset, 0).test.inputs.tolist() == values[7:].reshape(3, -1).tolist()
    (tmp_path / "t10k-labels-idx1-ubyte").write_bytes(idx(labels[:2], 8))
    assert problem(tmp_path) == "t10k-images-idx3-ubyte has 3 examples but 2 labels"
    (tmp_path / "t10k-labels-idx1-ubyte").unlink()
    assert "has no labels beside it" in problem(tmp_path)
    assert "seems to hold labels" in problem(tmp_path / "train-labels-idx1-ubyte")


def test_what_lies_beside_idx_files_is_passed_over_and_said(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(np.arange(60).reshape(10, 2, 3), 8))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(np.arange(10) % 2, 8))
    for name in (
        "._train-images-idx3-ubyte",
        ".DS_Store",
        "t10k-images-idx3-ubyte.gz.part",
        "t10k-images-idx3-ubyte.crdownload",
        "train-images-idx3-ubyte.sha256",
        "readme.txt",
    ):
        (tmp_path / name).write_bytes(b"x")
    dataset = own(tmp_path)
    (said,) = [note for note in dataset.facts.notes if note.startswith("passed over")]
    assert "hidden files (2, such as .DS_Store)" in said
    assert "unfinished downloads, copies, files of the system (2, such as t10k-images-idx3-ubyte.c" in said
    assert "not called as IDX files are (2, such as readme.txt)" in said
    assert load(dataset, 0).test.inputs.shape == (2, 6)


def test_idx_files_have_a_validation_part(tmp_path):
    values, labels = np.arange(60).reshape(10, 2, 3), np.arange(10) % 2
    for name, some in (("train", slice(0, 6)), ("val", slice(6, 8)), ("t10k", slice(8, 10))):
        (tmp_path / f"{name}-images-idx3-ubyte").write_bytes(idx(values[some], 8))
        (tmp_path / f"{name}-labels-idx1-ubyte").write_bytes(idx(labels[some], 8))
    dataset = own(tmp_path)
    assert dataset.sizes() == (6, 2, 2)
    assert sorted(load(dataset, 0).validation.inputs.tolist()) == values[6:8].reshape(2, -1).tolist()


@pytest.mark.parametrize(("reach", "top"), [(1, 1.0), (16, 16.0), (127, 127.0), (128, 255.0), (255, 255.0)])
def test_bytes_are_scaled_by_what_they_reach(tmp_path, reach, top):
    values = np.zeros((6, 8, 8), np.uint8)
    values[::2, 3:, 2] = reach
    (tmp_path / "x-images-idx3-ubyte").write_bytes(idx(values, 8))
    (tmp_path / "x-labels-idx1-ubyte").write_bytes(idx(LABELS, 8))
    saved(tmp_path / "a.npz", x=values, y=LABELS)
    saved(tmp_path / "flat.npz", x_train=values.reshape(6, 64), y_train=LABELS)
    for name in ("x-images-idx3-ubyte", "a.npz", "flat.npz"):
        dataset = own(tmp_path / name)
        assert dataset.top == top
        assert dataset.itemsize == 1
        said = f'the bytes reach only {reach}: "unit" divides by {reach}, not by 255 (normalize)'
        assert (said in dataset.facts.notes) == (top < 255)
        data = load(dataset, 0)
        assert data.batch(data.train, slice(None)).max() == pytest.approx(reach / top)


def test_few_columns_of_bytes_are_a_table_and_no_pixels(tmp_path):
    x = np.array([[0, 18, 200], [1, 90, 100], [0, 30, 150], [1, 60, 120], [0, 20, 180], [1, 88, 110]], "u1")
    dataset = own(saved(tmp_path / "a.npz", x=x, y=LABELS), test=0, validation=0)
    assert dataset.top is None
    assert '3 columns of bytes: "unit" scales each by its own range (normalize)' in dataset.facts.notes
    data = load(dataset.model_copy(update={"normalize": "unit"}), 0)
    rows = data.batch(data.train, slice(None))
    assert (rows.min(axis=0).tolist(), rows.max(axis=0).tolist()) == ([0] * 3, pytest.approx([1] * 3))


@pytest.mark.parametrize(
    ("names", "sizes"),
    [
        ("train_images train_labels val_images val_labels test_images test_labels", (6, 3, 2)),
        ("x_train y_train x_val y_val x_test y_test", (6, 3, 2)),
        ("X_train Y_train X_valid Y_valid", (5, 3, 1)),
        ("trainX trainY validationX validationY testX testY", (6, 3, 2)),
        ("Xtr ytr Xdev ydev Xte yte", (6, 3, 2)),
        ("train_data train_targets", (5, 0, 1)),
        ("features labels", (5, 0, 1)),
        ("X y", (5, 0, 1)),
        ("data target", (5, 0, 1)),
        ("images labels", (5, 0, 1)),
        ("inputs outputs", (5, 0, 1)),
        ("arr_0 arr_1", (5, 0, 1)),
    ],
)
def test_arrays_by_their_common_names(tmp_path, names, sizes):
    parts = [slice(0, 6), slice(6, 9), slice(9, 11)]
    x, y = np.arange(11 * 60, dtype=np.float32).reshape(11, 60), (np.arange(11) % 2).reshape(11, 1)
    words = names.split()
    arrays = {}
    for place, (first, second) in enumerate(zip(words[::2], words[1::2], strict=True)):
        arrays |= {first: x[parts[place]], second: y[parts[place]]}
    dataset = own(saved(tmp_path / "a.npz", **arrays))
    validation = min(dataset.sizes()[1], sizes[1])
    assert dataset.sizes() == (sizes[0], validation, sizes[2])
    data = load(dataset, 0)
    if sizes[1]:
        assert sorted(data.validation.inputs.tolist()) == x[6:9].tolist()
        assert any("is the validation part (3 examples)" in note for note in dataset.facts.notes)
    if len(words) == 6:
        assert data.test.inputs.tolist() == x[9:].tolist()


def test_arrays_that_are_not_used_are_said(tmp_path):
    x = np.zeros((6, 3), np.float32)
    path = saved(tmp_path / "a.npz", data=x, images=x, target=LABELS, x_test=x, target_names=np.array(["a"]))
    notes = own(path).facts.notes
    assert "passed over: arrays that are not used (3, such as data)" in notes
    wrong = problem(saved(tmp_path / "b.npz", foo=x, bar=LABELS))
    assert wrong.startswith("b.npz holds foo, bar; x and y are needed")


def test_numbers_that_are_not_finite_are_placed(tmp_path):
    values = np.ones((6, 2))
    values[4, 1] = np.inf
    (tmp_path / "images-idx2").write_bytes(idx(values, 0x0E))
    (tmp_path / "labels-idx1").write_bytes(idx(LABELS, 8))
    with pytest.raises(DataError, match=r"value 1 of example 4 is inf, no finite float32 \(1 such values\)"):
        load(own(tmp_path / "images-idx2"), 0)


# -- what lies at a path -----------------------------------------------------------------------------------


def test_the_format_is_reported_by_the_ending_else_by_the_first_bytes(tmp_path):
    for name, content, kind in (
        ("a.csv", b"PK", Table),
        ("a.tsv", b"", Table),
        ("a.NPZ", b"", Arrays),
        ("a.data", b"PK\3\4", Arrays),
        ("b.data", b"\0\0\x08\3", Idx),
        ("c.data", b"\x1f\x8b", Idx),
        ("d.data", b"1,2,3\n", Table),
        ("empty", b"", Table),
    ):
        (tmp_path / name).write_bytes(content)
        assert datasets.entry_of({"path": str(tmp_path / name)}, DataFiles()) is kind
    assert datasets.entry_of({"path": str(tmp_path / "missing.npz")}, DataFiles()) is Arrays
    folder = tmp_path / "folder"
    folder.mkdir()
    assert datasets.entry_of({"path": str(folder)}, DataFiles()) is Images
    (folder / "x-idx3-ubyte").write_bytes(b"")
    assert datasets.entry_of({"path": str(folder)}, DataFiles()) is Idx


@pytest.mark.parametrize(
    ("y", "classes", "said"),
    [
        (np.arange(60) % 3, 3, "has 3 different whole numbers: they are taken for classes"),
        (np.arange(60) % 3 / 2, 0, "has numbers that are not all whole: they are taken for a regression"),
        (np.arange(60) % 30 + 1, 30, "has 30 different whole numbers: they are taken for classes"),
        (np.arange(60) % 30 * 7, 0, "has 30 different whole numbers: they are taken for a regression"),
        (np.arange(60) % 2, 2, ""),
    ],
)
@pytest.mark.parametrize("kind", ["i8", "f4", "f8", "column", "csv"])
def test_one_rule_for_labels_that_are_numbers(tmp_path, y, classes, said, kind):
    if kind == "csv":
        path = tmp_path / "a.csv"
        path.write_text("a,b,y\n" + "".join(f"{i}.5,{i * i}.25,{v:g}\n" for i, v in enumerate(y)))
    elif kind == "i8" and (y != np.rint(y)).any():
        return
    else:
        raw = y.astype("f8" if kind == "column" else kind)
        raw = raw[:, None] if kind == "column" else raw
        path = saved(tmp_path / "a.npz", x=np.arange(60.0), y=raw)
    dataset = own(path)
    assert (dataset.target, len(dataset.classes)) == ("classes" if classes else "regression", classes)
    reported = [note for note in dataset.facts.notes if "taken for" in note]
    assert len(reported) == bool(said)
    assert not said or said in reported[0]
    assert not said or f'(predict = "{"regression" if classes else "classes"}"' in reported[0]
    other = own(path, predict="regression" if classes else "classes")
    assert other.target == ("regression" if classes else "classes")
