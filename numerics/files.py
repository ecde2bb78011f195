"""Write a file whole or not at all.

A reader never sees half a file: bytes go to a temporary name in the same directory, which is moved into place when
they are complete (``os.replace`` is atomic within a file system). Whatever ends the writing early, a full disk or
Ctrl-C, leaves the old file as it was and no temporary one.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from theory.errors import InputError

__all__ = ["atomic_write", "require_writable", "write_arrays", "write_text"]


@contextmanager
def atomic_write(path: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Open a temporary binary file that becomes ``path`` when the block ends normally.

    Parameters
    ----------
    path : path-like
        Destination; missing parent directories are made, an existing file is replaced.

    Yields
    ------
    binary file
        Write the whole content into it.

    Raises
    ------
    InputError
        If the destination cannot be written (no permission, a directory, a full disk).

    Examples
    --------
    >>> import tempfile
    >>> folder = tempfile.TemporaryDirectory()
    >>> target = Path(folder.name) / "new" / "numbers.bin"
    >>> with atomic_write(target) as file:
    ...     _ = file.write(b"abc")
    >>> target.read_bytes(), [p.name for p in target.parent.iterdir()]
    (b'abc', ['numbers.bin'])
    >>> folder.cleanup()
    """
    target = Path(path)
    # tempfile would give the file mode 0600; this one gets what the user's umask says.
    partial = target.with_name(f".{target.name}.{os.getpid()}-{secrets.token_hex(4)}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        reason = error.strerror or type(error).__name__
        raise InputError(f"cannot write {target}: {reason}; choose another place (--out) or free this one") from error
    finally:
        # After the move there is nothing left to remove; after anything else, KeyboardInterrupt included, there is.
        _remove(partial)


def require_writable(directory: str | os.PathLike[str]) -> None:
    """Make a directory and check that files can be made in it, before hours of work end in an error.

    Raises
    ------
    InputError
        If it cannot be made or written.
    """
    probe = Path(directory) / ".writable"
    try:
        with atomic_write(probe) as file:
            file.write(b"")
    except InputError as error:
        if isinstance(error.__cause__, FileExistsError | NotADirectoryError):
            found = next(place for place in probe.parents if place.exists() and not place.is_dir())
            raise InputError(
                f"cannot write {directory}: a folder is needed and {found} is a file; choose another folder"
            ) from error
        # The user named the folder and knows nothing of the probe.
        raise InputError(str(error).replace(str(probe), str(directory), 1)) from error
    _remove(probe)


def write_text(path: str | os.PathLike[str], text: str) -> None:
    """Write ``text`` as UTF-8, atomically; errors as in :func:`atomic_write`."""
    with atomic_write(path) as file:
        file.write(text.encode("utf-8"))


def _remove(partial: Path) -> None:
    try:
        partial.unlink(missing_ok=True)
    except OSError:
        # The directory itself may be what failed; that error is already on its way.
        return


def write_arrays(file: BinaryIO, arrays: Mapping[str, npt.NDArray[Any]], *, compressed: bool = False) -> None:
    """Write arrays as an npz archive that can be read without pickle.

    NumPy 2.1 knows no way to make ``np.savez`` refuse objects: the option of later releases would become an array.

    Parameters
    ----------
    file : binary file
        Open for writing.
    arrays : mapping of str to ndarray
        By name, none of objects.
    compressed : bool
        Whether to compress.

    Raises
    ------
    ValueError
        If an array holds objects.

    Examples
    --------
    >>> import io
    >>> write_arrays(buffer := io.BytesIO(), {"x": np.arange(3)})
    >>> np.load(io.BytesIO(buffer.getvalue())).files
    ['x']
    """
    for name, values in arrays.items():
        if np.asarray(values).dtype.hasobject:
            raise ValueError(f"array {name!r} holds objects, which cannot be written without pickle")
    save: Any = np.savez_compressed if compressed else np.savez
    save(file, **arrays)
