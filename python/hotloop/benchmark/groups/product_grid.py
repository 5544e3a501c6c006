"""float32 products as a network's layers ask for them, over common widths and their neighbours."""

from __future__ import annotations

import itertools
import statistics
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import partial

from hotloop.benchmark.context import Context
from hotloop.benchmark.groups.products import FMA_PEAK, LAYOUTS, Shape, beside_blas, dimensions
from hotloop.benchmark.row import OURS, Measured, Row, Verdict, faster, judge
from hotloop.benchmark.timing import Pace

BLAS = ("OpenBLAS", "MKL", "oneDNN")
SIZES = (256, 512, 1000, 1024, 1040, 2000, 2048)
QUICK_SIZES = (256, 1024, 1040)
NEAR = 1.05  # Sizes within this ratio are neighbours: what one reaches, the other should.
PACE = Pace(turn=0.01, budget=0.4, least=3, most=9)

GOAL = faster(BLAS, 1.0, walls=(FMA_PEAK,))
MEDIAN, NEIGHBOUR = 1.05, 0.9


def shape_of(rows: int, width: int, layout: str) -> Shape:
    """What a layer with equally many inputs and units asks for: forward NN, input's gradient NT, weights' TN.

    Examples
    --------
    >>> shape_of(256, 1000, "NN"), shape_of(256, 1000, "TN")
    ((256, 1000, 1000), (1000, 1000, 256))
    """
    return (width, width, rows) if layout == "TN" else (rows, width, width)


CASES = {
    f"{dimensions(shape_of(rows, width, layout))} {layout}": (rows, width, layout)
    for layout, rows, width in itertools.product(LAYOUTS, SIZES, SIZES)
}


def measure(case: str, context: Context) -> Measured:
    """One product beside the three libraries, and the machine's limit."""
    rows, width, layout = CASES[case]
    if not context.quick:
        context = replace(context, pace=PACE)  # There are many of them.
    return beside_blas(shape_of(rows, width, layout), layout, BLAS, context)


def overall(measured: Mapping[str, Measured]) -> list[Verdict]:
    """What no single product shows: the median, and products that fall behind their neighbours.

    Parameters
    ----------
    measured : mapping of str to Measured
        By the rows' names, as far as they are there.
    """
    judged = {name: judge(GOAL, result) for name, result in measured.items()}
    ratios = [verdict.value for verdict in judged.values() if verdict.value is not None]
    shares = {
        CASES[name]: result.times[OURS].times_faster_than(result.times[FMA_PEAK])
        for name, result in measured.items()
        if OURS in result.times and FMA_PEAK in result.times
    }
    verdicts = []
    if ratios:
        value, share = statistics.median(ratios), statistics.median(shares.values())
        met: bool | None = value >= MEDIAN or share >= GOAL.enough
        if any(" (no " in verdict.against for verdict in judged.values()) and share < GOAL.enough:
            met = None if met else met
        against = f"the median of {len(ratios)}; {share:.0%} of {FMA_PEAK}"
        verdicts.append(Verdict(f"{MEDIAN:g}x", f"{value:.2f}x", against, value, met))
    pairs = {
        (one, other): shares[one] / shares[other]
        for one, other in itertools.permutations(shares, 2)
        if neighbours(one, other)
    }
    if pairs:
        (one, other), value = min(pairs.items(), key=lambda item: item[1])
        names = {case: name for name, case in CASES.items()}
        against = f"{names[one]} beside {names[other]}"
        verdicts.append(
            Verdict(f"{NEIGHBOUR:g}x a neighbour", f"{value:.2f}x", against, value, value >= NEIGHBOUR)
        )
    return verdicts


def neighbours(one: tuple[int, int, str], other: tuple[int, int, str]) -> bool:
    """Whether two cases differ a little in one of their sizes.

    Examples
    --------
    >>> neighbours((256, 1024, "NN"), (256, 1000, "NN")), neighbours((256, 512, "NN"), (256, 1000, "NN"))
    (True, False)
    """
    ratios = [max(a, b) / min(a, b) for a, b in zip(one[:2], other[:2], strict=True)]
    return one != other and one[2] == other[2] and min(ratios) == 1 and max(ratios) <= NEAR


def rows() -> Iterator[Row]:
    """All of them."""
    for case, (height, width, _) in CASES.items():
        quick = {height, width} <= set(QUICK_SIZES)
        yield Row("gemm-grid", case, partial(measure, case), (GOAL,), quick=quick)
