"""Which positions of weights and values belong to which unit, for those who remove units.

Every output unit of a product is an *atom*. The last axis of every value carries one atom a position, and ops
pass them on, as their records say (:mod:`hotloop.ir.record`). Atoms that meet are tied: what is tied stays or
goes together, as a *group*. What has to stay is frozen, and belongs to one group of its own.

A *site* is one axis of one weight whose positions stand for atoms: to remove a group is to take positions out
of sites, and to mask it is to zero the rows of the sites that read it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from hotloop.graph.parameters import Parameter

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
        (vectors of one number a unit, such as batch normalisation's).
    atoms : int array
        One a position of the axis.
    """

    parameter: Parameter
    axis: int
    role: str
    atoms: Atoms


class UnitTrace:
    """Atoms, which of them are tied, and the sites that they stand at.

    Attributes
    ----------
    sites : list of Site
    layers : dict of str to int array
        The atoms that each layer with a product makes, by the layer's name.

    Examples
    --------
    >>> trace = UnitTrace()
    >>> trace.tie(trace.new("a", 2), trace.new("b", 2))
    >>> trace.groups(trace.layers["b"]).tolist()
    [1, 2]
    """

    def __init__(self) -> None:
        self.sites: list[Site] = []
        self.layers: dict[str, Atoms] = {}
        self._parents: list[int] = [FROZEN]
        self._sites: dict[tuple[Parameter, int], Site] = {}

    # -- asked by those who remove units

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

    # -- told by the ops' records

    def frozen(self, count: int) -> Atoms:
        """Positions that have to stay."""
        return np.full(count, FROZEN, np.int64)

    def new(self, layer: str, count: int) -> Atoms:
        """The units that a layer makes."""
        first = len(self._parents)
        self._parents.extend(range(first, first + count))
        self.layers[layer] = np.arange(first, first + count, dtype=np.int64)
        return self.layers[layer]

    def tie(self, left: Atoms, right: Atoms) -> None:
        """Positions that stay or go together, pair by pair."""
        for pair in np.unique(np.stack([left, right], axis=1), axis=0):
            a, b = self.group(int(pair[0])), self.group(int(pair[1]))
            self._parents[max(a, b)] = min(a, b)

    def freeze(self, atoms: Atoms) -> None:
        """Keep these."""
        self.tie(atoms, np.full_like(atoms, FROZEN))

    def at(self, parameter: Parameter, axis: int) -> Atoms | None:
        """The atoms that already stand at an axis of a weight, which several calls may use."""
        site = self._sites.get((parameter, axis))
        return None if site is None else site.atoms

    def stand(self, parameter: Parameter, axis: int, role: str, atoms: Atoms) -> None:
        """Let atoms stand at an axis of a weight; where some do already the two are tied."""
        there = self.at(parameter, axis)
        if there is not None:
            self.tie(there, atoms)
            return
        self._sites[parameter, axis] = Site(parameter, axis, role, atoms)
        self.sites.append(self._sites[parameter, axis])
