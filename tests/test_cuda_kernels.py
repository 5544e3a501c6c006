"""hotloop.kernels on CuPy's arrays: the CPU's bits, on the GPU from end to end."""

import numpy as np
import pytest

import cuda_half

cuda_half.load()

import cupy  # noqa: E402 - the stand-in's folder is known now

from hotloop import kernels  # noqa: E402


def moved(value):
    """The same arguments on the GPU; what is no array stays."""
    if isinstance(value, np.ndarray):
        return cupy.asarray(value)
    if isinstance(value, kernels.PackedWeights):
        return kernels.PackedWeights(moved(value.data), value.shape, moved(value.column_sums))
    return value


def parts(result):
    """A result's arrays and numbers, in order, on the host."""
    if isinstance(result, kernels.PackedWeights):
        result = result.data, result.shape, result.column_sums
    items = result if isinstance(result, tuple) else (result,)
    return [item.get() if isinstance(item, cupy.ndarray) else item for item in items]


def same(function, *arguments, **options):
    """Call on both devices: the same bits come, as arrays of the arguments' kind."""
    on_gpu = [moved(value) for value in arguments], {key: moved(value) for key, value in options.items()}
    here = function(*arguments, **options)
    there = function(*on_gpu[0], **on_gpu[1])
    for a, b in zip(parts(here), parts(there), strict=True):
        assert type(a) is type(b)
        if isinstance(a, np.ndarray):
            assert a.dtype == b.dtype
            assert a.shape == b.shape
            assert a.tobytes() == b.tobytes()
        else:
            assert a == b
    whole = there.data if isinstance(there, kernels.PackedWeights) else there
    first = whole[0] if isinstance(whole, tuple) else whole
    assert isinstance(first, cupy.ndarray | float)
    return there


def floats(rng, *shape):
    return rng.standard_normal(shape).astype("f4")


def test_activations(rng):
    x = floats(rng, 5, 6)
    same(kernels.activation, x, "gelu")
    same(kernels.activation, x, "leaky_relu", alpha=0.5)
    same(kernels.activation, x.T, "softmax")
    same(kernels.activation, x, "glu")
    same(kernels.activation_gradient, x, floats(rng, 5, 6), "tanh")
    same(kernels.activation_gradient, x, floats(rng, 5, 6), "softmax")
    same(kernels.softmax, floats(rng, 3, 4, 2), axis=1)
    same(kernels.softmax, x, axis=0, out=np.empty((5, 6), "f4"))


def test_products(rng):
    a, b, bias = floats(rng, 5, 7), floats(rng, 7, 3), floats(rng, 3)
    same(kernels.gemm, a, b)
    same(kernels.gemm, a, b, bias, "relu")
    same(kernels.gemm, a.T.copy().T, b, bias=[0.5, 1, 2])
    same(kernels.gemm, a[0], b)
    same(kernels.gemm, a, b, out=np.empty((5, 3), "f4"))
    same(kernels.gemm, a.astype("f8"), b)
    same(kernels.gemm_bf16, a, kernels.to_bf16(b), bias, "relu")
    same(kernels.to_bf16, a)
    same(kernels.from_bf16, kernels.to_bf16(a))


def test_bytes(rng):
    x, w = floats(rng, 6, 10), rng.integers(-127, 128, (10, 5)).astype("i1")
    q = rng.integers(0, 256, (6, 10)).astype("u1")
    packed = same(kernels.pack_weights, w)
    assert isinstance(packed.data, cupy.ndarray)
    same(kernels.quantize, x, 0.1, 7)
    same(kernels.dequantize, q, 0.1, 7)
    same(kernels.quantize_rows, x)
    same(kernels.quantize_weights, x)
    same(kernels.gemm_int8, q, kernels.pack_weights(w), rng.integers(-9, 9, 5).astype("i4"), a_zero_point=3)
    same(kernels.gemm_int8, q, w, scale=np.full(5, 0.01, "f4"), zero_point=9, activation="relu")
    same(kernels.gemm_int8_dynamic, x, w, 0.01, floats(rng, 5))


def test_statistics(rng):
    x = floats(rng, 300)
    same(kernels.min_max, x)


def test_losses(rng):
    x = floats(rng, 6, 4)
    same(kernels.softmax_cross_entropy, x, rng.integers(0, 4, 6))
    same(kernels.softmax_cross_entropy, x, np.eye(4, dtype="f4")[[0, 1, 2, 3, 0, 1]], np.arange(6) / 6)


@pytest.mark.parametrize(
    ("step", "slots", "options"),
    [
        (kernels.sgd_step, 1, {"momentum": 0.9}),
        (kernels.rmsprop_step, 1, {"clip_value": 0.5}),
        (kernels.adam_step, 2, {"step": 3, "weight_decay": 0.1}),
    ],
    ids=["sgd", "rmsprop", "adam"],
)
def test_optimizer_steps_in_place(rng, step, slots, options):
    arrays = [floats(rng, 40), floats(rng, 40), *(np.abs(floats(rng, 40)) for _ in range(slots))]
    there = [moved(array) for array in arrays]
    step(*arrays, **options)
    step(*there, **options)
    for a, b in zip(arrays, there, strict=True):
        assert a.tobytes() == b.get().tobytes()


def test_arrays_on_two_devices_are_refused_by_name(rng):
    a, b = floats(rng, 3, 4), floats(rng, 4, 2)
    with pytest.raises(TypeError, match=r"b, a: expected arrays on one device.*cupy\.asarray"):
        kernels.gemm(moved(a), b)
    with pytest.raises(TypeError, match="x, out: expected arrays on one device"):
        kernels.activation(a, "relu", out=moved(a))
    w = moved(floats(rng, 4))
    with pytest.raises(TypeError, match="expected arrays on one device, got m in the CPU's memory"):
        kernels.adam_step(w, moved(floats(rng, 4)), floats(rng, 4), moved(floats(rng, 4)), step=1)
    with pytest.raises(TypeError, match="expected arrays on one device"):
        kernels.gemm_int8(moved(np.ones((2, 4), "u1")), kernels.pack_weights(np.ones((4, 3), "i1")))


def test_outputs_are_checked(rng):
    x = moved(floats(rng, 3, 4))
    out = cupy.zeros((3, 4), np.float32)
    assert kernels.activation(x, "relu", out=out) is out
    assert kernels.activation(x, "relu", out=x) is x
    with pytest.raises(TypeError, match="out: expected a float32 CuPy array, got a float64 array"):
        kernels.activation(x, "relu", out=cupy.zeros((3, 4)))
    with pytest.raises(ValueError, match="out: expected shape"):
        kernels.activation(x, "relu", out=cupy.zeros((4, 3), np.float32))
    strided = cupy.zeros((3, 8), np.float32)[:, ::2]
    kernels.activation(x, "tanh", out=strided)
    assert strided.get().tobytes() == kernels.activation(x.get(), "tanh").tobytes()
    with pytest.raises(ValueError, match="weights: expected a C-contiguous array"):
        kernels.sgd_step(strided, x)


class Shown:
    """Another library's array in the CPU's memory."""

    def __init__(self, array):
        self._array = array

    def __array__(self, dtype=None, copy=None):
        return self._array


@pytest.mark.parametrize("wrap", [lambda a: a.view(np.matrix), Shown])
def test_other_arrays_in_the_cpus_memory_are_no_lists(rng, wrap):
    a, b = floats(rng, 3, 4), floats(rng, 4, 2)
    with pytest.raises(TypeError, match="b, a: expected arrays on one device, got b in the CPU's memory"):
        kernels.gemm(moved(a), wrap(b))
    scales = kernels.gemm_int8(
        moved(np.ones((2, 4), "u1")), moved(np.ones((4, 3), "i1")), scale=np.float32(0.5), bias=[1, 2, 3]
    )
    assert scales.get().tolist() == [[2.5, 3.0, 3.5]] * 2
