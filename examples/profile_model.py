"""Where the time of a training step goes, beside what the machine could do.

python examples/profile_model.py
"""

import numpy as np

import hotloop as hl


def main() -> hl.profiling.Profile:
    """Profile a step of training, then inference in float32 and int8; returns the first."""
    hl.set_seed(0)
    rng = np.random.default_rng(0)
    x = rng.standard_normal((2000, 784)).astype(np.float32)
    y = rng.integers(0, 10, 2000)

    model = hl.Sequential(
        [
            hl.layers.Dense(256, activation="relu", input_shape=(784,)),
            hl.layers.Dense(10, activation="softmax"),
        ],
        name="small",
    )
    model.compile(optimizer="adam", loss="sparse_categorical_crossentropy")

    training = hl.profile(model, x, y, batch_size=64, seconds=0.2)  # on a copy: the model learns nothing
    print(training, "\n")
    # training.plot("roofline.png") draws it, and training.to_json("profile.json") keeps the numbers.

    for each in (hl.freeze(model), hl.quantize_model(model, "int8", x)):
        inference = hl.profile(each, x, batch_size=64, seconds=0.2)
        slowest = max(inference.rows, key=lambda row: row.microseconds)
        print(
            f"{each.precision}: {inference.unprofiled_microseconds:.1f} us for 64 rows; {slowest.op!r} takes "
            f"{slowest.share:.0%} of it at {slowest.percent_of_roofline:.0f}% of its roofline"
        )
    return training


if __name__ == "__main__":
    profile = main()
    assert [row.phase for row in profile.rows].count("backward") == 2
