"""Linear regression: one Dense layer and the mean squared error, against the closed-form solution.

python examples/linear_regression.py
"""

import numpy as np

import hotloop as hl


def main() -> float:
    """Fit; returns the largest difference to the least-squares weights."""
    hl.set_seed(0)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((1000, 5)).astype(np.float32)
    y = x @ np.array([1.0, -2.0, 0.5, 3.0, 0.0], np.float32) + 4 + 0.1 * rng.standard_normal(1000)

    model = hl.Sequential([hl.layers.Dense(1, input_shape=(5,))])
    model.compile(optimizer=hl.optimizers.Adam(learning_rate=0.05), loss="mse", metrics=["r2"])
    history = model.fit(x, y, epochs=40, batch_size=100, verbose=0)

    kernel, bias = model.get_weights()
    found = np.append(kernel[:, 0], bias)
    exact, *_ = np.linalg.lstsq(np.column_stack([x, np.ones(len(x))]), y, rcond=None)
    print("found         ", np.round(found, 3))
    print("least squares ", np.round(exact, 3))
    print("loss", history.history["loss"][-1])
    return float(np.abs(found - exact).max())


if __name__ == "__main__":
    difference = main()
    print("largest difference", difference)
    assert difference < 0.02
