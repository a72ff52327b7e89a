"""Folders of pictures: classes by their folders, pictures of one size, whatever lies among them."""

import zlib

import numpy as np
import pytest

from tests.data.own_files import own
from tuiml.data import DataError, file_report
from tuiml.data.own.reading import examples
from tuiml.data.prepare import load

PIL = pytest.importorskip("PIL.Image", reason="Pillow is the extra 'images'; the extra 'test' has it")


def picture(path, colour=(10, 20, 30), size=(6, 4), mode="RGB", **options):
    """A picture of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    PIL.new(mode, size, colour).save(path, **options)
    return path


def zoo(folder, count=5):
    """Red cats and blue dogs."""
    for index in range(count):
        picture(folder / "cats" / f"{index}.png", (200 + index, 0, 0))
        picture(folder / "dogs" / f"{index}.png", (0, 0, 200 + index))
    return folder


def problem(path, **options) -> str:
    (found,) = file_report.look(path, deep=True, **options).problems
    assert found.isprintable()
    return found


def test_a_folder_per_class(tmp_path):
    dataset = own(zoo(tmp_path))
    assert (dataset.shape, dataset.classes, dataset.top) == ((3, 4, 6), ("cats", "dogs"), 255.0)
    part = examples(dataset)
    assert part.labels.tolist() == [0] * 5 + [1] * 5
    red, green, blue = part.inputs[2].reshape(3, 24)
    assert (set(red.tolist()), set(green.tolist()), set(blue.tolist())) == ({202}, {0}, {0})
    assert own(tmp_path, grey=True).shape == (4, 6)
    assert own(tmp_path, width=8, height=2).shape == (3, 2, 8)
    assert own(tmp_path, width=3).shape == (3, 2, 3)
    assert examples(own(tmp_path, grey=True)).inputs[0].tolist() == [round(0.299 * 200)] * 24


def test_train_and_test_folders_are_the_parts(tmp_path):
    zoo(tmp_path / "train", 4)
    zoo(tmp_path / "Test", 2)
    dataset = own(tmp_path)
    assert (dataset.pool, dataset.test_examples) == (8, 4)
    assert load(dataset, 0).test.labels.tolist() == [0, 0, 1, 1]
    picture(tmp_path / "Test" / "cows" / "1.png")
    assert problem(tmp_path) == f"{tmp_path.name}: cows in Test has no folder in train"


def test_every_picture_is_made_alike(tmp_path):
    picture(tmp_path / "a" / "1.png", (10, 20, 30), (2, 4))
    picture(tmp_path / "a" / "2.png", 200, (9, 9), "L")
    picture(tmp_path / "a" / "3.png", (255, 0, 0, 0), (2, 4), "RGBA")
    picture(tmp_path / "a" / "4.png", 65535, (2, 4), "I;16")
    picture(tmp_path / "b" / "5.jpg", (250, 0, 0), (800, 1600))
    picture(tmp_path / "b" / "6.gif", (0, 255, 0), (5, 5))
    side = PIL.Exif()
    side[0x0112] = 6
    picture(tmp_path / "b" / "7.png", (0, 0, 9), (4, 2), exif=side)
    rows = examples(own(tmp_path)).inputs.reshape(7, 3, 4, 2)
    means = rows.mean(axis=(2, 3)).round()
    assert means[[0, 1, 2, 3]].tolist() == [[10, 20, 30], [200] * 3, [255] * 3, [255] * 3]
    assert means[4].tolist() == pytest.approx([250, 0, 0], abs=3)
    assert means[[5, 6]].tolist() == [[0, 255, 0], [0, 0, 9]]


def test_a_photograph_on_its_side_is_put_upright(tmp_path):
    values = np.zeros((2, 4, 3), np.uint8)
    values[:, 3] = 255  # right of the file's picture: below, once it is turned clockwise
    side = PIL.Exif()
    side[0x0112] = 6
    for name in ("a", "b"):
        (tmp_path / name).mkdir()
        PIL.fromarray(values).save(tmp_path / name / "1.png", exif=side)
    dataset = own(tmp_path)
    assert dataset.shape == (3, 4, 2)
    assert examples(dataset).inputs[0].reshape(3, 4, 2)[0].tolist() == [[0, 0], [0, 0], [0, 0], [255, 255]]


def test_links_hidden_files_and_other_things_are_left_alone(tmp_path):
    folder, outside = zoo(tmp_path / "zoo"), tmp_path / "outside"
    picture(outside / "secret.png")
    (folder / "cats" / "link.png").symlink_to(outside / "secret.png")
    (folder / "linked").symlink_to(outside)
    picture(folder / ".hidden" / "1.png")
    picture(folder / "cats" / ".thumb.png")
    (folder / "cats" / "notes.txt").write_text("meow")
    (folder / "cats" / "deep.png").mkdir()
    (folder / "empty").mkdir()
    dataset = own(folder)
    assert dataset.classes == ("cats", "dogs")
    assert dataset.facts.counts == (5, 5)
    assert dataset.facts.notes == ("folders without images: empty",)


def test_what_cannot_be_read_is_named(tmp_path):
    zoo(tmp_path)
    (tmp_path / "dogs" / "bad.png").write_bytes(b"no picture")
    assert problem(tmp_path).startswith("dogs/bad.png cannot be read as an image: it is in no format")
    whole = (tmp_path / "dogs" / "0.png").read_bytes()
    (tmp_path / "dogs" / "bad.png").write_bytes(whole[: len(whole) // 2])
    assert problem(tmp_path).startswith("dogs/bad.png cannot be read as an image")


def test_a_picture_with_too_many_pixels_is_not_decoded(tmp_path):
    zoo(tmp_path)

    def chunk(kind, body):
        return len(body).to_bytes(4, "big") + kind + body + zlib.crc32(kind + body).to_bytes(4, "big")

    size = (60_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])
    bomb = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", size) + chunk(b"IDAT", zlib.compress(bytes(1000)))
    (tmp_path / "dogs" / "bomb.png").write_bytes(bomb + chunk(b"IEND", b""))
    assert "pixels" in problem(tmp_path)
    assert "dogs/bomb.png" in problem(tmp_path)


def test_folders_that_are_no_classes(tmp_path):
    assert "has no folders with images" in problem(tmp_path)
    picture(tmp_path / "only" / "1.png")
    picture(tmp_path / "only" / "2.png")
    assert "images of one class only, 'only'" in problem(tmp_path)
    (tmp_path / "\x1b[2Jx").mkdir()
    picture(tmp_path / "\x1b[2Jx" / "1.png")
    assert file_report.look(tmp_path).classes == ("�[2Jx", "only")


def test_a_picture_that_comes_or_goes_is_noticed(tmp_path):
    dataset = own(zoo(tmp_path))
    (tmp_path / "cats" / "3.png").unlink()
    with pytest.raises(DataError):
        load(dataset, 0)
    assert own(tmp_path).facts.counts == (4, 5)
