"""Sequential and what all models share: building, weights, configuration, summary, calls."""

import copy
import json
import pickle
import threading

import numpy as np
import pytest

import hotloop as hl


def small() -> hl.Sequential:
    return hl.Sequential([hl.layers.Dense(5, "relu", input_shape=(4,)), hl.layers.Dense(3, "softmax")])


def test_three_ways_to_give_the_input_shape(rng):
    x = rng.normal(size=(6, 4)).astype(np.float32)
    models = [
        small(),
        hl.Sequential([hl.Input((4,)), hl.layers.Dense(5, "relu"), hl.layers.Dense(3, "softmax")]),
        hl.Sequential(
            [hl.layers.InputLayer((4,)), hl.layers.Dense(5, "relu"), hl.layers.Dense(3, "softmax")]
        ),
        hl.Sequential([hl.layers.Dense(5, "relu", input_dim=4), hl.layers.Dense(3, "softmax")]),
    ]
    late = hl.Sequential([hl.layers.Dense(5, "relu"), hl.layers.Dense(3, "softmax")])
    assert not late.built
    late.build((None, 4))
    weights = models[0].get_weights()
    for model in [*models, late]:
        assert (model.input_shape, model.output_shape) == ((None, 4), (None, 3))
        assert model.count_params() == 43
        model.set_weights(weights)
        np.testing.assert_array_equal(model.predict(x), models[0].predict(x))


def test_deferred_model_builds_at_the_first_fit_or_prediction(rng):
    x = rng.normal(size=(9, 4)).astype(np.float32)
    model = hl.Sequential([hl.layers.Flatten(), hl.layers.Dense(2)])
    with pytest.raises(ValueError, match="input_shape="):
        model.get_weights()
    model.compile("sgd", "mse")
    model.fit(x, x[:, :2], verbose=0)
    assert model.built
    again = hl.Sequential([hl.layers.Dense(2)])
    assert again.predict(x).shape == (9, 2)


def test_a_failed_build_leaves_the_model_unbuilt(rng):
    model = hl.Sequential([hl.layers.Dense(2), hl.layers.Reshape((5,))])
    model.compile("sgd", "mse")
    x, y = rng.normal(size=(6, 4)), rng.normal(size=(6, 2))
    with pytest.raises(ValueError, match="target_shape"):
        model.fit(x, y, verbose=0)
    assert not model.built
    assert not model.layers[0].built
    model.pop()
    with pytest.raises(ValueError, match="rows"):
        model.fit(x, y[:3], verbose=0)
    assert not model.built
    model.fit(np.zeros((6, 7)), y, verbose=0)
    assert model.input_shape == (None, 7)


def test_add_and_pop(rng):
    x = rng.normal(size=(3, 4)).astype(np.float32)
    model = small()
    whole = model.predict(x)
    last = model.pop()
    assert model.predict(x).shape == (3, 5)
    model.add(last)
    np.testing.assert_array_equal(model.predict(x), whole)
    with pytest.raises(ValueError, match="in the chain already"):
        model.add(last)
    with pytest.raises(TypeError, match="a layer or a model, got str"):
        model.add("dense")
    with pytest.raises(ValueError, match="must come first"):
        model.add(hl.Input((3,)))
    np.testing.assert_array_equal(model.predict(x), whole)


def test_layers_of_one_given_name_are_refused_and_automatic_ones_renamed():
    with pytest.raises(ValueError, match="a name of its own"):
        hl.Sequential([hl.layers.Dense(2, name="a", input_shape=(2,)), hl.layers.Dense(2, name="a")])
    hl.set_seed(1)
    first = hl.layers.Dense(2, input_shape=(2,))
    hl.set_seed(1)
    model = hl.Sequential([first, hl.layers.Dense(2)])
    assert len({layer.name for layer in model.layers}) == 2
    assert len({weight.path for weight in model.weights}) == 4


@pytest.mark.parametrize("nested", [False, True])
def test_config_and_json_round_trip(nested, rng):
    x = rng.normal(size=(3, 4)).astype(np.float32)
    model = hl.Sequential([small(), hl.layers.Dense(2)]) if nested else small()
    for again in (
        hl.Sequential.from_config(json.loads(json.dumps(model.get_config()))),
        hl.model_from_json(model.to_json()),
        hl.clone_model(model),
    ):
        assert again.get_config() == model.get_config()
        assert not np.array_equal(again.get_weights()[0], model.get_weights()[0])
        again.set_weights(model.get_weights())
        np.testing.assert_array_equal(again.predict(x), model.predict(x))


def test_config_with_an_unknown_class_is_refused():
    config = small().get_config()
    config["layers"][1]["class_name"] = "Nothing"
    with pytest.raises(ValueError, match="unknown layer class 'Nothing'"):
        hl.Sequential.from_config(config)
    with pytest.raises(ValueError, match="model class"):
        hl.model_from_json('{"class_name": "os", "config": {}}')


def test_summary_lists_layers_and_weights():
    lines: list[str] = []
    small().summary(print_fn=lines.append)
    text = "\n".join(lines)
    assert "(None, 5)" in text
    assert "Total params: 43 (172 bytes)" in text
    unbuilt = hl.Sequential([hl.layers.Dense(2)])
    unbuilt.summary(print_fn=lines.append)
    assert "not built" in "\n".join(lines)


def test_get_layer_and_trainable():
    model = small()
    assert model.get_layer(index=1) is model.layers[1]
    assert model.get_layer(model.layers[0].name) is model.layers[0]
    with pytest.raises(ValueError, match="unknown layer"):
        model.get_layer("nope")
    model.layers[0].trainable = False
    assert len(model.trainable_weights) == 2
    assert len(model.non_trainable_weights) == 2
    model.trainable = False
    assert not model.trainable_weights


def test_call_on_arrays_is_predict(rng):
    x = rng.normal(size=(3, 4)).astype(np.float32)
    model = small()
    np.testing.assert_array_equal(model(x), model.predict(x))
    np.testing.assert_array_equal(model(x.tolist()), model.predict(x))
    np.testing.assert_array_equal(model.predict(x, batch_size=2), model.predict(x))
    np.testing.assert_array_equal(model.predict(x, batch_size=2, steps=1), model.predict(x)[:2])


def test_prediction_of_a_row_does_not_depend_on_the_rows_beside_it(rng):
    x = rng.normal(size=(700, 4)).astype(np.float32)
    model = small()
    whole = model.predict(x)
    for row in (0, 255, 256, 699):
        np.testing.assert_array_equal(model.predict(x[row : row + 1])[0], whole[row])


def test_prediction_takes_any_numbers_and_layouts(rng):
    x = rng.integers(0, 255, size=(20, 8)).astype(np.uint8)
    model = hl.Sequential([hl.layers.Rescaling(1 / 255, input_shape=(4,)), hl.layers.Dense(3)])
    want = model.predict(x[:, ::2].astype(np.float32))
    readonly = x[:, ::2].astype(np.float32)
    readonly.flags.writeable = False
    kinds = (np.uint8, np.int64, np.float64, np.float16, ">f4")
    for given in [readonly, *(x.astype(kind)[:, ::2] for kind in kinds), np.asfortranarray(readonly)]:
        np.testing.assert_array_equal(model.predict(given), want)


def test_prediction_takes_data_frames(rng):
    pandas = pytest.importorskip("pandas")
    x = rng.normal(size=(5, 4))
    model = small()
    np.testing.assert_array_equal(model.predict(pandas.DataFrame(x)), model.predict(x))


def test_identity_models(rng):
    x = rng.normal(size=(3, 4)).astype(np.float32)
    for layer in (hl.layers.Flatten(), hl.layers.Activation("linear"), hl.layers.Dropout(0.5)):
        model = hl.Sequential([hl.Input((4,)), layer])
        np.testing.assert_array_equal(model.predict(x), x)
        model.compile("sgd", "mse")
        assert model.evaluate(x, x, verbose=0) == 0
        model.fit(x, x, verbose=0)


def test_predictions_from_several_threads_are_right(rng):
    x = rng.normal(size=(64, 4)).astype(np.float32)
    model = small()
    want = model.predict(x)
    wrong: list[int] = []

    def work(number: int) -> None:
        for i in range(number, 400 + number):
            row = i % 64
            if not np.array_equal(model.predict(x[row : row + 1])[0], want[row]):
                wrong.append(row)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_same_seed_same_model_and_other_seed_another():
    def weights(seed: int) -> np.ndarray:
        hl.set_seed(seed)
        return small().get_weights()[0]

    np.testing.assert_array_equal(weights(3), weights(3))
    assert not np.array_equal(weights(3), weights(4))


def test_configuration_tells_the_machine(capsys):
    hl.show_config()
    out = capsys.readouterr().out
    for word in ("CPU:", "instruction set:", "threads:", "CUDA:", "numpy:"):
        assert word in out
    with pytest.raises(ValueError, match="at least 1"):
        hl.set_num_threads(0)
    with pytest.raises(ValueError, match="at least 0"):
        hl.set_seed(-1)


@pytest.mark.parametrize("how", ["copy", "pickle"])
def test_copies_go_on_training_by_themselves(how, rng):
    x, y = rng.normal(size=(32, 4)).astype(np.float32), rng.integers(0, 3, 32)
    model = small()
    model.compile("adam", "sparse_categorical_crossentropy")
    model.fit(x, y, verbose=0)
    twin = copy.deepcopy(model) if how == "copy" else pickle.loads(pickle.dumps(model))
    assert twin.store.values.ctypes.data % 64 == 0
    for each in (model, twin):
        each.fit(x, y, epochs=2, verbose=0)
    np.testing.assert_array_equal(twin.predict(x), model.predict(x))
    twin.fit(x, y, verbose=0)
    assert not np.array_equal(twin.predict(x), model.predict(x))
