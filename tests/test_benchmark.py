"""`hotloop bench`: its rows, its clock, its checks (which must be able to fail), its peers, its tables."""

import io
import json
import os
import subprocess
import sys

import numpy as np
import pytest

from hotloop.benchmark import report, run, worker
from hotloop.benchmark.catalogue import GROUPS, all_rows, choose
from hotloop.benchmark.checks import DisagreementError, same_path, same_values
from hotloop.benchmark.context import Context
from hotloop.benchmark.groups import products, training
from hotloop.benchmark.networks import NETWORKS, Network
from hotloop.benchmark.row import OURS, Goal, Measured, Row, at_most, faster, judge, of_peak
from hotloop.benchmark.timing import QUICK, Pace, Side, Times, take_turns

SMALL = Network("small", (12, 16, 8, 4), 8, 96)


def measured(ours: float = 1e-6, **others: float) -> Measured:
    sides = {OURS: ours, **others}
    return Measured("us", 1, {side: Times((value,) * 3) for side, value in sides.items()})


# -- rows


def test_rows_are_those_of_the_target_table():
    rows = all_rows()
    assert len({row.key for row in rows}) == len(rows)
    assert {row.group for row in rows} == set(GROUPS)
    count = {name: sum(row.group == name for row in rows) for name in GROUPS}
    assert count["gemm"] == 3
    assert count["skinny"] == 8 * 3
    assert count["training"] == 5
    assert count["gemm-grid"] == 7 * 7 * 3
    assert count["chain"] == 2
    assert count["inference"] == count["inference-int8"] == 9
    for row in rows:
        assert row.goals or row.group == "peaks"
        for goal in row.goals:
            assert isinstance(goal, Goal)
            assert sum(map(bool, (goal.than, goal.peak, goal.figure))) == 1
            assert goal.limit > 0
            assert OURS not in goal.than
    shown = choose(short=True)
    assert 10 < len(shown) < len(rows) / 2


def test_choosing_groups():
    assert [row.name for row in choose(["training"])] == list(NETWORKS)
    assert len(choose(["training"], short=True)) == len(NETWORKS)
    assert [row.key for row in choose(["one-row", "skinny/32x10x64 N"])] == [
        "skinny/32x10x64 NN",
        "skinny/32x10x64 NT",
        "one-row/mlp64, predict_on_batch",
    ]
    with pytest.raises(ValueError, match="unknown group 'skiny'; did you mean 'skinny'"):
        choose(["skiny"])
    with pytest.raises(ValueError, match="unknown row of training 'mpl64'; did you mean 'mlp64'"):
        choose(["training/mpl64"])


@pytest.mark.parametrize(
    ("goal", "met", "value"),
    [
        (faster(("NumPy", "MKL"), 2.0), True, 2.0),
        (faster(("NumPy", "MKL"), 2.1), False, 2.0),
        (faster(("NumPy",), 2.9), True, 3.0),
        (faster(("JAX",), 1.0), None, None),
        (of_peak("peak", 0.5), True, 0.5),
        (of_peak("peak", 0.51), False, 0.5),
        (of_peak("other", 0.5), None, None),
        (at_most("loss", 0.02), True, 0.01),
        (at_most("loss", 0.001), False, 0.01),
        (at_most("other", 0.001), None, None),
    ],
)
def test_a_goal_is_met_missed_or_not_measured(goal, met, value):
    result = measured(1e-6, NumPy=3e-6, MKL=2e-6)
    result.figures, result.limits = {"loss": 0.01}, ["peak"]
    result.times["peak"] = Times((0.5e-6,) * 3)
    verdict = judge(goal, result)
    assert verdict.met is met
    assert verdict.value == (None if value is None else pytest.approx(value))


def test_peers_that_are_not_there_are_named_and_leave_only_misses_decided():
    verdict = judge(faster(("NumPy", "MKL"), 1.0), measured(NumPy=2e-6))
    assert verdict.against == "NumPy 2.00 us (no MKL)"
    assert verdict.met is None
    assert report.verdict_word(verdict) == "undecided"
    assert judge(faster(("NumPy", "MKL"), 2.1), measured(NumPy=2e-6)).met is False


def test_a_measurement_survives_json():
    result = measured(1e-6, NumPy=3e-6)
    result.figures, result.missing, result.limits = {"a": 1.0}, ["b: not there"], ["NumPy"]
    result.points = [(16.0, 1e9), (17.0, 2e9)]
    assert Measured.from_json(json.loads(json.dumps(result.to_json()))) == result


# -- the clock


def test_sides_take_turns_and_begin_in_turn():
    calls: list[str] = []
    sides = [Side(name, lambda name=name: calls.append(name)) for name in "ab"]
    times = take_turns(sides, Pace(turn=0.0, budget=0.0, least=4, most=4))
    assert {name: len(rounds.rounds) for name, rounds in times.items()} == {"a": 4, "b": 4}
    assert "".join(calls[-8:]) == "abbaabba"


def test_short_calls_are_repeated_and_long_ones_are_not():
    counted: list[int] = []

    def side_that_takes(seconds: float) -> Side:
        return Side("side", lambda: None, time=lambda calls: counted.append(calls) or calls * seconds)

    assert take_turns([side_that_takes(1e-3)], Pace(0.02, 0.1, 3, 3))["side"].median == pytest.approx(1e-3)
    assert counted[-1] == 20
    take_turns([side_that_takes(1.0)], Pace(0.02, 0.1, 3, 9))
    assert counted[-3:] == [1, 1, 1]


def test_ratios_compare_neighbours_in_time():
    ours, theirs = Times((1.0, 2.0, 4.0)), Times((2.0, 4.0, 8.0))
    assert ours.times_faster_than(theirs) == 2.0


# -- the checks


@pytest.mark.parametrize("wrong", [[1.0, 2.01], [1.0, np.nan], [1.0], [[1.0, 2.0]]])
def test_wrong_values_are_told(wrong):
    same_values({"right": [1.0, 2.0]}, [1.0, 2.0], 0.0)
    with pytest.raises(DisagreementError, match="side"):
        same_values({"side": wrong}, [1.0, 2.0], 1e-3)


def test_training_elsewhere_is_told():
    start, ours = [np.zeros(5)], [np.ones(5)]
    same_path(start, ours, {"near": [np.full(5, 0.99)]}, 0.1)
    for wrong in (np.full(5, 0.8), np.full(5, np.nan)):
        with pytest.raises(DisagreementError, match="side"):
            same_path(start, ours, {"side": [wrong]}, 0.1)


def test_a_product_that_is_wrong_is_not_timed():
    a, b, out = products.operands((8, 6, 4), "NT")
    right = products.own_product("right", a, b, out)
    products._check([right], a, b, 1e-4)
    wrong = Side("wrong", lambda: None, lambda: out + np.float32(0.01))
    with pytest.raises(DisagreementError, match="wrong"):
        products._check([right, wrong], a, b, 1e-4)


def test_a_training_that_skips_a_batch_is_not_timed():
    from hotloop.benchmark.peers import numpy

    class Skips(numpy.Training):
        def epoch(self, order=None):
            super().epoch(order[:-1])

    x, y = SMALL.data(SMALL.rows)
    ours = training.OwnTraining(SMALL, x, y)
    with pytest.raises(DisagreementError, match="NumPy"):
        training.check(SMALL, ours, [Skips(SMALL, x, y)], 0.1)


# -- the worker


def answer(row: Row, monkeypatch: pytest.MonkeyPatch) -> dict:
    monkeypatch.setattr("hotloop.benchmark.catalogue.all_rows", lambda: [row])
    return worker.measure(row.key, {"threads": 1, "quick": True})


def test_worker_tells_what_went_wrong_and_what_is_missing(monkeypatch):
    def disagree(context):
        same_values({"peer": [1.0]}, [2.0], 0.0)

    def fail(context):
        raise RuntimeError("out of luck")

    def lonely(context):
        context.add([], "no_such_peer", lambda peer: peer)
        return measured()

    assert "peer: off by" in answer(Row("one-row", "a", disagree), monkeypatch)["wrong"]
    assert answer(Row("one-row", "b", fail), monkeypatch)["failed"] == "RuntimeError: out of luck"
    missing = answer(Row("one-row", "c", lonely), monkeypatch)["measured"]["missing"]
    assert len(missing) == 1
    assert missing[0].startswith("no_such_peer: No module named")


def test_every_library_gets_the_same_threads():
    code = """
import json, os
from hotloop.benchmark import worker
blas = os.environ["OPENBLAS_NUM_THREADS"]
worker.measure = lambda key, request: {"cpus": [*os.sched_getaffinity(0)], "blas": blas}
print("what a library says", flush=True)
worker.main([json.dumps({"rows": ["a"], "cpus": [CPU], "threads": 1, "quick": True})])
print("and says at the end")
"""
    cpu = max(os.sched_getaffinity(0))
    done = in_a_process(code.replace("CPU", str(cpu)), **worker.environment(1))
    _, answer = done.stdout.splitlines()
    assert json.loads(answer) == {"key": "a", "cpus": [cpu], "blas": "1"}
    assert "and says at the end" in done.stderr


def in_a_process(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env={**os.environ, **environment}
    )
    assert done.returncode == 0, done.stderr
    return done


# -- the command


def test_a_quick_run_prints_a_table_and_writes_json(tmp_path, capsys):
    path = tmp_path / "figures.json"
    shown = io.StringIO()
    assert run.run(run.Options(peers=True, only=("one-row",), quick=True), str(path), shown) == 0
    assert "mlp64, predict_on_batch" in shown.getvalue()
    assert "predict_on_batch, one row" in shown.getvalue()
    assert "[1/1] one-row" in capsys.readouterr().err
    figures = json.loads(path.read_text())
    assert figures["format"] == run.FORMAT
    assert set(figures) == {"format", "date", "machine", "options", "rows", "groups"}
    assert {"CPU", "instruction set", "numpy", "torch", "CPUs"} <= set(figures["machine"])
    (row,) = figures["rows"]
    assert row["sides"][OURS]["min_s"] <= row["sides"][OURS]["median_s"] <= row["sides"][OURS]["max_s"]
    assert row["goals"][0]["met"] in (True, False)
    assert row["threads"] == 1


def test_a_place_that_can_not_take_the_json_is_told_before_measuring(tmp_path, monkeypatch):
    monkeypatch.setattr(run, "_outcomes", lambda rows, options: pytest.fail("measured"))
    with pytest.raises(ValueError, match=r"--json: expected a path in a folder that is there"):
        run.run(run.Options(only=("one-row",)), str(tmp_path / "nowhere" / "figures.json"))
    with pytest.raises(ValueError, match="--json: expected the path of a file, got the folder"):
        run.run(run.Options(only=("one-row",)), str(tmp_path))


def test_the_table_is_printed_even_if_the_json_can_not_be_written(tmp_path, monkeypatch):
    def full(path, data):
        raise OSError(28, "No space left on device", path)

    monkeypatch.setattr("hotloop.core.files.replace_file", full)
    monkeypatch.setattr(run, "_outcomes", lambda rows, options: iter([run.Outcome(rows[0], 1, measured())]))
    shown = io.StringIO()
    with pytest.raises(OSError, match="No space left"):
        run.run(run.Options(only=("one-row",)), str(tmp_path / "figures.json"), shown)
    assert "mlp64, predict_on_batch" in shown.getvalue()


def test_modules_in_the_current_folder_are_not_in_the_way(tmp_path, monkeypatch):
    (tmp_path / "random.py").write_text("raise RuntimeError('this is not the standard library')")
    monkeypatch.chdir(tmp_path)
    shown = io.StringIO()
    assert run.run(run.Options(only=("skinny/32x10x64 NN",), quick=True), out=shown) == 0
    assert "OpenBLAS " in shown.getvalue()  # which is a process of its own too


def test_more_threads_than_cpus_are_told_and_not_measured(capsys):
    shown = io.StringIO()
    assert run.run(run.Options(peers=True, only=("one-row",), threads=4096), out=shown) == 0
    assert "needs 4096 CPUs" in shown.getvalue()


def test_a_worker_that_dies_costs_its_row_only(monkeypatch):
    started: list[list[str]] = []
    real = subprocess.Popen

    def dies(command, **options):
        started.append(json.loads(command[-1])["rows"])
        return real([sys.executable, "-c", "raise SystemExit(3)"], **options)

    monkeypatch.setattr(run.subprocess, "Popen", dies)
    shown = io.StringIO()
    assert run.run(run.Options(peers=True, only=("bf16",)), out=shown) == 1
    assert [len(rows) for rows in started] == [2, 1]
    assert "ended with status 3" in shown.getvalue()


def test_interrupted_it_prints_what_is_there(monkeypatch, capsys):
    def interrupted(rows, options):
        yield run.Outcome(
            rows[0], 1, measured(), verdicts=[judge(at_most("a", 1.0), Measured(figures={"a": 2.0}))]
        )
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "_outcomes", interrupted)
    shown = io.StringIO()
    assert run.run(run.Options(peers=True, only=("one-row",)), out=shown) == 130
    assert "missed" in shown.getvalue()
    assert "interrupted" in capsys.readouterr().err


@pytest.mark.parametrize("markdown", [False, True])
def test_tables_show_verdicts_problems_and_missing_peers(markdown):
    fine, wrong, broken = choose(["inference"])[:3]
    result = measured(1e-6, OpenVINO=1.1e-6)
    result.missing = ["onnxruntime: No module named 'onnxruntime'"]
    outcomes = [
        run.Outcome(fine, 1, result, verdicts=[judge(goal, result) for goal in fine.goals]),
        run.Outcome(wrong, 1, problem="sides disagree: OpenVINO: off by 1", wrong=True),
        run.Outcome(broken, 1, problem="failed: RuntimeError: no"),
    ]
    targets = report.targets(outcomes, {"CPU": "some CPU"}, markdown)
    for text in (
        "some CPU",
        'pip install "hotloop[bench]"',
        "1.10x",
        "1.2x",
        "missed",
        "sides disagree",
        "failed",
        "0 of 1",
        "no ONNX Runtime",
    ):
        assert text in targets
    assert "without onnxruntime: No module" in targets
    assert "OpenVINO 1.10x" in report.speeds(outcomes, {}, markdown)
    assert ("|---|" in targets) is markdown


def test_the_summary_has_one_line_a_group_and_keeps_targets_apart():
    outcomes = []
    for row, ours in zip(choose(["training"])[:2], (1e-6, 2e-6), strict=True):
        result = measured(ours, **{training.JAX: 4e-6, training.EAGER: 40e-6})
        outcomes.append(run.Outcome(row, 1, result, verdicts=[judge(goal, result) for goal in row.goals]))
    *_, last = report.targets(outcomes, {}).splitlines()
    assert last.split("  ")[0] == "training, float32"
    assert "2.00x to 4.00x; 20.00x to 40.00x" in last
    assert last.endswith("4 of 4")


def test_limits_are_sides_that_no_product_beats():
    context = Context(pace=QUICK)
    a, b, out = products.operands((64, 64, 64), "NN")
    work = 2.0 * 64**3
    limits = [context.arithmetic("peak", "float32", work), context.stream("copy", "copy", 1e6)]
    times = context.time([products.own_product(OURS, a, b, out), *limits])
    result = Measured("GFLOP/s", work, times, limits=["peak"])
    assert 0 < judge(of_peak("peak", 0.5), result).value < 1.2
    assert "peak" not in report._ratios(result)
    assert "copy" in report._ratios(result)


def test_quick_pace_is_quick():
    context = Context(pace=QUICK)
    a, b, out = products.operands((32, 10, 64), "NN")
    times = context.time([products.own_product(OURS, a, b, out)])
    assert sum(times[OURS].rounds) < 0.05
