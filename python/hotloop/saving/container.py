"""The file a model is saved in: safetensors, with a JSON config, a version and a digest in its metadata.

Nothing in it can run: tensors are numbers, the config is JSON, and classes are looked up by name in the
package's own tables. A file is written beside its place under a temporary name and then renamed, so that a
crash or a full disk leaves the old file as it was.

The format (https://github.com/huggingface/safetensors#format) is read and written here, tensor by tensor: the
safetensors package builds the whole file in memory, ends the process where there is none left, and maps what
it reads, which ends the process too when another one cuts the file short. Tests hold the two to each other.
"""

from __future__ import annotations

import hashlib
import json
import math
import os
import stat
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from hotloop.core.files import PathLike, path_text, replace_file
from hotloop.core.version import own_version
from hotloop.device import to_host

FORMAT = "hotloop"
FORMAT_VERSION = 1
MOST_HEADER_BYTES = 100_000_000  # as safetensors has it

Array = npt.NDArray[Any]
DTYPES = {
    "BOOL": "|b1",
    "U8": "|u1",
    "I8": "|i1",
    "U16": "<u2",
    "I16": "<i2",
    "F16": "<f2",
    "U32": "<u4",
    "I32": "<i4",
    "F32": "<f4",
    "U64": "<u8",
    "I64": "<i8",
    "F64": "<f8",
}
_CODES = {text: code for code, text in DTYPES.items()}


@dataclass(frozen=True)
class Container:
    """What a file holds.

    Attributes
    ----------
    kind : str
        "model", "weights" or "quantized_model".
    config : dict
        JSON values only.
    tensors : dict of str to ndarray
        bfloat16 is stored as uint16, the upper half of a float32; the config says which tensors are.
    path : str
        Where it was read from, for messages.
    """

    kind: str
    config: dict[str, Any]
    tensors: dict[str, Array]
    path: str


def write_container(
    path: PathLike, kind: str, config: Mapping[str, Any], tensors: Mapping[str, Array]
) -> None:
    """Write one file, all or nothing, and tensor by tensor: memory for another copy is not needed.

    Parameters
    ----------
    path : str, bytes or path-like
        Where to; an existing file is replaced and keeps its permissions.
    kind : str
        What the file holds.
    config : dict
        Must be JSON: names, numbers (finite), lists and dicts.
    tensors : dict of str to array
        On either device. Nobody else may change them meanwhile.

    Raises
    ------
    TypeError
        When the config holds something that JSON can't say, such as a function.
    OSError
        When the file can't be written. What stood at `path` is untouched then, as it is by a MemoryError.
    """
    try:
        text = json.dumps(config, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"save: the config holds something a file can't ({error}); only names and numbers can"
        ) from None
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "hotloop_version": own_version(),
        "kind": kind,
        "config": text,
    }
    metadata["sha256"] = _digest(metadata, tensors)
    replace_file(path, _pieces(metadata, tensors))


def read_container(path: PathLike) -> Container:
    """Read a file that :func:`write_container` wrote, and check every byte of it.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no file, no hotloop file, truncated, altered (also by another process, meanwhile), or of a
        newer format version.
    """
    name = path_text(path)
    with _open_file(name) as file:
        try:
            header, metadata = _read_header(file)
            _check_version(name, metadata)
            tensors = _read_tensors(file, header)
        except _Damage as error:
            raise ValueError(
                f"load: {name!r} is truncated, damaged or no hotloop file ({error}); save the model again"
            ) from None
    if _digest(metadata, tensors) != metadata.get("sha256"):
        raise ValueError(
            f"load: {name!r} has been altered: it doesn't match the SHA-256 in it; save the model again"
        )
    try:
        config = json.loads(metadata.get("config", ""), parse_constant=_not_finite, parse_float=_finite)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"load: {name!r} holds a config that is not JSON ({error})") from None
    if not isinstance(config, dict):
        raise ValueError(f"load: {name!r} holds a config that is not a JSON object")
    return Container(metadata.get("kind", ""), config, tensors, name)


class _Damage(Exception):
    """What is wrong with a file's bytes."""


def _open_file(name: str) -> BinaryIO:
    try:
        # Without waiting, should it be a pipe.
        descriptor = os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        raise FileNotFoundError(f"load: no file at {name!r}") from None
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise ValueError(f"load: {name!r} is not a regular file")
    return open(descriptor, "rb", buffering=0)


def _pieces(metadata: Mapping[str, str], tensors: Mapping[str, Array]) -> Iterator[Any]:
    """The file's bytes: the header's length, the header, the tensors; the widest first, so that all are
    aligned."""
    names = sorted(tensors, key=lambda name: (-tensors[name].dtype.itemsize, name))
    header: dict[str, Any] = {"__metadata__": dict(metadata)}
    end = 0
    for name in names:
        array = tensors[name]
        begin, end = end, end + int(array.nbytes)
        code = _CODES[array.dtype.newbyteorder("<").str]
        header[name] = {"dtype": code, "shape": list(array.shape), "data_offsets": [begin, end]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    yield len(text).to_bytes(8, "little")
    yield text
    for name in names:
        yield _bytes_of(tensors[name])


def _read_header(file: BinaryIO) -> tuple[dict[str, Any], dict[str, str]]:
    """Return (what the header says of each tensor, the metadata)."""
    length = int.from_bytes(_read(file, 8), "little")
    if length > MOST_HEADER_BYTES:
        raise _Damage(f"its header claims {length} bytes")
    try:
        header = json.loads(_read(file, length))
    except (ValueError, RecursionError):
        raise _Damage("its header is not JSON") from None
    metadata = header.pop("__metadata__", {}) if isinstance(header, dict) else None
    if not isinstance(metadata, dict) or not all(isinstance(value, str) for value in metadata.values()):
        raise _Damage("its header is not that of a safetensors file")
    return header, metadata


def _read_tensors(file: BinaryIO, header: dict[str, Any]) -> dict[str, Array]:
    """Read the tensors, which lie one behind the other up to the file's end."""
    places = []
    for name, entry in header.items():
        try:
            dtype, shape = np.dtype(DTYPES[entry["dtype"]]), tuple(entry["shape"])
            begin, end = entry["data_offsets"]
        except (KeyError, TypeError, ValueError):
            raise _Damage(f"its header says of tensor {name!r} what can't be") from None
        numbers = (*shape, begin, end)
        if not all(type(number) is int and number >= 0 for number in numbers):
            raise _Damage(f"its header says of tensor {name!r} what can't be")
        if math.prod(shape) * dtype.itemsize != end - begin:
            raise _Damage(f"tensor {name!r} of shape {shape} does not take {end - begin} bytes")
        places.append((begin, end, name, dtype, shape))
    end, size = 0, os.fstat(file.fileno()).st_size - file.tell()
    tensors = {}
    for begin, stop, name, dtype, shape in sorted(places, key=lambda place: place[:3]):
        if begin != end or stop > size:
            raise _Damage(f"tensor {name!r} does not lie where its header says")
        end = stop
        try:
            tensors[name] = np.ndarray(shape, dtype, _read(file, stop - begin))
        except (ValueError, OverflowError):  # too many axes, or long ones beside an empty one
            raise _Damage(f"tensor {name!r} has a shape that no array can have") from None
    if end != size:
        raise _Damage(f"{size - end} bytes follow the last tensor")
    return tensors


def _read(file: BinaryIO, count: int) -> bytearray:
    """Read exactly so many bytes, which are there or are no memory asked for."""
    if count > os.fstat(file.fileno()).st_size - file.tell():
        raise _Damage("it is too short for what its header claims")
    data = bytearray(count)
    rest = memoryview(data)
    while rest:
        got = file.readinto(rest)  # type: ignore[attr-defined]
        if not got:
            raise _Damage("it became shorter while it was read")
        rest = rest[got:]
    return data


def _finite(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else _not_finite(text)


def _not_finite(text: str) -> float:
    raise ValueError(f"{text} is no finite number")


def _check_version(name: str, metadata: dict[str, str]) -> None:
    if metadata.get("format") != FORMAT:
        raise ValueError(f"load: {name!r} is a safetensors file, but not one that hotloop saved")
    text = metadata.get("format_version", "")
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise ValueError(f"load: {name!r} has no valid format version, but {text[:20]!r}")
    if int(text) > FORMAT_VERSION:
        raise ValueError(
            f"load: {name!r} has format version {int(text)}, written by hotloop "
            f"{metadata.get('hotloop_version', 'of an unknown version')}; this is hotloop "
            f"{own_version()}, which reads versions up to {FORMAT_VERSION}: install a newer one"
        )


def _digest(metadata: Mapping[str, str], tensors: Mapping[str, Array]) -> str:
    """SHA-256 over the metadata and every tensor's name, dtype, shape and bytes."""
    sha = hashlib.sha256()
    for key in sorted(set(metadata) - {"sha256"}):
        sha.update(f"{key}\0{metadata[key]}\0".encode())
    for key in sorted(tensors):
        array = tensors[key]
        sha.update(f"{key}\0{array.dtype.newbyteorder('<').str}\0{array.shape}\0".encode())
        sha.update(_bytes_of(array))
    return sha.hexdigest()


def _bytes_of(array: Array) -> Any:
    """The bytes of one tensor, little-endian; a view of them where they lie so already."""
    host = to_host(array)
    flat = np.ascontiguousarray(host, host.dtype.newbyteorder("<")).reshape(-1)
    return flat.view(np.uint8).data
