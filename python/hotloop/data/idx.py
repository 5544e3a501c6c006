"""IDX, the format of MNIST's own files: a magic number, the sizes, then the elements, all big-endian."""

import gzip
import math
import os
import struct
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

_DTYPES = {0x08: ">u1", 0x09: ">i1", 0x0B: ">i2", 0x0C: ">i4", 0x0D: ">f4", 0x0E: ">f8"}
_MAX_DIMENSIONS = 4
# One byte of a deflate stream stands for 1032 bytes at most, so a header that claims more than that lies.
_DEFLATE_LIMIT = 1032
_CHUNK = 1 << 20

GZIP_MAGIC = b"\x1f\x8b"


def is_idx(head: bytes) -> bool:
    """Whether a file that begins with these four bytes (or more) can be IDX."""
    return len(head) >= 4 and head[:2] == b"\0\0" and head[2] in _DTYPES and 1 <= head[3] <= _MAX_DIMENSIONS


def open_plain_or_gzip(path: Path) -> BinaryIO:
    """The file's contents, unpacked on the way when it is gzipped."""
    with path.open("rb") as file:
        gzipped = file.read(2) == GZIP_MAGIC
    return gzip.open(path, "rb") if gzipped else path.open("rb")  # type: ignore[return-value]


def read_idx(path: str | os.PathLike[str]) -> npt.NDArray[Any]:
    """One IDX file, gzipped or not, as an array of the shape and type that its header tells.

    Parameters
    ----------
    path : str or path-like
        The file; its name does not matter, its first bytes do.

    Returns
    -------
    ndarray
        1 to 4 dimensions, in the machine's byte order; uint8 for MNIST's files.

    Raises
    ------
    ValueError
        Where the file is not IDX, is shorter or longer than its header says, or its gzip stream is broken.
    """
    path = Path(path)
    try:
        with open_plain_or_gzip(path) as file:
            return _read(file, path)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        raise ValueError(
            f"{path}: the gzip stream is cut off or damaged ({error}); download the file again"
        ) from error


def _read(file: BinaryIO, path: Path) -> npt.NDArray[Any]:
    head = file.read(4)
    if not is_idx(head):
        raise ValueError(
            f"{path}: expected an IDX file (two zero bytes, a type, a number of sizes), got {head!r}"
        )
    sizes = file.read(4 * head[3])
    if len(sizes) != 4 * head[3]:
        raise ValueError(f"{path}: the IDX header is cut off; download the file again")
    shape = struct.unpack(f">{head[3]}I", sizes)
    dtype = np.dtype(_DTYPES[head[2]])
    wanted = math.prod(shape) * dtype.itemsize
    if wanted > path.stat().st_size * _DEFLATE_LIMIT:
        raise ValueError(
            f"{path}: the header promises {wanted} bytes, far more than the file can hold; it is damaged"
        )
    data = _read_at_most(file, wanted + 1)
    if len(data) != wanted:
        more_or_less = "more" if len(data) > wanted else f"{len(data)}"
        raise ValueError(
            f"{path}: the header promises {wanted} bytes of data ({shape}), the file has {more_or_less}"
        )
    values = np.frombuffer(data, dtype=dtype).reshape(shape)
    return values.astype(dtype.newbyteorder("="), copy=not values.flags.writeable)


def _read_at_most(file: BinaryIO, limit: int) -> bytearray:
    # In chunks: memory grows with what is really there, not with what a header claims.
    data = bytearray()
    while len(data) < limit:
        chunk = file.read(min(_CHUNK, limit - len(data)))
        if not chunk:
            break
        data += chunk
    return data
