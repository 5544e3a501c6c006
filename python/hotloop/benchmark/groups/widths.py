"""Widths from 16 to 2100: none may be much slower than a wider one, powers of two no slower than others.

Each width is timed in turns with those that it is compared with. What comes out too slow is measured again,
for longer: of so many ratios, one is always disturbed.
"""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

import hotloop as hl
from hotloop.benchmark.checks import same_values
from hotloop.benchmark.context import Context
from hotloop.benchmark.groups.products import LAYOUTS, dimensions, operands, own_product
from hotloop.benchmark.groups.training import OwnTraining, arithmetic
from hotloop.benchmark.networks import Network
from hotloop.benchmark.row import Measured, Row, at_most
from hotloop.benchmark.timing import Pace, Side

POWERS = (16, 32, 64, 128, 256, 512, 1024, 2048)
OTHERS = (40, 90, 200, 300, 400, 700, 800, 1000, 1300, 1536, 1700, 1900, 2000, 2100)
QUICK_POWERS = (32, 256)
STEP = 16
ROWS, BATCH = 128, 64
PACE, AGAIN = Pace(turn=0.003, budget=0.06, least=3, most=9), Pace(turn=0.01, budget=0.5, least=7, most=15)

WIDER, WIDER_LIMIT = "time(w) / time(next multiple of 16)", 1.10
POWER, POWER_LIMIT = "power of two / neighbours", 1.05
Make = Callable[[int], tuple[Side, float]]


def powers_of_two(quick: bool) -> tuple[int, ...]:
    """Those that are swept."""
    return QUICK_POWERS if quick else POWERS


def widths(quick: bool = False) -> list[int]:
    """Powers of two with their neighbours, and some between them.

    Examples
    --------
    >>> widths(quick=True)
    [16, 31, 32, 33, 48, 240, 255, 256, 257, 272]
    """
    found = {power + step for power in powers_of_two(quick) for step in (-STEP, -1, 0, 1, STEP)}
    return sorted(width for width in found | set(() if quick else OTHERS) if width >= STEP)


def next_multiple(width: int) -> int:
    """The next multiple of 16 above.

    Examples
    --------
    >>> next_multiple(1000), next_multiple(1024)
    (1008, 1040)
    """
    return (width // STEP + 1) * STEP


def product(layout: str, width: int) -> tuple[Side, float]:
    """A layer's product with as many inputs as units, and its multiply-adds."""
    shape = (width, width, ROWS) if layout == "TN" else (ROWS, width, width)
    a, b, out = operands(shape, layout)
    side = own_product(str(width), a, b, out)
    side.run()
    same_values({dimensions(shape): out[:8]}, a[:8].astype("float64") @ b.astype("float64"), tolerance=1e-4)
    return side, float(ROWS * width * width)


def network_of(width: int) -> Network:
    """Two layers of that width, few inputs, so that the width is what counts."""
    return Network(f"256-{width}-{width}-10", (256, width, width, 10), BATCH, 2 * BATCH)


def training(width: int) -> tuple[Side, float]:
    """Two steps of training."""
    network = network_of(width)
    own = OwnTraining(network, *network.data(network.rows), name=str(width))
    return Side(own.name, own.epoch), arithmetic(network)


def session(width: int) -> tuple[Side, float]:
    """A batch through a frozen session."""
    network = network_of(width)
    x, _ = network.data(BATCH)
    run = hl.freeze(network.model()).run
    return Side(str(width), lambda: run(x)), float(sum(kernel.size for kernel in network.weights()[::2]))


def sweep(make: Make, context: Context) -> Measured:
    """Compare every width with the next multiple of 16, and powers of two with their neighbours."""
    if not context.quick:
        context = replace(context, pace=PACE)
    wider = {width: over_next(make, width, context) for width in widths(context.quick)}
    powers = {power: over_neighbours(make, power, context) for power in powers_of_two(context.quick)}
    slowest, worst = max(wider, key=wider.__getitem__), max(powers, key=powers.__getitem__)
    figures = {
        WIDER: wider[slowest],
        f"{WIDER}: width": float(slowest),
        POWER: powers[worst],
        f"{POWER}: width": float(worst),
    }
    points = [(float(width), ratio) for width, ratio in wider.items()]
    return Measured(figures=figures, points=points)


def over_next(make: Make, width: int, context: Context) -> float:
    """Time of a width as a share of that of the next multiple of 16."""
    sides = [make(width)[0], make(next_multiple(width))[0]]

    def ratio(context: Context) -> float:
        this, wider = context.time(sides).values()
        return wider.times_faster_than(this)

    return _settled(ratio, WIDER_LIMIT, context)


def over_neighbours(make: Make, power: int, context: Context) -> float:
    """Time a multiply-add of a power of two as a share of the mean of its neighbours'."""
    apart = STEP if power > STEP else 1
    made = [make(power + step) for step in (0, -apart, apart)]

    def ratio(context: Context) -> float:
        times = context.time([side for side, _ in made]).values()
        rounds = zip(*(taken.rounds for taken in times), strict=True)
        costs = ([seconds / work for seconds, (_, work) in zip(some, made, strict=True)] for some in rounds)
        return float(statistics.median(own / statistics.mean(others) for own, *others in costs))

    return _settled(ratio, POWER_LIMIT, context)


def _settled(ratio: Callable[[Context], float], limit: float, context: Context) -> float:
    found = ratio(context)
    if found > limit and not context.quick:
        found = ratio(replace(context, pace=AGAIN))
    return found


def rows() -> Iterator[Row]:
    """The three products of a layer, training, and a session."""
    goals = (at_most(WIDER, WIDER_LIMIT), at_most(POWER, POWER_LIMIT))
    for layout in LAYOUTS:
        case = f"{ROWS} rows, product {layout}"
        yield Row("widths", case, partial(sweep, partial(product, layout)), goals)
    yield Row("widths", f"training, batch {BATCH}", partial(sweep, training), goals)
    yield Row("widths", f"session, batch {BATCH}", partial(sweep, session), goals)
