"""Batches gathered on a GPU are the CPU's, by themselves and within the steps of a call."""

import numpy as np
import pytest

import cuda_half
from hotloop import _native

cuda = cuda_half.load()
HALVES = ((_native, np.copy), (cuda, cuda_half.on_gpu))


@pytest.mark.parametrize("dtype", [np.float32, np.uint8, np.int32])
@pytest.mark.parametrize("row_size", [0, 1, 3, 4, 5, 8, 16, 17, 784])
@pytest.mark.parametrize("rows", [0, 1, 7, 301])
def test_gathered_rows(dtype, row_size, rows, rng):
    source = rng.integers(0, 256, (310, row_size)).astype(dtype)
    out_dtype = np.int32 if dtype == np.int32 else np.float32
    index = rng.integers(0, 310, rows).astype(np.int32)
    for chosen, expected in [(index, source[index]), (None, source[2 : 2 + rows])]:
        for off in (0, 1):  # from and to addresses that are no multiples of 16 bytes
            given = cuda_half.on_gpu(np.pad(source.ravel(), (off, 0)))[off:].reshape(source.shape)
            whole = cuda_half.on_gpu(np.full(rows * row_size + 8, 77, out_dtype))
            out = whole[4 + off : 4 + off + rows * row_size].reshape(rows, row_size)
            cuda.gather_rows(given, out, cuda_half.on_gpu(chosen), first=2)
            np.testing.assert_array_equal(out.get(), expected.astype(out_dtype))
            around = whole.get()
            assert (around[: 4 + off] == 77).all()
            assert (around[4 + off + rows * row_size :] == 77).all()


def test_rows_that_are_not_there_are_refused():
    source, out = (cuda_half.on_gpu(np.zeros((n, 2), np.float32)) for n in (3, 2))
    for bad in (-1, 3):
        with pytest.raises(ValueError, match=f"index: expected rows 0 to 2, got {bad}"):
            cuda.gather_rows(source, out, cuda_half.on_gpu(np.array([0, bad], np.int32)))
    with pytest.raises(ValueError, match="first: expected 2 rows from here among 3, got 2"):
        cuda.gather_rows(source, out, first=2)


@pytest.mark.parametrize("n", [0, 1, 3, 4, 5, 1023, 4096, 4099])
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_finite(n, bad):
    good = np.resize(np.array([0.0, -0.0, 1e-45, -3e38, 3.4028235e38], np.float32), n + 1)
    for off in (0, 1):
        for place in (None, off, off + n // 2, off + n - 1):
            x = good.copy()
            x[-1 if off == 0 else 0] = np.nan  # beside what is looked at
            if place is not None and n:
                x[place] = bad
            assert cuda.all_finite(cuda_half.on_gpu(x)[off : off + n]) == (place is None or n == 0)


@pytest.mark.parametrize("dtype", [np.float32, np.uint8])
@pytest.mark.parametrize(("features", "units"), [(8, 4), (5, 3)])
@pytest.mark.parametrize("shuffled", [True, False])
@pytest.mark.parametrize("weighted", [True, False])
def test_steps_take_their_own_rows(dtype, features, units, shuffled, weighted):
    """Inputs, targets of both kinds, sample weights and recorded outputs of steps with a short last one."""
    rows, results = 37, []
    for half, put in HALVES:
        rng = np.random.default_rng(4)
        x = put(rng.integers(0, 200, (rows, features)).astype(dtype))
        numbers = put(rng.standard_normal((rows, units)).astype("f4"))
        classes = put(rng.integers(0, units, (rows, 1)).astype("i4"))
        weights = [put(rng.uniform(0.5, 2, rows).astype("f4")) for _ in range(2 if weighted else 0)]
        order = _native.shuffled_order(3, 1, rows) if shuffled else None
        size = features * units
        values = put((rng.standard_normal(2 * size) / 100).astype("f4"))
        graph = half.Graph()
        given = graph.input(features)
        attributes = {"units": units, "last_axis": features, "activation": "linear"}
        heads = [
            graph.add("dense", [given], attributes=attributes, parameters={"kernel": k * size})
            for k in range(2)
        ]
        program = half.Program(graph, heads, values, put(np.zeros(2 * size, "f4")))
        program.set_loss(
            [
                {"output": heads[0], "loss": "mean_squared_error"},
                {
                    "output": heads[1],
                    "loss": "sparse_categorical_crossentropy",
                    "from_logits": True,
                    "weight": 0.5,
                },
            ]
        )
        program.set_optimizer({"kind": "sgd"}, [None] * 3, [(0, size), (size, size)])
        outputs = [put(np.full((rows, units), np.nan, "f4")) for _ in heads]
        done = [
            program.train(
                [x],
                [numbers, classes],
                weights=weights,
                order=order,
                batch_size=9,
                first_step=first,
                steps=steps,
                learning_rates=np.full(steps, 1e-4, "f4"),
                iteration=first,
                seed=1,
                outputs=outputs,
            )
            for first, steps in ((0, 2), (2, 3))
        ]
        done.append(program.evaluate([x], [numbers, classes], weights=weights))
        results.append((done, [cuda_half.bits(a) for a in (values, *outputs)]))
        assert not np.isnan(np.frombuffer(results[-1][1][1], "f4")).any()
    assert results[0] == results[1]


@pytest.mark.parametrize("rows", [5, 128, 129, 1000, 128 * 256 + 7])
def test_a_batchs_loss_is_the_cpus(rows):
    """Blocks of 128 rows first, and then these. An evaluation adds up chunks, which are larger on a GPU."""
    results = []
    for half, put in HALVES:
        rng = np.random.default_rng(rows)
        x, y = (put(rng.standard_normal((rows, 1)).astype("f4")) for _ in range(2))
        graph = half.Graph()
        doubled = graph.add("add", [graph.input(1)] * 2)
        attributes = {"units": 1, "last_axis": 1, "activation": "linear"}
        output = graph.add("dense", [doubled], attributes=attributes, parameters={"kernel": 0})
        program = half.Program(graph, [output], put(np.full(1, 0.3, "f4")), put(np.zeros(1, "f4")))
        program.set_loss([{"output": output, "loss": "mean_squared_error"}])
        program.set_optimizer({"kind": "sgd"}, [None] * 3, [(0, 1)])
        trained = program.train(
            [x],
            [y],
            weights=[],
            order=None,
            batch_size=rows,
            first_step=0,
            steps=1,
            learning_rates=np.zeros(1, "f4"),
            iteration=0,
            seed=1,
        )
        results.append((trained, program.evaluate([x], [y])))
    (trained, evaluated), (there, also) = results
    assert there == trained
    assert also == pytest.approx(evaluated, rel=1e-14)
