"""A linear support vector machine: one Dense layer, hinge loss and an L2 penalty on the weights.

python examples/linear_svm.py
"""

import numpy as np

import hotloop as hl


def main() -> float:
    """Fit on two clouds of points; returns the accuracy on held-out points."""
    hl.set_seed(0)
    rng = np.random.default_rng(0)
    y = np.where(rng.random(2000) < 0.5, 1.0, -1.0).astype(np.float32)
    x = (rng.standard_normal((2000, 10)) + 0.8 * y[:, None]).astype(np.float32)
    x_train, y_train, x_test, y_test = x[:1500], y[:1500], x[1500:], y[1500:]

    model = hl.Sequential(
        [hl.layers.Dense(1, kernel_regularizer=hl.regularizers.L2(1e-3), input_shape=(10,))]
    )
    model.compile(optimizer=hl.optimizers.SGD(learning_rate=0.05), loss="hinge")
    model.fit(x_train, y_train, epochs=20, verbose=0)

    score = model.predict(x_test, verbose=0)[:, 0]
    accuracy = float((np.sign(score) == y_test).mean())
    print(f"held-out accuracy {accuracy:.4f}; samples inside the margin: {int((y_test * score < 1).sum())}")
    return accuracy


if __name__ == "__main__":
    assert main() > 0.97
