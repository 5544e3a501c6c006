"""Dense layers on a GPU whose products are rounded: in bfloat16 while training, and with weights kept in it.

Operands here are small whole numbers, which bfloat16 holds exactly: then tensor cores, whatever the order of
their sums, give float32's bits.
"""

import numpy as np
import pytest

import cuda_half

cuda = cuda_half.load()

import hotloop as hl  # noqa: E402 - once the CUDA half is there
from hotloop import kernels  # noqa: E402

WIDTH = 64  # the narrowest layer whose products are rounded


def sparse(rng, rows, cols):
    """Two numbers of 1 or -1 in each row."""
    found = np.zeros((rows, cols), np.float32)
    for row in found:
        row[rng.choice(cols, 2, replace=False)] = rng.choice([-1, 1], 2)
    return found


def trained(device, precision, rng, activation="relu", width=WIDTH, frozen=False, rows=64, **fit):
    """Weights after an epoch, and the losses."""
    model = hl.Sequential(
        [
            hl.layers.Dense(width, activation, input_shape=(width,), name="first"),
            hl.layers.Dense(width, name="last"),
        ]
    )
    model.layers[-2].trainable = not frozen
    model.compile(hl.optimizers.SGD(0.5), "mean_squared_error", precision=precision, device=device)
    model.set_weights([sparse(rng, width, width), rng.integers(-2, 3, width).astype("f4")] * 2)
    x = rng.integers(-1, 2, (rows, width)).astype("f4")
    y = rng.integers(-20, 21, (rows, width)).astype("f4")
    history = model.fit(x, y, batch_size=64, epochs=1, verbose=0, shuffle=False, **fit)
    return [w.tobytes() for w in model.get_weights()], history.history, model.predict(x).tobytes()


@pytest.mark.parametrize("options", [{}, {"activation": "linear"}, {"frozen": True}])
def test_exact_operands_give_the_bits_of_float32(options):
    here = trained("cpu", "float32", np.random.default_rng(4), **options)
    there = trained("cuda", "mixed_bfloat16", np.random.default_rng(4), **options)
    assert here == there


def test_narrow_layers_are_not_rounded():
    def run(device, precision):
        rng = np.random.default_rng(1)
        model = hl.Sequential([hl.layers.Dense(5, "tanh", input_shape=(7,)), hl.layers.Dense(3)])
        model.compile("adam", "mean_squared_error", precision=precision, device=device)
        model.set_weights([rng.standard_normal(shape).astype("f4") for shape in [(7, 5), 5, (5, 3), 3]])
        x, y = rng.standard_normal((40, 7)).astype("f4"), rng.standard_normal((40, 3)).astype("f4")
        model.fit(x, y, batch_size=16, epochs=2, verbose=0, shuffle=False)
        return [w.tobytes() for w in model.get_weights()]

    assert run("cpu", "float32") == run("cuda", "mixed_bfloat16")


def test_rounding_is_that_of_bfloat16():
    """Kernels a little off whole numbers train as those that bfloat16 rounds them to."""
    losses = []
    for off in (0.0, 2.0**-10):
        rng = np.random.default_rng(2)
        model = hl.Sequential([hl.layers.Dense(WIDTH, input_shape=(WIDTH,))])
        model.compile(hl.optimizers.SGD(0.0), "mean_squared_error", precision="mixed_bfloat16", device="cuda")
        kernel = sparse(rng, WIDTH, WIDTH)
        model.set_weights([kernel + off * kernel, np.zeros(WIDTH, np.float32)])
        x = rng.integers(-1, 2, (32, WIDTH)).astype("f4")
        y = rng.integers(-20, 21, (32, WIDTH)).astype("f4")
        losses.append(model.fit(x, y, batch_size=32, epochs=1, verbose=0).history["loss"])
        exact = np.mean((x @ (kernel + off * kernel) - y) ** 2)
        assert (losses[-1][0] == exact) == (off == 0.0)
    assert losses[0] == losses[1]


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("last_axis", "units"), [(8, 6), (7, 5), (40, 33)])
def test_weights_kept_in_bfloat16(rng, last_axis, units, bias):
    x = rng.integers(-3, 4, (5, 3 * last_axis)).astype("f4")
    x[0, 0] += 2.0**-9  # is rounded away
    weights = kernels.to_bf16(rng.integers(-3, 4, (last_axis, units)).astype("f4"))
    arrays = {"weight": weights} | ({"bias": rng.integers(-9, 10, units).astype("f4") / 8} if bias else {})
    graph = cuda.Graph()
    attributes = {"units": units, "last_axis": last_axis, "activation": "gelu"}
    y = graph.add("dense_bf16", [graph.input(3 * last_axis)], attributes, {}, arrays)
    nothing = cuda_half.on_gpu(np.zeros(0, np.float32))
    program = cuda.Program(graph, outputs=[y], parameters=nothing, gradients=None)
    out = cuda_half.on_gpu(np.empty((5, 3 * units), np.float32))
    program.predict([cuda_half.on_gpu(x)], [out])
    x = np.rint(x).reshape(15, last_axis)
    expected = kernels.gemm_bf16(x, weights, arrays.get("bias"), "gelu")
    np.testing.assert_array_equal(out.get().reshape(15, units), expected)
