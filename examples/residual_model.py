"""The functional way: a network with two residual blocks and a second branch.

python examples/residual_model.py
"""

import numpy as np

import hotloop as hl
from hotloop import layers


def build(features: int, classes: int) -> hl.Model:
    """Blocks add what they found to what they got; the raw input joins again before the last layer."""
    inputs = layers.Input(shape=(features,))
    x = layers.Dense(32, activation="relu")(inputs)
    for _ in range(2):
        found = layers.Dense(32, activation="relu")(x)
        found = layers.BatchNormalization()(found)
        found = layers.Dense(32)(found)
        x = layers.Activation("relu")(layers.Add()([x, found]))
    x = layers.Concatenate()([x, inputs])
    return hl.Model(inputs, layers.Dense(classes, activation="softmax")(x))


def main() -> float:
    """Fit on two interleaved spirals; returns the accuracy on held-out points."""
    hl.set_seed(0)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 3000)
    turn = rng.uniform(0.5, 3.0, 3000)
    angle = 2 * np.pi * turn / 2 + np.pi * y
    x = np.column_stack([turn * np.cos(angle), turn * np.sin(angle)]) + 0.05 * rng.standard_normal((3000, 2))
    x = x.astype(np.float32)

    model = build(2, 2)
    model.summary()
    model.compile(
        optimizer=hl.optimizers.Adam(learning_rate=0.005),
        loss="sparse_categorical_crossentropy",
        metrics=["accuracy"],
    )
    stop = hl.callbacks.EarlyStopping(monitor="val_loss", patience=10, restore_best_weights=True)
    model.fit(x, y, epochs=60, batch_size=64, validation_split=0.2, callbacks=[stop], verbose=0)
    accuracy = model.evaluate(x[2400:], y[2400:], verbose=0)[1]
    print(f"held-out accuracy {accuracy:.4f}")
    return float(accuracy)


if __name__ == "__main__":
    assert main() > 0.95
