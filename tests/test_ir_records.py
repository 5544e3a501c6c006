"""What the records say of ops and activations is what the native ones do."""

import numpy as np
import pytest

import hotloop as hl
from hotloop import _native
from hotloop.ir.activation import BOUNDED, KINDS, ROWWISE, SCALABLE
from hotloop.ir.build import build
from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.ops import RECORDS, product_of, record_of

X = np.random.default_rng(0).normal(size=(20, 6)).astype(np.float32)


def only_op(kind: str, attributes: dict, weights: dict | None = None, units: int = 6) -> tuple[Graph, Op]:
    graph = Graph()
    x = graph.add_input((6,))
    graph.outputs = [graph.add(kind, [x], attributes, weights, shape=(units,))]
    return graph, graph.ops[0]


def vectors(*names: str) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    return {name: rng.uniform(0.5, 2.0, 3).astype(np.float32) for name in names}


@pytest.mark.parametrize(
    ("kind", "attributes", "weights"),
    [
        ("rescale", {"scale": 0.5, "offset": -1.0}, {}),
        ("batch_norm", {"last_axis": 3, "epsilon": 1e-3}, vectors("moving_mean", "moving_variance")),
        (
            "batch_norm",
            {"last_axis": 3, "epsilon": 0.1},
            vectors("gamma", "beta", "moving_mean", "moving_variance"),
        ),
    ],
)
def test_ops_that_multiply_and_shift_do_so_by_these_numbers(
    kind: str, attributes: dict, weights: dict
) -> None:
    graph, op = only_op(kind, attributes, weights)
    factor, shift = record_of(op).affine(op)
    wanted = X.reshape(20, -1, factor.size) * factor + shift
    np.testing.assert_allclose(build(graph).run([X])[0], wanted.reshape(20, 6), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("bias", [False, True])
def test_products_take_scales_and_shifts_into_their_weights(bias: bool) -> None:
    rng = np.random.default_rng(2)
    weights = {"kernel": rng.normal(size=(6, 4)).astype(np.float32)}
    weights |= {"bias": rng.normal(size=4).astype(np.float32)} if bias else {}
    graph, op = only_op("dense", {"units": 4, "last_axis": 6}, weights, units=4)
    product = product_of(op)
    factor, shift = rng.uniform(0.5, 2.0, (2, 3))
    changed = X.reshape(20, 2, 3) * factor + shift
    wanted = build(graph).run([changed.reshape(20, 6).astype(np.float32)])[0]
    product.scale_inputs(op, factor, shift)
    np.testing.assert_allclose(build(graph).run([X])[0], wanted, rtol=1e-4, atol=1e-4)
    factor, shift = rng.uniform(0.5, 2.0, (2, product.columns_made(op)))
    product.scale_outputs(op, factor, shift)
    wanted = wanted * factor + shift
    np.testing.assert_allclose(build(graph).run([X])[0], wanted, rtol=1e-4, atol=1e-4)
    assert product.columns_read(op) == 6


def test_other_forms_of_products_are_native_ops() -> None:
    for kind in RECORDS:
        product = product_of(Op(kind, [], [Value((1,))]))
        for form in () if product is None else product.forms.values():
            with pytest.raises(ValueError, match=f"^{form}: expected one"):
                _native.Graph().add(form, [], {})


@pytest.mark.parametrize("name", sorted(KINDS))
def test_activations_are_scalable_and_bounded_as_is_said(name: str) -> None:
    """Those that are neither may be forgotten, which costs some accuracy; a wrong one costs right answers."""
    apply = hl.activations.get(name)
    x = np.concatenate([X, 1e3 * X, 1e6 * X])
    if name in SCALABLE:
        assert name not in ROWWISE
        np.testing.assert_array_equal(apply(4 * x), 4 * apply(x))
    if name in BOUNDED:
        assert np.abs(apply(x)).max() <= 1
