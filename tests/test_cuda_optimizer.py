"""Optimizer steps, sums and regularisers on a GPU give the CPU's bits, array by array and over an arena."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native
from test_optimizer import WHICH, random_state
from test_optimizer_sums import moved_by

cuda = cuda_half.load()
# A tile is 1024 numbers, a block of a sum 4096.
SIZES = [0, 1, 3, 255, 1023, 1024, 1025, 3 * 1024 + 4, 4095, 4096, 4097, 4096 + 63, 5 * 4096 + 17]


def same(here, there):
    """Compare what both halves left, array by array."""
    for a, b in zip(here, there, strict=True):
        assert cuda_half.bits(a) == cuda_half.bits(b)


@WHICH
def test_steps_give_the_cpus_bits(kind, options):
    for n in SIZES:
        for off in (0, 1):  # on an address that is no multiple of 16 bytes
            w, g, slots = random_state(n + off, seed=n)
            if n > 5:
                g[3 + off], g[4 + off], slots[0][5] = np.nan, np.inf, 1e-42
                g[:3] = 1e19, -1e25, 3e38
            here = [a.copy() for a in (w, *slots)]
            there = [cuda_half.on_gpu(a) for a in here]
            for half, (weights, *state), gradient in (
                (_native, here, g),
                (cuda, there, cuda_half.on_gpu(g)),
            ):
                half.optimizer_step(
                    kind,
                    weights[off:],
                    gradient[off:],
                    [s[off:] for s in state],
                    learning_rate=0.05,
                    **options,
                )
            same(here, there)
            assert n == 0 or here[0].tobytes() != w.tobytes()


@pytest.mark.parametrize("n", SIZES)
def test_sums_and_regularizers_give_the_cpus_bits(n):
    w, g, _ = random_state(n)
    w[::7] = -0.0
    on_gpu = cuda_half.on_gpu(w)
    for scale in (1, 1e19, 1e38, np.inf):
        with np.errstate(over="ignore", invalid="ignore"):
            x = w * np.float32(scale)
        for name in ("sum_squares_blocks", "sum_absolute_blocks"):
            same([getattr(_native, name)(x)], [getattr(cuda, name)(cuda_half.on_gpu(x))])
    for l1, l2 in [(0.1, 0.0), (0.0, 0.01), (0.3, 0.2)]:
        here, there = g.copy(), cuda_half.on_gpu(g)
        _native.add_regularizer_gradient(w, here, l1, l2)
        cuda.add_regularizer_gradient(on_gpu, there, l1, l2)
        same([here], [there])


def trained(half, put, options, sizes, slots, steps, **more):
    """A net of two small layers, and variables of `sizes` that only weight decay and regularisers move."""
    rng = np.random.default_rng(5)
    graph = half.Graph()
    x = graph.input(4)
    variables, end = [], 0
    for size in [12, 3, 12, 3, *sizes]:
        variables.append((end, size))
        end += -(-size // 16) * 16
    outputs = []
    for kernel, bias in (variables[:2], variables[2:4]):
        parameters = {"kernel": kernel[0], "bias": bias[0]}
        attributes = {"units": 3, "last_axis": 4, "activation": "tanh"}
        outputs.append(graph.add("dense", [x], attributes=attributes, parameters=parameters))
    output = graph.add("add", outputs)
    start = rng.normal(size=end).astype("f4")
    arenas = [put(start), put(np.zeros(end, "f4")), *(put(np.zeros(end, "f4")) for _ in range(slots))]
    program = half.Program(graph, [output], *arenas[:2])
    program.set_loss([{"output": output, "loss": "mean_squared_error"}])
    regularizers = [(*variable, 1e-3, 2e-3) for variable in variables[1::2]]
    program.set_optimizer(
        options,
        [*arenas[2:], *[None] * (3 - slots)],
        variables,
        regularizers=regularizers,
        decay_excluded=variables[::3],
        **more,
    )
    given, wanted = (put(rng.normal(size=(10, size)).astype("f4")) for size in (4, 3))
    results = [
        program.train(
            [given],
            [wanted],
            order=None,
            batch_size=4,
            steps=steps,
            learning_rates=np.linspace(0.05, 0.01, steps).astype("f4"),
            weights=[],
            iteration=3 * call,
            seed=7,
            first_step=0,
        )
        for call in range(2)
    ]
    return arenas, (*results, program.evaluate([given], [wanted]))


# Tiles and blocks of sums from both sides; more segments than lanes; more blocks than chains of a total.
ARENAS = {
    "few": [1023, 1024, 1025, 4097],
    "many": [1 + 37 * i % 100 for i in range(66)],
    "long": [130 * 4096 + 1],
}


@pytest.mark.parametrize("clip", ["clipnorm", "global_clipnorm"])
def test_norms_beyond_float32_are_those_of_the_cpu(clip):
    expected, there = (
        moved_by(half, put, np.float32([3e19, 4e19, *[1e10] * 5000]), **{clip: 1.0})
        for half, put in ((_native, np.copy), (cuda, cuda_half.on_gpu))
    )
    same([expected], [there])
    np.testing.assert_allclose(expected[:2], [0.6, 0.8], rtol=1e-6)


@pytest.mark.parametrize("sizes", ARENAS.values(), ids=ARENAS)
@pytest.mark.parametrize(
    ("options", "slots", "more"),
    [
        ({"kind": "sgd"}, 0, {}),
        ({"kind": "sgd", "momentum": 0.9}, 1, {"clip_value": 0.01}),
        ({"kind": "rmsprop", "centered": True, "momentum": 0.5}, 3, {"clipnorm": 0.2}),
        ({"kind": "adam", "weight_decay": 0.1}, 2, {"global_clipnorm": 0.3}),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else None,
)
def test_an_arena_is_updated_as_on_the_cpu(options, slots, more, sizes):
    here, expected = trained(_native, np.copy, options, sizes, slots, 3, **more)
    there, got = trained(cuda, cuda_half.on_gpu, options, sizes, slots, 3, **more)
    same(here, there)
    assert got == expected
    assert np.isfinite(expected[-1])
