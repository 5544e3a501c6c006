"""Which numbers of a model belong to which hidden unit.

The ops of the model say how they pass units on (:mod:`hotloop.ir.units`). The model's inputs and outputs are
frozen, and so is what layers make whose number of units is not theirs to change.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from hotloop.core.errors import bad_value, unknown_name
from hotloop.ir.graph import Value
from hotloop.ir.lower import lower
from hotloop.ir.op import Op
from hotloop.ir.ops import record_of
from hotloop.ir.record import last_axis
from hotloop.ir.units import FROZEN, Atoms, UnitTrace
from hotloop.models.clone import require_model
from hotloop.models.functional import Model

OUTPUT = "its units reach an output"


class UnitMap(UnitTrace):
    """The atoms, groups and sites of a model.

    Attributes
    ----------
    sites : list of Site
    layers : dict of str to int array
        The atoms that each Dense layer makes, by the layer's name, in the order of the calls.
    ends : dict of str to int array
        The atoms at the last axis of what each layer makes, by its name.
    """

    def __init__(self, model: Model) -> None:
        super().__init__()
        self.ends: dict[str, Atoms] = {}
        self._graph = lower(require_model("prune", model).graph)
        self._own = {layer.name: layer for layer in model.layers}
        values: dict[Value, Atoms] = {}
        for op, made in self._passed(self, values):
            self.ends[op.layer] = made[0]
        for value in self._graph.outputs:
            self.freeze(values[value])
        for name in list(self.layers):
            layer = self._own.get(name)
            if layer is None or layer.resized(layer.get_config(), 1) is None:
                self.freeze(self.layers.pop(name))

    def _passed(self, trace: UnitTrace, values: dict[Value, Atoms]) -> Iterator[tuple[Op, list[Atoms]]]:
        """Let every op say what becomes of the units that it reads; fills in those of all values.

        What goes into a part of a layer has to stay: nobody knows which weights of that layer, or numbers in
        its config, go by its size.
        """
        values.update({value: trace.frozen(last_axis(value.shape)) for value in self._graph.inputs})
        for op in self._graph:
            read = [values[value] for value in op.inputs]
            if op.layer not in self._own:
                for atoms in read:
                    trace.freeze(atoms)
            made = record_of(op).pass_units(trace, op, read)
            values.update(zip(op.outputs, made, strict=True))
            yield op, made

    def why_all_stay(self, name: str) -> str:
        """Say of a layer none of whose units can go what keeps them: an output, or another layer."""
        trace = UnitTrace()
        for op, _ in self._passed(trace, {}):
            if name in trace.layers and not trace.groups(trace.layers[name]).any():
                where = "its own activation" if op.layer == name else f"layer {op.layer!r}"
                return f"its units reach an op that mixes units, or does not say where each goes: {where}"
        return OUTPUT

    def require_layer(self, name: str) -> None:
        """Refuse a name that is not a layer's with units of its own.

        Raises
        ------
        ValueError
            When there is no such layer, or it is one that can't have other units.
        """
        if name in self.layers:
            return
        if name in self.ends:
            known = ", ".join(sorted(self.layers))
            raise ValueError(
                f"layer {name!r} can't be pruned: it is no Dense layer of the model itself; known: {known}"
            )
        raise unknown_name("Dense layer", name, self.layers)

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
            self.require_layer(name)
            atoms = self.layers[name]
            for unit in units:
                if not 0 <= int(unit) < atoms.size:
                    raise bad_value(f"layer {name!r}: unit", f"an index in [0, {atoms.size})", unit)
                group = self.group(int(atoms[int(unit)]))
                if group == FROZEN:
                    stays = self.groups(atoms).any()
                    why = "it reaches an output or a softmax" if stays else self.why_all_stay(name)
                    raise ValueError(f"layer {name!r}: unit {int(unit)} can't go: {why}")
                found.add(group)
        return found

    def units_of_groups(self, removed: set[int]) -> dict[str, list[int]]:
        """The reverse of :meth:`groups_of_units`: indices by layer, every layer that loses some."""
        gone = {
            name: np.flatnonzero(self.member(atoms, removed)).tolist() for name, atoms in self.layers.items()
        }
        return {name: units for name, units in gone.items() if units}

    def sizes_without(self, removed: set[int]) -> dict[str, int]:
        """How many positions the last axis of what a layer makes keeps, for every layer that loses some."""
        stays = {name: ~self.member(atoms, removed) for name, atoms in self.ends.items()}
        return {name: int(kept.sum()) for name, kept in stays.items() if not kept.all()}

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
