"""Where models compute: the CPU, or an NVIDIA GPU, whose arrays are CuPy's.

CuPy and the CUDA half are imported when a GPU is first asked for; everybody else asks this module.
"""

from __future__ import annotations

import os
from typing import Any

import numpy as np

from hotloop.core.errors import bad_type, unknown_name
from hotloop.device.backends import Gpu as Gpu
from hotloop.device.backends import Host as Host
from hotloop.device.backends import is_built
from hotloop.device.backends import on_gpu as on_gpu

DEVICES = ("cpu", "cuda")
_CUDA_DLPACK = 2  # the type of device that DLPack gives CUDA's memory

HOST = Host()
_gpu: Gpu | None = None
_default: Host | None = None


def backend(name: Host | str | None = None) -> Host:
    """Return a device by its name; the default one where there is none.

    Raises
    ------
    ValueError
        For an unknown name.
    RuntimeError
        When the device can't be used, saying why.
    """
    global _gpu
    if name is None:
        return _default_backend()
    if isinstance(name, Host):
        return name
    if name == "cpu":
        return HOST
    if name != "cuda":
        error = _unknown(name)
        if str(name).startswith("cuda:"):
            number = str(name)[5:]
            mend = f"A GPU is chosen by CUDA_VISIBLE_DEVICES, or by cupy.cuda.Device({number}).use()"
            raise ValueError(f"{error}; {mend}")
        raise error
    if _gpu is None:
        _gpu = Gpu()
    _gpu.require()
    return _gpu


def named(name: Host | str) -> Host:
    """Return a device that has to be named; there None is no device."""
    if name is None:
        raise bad_type("device", "'cpu' or 'cuda'", name)
    return backend(name)


def _unknown(name: object) -> ValueError:
    if "gpu" in str(name).lower():  # in letters it is nearer to "cpu"
        return ValueError(f"unknown device {name!r}; did you mean 'cuda'? Known: {', '.join(DEVICES)}")
    return unknown_name("device", name, DEVICES)


def _default_backend() -> Host:
    global _default
    if _default is None:
        try:
            _default = backend(os.environ.get("HOTLOOP_DEVICE") or "cpu")
        except ValueError as error:
            raise ValueError(f"HOTLOOP_DEVICE in the environment: {error}") from None
    return _default


def set_device(name: str) -> None:
    """Set where models compute that are compiled, or first used, from now on.

    A model that was told a device, by ``compile(device=...)`` or ``model.device = ...``, stays there.

    Parameters
    ----------
    name : {"cpu", "cuda"}
        Before the first call it is the environment's ``HOTLOOP_DEVICE``, else "cpu". "cuda" is CuPy's current
        GPU.

    Raises
    ------
    ValueError, TypeError
        For an unknown name, or none.
    RuntimeError
        When there is no such device to be used: hotloop built without CUDA, no CuPy, no GPU, or a driver too
        old.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.set_device("cpu")
    >>> hl.get_device()
    'cpu'
    """
    global _default
    _default = named(name)


def get_device() -> str:
    """Return where models compute by default; see :func:`set_device`.

    Raises
    ------
    ValueError, RuntimeError
        When the environment's ``HOTLOOP_DEVICE``, which counts before the first :func:`set_device`, is an
        unknown name, or a device that can't be used.

    Examples
    --------
    >>> import hotloop as hl
    >>> hl.get_device()
    'cpu'
    """
    return _default_backend().name


# -- arrays of either kind


def adopt(value: Any) -> Any:
    """Return what another library keeps on a GPU as CuPy's array of the same memory; anything else as it is.

    Known are arrays with ``__cuda_array_interface__``, and DLPack's.
    """
    given = type(value)
    if given is np.ndarray or given in (list, tuple, float, int) or value is None or on_gpu(value):
        return value
    if hasattr(value, "__cuda_array_interface__"):
        return gpu().adopt(value)
    if not hasattr(value, "__array_interface__") and hasattr(value, "__dlpack_device__"):
        kind = int(value.__dlpack_device__()[0])
        if kind == _CUDA_DLPACK:
            return gpu().adopt(value)
        if not hasattr(value, "__array__"):
            return np.from_dlpack(value)
    return value


def gpu() -> Gpu:
    """Return the GPU, or raise as :func:`backend` does."""
    found = backend("cuda")
    assert isinstance(found, Gpu)
    return found


def backend_of(value: Any) -> Host:
    """The device that an array lies on."""
    return backend("cuda") if on_gpu(value) else HOST


def to_host(value: Any) -> Any:
    """Return a NumPy array with the numbers of an array of either kind; NumPy's own is no copy."""
    if type(value) is np.ndarray:
        return value
    value = adopt(value)
    return gpu().download(value) if on_gpu(value) else np.asarray(value)


def write(target: Any, value: Any) -> None:
    """Overwrite an array of either kind with numbers from either."""
    if on_gpu(target):
        target[...] = gpu().upload(adopt(value)).astype(target.dtype, copy=False)
    else:
        target[...] = to_host(value)


# -- for the CUDA half, and for reports


def allocate(size: int) -> Any:
    """Take ``size`` bytes from CuPy's pool, for the native half: an object with their address as ``ptr``.

    Raises
    ------
    MemoryError
        When there is not so much, saying what is free.
    """
    return gpu().allocate(size)


def cuda_text() -> str:
    """What a bug report says of CUDA. Imports the CUDA half where there is one, but not CuPy."""
    if not is_built():
        return "not built"
    from importlib.util import find_spec

    try:
        from hotloop import _cuda

        _cuda.require_device()
        info = _cuda.device_info()
    except (ImportError, RuntimeError) as error:
        return "built, no GPU: " + str(error).removeprefix("device 'cuda': ")
    major, minor = info["capability"]
    driver = info["driver"]
    text = (
        f"{info['name']}, compute capability {major}.{minor}, driver {driver // 1000}.{driver % 1000 // 10}"
    )
    return text if find_spec("cupy") else f"{text}; CuPy is not installed"
