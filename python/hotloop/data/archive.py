"""NumPy archives (.npz), read without pickle and without believing what their headers claim."""

import math
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

_DEFLATE_LIMIT = 1032
_HEADER_ROOM = 1 << 16


def is_zip(head: bytes) -> bool:
    """Whether a file that begins so is a zip archive, as .npz files are."""
    return head[:4] == b"PK\x03\x04" or head[:4] == b"PK\x05\x06"


def read_arrays(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Every array of a NumPy archive, by name.

    Raises
    ------
    ValueError
        Where the archive is cut off or damaged, holds something else than arrays, or pickled objects.
    """
    try:
        # Opened once: what is read is what was checked, whoever replaces the file meanwhile.
        with zipfile.ZipFile(path) as archive:
            for member in archive.infolist():
                _check_member(path, archive, member)
            return {
                member.filename.removesuffix(".npy"): _read(archive, member) for member in archive.infolist()
            }
    except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
        raise ValueError(f"{path}: the NumPy archive is cut off or damaged ({error})") from error


def _read(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> npt.NDArray[Any]:
    with archive.open(member) as file:
        array: npt.NDArray[Any] = np.lib.format.read_array(file, allow_pickle=False)
    return array


def _check_member(path: Path, archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> None:
    """Compare the size that an array's header claims with what is there, before NumPy allocates it."""
    where = f"{path}: {member.filename}"
    if member.file_size > member.compress_size * _DEFLATE_LIMIT + _HEADER_ROOM:
        raise ValueError(
            f"{where}: claims {member.file_size} bytes, far more than the file can hold; it is damaged"
        )
    with archive.open(member) as file:
        try:
            version = np.lib.format.read_magic(file)
            read_header = {
                (1, 0): np.lib.format.read_array_header_1_0,
                (2, 0): np.lib.format.read_array_header_2_0,
            }[version]
            shape, _, dtype = read_header(file)
        except (ValueError, KeyError) as error:
            raise ValueError(f"{where}: expected a NumPy array ({error})") from error
    if dtype.hasobject:
        raise ValueError(f"{where}: holds pickled Python objects, which are never loaded; save it as numbers")
    if math.prod(shape) * dtype.itemsize > member.file_size:
        raise ValueError(
            f"{where}: the header promises shape {shape}, the file is shorter; it is cut off or damaged"
        )
