"""Which device models compute on: the CPU, or an NVIDIA GPU, by name or by default."""

from __future__ import annotations

import os

from hotloop.core.errors import bad_type, unknown_name
from hotloop.device.gpu import Gpu
from hotloop.device.host import HOST, Host

DEVICES = ("cpu", "cuda")

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


def gpu() -> Gpu:
    """Return the GPU, or raise as :func:`backend` does."""
    found = backend("cuda")
    assert isinstance(found, Gpu)
    return found
