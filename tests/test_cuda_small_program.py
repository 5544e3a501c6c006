"""Small programs on a GPU give the CPU's bits."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native
from hotloop.ir.elementwise import INSTRUCTIONS, Builder, encode, node_arrays, reduced_node_arrays
from small_programs import one_step, random_code

cuda = cuda_half.load()


def on_both(code, arrays, accumulate=False):
    """Run a code on the CPU and on the GPU from the same start; return both halves' outputs."""
    shape = np.broadcast_shapes(*(array.shape for array in arrays))
    here = [np.full(shape, k, np.float32) for k in range(len(code.outputs))]
    there = [cuda_half.on_gpu(array) for array in here]
    _native.run_small_program(*encode(code), arrays, here, accumulate)
    cuda.run_small_program(*encode(code), [cuda_half.on_gpu(a) for a in arrays], there, accumulate)
    return here, there


def assert_same_bits(here, there):
    for ours, theirs in zip(here, there, strict=True):
        assert cuda_half.bits(ours) == cuda_half.bits(theirs)


@pytest.mark.parametrize("name", INSTRUCTIONS)
def test_instructions(rng, name):
    special = np.array([0.0, -0.0, 1.0, -1.0, 2.5, np.inf, -np.inf, np.nan, 1e-45, 3e38, -3e38], np.float32)
    patterns = rng.integers(0, 2**32, 500, dtype=np.uint32).view(np.float32)
    patterns = patterns[~np.isnan(patterns)]
    usual = np.concatenate([patterns, rng.normal(size=500), rng.uniform(-110, 110, 500)]).astype(np.float32)
    x = np.concatenate([np.tile(special, len(special)), usual])
    y = np.concatenate([np.repeat(special, len(special)), usual[::-1]])
    arrays = [x, y, np.roll(x, 1)][: INSTRUCTIONS[name].operands]
    assert_same_bits(*on_both(one_step(name), arrays))


@pytest.mark.parametrize("seed", range(10))
def test_programs(seed):
    rng = np.random.default_rng(seed)
    code = random_code(rng, 3, int(rng.integers(1, 40)), int(rng.integers(1, 5)))
    shapes = [[(300,)] * 3, [(7, 45), (45,), (7, 1)], [(3, 5, 9), (5, 1), ()], [(0,)] * 3][seed % 4]
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    arrays[1] = np.rint(arrays[1] * 100).astype([np.int32, np.float32][seed % 2])
    assert_same_bits(*on_both(code, arrays, accumulate=seed % 3 == 0))


def test_bytes_and_what_nobody_wants(rng):
    code = random_code(rng, 1, 8, 3)
    pixels = rng.integers(0, 256, (5, 77)).astype(np.uint8)
    here = [np.empty((5, 77), np.float32), None, np.empty((5, 77), np.float32)]
    there = [cuda_half.on_gpu(array) for array in here]
    _native.run_small_program(*encode(code), [pixels], here)
    cuda.run_small_program(*encode(code), [cuda_half.on_gpu(pixels)], there)
    assert_same_bits(here[::2], there[::2])


WEIGHTS = [(3, 4), (4,), (3, 1), ()]


def trained(half, on_device, x, y):
    """Weights and gradients after two steps of a net: samples of (3, 4) times weights of all kinds."""
    graph, sizes = half.Graph(), [12 * 12, 12, *(int(np.prod(shape)) for shape in WEIGHTS)]
    starts = np.cumsum([0, *(-(-size // 16) * 16 for size in sizes)])
    kernel, bias, *offsets = starts[:-1].tolist()
    parameters = {"kernel": kernel, "bias": bias}
    hidden = graph.add("dense", [graph.input(12)], {"units": 12, "activation": "tanh"}, parameters)
    values = [graph.reshape(hidden, (3, 4))]
    for shape, offset in zip(WEIGHTS, offsets, strict=True):
        values.append(graph.add("weight", [], {"shape": list(shape)}, {"value": offset}))
    build, value = Builder(len(values)), 0
    for k in range(1, len(values)):
        value = build("multiply", value, build("sin", build("add", k, float(k))))
    code = build.code([build("exp", value), value])
    made = graph.add("elementwise", values, arrays=node_arrays(code, range(len(values))))
    arena = on_device(np.random.default_rng(0).normal(0, 0.5, starts[-1]).astype(np.float32))
    gradients = on_device(np.zeros(starts[-1], np.float32))
    output = graph.reshape(made[0], 12)
    program = half.Program(graph, [output], arena, gradients)
    program.set_loss([{"output": output, "loss": "mean_squared_error"}])
    variables = [(int(start), size) for start, size in zip(starts, sizes, strict=False)]
    program.set_optimizer({"kind": "sgd"}, [None] * 3, variables)
    rate = np.full(1, 0.1, np.float32)
    for step in range(2):
        program.train([on_device(x)], [on_device(y)], [], None, len(x), 0, 1, rate, step, 0)
    return arena, gradients


@pytest.mark.parametrize("rows", [1, 9, 70])
def test_a_training_step(rng, rows):
    x, y = rng.normal(size=(2, rows, 12)).astype(np.float32)
    assert_same_bits(trained(_native, np.copy, x, y), trained(cuda, cuda_half.on_gpu, x, y))


def trained_by_sums(half, on_device, x, y, kind, keep):
    """Weights, gradients and predictions of a net whose loss is a program's sum over each sample."""
    graph = half.Graph()
    made = graph.add("dense", [graph.input(12)], {"units": 20}, {"kernel": 0, "bias": 240})
    build = Builder(2)
    error = build("subtract", 0, 1)
    code = build.code([build("multiply", build("sin", error), build("abs", error))])
    arrays = reduced_node_arrays(code, 0) if keep else node_arrays(code, [0])
    made = graph.add("elementwise", [made, graph.input(20)], {"reduce": kind}, arrays=arrays)
    output = made[0] if keep else made
    arena = on_device(np.random.default_rng(0).normal(0, 0.5, 272).astype(np.float32))
    gradients = on_device(np.zeros(272, np.float32))
    program = half.Program(graph, [output], arena, gradients)
    program.set_loss([{"output": output, "loss": "values"}])
    program.set_optimizer({"kind": "sgd"}, [None] * 3, [(0, 240), (240, 20)])
    rate = np.full(1, 0.1, np.float32)
    inputs = [on_device(x), on_device(y)]
    for step in range(2):
        program.train(inputs, [None], [], None, len(x), 0, 1, rate, step, 0)
    predicted = on_device(np.empty((len(x), 1), np.float32))
    program.predict(inputs, [predicted])
    return arena, gradients, predicted


@pytest.mark.parametrize("rows", [1, 9, 300])
@pytest.mark.parametrize("kind", ["sum", "mean"])
@pytest.mark.parametrize("keep", [True, False])
def test_sums_over_samples(rng, rows, kind, keep):
    x, y = rng.normal(size=(rows, 12)).astype(np.float32), rng.normal(size=(rows, 20)).astype(np.float32)
    here = trained_by_sums(_native, np.copy, x, y, kind, keep)
    assert_same_bits(here, trained_by_sums(cuda, cuda_half.on_gpu, x, y, kind, keep))
