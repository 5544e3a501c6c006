"""Logistic regression: one Dense layer with a sigmoid and binary cross-entropy.

python examples/logistic_regression.py
"""

import numpy as np

import hotloop as hl


def main() -> float:
    """Fit on two clouds of points; returns the accuracy on held-out points."""
    hl.set_seed(0)
    rng = np.random.default_rng(0)
    y = rng.integers(0, 2, 2000)
    x = (rng.standard_normal((2000, 2)) + np.where(y[:, None] == 1, 1.5, -1.5)).astype(np.float32)
    x_train, x_test, y_train, y_test = hl.data.train_test_split(x, y, test_size=0.25, stratify=True)

    model = hl.Sequential([hl.layers.Dense(1, activation="sigmoid", input_shape=(2,))])
    adam = hl.optimizers.Adam(learning_rate=0.02)
    model.compile(optimizer=adam, loss="binary_crossentropy", metrics=["accuracy", "auc"])
    model.fit(x_train, y_train, epochs=30, verbose=0)

    loss, accuracy, auc = model.evaluate(x_test, y_test, verbose=0)
    print(f"held-out loss {loss:.4f}, accuracy {accuracy:.4f}, AUC {auc:.4f}")
    print("probability of class 1 at (1, 1):", model.predict(np.array([[1, 1]], np.float32), verbose=0)[0, 0])
    return float(accuracy)


if __name__ == "__main__":
    assert main() > 0.95
