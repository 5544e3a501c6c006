"""Models for tests of what goes from model to model: random graphs, random weights, random inputs."""

import numpy as np
from hypothesis import strategies as st

import hotloop as hl
from traced_parts import KINDS, MIXING, Traced


def randomise(model: hl.Model, seed: int = 0) -> hl.Model:
    """Weights that are all different and not zero, moving statistics included."""
    rng = np.random.default_rng(seed)
    model.set_weights(
        [
            rng.uniform(0.5, 1.5, w.shape) if p.name == "moving_variance" else rng.normal(0, 0.6, w.shape)
            for p, w in zip(model.weights, model.get_weights(), strict=True)
        ]
    )
    return model


def inputs_for(model: hl.Model, rows: int = 33, seed: int = 1) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(rows, *t.sample_shape)).astype(np.float32) for t in model.inputs]


@st.composite
def random_models(draw: st.DrawFn, traced: bool = True, mixing: bool = False) -> hl.Model:
    """Random graphs: layers read any earlier value, joins tie whatever has one shape.

    With `traced` some are layers as users write them, with `mixing` some of these mix rows.
    """
    own = [kind for kind in KINDS if mixing or kind not in MIXING] if traced else []
    ranks = draw(st.sampled_from([(3,), (2, 3)]))
    values = [hl.Input(ranks)]
    inputs = list(values)
    shared: list[hl.layers.Layer] = []
    for _ in range(draw(st.integers(2, 9))):
        source = draw(st.sampled_from(values))
        alike = [value for value in values if value.shape == source.shape]
        partner = draw(st.sampled_from(alike))
        kinds = ["dense", "dense", "norm", "act", "drop", "flat", "add", "mul", "cat", "again", "again"]
        kind = draw(st.sampled_from([*kinds, *["own"] * (4 if own else 0)]))
        if kind == "dense":
            layer = hl.layers.Dense(
                draw(st.integers(1, 6)), draw(st.sampled_from(["relu", "linear", "softmax"]))
            )
            shared.append(layer)
            values.append(layer(source))
        elif kind == "own":
            layer = Traced(draw(st.sampled_from(own)))
            shared.append(layer)
            values.append(layer(source))
        elif kind == "again":
            fitting = [s for s in shared if s.input_shape == (None, *source.shape)]
            if fitting:
                values.append(draw(st.sampled_from(fitting))(source))
        elif kind == "norm":
            values.append(hl.layers.BatchNormalization()(source))
        elif kind == "act":
            values.append(hl.layers.Activation(draw(st.sampled_from(["tanh", "softmax"])))(source))
        elif kind == "drop":
            values.append(hl.layers.Dropout(0.5)(source))
        elif kind == "flat":
            values.append(hl.layers.Flatten()(source))
        elif kind == "add":
            values.append(hl.layers.Add()([source, partner]))
        elif kind == "mul":
            values.append(hl.layers.Multiply()([source, partner]))
        else:
            values.append(hl.layers.Concatenate()([source, partner]))
    head = hl.layers.Dense(4, activation="relu")(values[-1])
    return hl.Model(inputs, hl.layers.Dense(2)(head))
