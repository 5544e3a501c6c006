"""Which numbers of a model belong to which hidden unit.

Every output unit of a Dense layer is an *atom*. The last axis of every value carries one atom a position, and
layers pass them on: elementwise ones as they are, Flatten and Reshape once a row, Concatenate one
after the other; Add and Multiply tie the atoms that meet. What is tied stays or goes together: a *group*. The
model's inputs and outputs, and what feeds an op that mixes positions (softmax, say), are frozen.

A *site* is one axis of one weight whose positions stand for atoms, so that removing a group is to take
positions out of sites, and masking it is to zero the rows of the sites that consume it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value, unknown_name
from hotloop.graph.parameters import Parameter
from hotloop.graph.symbolic import Node
from hotloop.layers import (
    Activation,
    Add,
    BatchNormalization,
    Concatenate,
    Dense,
    Dropout,
    Flatten,
    InputLayer,
    Multiply,
    Rescaling,
    Reshape,
)
from hotloop.models.clone import require_model
from hotloop.models.functional import Model

Atoms = npt.NDArray[np.int64]
FROZEN = 0


@dataclass
class Site:
    """One axis of one weight.

    Attributes
    ----------
    parameter : Parameter
    axis : int
    role : str
        "makes" (a unit's own incoming weights and bias), "reads" (the rows that consume units) or "carries"
        (batch normalisation's vectors).
    atoms : int array
        One a position of the axis.
    """

    parameter: Parameter
    axis: int
    role: str
    atoms: Atoms


class UnitMap:
    """The atoms, groups and sites of a model.

    Attributes
    ----------
    sites : list of Site
    layers : dict of str to int array
        The atoms that each Dense layer makes, by the layer's name, in the order of the calls.
    """

    def __init__(self, model: Model) -> None:
        self.sites: list[Site] = []
        self.layers: dict[str, Atoms] = {}
        self._parents: list[int] = [FROZEN]
        self._sites: dict[tuple[int, int], Site] = {}
        values: dict[int, Atoms] = {}
        for node in require_model("prune", model).graph.nodes:
            inputs = [values[id(tensor)] for tensor in node.inputs]
            values[id(node.output)] = self._pass(node, inputs)
        for tensor in model.graph.outputs:
            self._freeze(values[id(tensor)])

    # -- groups

    def group(self, atom: int) -> int:
        """The smallest atom tied to this one: the group's name. FROZEN for what has to stay."""
        parents = self._parents
        while parents[atom] != atom:
            parents[atom] = parents[parents[atom]]
            atom = parents[atom]
        return atom

    def groups(self, atoms: Iterable[int]) -> Atoms:
        """The group of each atom."""
        return np.array([self.group(int(atom)) for atom in atoms], np.int64)

    def groups_of_units(self, removed: Mapping[str, Sequence[int]]) -> set[int]:
        """The groups that given units belong to.

        Parameters
        ----------
        removed : dict of str to sequence of int
            Unit indices by Dense layer.

        Raises
        ------
        ValueError
            For an unknown layer, an index out of range, or a unit that has to stay.
        """
        found: set[int] = set()
        for name, units in removed.items():
            if name not in self.layers:
                raise unknown_name("Dense layer", name, self.layers)
            atoms = self.layers[name]
            for unit in units:
                if not 0 <= int(unit) < atoms.size:
                    raise bad_value(f"layer {name!r}: unit", f"an index in [0, {atoms.size})", unit)
                group = self.group(int(atoms[int(unit)]))
                if group == FROZEN:
                    raise ValueError(
                        f"layer {name!r}: unit {int(unit)} can't go: it reaches an output or a softmax"
                    )
                found.add(group)
        return found

    def units_of_groups(self, removed: set[int]) -> dict[str, list[int]]:
        """The reverse of :meth:`groups_of_units`: indices by layer, every layer that loses some."""
        gone = {
            name: np.flatnonzero(self.member(atoms, removed)).tolist() for name, atoms in self.layers.items()
        }
        return {name: units for name, units in gone.items() if units}

    def member(self, atoms: Atoms, removed: set[int]) -> npt.NDArray[np.bool_]:
        """For each atom, whether its group is among the removed ones."""
        return np.array([self.group(int(atom)) in removed for atom in atoms], np.bool_)

    def kept_indices(self, removed: set[int]) -> dict[int, dict[int, npt.NDArray[np.intp]]]:
        """By parameter offset and axis, which positions stay."""
        kept: dict[int, dict[int, npt.NDArray[np.intp]]] = {}
        for site in self.sites:
            stays = np.flatnonzero(~self.member(site.atoms, removed))
            kept.setdefault(site.parameter.offset, {})[site.axis] = stays
        return kept

    # -- building

    def _new(self, count: int) -> Atoms:
        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        return np.arange(first, first + count, dtype=np.int64)

    def _tie(self, left: Atoms, right: Atoms) -> None:
        for pair in np.unique(np.stack([left, right], axis=1), axis=0):
            a, b = self.group(int(pair[0])), self.group(int(pair[1]))
            self._parents[max(a, b)] = min(a, b)

    def _freeze(self, atoms: Atoms) -> None:
        self._tie(atoms, np.full_like(atoms, FROZEN))

    def _site(self, parameter: Parameter, axis: int, role: str, atoms: Atoms) -> None:
        """A weight used by several calls has one position for all of them, so their atoms are tied."""
        key = (parameter.offset, axis)
        if key in self._sites:
            self._tie(self._sites[key].atoms, atoms)
        else:
            self._sites[key] = Site(parameter, axis, role, atoms)
            self.sites.append(self._sites[key])

    def _pass(self, node: Node, inputs: list[Atoms]) -> Atoms:
        """The atoms of a node's output: one a position of its last axis."""
        for kind in type(node.layer).__mro__:
            if kind in _RULES:
                return _RULES[kind](self, node, inputs)
        for atoms in inputs:
            self._freeze(atoms)
        return np.full(node.output.sample_shape[-1], FROZEN, np.int64)

    def _input(self, node: Node, inputs: list[Atoms]) -> Atoms:
        return np.full(node.output.sample_shape[-1], FROZEN, np.int64)

    def _dense(self, node: Node, inputs: list[Atoms]) -> Atoms:
        layer = node.layer
        assert isinstance(layer, Dense)
        kernel, *bias = layer.parameters
        self._site(kernel, 0, "reads", inputs[0])
        if layer.name not in self.layers:
            self.layers[layer.name] = self._new(layer.units)
            for axis, parameter in [(1, kernel)] + [(0, vector) for vector in bias]:
                self._site(parameter, axis, "makes", self.layers[layer.name])
        atoms = self.layers[layer.name]
        if layer.activation.rowwise:
            self._freeze(atoms)
        return (
            atoms
            if node.output.sample_shape[-1] == atoms.size
            else np.full(node.output.sample_shape[-1], FROZEN, np.int64)
        )

    def _activation(self, node: Node, inputs: list[Atoms]) -> Atoms:
        layer = node.layer
        assert isinstance(layer, Activation)
        if layer.activation.rowwise:
            self._freeze(inputs[0])
            return np.full(node.output.sample_shape[-1], FROZEN, np.int64)
        return inputs[0]

    def _same(self, node: Node, inputs: list[Atoms]) -> Atoms:
        return inputs[0]

    def _batch_norm(self, node: Node, inputs: list[Atoms]) -> Atoms:
        for vector in node.layer.parameters:
            self._site(vector, 0, "carries", inputs[0])
        return inputs[0]

    def _reshape(self, node: Node, inputs: list[Atoms]) -> Atoms:
        everything = np.tile(inputs[0], node.output.features // inputs[0].size)
        rows = everything.reshape(-1, node.output.sample_shape[-1])
        for row in rows[1:]:
            self._tie(rows[0], row)
        return np.array(rows[0], np.int64)

    def _meet(self, node: Node, inputs: list[Atoms]) -> Atoms:
        for other in inputs[1:]:
            self._tie(inputs[0], other)
        return inputs[0]

    def _concatenate(self, node: Node, inputs: list[Atoms]) -> Atoms:
        return np.concatenate(inputs)


_RULES: dict[type, Callable[[UnitMap, Node, list[Atoms]], Atoms]] = {
    InputLayer: UnitMap._input,
    Dense: UnitMap._dense,
    Activation: UnitMap._activation,
    Dropout: UnitMap._same,
    Rescaling: UnitMap._same,
    BatchNormalization: UnitMap._batch_norm,
    Flatten: UnitMap._reshape,
    Reshape: UnitMap._reshape,
    Add: UnitMap._meet,
    Multiply: UnitMap._meet,
    Concatenate: UnitMap._concatenate,
}
