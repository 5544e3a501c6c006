"""The file a model is saved in: safetensors, with a JSON config, a version and a digest in its metadata.

Nothing in it can run: tensors are numbers, the config is JSON, and classes are looked up by name in the
package's own tables. A file is written beside its place under a temporary name and then renamed, so that a
crash or a full disk leaves the old file as it was.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

import hotloop
from hotloop.files import replace_file

FORMAT = "hotloop"
FORMAT_VERSION = 1

Array = npt.NDArray[Any]
PathLike = str | os.PathLike[str]


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


def write_container(path: PathLike, kind: str, config: dict[str, Any], tensors: dict[str, Array]) -> None:
    """Write one file, all or nothing.

    Parameters
    ----------
    path : str or path-like
        Where to; an existing file is replaced and keeps its permissions.
    kind : str
        What the file holds.
    config : dict
        Must be JSON: names, numbers (finite), lists and dicts.
    tensors : dict of str to ndarray

    Raises
    ------
    TypeError
        When the config holds something that JSON can't say, such as a function.
    OSError
        When the file can't be written. What stood at `path` is untouched then.
    """
    from safetensors.numpy import save

    try:
        text = json.dumps(config, sort_keys=True, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise TypeError(
            f"save: the config holds something a file can't ({error}); only names and numbers can"
        ) from None
    plain = {name: np.ascontiguousarray(array) for name, array in tensors.items()}
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "hotloop_version": hotloop.__version__,
        "kind": kind,
        "config": text,
    }
    metadata["sha256"] = _digest(metadata, plain)
    replace_file(os.path.realpath(os.fspath(path)), save(plain, metadata=metadata))


def read_container(path: PathLike) -> Container:
    """Read a file that :func:`write_container` wrote, and check every byte of it.

    Raises
    ------
    FileNotFoundError
        When there is no such file.
    ValueError
        When it is no file, no hotloop file, truncated, altered, or of a newer format version.
    """
    from safetensors import SafetensorError, safe_open

    name = os.fspath(path)
    if not os.path.exists(name):
        raise FileNotFoundError(f"load: no file at {name!r}")
    if not os.path.isfile(name):
        raise ValueError(f"load: {name!r} is not a regular file")
    try:
        with safe_open(name, framework="numpy") as file:
            metadata = dict(file.metadata() or {})
            _check_version(name, metadata)
            tensors = {key: np.array(file.get_tensor(key)) for key in file.keys()}  # noqa: SIM118
    except (SafetensorError, TypeError, KeyError, OverflowError) as error:
        raise ValueError(
            f"load: {name!r} is truncated, damaged or no hotloop file ({error}); save the model again"
        ) from None
    kind, text = metadata.get("kind", ""), metadata.get("config", "")
    if _digest(metadata, tensors) != metadata.get("sha256"):
        raise ValueError(
            f"load: {name!r} has been altered: it doesn't match the SHA-256 in it; save the model again"
        )
    try:
        config = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"load: {name!r} holds a config that is not JSON ({error})") from None
    if not isinstance(config, dict):
        raise ValueError(f"load: {name!r} holds a config that is not a JSON object")
    return Container(kind, config, tensors, name)


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
            f"{hotloop.__version__}, which reads versions up to {FORMAT_VERSION}: install a newer one"
        )


def _digest(metadata: dict[str, str], tensors: dict[str, Array]) -> str:
    """SHA-256 over the metadata and every tensor's name, dtype, shape and bytes."""
    sha = hashlib.sha256()
    for key in sorted(set(metadata) - {"sha256"}):
        sha.update(f"{key}\0{metadata[key]}\0".encode())
    for key in sorted(tensors):
        array = np.ascontiguousarray(tensors[key])
        sha.update(f"{key}\0{array.dtype.str}\0{array.shape}\0".encode())
        sha.update(array.reshape(-1).view(np.uint8).data)
    return sha.hexdigest()
