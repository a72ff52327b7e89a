"""Writing files: the old one or the new one, whatever goes wrong."""

import errno
import os
import stat

import pytest

from tuiml import files
from tuiml.files import asset, cache, data_folders, home, write_whole


def full(*_args, **_kwargs):
    raise OSError(errno.ENOSPC, "No space left on device")


def entries(folder):
    return sorted(path.name for path in folder.iterdir())


def test_text_and_bytes_and_folders_that_are_not_there_yet(tmp_path):
    path = tmp_path / "a" / "b" / "preset.toml"
    write_whole(path, "α = 1\n")
    assert path.read_bytes() == "α = 1\n".encode()
    write_whole(path, b"\x00\xff")
    assert path.read_bytes() == b"\x00\xff"
    assert entries(path.parent) == ["preset.toml"]


@pytest.mark.parametrize("call", ["fsync", "replace", "fchmod"])
def test_a_failure_leaves_the_old_file_and_nothing_else(tmp_path, monkeypatch, call):
    path = tmp_path / "preset.toml"
    write_whole(path, "old")
    monkeypatch.setattr(files.os, call, full)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert entries(tmp_path) == ["preset.toml"]
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "other.toml", "new")
    assert entries(tmp_path) == ["preset.toml"]


def test_a_full_disk_in_the_middle_of_writing(tmp_path, monkeypatch):
    path, write, room = tmp_path / "big", os.write, [1000]

    def filling(handle, data):
        if room[0] == 0:
            full()
        written = write(handle, data[: room[0]])
        room[0] -= written
        return written

    write_whole(path, b"old")
    monkeypatch.setattr(files.os, "write", filling)
    with pytest.raises(OSError, match="No space left"):
        write_whole(path, b"new" * 1000)
    assert path.read_bytes() == b"old"
    assert entries(tmp_path) == ["big"]


def test_an_interrupt_leaves_no_part_behind(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_whole(tmp_path / "x", "data")
    assert entries(tmp_path) == []


def test_the_file_is_on_the_disk_before_it_has_its_name_and_the_name_after(tmp_path, monkeypatch):
    """Replacing first may leave an empty file after a power cut."""
    calls, fsync, replace = [], os.fsync, os.replace

    def synced(handle):
        calls.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def replaced(*args):
        calls.append("replace")
        replace(*args)

    monkeypatch.setattr(files.os, "fsync", synced)
    monkeypatch.setattr(files.os, "replace", replaced)
    write_whole(tmp_path / "x", "data")
    assert calls == ["file", "replace", "folder"]


def test_a_file_system_that_cannot_sync_folders_is_no_failure(tmp_path, monkeypatch):
    """The new file is there by then; an error would say that nothing was written."""
    fsync = os.fsync

    def files_only(handle):
        if stat.S_ISDIR(os.fstat(handle).st_mode):
            raise OSError(errno.EINVAL, "Invalid argument")
        fsync(handle)

    monkeypatch.setattr(files.os, "fsync", files_only)
    write_whole(tmp_path / "x", "data")
    assert (tmp_path / "x").read_text() == "data"


def test_others_may_read_as_the_umask_says(tmp_path):
    before = os.umask(0o027)
    try:
        write_whole(tmp_path / "x", "data")
        assert stat.S_IMODE((tmp_path / "x").stat().st_mode) == 0o640
        assert os.umask(0o027) == 0o027  # left as it was
    finally:
        os.umask(before)


def test_long_names(tmp_path):
    path = tmp_path / ("x" * 200 + ".toml")
    write_whole(path, "data")
    assert path.read_text() == "data"


def test_a_folder_in_the_way(tmp_path):
    (tmp_path / "x").mkdir()
    with pytest.raises(OSError, match="irectory"):
        write_whole(tmp_path / "x", "data")
    assert entries(tmp_path) == ["x"]


def test_folders_follow_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("TUIML_HOME", str(tmp_path))
    assert home() == tmp_path
    assert cache() == tmp_path / "cache"
    monkeypatch.setenv("TUIML_DATA", os.pathsep.join(["/one", "", "~/two"]))
    found = list(data_folders())
    assert [str(path) for path in found[:1]] == ["/one"]
    assert found[1] == (home().__class__("~/two")).expanduser()
    assert found[2] == tmp_path / "cache" / "data"
    monkeypatch.delenv("TUIML_HOME")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "share"))
    assert "tuiml" in home().parts
    assert cache() != home()


def test_assets_are_found_and_a_missing_one_says_what_to_do():
    assert asset("data", "digits").is_dir()
    with pytest.raises(FileNotFoundError, match="install it again"):
        asset("no", "such")
