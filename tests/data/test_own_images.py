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
    (found,) = file_report.inspect(path, deep=True, **options).problems
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


def test_what_is_passed_over_is_counted_and_said(tmp_path):
    folder = zoo(tmp_path / "zoo")
    picture(folder / ".hidden" / "1.png")
    for name in (".thumb.png", "._0.png", ".DS_Store"):
        (folder / "cats" / name).write_bytes(b"x")
    for name in ("Thumbs.db", "7.png.part", "8.png.crdownload"):
        (folder / "dogs" / name).write_bytes(b"x")
    (folder / "cats" / "notes.txt").write_text("meow")
    (folder / "cats" / "deep.png").mkdir()
    (folder / "empty").mkdir()
    (folder / "labels.csv").write_text("")
    (folder / "cats" / "gone.png").symlink_to(tmp_path / "nowhere")
    dataset = own(folder)
    assert dataset.classes == ("cats", "dogs")
    assert dataset.facts.counts == (5, 5)
    empty, over = dataset.facts.notes
    assert empty == "folders without images: empty"
    for text in (
        "hidden files (4, such as .hidden)",
        "unfinished downloads, copies, files of the system (3, such as dogs/",
        "files with no image's ending (1, such as cats/notes.txt)",
        "folders inside a class's folder (1, such as cats/deep.png)",
        "links that lead to no file, or no files at all (1, such as cats/gone.png)",
        "files beside the folders (1, such as labels.csv)",
    ):
        assert text in over
    assert over in file_report.inspect(folder).warnings
    assert over in [text for _, text in load(dataset, 0).notices]


def test_linked_images_and_folders_are_followed_but_no_loop(tmp_path):
    folder, outside = zoo(tmp_path / "zoo"), tmp_path / "outside"
    picture(outside / "1.png", (0, 200, 0))
    (folder / "cats" / "link.png").symlink_to(outside / "1.png")
    (folder / "emus").symlink_to(outside)
    links = (("again", outside), ("loop", folder), ("up", tmp_path), ("kittens", folder / "cats"))
    for name, target in links:
        (folder / name).symlink_to(target)
    dataset = own(folder)
    assert (dataset.classes, dataset.facts.counts) == (("again", "cats", "dogs"), (1, 6, 5))
    assert "links to folders that are read anyway (4, such as emus)" in dataset.facts.notes[0]
    assert examples(dataset).inputs[0].reshape(3, 24)[1].tolist() == [200] * 24


def test_a_class_may_be_called_train(tmp_path):
    for name in ("train", "car", "plane"):
        for index in range(4):
            picture(tmp_path / name / f"{index}.png")
    dataset = own(tmp_path)
    assert (dataset.classes, dataset.facts.counts) == (("car", "plane", "train"), (4, 4, 4))


@pytest.mark.parametrize("name", ["val", "Valid", "validation"])
def test_the_validation_folder_is_the_validation_part(tmp_path, name):
    for place, count in (("train", 10), (name, 3), ("test", 2)):
        zoo(tmp_path / place, count)
    picture(tmp_path / "annotations" / "1.png")
    dataset = own(tmp_path)
    assert dataset.sizes() == (20, 6, 4)
    said = f"train/ is the training part (20 examples), {name}/ is the validation part (6 examples), "
    assert dataset.facts.notes[0] == f"{said}test/ is the test part (4 examples)"
    data = load(dataset, 3)
    for part, count in ((data.train, 10), (data.validation, 3), (data.test, 2)):
        assert sorted(part.inputs.max(axis=1).tolist()) == sorted(list(range(200, 200 + count)) * 2)
    half = load(own(tmp_path, train=5, validation=4), 3)
    assert half.validation.inputs.tolist() == data.validation.inputs[:4].tolist()
    assert half.train.inputs.tolist() == data.train.inputs[:5].tolist()
    (wrong,) = file_report.inspect(tmp_path, validation=7).problems
    assert "7 is more than the 6 of that part" in wrong


def test_a_folder_that_lies_one_too_high_is_reported(tmp_path):
    zoo(tmp_path / "data")
    assert problem(tmp_path).split("; ")[1] == "the folder may be data in it"
    picture(tmp_path / "b" / "train" / "1.png")
    picture(tmp_path / "b" / "test" / "1.png")
    assert problem(tmp_path / "b").startswith("train/ in b has no folders with images in them")


def test_without_a_test_folder_the_test_part_is_drawn_from_the_training_part(tmp_path):
    for index in range(10):
        picture(tmp_path / "train" / "cats" / f"{index}.png", (index, 0, 0))
        picture(tmp_path / "train" / "dogs" / f"{index}.png", (index, 0, 0))
        picture(tmp_path / "val" / "cats" / f"{index}.png", (200 + index, 0, 0))
    picture(tmp_path / "test" / "1.png")
    dataset = own(tmp_path)
    assert dataset.sizes() == (16, 10, 4)
    assert dataset.facts.notes[0] == "test/ has no folders of classes: it is not the test part"
    assert "the test part is drawn from the training part" in dataset.facts.notes[1]
    data = load(dataset, 0)
    assert data.validation.inputs.max(axis=1).min() == 200
    assert max(data.train.inputs.max(), data.test.inputs.max()) < 10


def test_dark_masks_are_scaled_by_what_they_reach(tmp_path):
    for index in range(4):
        picture(tmp_path / "a" / f"{index}.png", index % 2, mode="L")
        picture(tmp_path / "b" / f"{index}.png", 0, mode="L")
    dataset = own(tmp_path, grey=True)
    assert dataset.top == 1
    assert any("the bytes reach only 1" in note for note in dataset.facts.notes)
    data = load(dataset, 0)
    assert data.batch(data.train, slice(None)).max() == 1


def test_every_name_of_an_image_that_is_read(tmp_path):
    zoo(tmp_path)
    for kind, ending in (("JPEG", "jfif"), ("JPEG", "JPE"), ("BMP", "dib"), ("PNG", "apng"), ("PPM", "pnm")):
        picture(tmp_path / "dogs" / f"x.{ending}", format=kind)
    assert own(tmp_path).facts.counts == (5, 10)
    load(own(tmp_path), 0)


def test_what_cannot_be_read_is_named(tmp_path):
    zoo(tmp_path)
    (tmp_path / "dogs" / "bad.png").write_bytes(b"no picture")
    assert problem(tmp_path).startswith("dogs/bad.png cannot be read as an image: it is in no format")
    whole = (tmp_path / "dogs" / "0.png").read_bytes()
    (tmp_path / "dogs" / "bad.png").write_bytes(whole[: len(whole) // 2])
    assert problem(tmp_path).startswith("dogs/bad.png cannot be read as an image")
    (tmp_path / "cats" / "worse.png").write_bytes(b"")
    assert problem(tmp_path).endswith("2 of 12 images cannot be read: cats/worse.png, dogs/bad.png")


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
    assert file_report.inspect(tmp_path).classes == ("�[2Jx", "only")


def test_a_picture_that_comes_or_goes_is_noticed(tmp_path):
    dataset = own(zoo(tmp_path))
    (tmp_path / "cats" / "3.png").unlink()
    with pytest.raises(DataError):
        load(dataset, 0)
    assert own(tmp_path).facts.counts == (4, 5)
