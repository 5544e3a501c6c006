"""Train, remove three quarters of the hidden units, retrain, quantise to int8, save, load.

python examples/prune_and_quantize.py
"""

import tempfile
from pathlib import Path

import numpy as np

import hotloop as hl


def main() -> tuple[float, float]:
    """Returns the accuracy of the float32 and of the pruned int8 model on held-out samples."""
    hl.set_seed(0)
    rng = np.random.default_rng(0)
    centres = rng.standard_normal((8, 20))
    y = rng.integers(0, 8, 4000)
    x = (centres[y] + 0.5 * rng.standard_normal((4000, 20))).astype(np.float32)
    x_train, x_test, y_train, y_test = hl.data.train_test_split(x, y, test_size=0.25, stratify=True)

    model = hl.Sequential(
        [
            hl.layers.Dense(128, activation="relu", input_shape=(20,)),
            hl.layers.Dense(64, activation="relu"),
            hl.layers.Dense(8, activation="softmax"),
        ]
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy", metrics=["accuracy"])
    model.fit(x_train, y_train, epochs=10, verbose=0)

    smaller = hl.prune_model(model, pruning_rate=0.75)
    smaller.fit(x_train, y_train, epochs=5, verbose=0)
    fast = hl.quantize_model(smaller, precision="int8", calibration_data=x_train[:500])

    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder, "fast.hotloop"))
        fast.save(path)
        loaded = hl.load_model(path)
    assert np.array_equal(loaded.predict(x_test, verbose=0), fast.predict(x_test, verbose=0))

    accuracies = []
    for name, candidate in (("float32", model), ("pruned", smaller), ("int8", loaded)):
        report = hl.evaluate_performance(candidate, x_test, y_test, seconds=0.1)
        accuracies.append(report["metrics"]["accuracy"])
        print(f"{name:8} {report['parameter_bytes']:7,} bytes, accuracy {accuracies[-1]:.4f}")
    return accuracies[0], accuracies[-1]


if __name__ == "__main__":
    full, small = main()
    assert full > 0.95
    assert small > full - 0.02
