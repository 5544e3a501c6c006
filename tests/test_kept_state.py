"""What a layer, a Lambda or an activation would keep from call to call is refused: it is called once, when
the model is put together."""

import copy
from functools import cached_property

import numpy as np
import pytest

import hotloop as hl
from hotloop import ops

X = np.random.default_rng(9).normal(size=(10, 4)).astype(np.float32)


class Counts(hl.layers.Layer):
    def __init__(self, **kwargs):
        super().__init__(**kwargs)
        self.calls = 0

    def call(self, inputs):
        self.calls += 1
        return inputs * float(self.calls)


class Remembers(hl.layers.Layer):
    def call(self, inputs):
        self.last = ops.tanh(inputs)
        return self.last


class BuildsInCall(hl.layers.Layer):
    def call(self, inputs):
        self.inner = hl.layers.Dense(3)
        return self.inner(inputs)


class WeightInCall(hl.layers.Layer):
    def call(self, inputs):
        return inputs * self.add_weight(shape=(4,), name="scale")


class CountsAsFunction:
    def __init__(self):
        self.calls = 0

    def __call__(self, x):
        self.calls += 1
        return x * float(self.calls)

    method = __call__


class InAttributes(hl.layers.Layer):
    def __init__(self, change, **kwargs):
        super().__init__(**kwargs)
        self.seen, self.deep, self.change = [], {"a": [set()], "b": 2.5}, change

    def call(self, inputs):
        self.change(self, inputs)
        return inputs * 2.0


def in_variables(change):
    """A function that changes what is round it."""
    seen, count, never = [1.5], 0, {}

    def helper(x):
        nonlocal count
        if change == "count":
            count += 1
        elif change == "seen":
            seen.append(x.shape)
        elif change == "tensor":
            never["deep"] = (x,)
        return x * float(1 + count + len(seen) + len(never))

    return lambda x: helper(x)


def sets_its_own(x):
    sets_its_own.last = x
    return x


@pytest.mark.parametrize(
    ("layer", "words"),
    [
        (Counts(name="own"), "call of layer 'own': .*sets attribute 'calls'"),
        (Remembers(name="own"), "call of layer 'own': .*keeps a tensor in attribute 'last'"),
        (
            BuildsInCall(name="own"),
            "call of layer 'own': .*sets attribute 'inner'.*make layers and weights in",
        ),
        (WeightInCall(name="own"), "call of layer 'own': .*all weights from build, got a new one, 'scale'"),
        (hl.layers.Lambda(CountsAsFunction(), name="own"), "call of layer 'own': .*sets attribute 'calls'"),
        (hl.layers.Lambda(CountsAsFunction().method, name="own"), "layer 'own': .*sets attribute 'calls'"),
        (hl.layers.Lambda(sets_its_own, name="own"), "layer 'own': .*keeps a tensor in attribute 'last'"),
        (hl.layers.Dense(4, CountsAsFunction()), "activation 'CountsAsFunction': .*sets attribute 'calls'"),
        (
            hl.layers.Activation(sets_its_own),
            "activation 'sets_its_own': .*keeps a tensor in attribute 'last'",
        ),
    ],
)
def test_what_is_kept_is_named(layer, words):
    with pytest.raises(ValueError, match=words):
        layer(hl.Input((4,)))


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda layer, x: layer.seen.append(1), "changes attribute 'seen'"),
        (lambda layer, x: layer.seen.append(x), "keeps a tensor in attribute 'seen'"),
        (lambda layer, x: layer.deep["a"][0].add(3), "changes attribute 'deep'"),
        (lambda layer, x: layer.deep["a"].append({"x": (1, x)}), "keeps a tensor in attribute 'deep'"),
        (lambda layer, x: layer.deep.pop("b"), "changes attribute 'deep'"),
        (lambda layer, x: layer.__dict__.pop("seen"), "deletes attribute 'seen'"),
        (lambda layer, x: setattr(layer, "last", [x]), "keeps a tensor in attribute 'last'"),
    ],
)
def test_what_attributes_hold_is_looked_at(change, words):
    layer, x = InAttributes(change, name="own"), hl.Input((4,))
    for _ in range(2):  # all is put back
        with pytest.raises(ValueError, match=f"call of layer 'own': expected a call that keeps .*{words}"):
            layer(x)
    assert (layer.seen, layer.deep) == ([], {"a": [set()], "b": 2.5})
    assert not hasattr(layer, "last")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ("count", "sets variable 'count'"),
        ("seen", "changes variable 'seen'"),
        ("tensor", "keeps a tensor in variable 'never'"),
    ],
)
def test_variables_round_a_function_are_looked_at(change, words):
    function = in_variables(change)
    losses = in_variables(change)
    model = hl.Sequential([hl.layers.Dense(4, input_shape=(4,))])
    model.compile("sgd", lambda y, p: losses(p - y))
    for make in (
        lambda: hl.layers.Lambda(function)(hl.Input((4,))),
        lambda: hl.layers.Dense(4, function)(hl.Input((4,))),
        lambda: model.fit(X, X, verbose=0),
    ):
        for _ in range(2):
            with pytest.raises(ValueError, match=f"expected a call that keeps .*{words}"):
                make()
    metric = in_variables(change)
    model.compile("sgd", "mse", metrics=[lambda y, p: metric(p - y)])
    logs = model.fit(X, X, epochs=2, shuffle=False, verbose=0).history  # as NumPy's functions are: each time
    assert len(logs) == 2
    hl.layers.Lambda(in_variables("nothing"))(hl.Input((4,)))


kept = []


def remembers(x):
    kept.append(x)
    return x + kept[0]


def test_tensors_of_another_call_are_refused():
    class Keeps(hl.layers.Layer):
        def call(self, inputs):
            return remembers(inputs)

    x = hl.Input((4,))
    for make in (
        lambda: hl.layers.Lambda(remembers)(x),
        lambda: Keeps()(x),
        lambda: hl.layers.Dense(4, remembers)(x),
        lambda: hl.layers.Activation(remembers)(x),
    ):
        kept.clear()
        make()
        with pytest.raises(ValueError, match="must keep no tensors from call to call"):
            make()


def test_what_a_layer_computes_once_it_may_keep():
    class Table(hl.layers.Layer):
        @cached_property
        def table(self):
            return np.arange(4, dtype=np.float32)

        def call(self, inputs):
            return inputs + self.table

    layer = Table(input_shape=(4,))
    np.testing.assert_allclose(hl.Sequential([layer]).predict(X, verbose=0), X + np.arange(4), rtol=1e-6)


calls = []


def test_an_activation_is_called_once_for_a_shape():
    calls.clear()

    def doubled(x):
        calls.append(x.shape)
        return 2.0 * x

    model = hl.Sequential([hl.layers.Dense(3, doubled, input_shape=(4,)), hl.layers.Dense(2)])
    model.compile("sgd", "mse")
    made = model.predict(X, verbose=0)
    model.evaluate(X, made, verbose=0)
    model.fit(X, made, verbose=0)
    hl.freeze(model)
    assert calls == [(None, 3)]
    twin = copy.deepcopy(model)
    np.testing.assert_array_equal(twin.predict(X, verbose=0), model.predict(X, verbose=0))


def test_layers_and_lambdas_are_called_once():
    calls.clear()

    class Doubles(hl.layers.Layer):
        def call(self, inputs):
            calls.append("layer")
            return inputs + inputs

    def halved(x):
        calls.append("lambda")
        return x / 2.0

    model = hl.Sequential([Doubles(input_shape=(4,)), hl.layers.Lambda(halved), hl.layers.Dense(4)])
    model.compile("sgd", "mse")
    model.fit(X, X, verbose=0, validation_data=(X, X))
    model.predict(X, verbose=0)
    assert calls == ["layer", "lambda"]
