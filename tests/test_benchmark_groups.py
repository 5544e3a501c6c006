"""Groups of `hotloop bench` with targets of their own kind: limits, neighbours, what a call adds."""

import pytest

from hotloop.benchmark import report, run
from hotloop.benchmark.catalogue import choose
from hotloop.benchmark.checks import same_values
from hotloop.benchmark.context import Context
from hotloop.benchmark.groups import chains, one_batch, product_grid, products, widths
from hotloop.benchmark.networks import Network
from hotloop.benchmark.row import OURS, Measured, at_most, faster, judge
from hotloop.benchmark.timing import QUICK, Side, Times

SMALL = Network("small", (12, 16, 8, 4), 8, 96)


def measured(ours: float, **others: float) -> Measured:
    return Measured("us", 1, {side: Times((value,) * 3) for side, value in {OURS: ours, **others}.items()})


@pytest.mark.parametrize(("share", "met"), [(0.84, False), (0.86, True)])
def test_enough_of_the_machines_limit_is_as_good_as_the_ratio(share, met):
    result = measured(1e-6, NumPy=1.1e-6, peak=share * 1e-6, memory=0.1e-6)
    verdict = judge(faster(("NumPy", "MKL"), 1.2, walls=("peak", "memory", "tiles")), result)
    assert verdict.met is met
    assert verdict.against == f"NumPy 1.10 us (no MKL); {share:.0%} of peak"
    assert verdict.value == pytest.approx(1.1)


def test_figures_that_explain_another_stand_beside_it():
    result = Measured(figures={"worst": 1.2, "worst: width": 1024.0, "best": 1.0, "best: width": 16.0})
    assert judge(at_most("worst", 1.1), result).against == "worst (width 1024)"


def product_measured(ours: float, peer: float = 1.0, peak: float = 0.8) -> Measured:
    sides = {OURS: ours, "OpenBLAS": peer, "MKL": 2.0, "oneDNN": 2.0, products.FMA_PEAK: peak}
    return Measured("GFLOP/s", 1e9, {side: Times((value,) * 3) for side, value in sides.items()})


def test_a_grid_of_products_is_judged_as_a_whole_too():
    fine = {name: product_measured(1.0) for name in product_grid.CASES}
    median, beside = product_grid.overall(fine)
    assert (median.value, median.met) == (1.0, False)
    assert median.against == "the median of 147; 80% of FMA peak"
    assert (beside.value, beside.met) == (1.0, True)
    median, beside = product_grid.overall({**fine, "256x1024x1024 NN": product_measured(1.25)})
    assert median.met is False
    assert (beside.value, beside.met) == (pytest.approx(0.8), False)
    assert beside.against == "256x1024x1024 NN beside 256x1000x1000 NN"
    assert product_grid.overall({name: product_measured(1.0, 1.1) for name in fine})[0].met
    assert product_grid.overall({name: product_measured(1.0, 0.9, 0.86) for name in fine})[0].met
    assert product_grid.overall({}) == []
    without = product_measured(1.0, 1.1)
    del without.times["MKL"]
    assert product_grid.overall({"256x1024x1024 NN": without})[0].met is None


def test_what_groups_aim_at_as_a_whole_is_printed_and_counted():
    row = choose(["gemm-grid/256x1024x1024 NN"])[0]
    result = product_measured(1.0, 1.1)
    outcome = run.Outcome(row, 1, result, verdicts=[judge(goal, result) for goal in row.goals])
    shown = report.targets([outcome], {})
    assert "the median of 1" in shown
    assert shown.splitlines()[-1].endswith("2 of 2")
    assert run.as_json([outcome], {}, run.Options())["groups"]["gemm-grid"][0]["met"] is True


def test_a_quick_run_takes_some_of_the_grid_and_what_is_named():
    assert 0 < len(choose(["gemm-grid"], quick=True)) < len(choose(["gemm-grid"])) / 3
    assert len(choose(["gemm-grid/2048x2048x2048"], quick=True)) == 3
    assert len(choose(quick=True)) < len(choose())


def test_widths_are_compared_with_the_next_multiple_and_powers_with_both_neighbours():
    def side(width: int) -> tuple[Side, float]:
        seconds = width * (3.0 if width == 256 else 2.0 if width == 31 else 1.0) * 1e-3
        return Side(str(width), lambda: None, time=lambda calls: calls * seconds), float(width)

    found = widths.sweep(side, Context(pace=QUICK, quick=True)).figures
    assert found[widths.WIDER] == pytest.approx(3 * 256 / 272)
    assert found[f"{widths.WIDER}: width"] == 256
    assert found[widths.POWER] == pytest.approx(3)
    assert found[f"{widths.POWER}: width"] == 256


def test_the_chain_is_the_same_network_with_its_normalisation_folded():
    model, layers = chains.network()
    x = chains.data(3)
    assert [kernel.shape for kernel, _ in layers][4] == (128, 8)
    same_values({OURS: model.predict(x, verbose=0)}, chains.expected(x), 1e-5)


def test_single_batches_are_timed_beside_the_step_inside_fit():
    result = one_batch.measure(SMALL, Context(pace=QUICK))
    assert result.figures[one_batch.OVER] > 0
    assert set(result.times) == {OURS, one_batch.INSIDE}
