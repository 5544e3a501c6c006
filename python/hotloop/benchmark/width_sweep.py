"""A network that grows unit by unit: how many FLOP/s it trains and predicts with at each width.

    python -m hotloop.benchmark.width_sweep [--quick]

Widths that are no multiple of a vector must pay for the lanes they leave empty; this shows how much.
"""

from __future__ import annotations

import argparse
import itertools
import time
from collections.abc import Iterator
from dataclasses import dataclass

from hotloop.benchmark.networks import Network
from hotloop.benchmark.timing import Pace, Side, take_turns

# Around multiples of the vector and of the tiles, where efficiency is likeliest to fall.
EDGES = (
    16,
    24,
    32,
    48,
    64,
    80,
    96,
    112,
    128,
    160,
    192,
    224,
    256,
    320,
    384,
    448,
    512,
    640,
    768,
    896,
    1000,
    1023,
)
QUICK_EDGES = (16, 32, 64, 128, 256, 512)


@dataclass(frozen=True)
class Shape:
    """A family of networks with one free width."""

    name: str
    batch: int
    hidden_layers: int

    def network(self, width: int) -> Network:
        return Network(self.name, (784, *[width] * self.hidden_layers, 10), self.batch, 8 * self.batch)


SHAPES = (Shape("784-w-10", 32, 1), Shape("784-w-w-10", 128, 2))


def widths(quick: bool = False) -> list[int]:
    """Each edge with its neighbours, in order; in a quick sweep only the next wider one.

    Examples
    --------
    >>> widths(quick=True)[:4], widths()[:4]
    ([16, 17, 32, 33], [15, 16, 17, 18])
    """
    if quick:
        return [edge + step for edge in QUICK_EDGES for step in (0, 1)]
    return sorted({edge + step for edge in EDGES for step in (-1, 0, 1, 2)} - {1025})


def operations(network: Network, training: bool) -> int:
    """Multiplications and additions of one batch: forward, and for training the gradients of all weights and
    of every layer's input but the first's."""
    sizes = network.sizes
    forward = sum(a * b for a, b in itertools.pairwise(sizes))
    total = 3 * forward - sizes[0] * sizes[1] if training else forward
    return 2 * network.batch * total


def sweep(shape: Shape, training: bool, quick: bool = False) -> Iterator[tuple[int, float]]:
    """Yield (width, FLOP/s). A width is timed in turns with the one before, so that both see one machine."""
    pace = Pace(turn=0.004, budget=0.06, least=5, most=9)
    before: tuple[Side, float] | None = None
    for width in widths(quick):
        network = shape.network(width)
        side = _side(network, training)
        rates = take_turns([side] if before is None else [before[0], side], pace)
        mine = operations(network, training) / rates[side.name].fastest
        if before is None:
            level = mine
        else:
            # From level to level: the ratio is the one measured side by side.
            old_network = shape.network(int(before[0].name))
            level = before[1] * mine * rates[before[0].name].fastest / operations(old_network, training)
        yield width, level
        before = side, level


def _side(network: Network, training: bool) -> Side:
    model = network.model()
    x, y = network.data(network.rows)
    width = str(network.sizes[1])
    if training:
        steps = network.rows // network.batch

        def train(calls: int) -> float:
            start = time.perf_counter()
            model.fit(x, y, epochs=calls, batch_size=network.batch, verbose=0)
            return (time.perf_counter() - start) / steps

        return Side(width, lambda: train(1), time=train)
    batch = x[: network.batch]
    return Side(width, lambda: model.predict_on_batch(batch))


def worst_drop(quick: bool = False) -> tuple[float, list[tuple[int, float]]]:
    """Find where throughput falls most from one width to the next, over training and predicting.

    Parameters
    ----------
    quick : bool
        Fewer widths.

    Returns
    -------
    tuple
        The worst drop as a share of the narrower width's FLOP/s, and the sweep that has it: (width, FLOP/s).
    """
    worst, points = -1.0, []
    for shape in SHAPES:
        for training in (True, False):
            found = list(sweep(shape, training, quick))
            drop = max(1 - b / a for (_, a), (_, b) in itertools.pairwise(found))
            if drop > worst:
                worst, points = drop, found
    return worst, points


def main() -> None:
    """Print every sweep, with the drops of more than a twentieth marked."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    for shape in SHAPES:
        for training in (True, False):
            print(f"{shape.name}, batch {shape.batch}, {'training' if training else 'predicting'}")
            before = 0.0
            for width, rate in sweep(shape, training, options.quick):
                drop = 1 - rate / before if before else 0.0
                print(f"  {width:5} {rate / 1e9:8.1f} GFLOP/s{f'   -{drop:.0%}' if drop > 0.05 else ''}")
                before = rate


if __name__ == "__main__":
    main()
