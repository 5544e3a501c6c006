"""Fixtures that every kernel test shares: each ISA level this machine has, and several team sizes."""

from collections.abc import Iterator

import numpy as np
import pytest

from hotloop import _native

try:
    from hypothesis import settings
except ImportError:  # bench/gpu_check.py runs the tests of kernels where it may be missing
    pass
else:
    # How long one example takes says nothing where machines are shared.
    settings.register_profile("hotloop", deadline=None)
    settings.load_profile("hotloop")


# Every kernel is compiled for these; the levels above them have kernels of their own only in some rooms.
COMMON_LEVELS = [level for level in _native.isa_levels() if level in ("baseline", "avx2", "avx512")]


@pytest.fixture(params=COMMON_LEVELS)
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """The test runs once on every common ISA level of this machine; then the one before is in force."""
    before = _native.isa_level()
    _native.set_isa_level(request.param)
    yield request.param
    _native.set_isa_level(before)


@pytest.fixture(params=_native.isa_levels())
def any_isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """As `isa`, on every level there is: for kernels that avx512_bf16 or amx have of their own."""
    before = _native.isa_level()
    _native.set_isa_level(request.param)
    yield request.param
    _native.set_isa_level(before)


@pytest.fixture(params=[1, 2, 3])
def threads(request: pytest.FixtureRequest) -> Iterator[int]:
    """The test runs with teams of 1, 2 and 3 threads."""
    before = _native.num_threads()
    _native.set_num_threads(request.param)
    yield request.param
    _native.set_num_threads(before)


@pytest.fixture
def rng() -> np.random.Generator:
    """A generator with a fixed seed."""
    return np.random.default_rng(20240229)


@pytest.fixture
def nothing_stays_registered() -> Iterator[None]:
    """Classes and functions that a test registers are forgotten behind it."""
    import hotloop.ops.functions  # noqa: F401  # which are registered once a process
    from hotloop.core import custom_objects

    tables = custom_objects._registered, custom_objects._names, custom_objects._given
    before = [dict(table) for table in tables]
    yield
    for now, then in zip(tables, before, strict=True):
        now.clear()
        now.update(then)
