"""Sample weights for each output and each position on a GPU give the CPU's bits."""

import pytest

import cuda_half

cuda_half.load()

import hotloop as hl  # noqa: E402 - once the CUDA half is there


@pytest.mark.parametrize("positions", [False, True])
def test_weights_of_outputs_and_positions(rng, positions):
    rows, steps = 21, 4
    x = rng.normal(size=(rows, steps, 5)).astype("f4")
    y = [rng.integers(0, 3, (rows, steps)), rng.normal(size=(rows, steps, 2))]
    shapes = [(rows, steps), (rows,)] if positions else [(rows,), (rows,)]
    w = [rng.uniform(-1, 2, shape) for shape in shapes]
    results = []
    for device in ("cpu", "cuda"):
        hl.set_seed(3)
        inputs = hl.Input((steps, 5))
        outputs = [hl.layers.Dense(3, "softmax", name="kind")(inputs), hl.layers.Dense(2, name="at")(inputs)]
        model = hl.Model(inputs, outputs, name="both")
        model.compile(
            "adam",
            {"kind": "sparse_categorical_crossentropy", "at": "mse"},
            weighted_metrics={"kind": ["accuracy"]},
            device=device,
        )
        history = model.fit(x, y, sample_weight=w, batch_size=8, epochs=2, verbose=0).history
        logs = model.evaluate(x, y, sample_weight=w, verbose=0)
        results.append((history, [weight.tobytes() for weight in model.get_weights()], logs))
    assert results[0] == results[1]
