"""Activation objects: names, parameters and defaults, and what they are called on."""

import ast
from pathlib import Path

import numpy as np
import pytest

import hotloop as hl
from hotloop import _native, activations
from hotloop.activations import named
from hotloop.ir.activation import ROWWISE


def test_every_name_is_an_activation() -> None:
    assert set(activations.ALIASES) < set(activations.__all__)
    for name in activations.NAMES:
        one = getattr(activations, name)
        assert one.name == name
        assert one.rowwise == (name in ROWWISE)
        assert one.fusable == (not one.rowwise and _native.derivative_from_output(name))
    for other, name in activations.ALIASES.items():
        assert getattr(activations, other) is getattr(activations, name)


def test_editors_know_every_name() -> None:
    stub = ast.parse(Path(named.__file__).with_suffix(".pyi").read_text())
    listed = [node.target.id for node in stub.body if isinstance(node, ast.AnnAssign)]
    assert listed == named.__all__, "run `python tools/make_stubs.py`"


@pytest.mark.parametrize("name", sorted(set(activations.NAMES) - ROWWISE))
def test_defaults_are_the_native_ones(name: str) -> None:
    x = np.linspace(-3, 3, 41, dtype=np.float32)
    native = np.empty_like(x)
    _native.activation_forward(name, None, 0.0, x, native)
    assert activations.get(name)(x).tobytes() == native.tobytes()


def test_aliases_and_identifiers() -> None:
    assert activations.get("swish") == activations.silu == activations.get(activations.swish)
    assert activations.get("hard_swish").name == "hard_silu"
    assert activations.get(None) == activations.linear
    with pytest.raises(TypeError, match=r"activation: expected a name, .*got int"):
        activations.get(3)


def test_parameters() -> None:
    leaky = activations.leaky_relu.configured(negative_slope=0.5)
    assert (leaky.alpha, activations.leaky_relu.alpha) == (0.5, 0.2)
    assert leaky([-2.0]).tolist() == activations.leaky_relu([-2.0], negative_slope=0.5).tolist() == [-1.0]
    cut = activations.Activation("threshold", threshold=1.0, default_value=-7.0)
    assert cut([0.5, 2.0]).tolist() == [-7.0, 2.0]
    assert leaky.fusable
    assert not leaky.configured(negative_slope=-1.0).fusable
    with pytest.raises(TypeError, match="'relu': unexpected parameter 'alpha'; it has no parameters"):
        activations.Activation("relu", alpha=1.0)
    with pytest.raises(TypeError, match="it has only alpha"):
        activations.elu.configured(slope=1.0)
    with pytest.raises(ValueError, match="'celu': alpha"):
        activations.celu.configured(alpha=0)
    with pytest.raises(ValueError, match="'soft_shrink': threshold"):
        activations.soft_shrink.configured(threshold=-1)


@pytest.mark.parametrize("name", activations.NAMES)
def test_round_trip(name: str) -> None:
    plain = activations.Activation(name)
    assert activations.serialize(plain) == name
    assert activations.get(plain.get_config()) == plain
    for key in plain.get_config().keys() - {"name"}:
        other = plain.configured(**{key: 0.75})
        again = activations.get(activations.serialize(other))
        assert again == other != plain
        assert hash(again) == hash(other)


def test_shapes() -> None:
    assert hl.activations.softmax(np.zeros((2, 3, 4))).tolist() == np.full((2, 3, 4), 0.25).tolist()
    assert activations.glu.output_units(6) == 3
    assert activations.glu(np.zeros((2, 6))).shape == (2, 3)
    assert activations.relu.output_units(6) == 6
    with pytest.raises(ValueError, match="even last axis, got 5"):
        activations.glu.output_units(5)
