"""Small data and small networks for the tests of training."""

import numpy as np

import hotloop as hl


def blobs(rng, rows=300, features=6, classes=3):
    centres = rng.normal(size=(classes, features)) * 3
    y = rng.integers(0, classes, rows)
    return (centres[y] + rng.normal(size=(rows, features))).astype(np.float32), y


def classifier(features=6, classes=3, metrics=("accuracy",), optimizer="adam"):
    model = hl.Sequential(
        [hl.layers.Dense(16, "relu", input_shape=(features,)), hl.layers.Dense(classes, "softmax")]
    )
    model.compile(optimizer, "sparse_categorical_crossentropy", metrics=list(metrics))
    return model
