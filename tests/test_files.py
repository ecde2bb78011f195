"""Files appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from numerics.files import atomic_write, write_text
from theory.errors import InputError


def test_replaces_an_existing_file(tmp_path: Path) -> None:
    target = tmp_path / "a.txt"
    target.write_text("old")
    write_text(target, "neu λ")
    assert target.read_text(encoding="utf-8") == "neu λ"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


@pytest.mark.parametrize("interruption", [KeyboardInterrupt, ValueError, MemoryError])
def test_interruption_keeps_the_old_file_and_leaves_no_partial_one(
    tmp_path: Path, interruption: type[BaseException]
) -> None:
    target = tmp_path / "a.bin"
    target.write_bytes(b"old")
    with pytest.raises(interruption), atomic_write(target) as file:
        file.write(b"half of the ne")
        raise interruption
    assert target.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_a_reader_sees_nothing_before_the_end(tmp_path: Path) -> None:
    target = tmp_path / "a.bin"
    with atomic_write(target) as file:
        file.write(b"x")
        file.flush()
        assert not target.exists()
    assert target.read_bytes() == b"x"


def test_permissions_follow_the_umask(tmp_path: Path) -> None:
    write_text(tmp_path / "by_us", "")
    (tmp_path / "by_open").touch()
    assert (tmp_path / "by_us").stat().st_mode == (tmp_path / "by_open").stat().st_mode


def test_unwritable_places_are_input_errors(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    (tmp_path / "folder").mkdir()
    with pytest.raises(InputError, match=r"cannot write .*file/a: .*--out"):
        write_text(tmp_path / "file" / "a", "")
    with pytest.raises(InputError, match=r"cannot write .*folder"):
        write_text(tmp_path / "folder", "")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", "folder"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_directory(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(InputError, match="Permission denied"):
            write_text(tmp_path / "a", "")
    finally:
        tmp_path.chmod(0o700)
