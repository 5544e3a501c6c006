"""bench/gpu_check.py without a GPU: arguments, reports, files, and a small run on the emulator."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import gpu_check
from gpu import arrays, checks, clock, machine, report, results, row
from gpu.row import OURS, Row

ROOT = Path(gpu_check.__file__).resolve().parent.parent


def test_parts_run_in_their_order():
    assert gpu_check.parts_of("gemm, build") == ["build", "gemm"]
    assert gpu_check.parts_of(None)[0] == "build"
    with pytest.raises(ValueError, match="got 'speed'"):
        gpu_check.parts_of("gemm,speed")


@pytest.mark.parametrize("arguments", [["--only", "speed"], ["--minutes", "0"], ["--minute", "3"]])
def test_a_wrong_command_is_refused(arguments, capsys):
    with pytest.raises(SystemExit) as stopped:
        gpu_check.main(arguments)
    assert stopped.value.code == 2
    assert "error" in capsys.readouterr().err


def test_without_a_gpu_it_says_so(monkeypatch, capsys, tmp_path):
    monkeypatch.setattr(machine, "gpu", lambda: None)
    monkeypatch.delenv("HOTLOOP_CUDA_EMULATED", raising=False)
    assert gpu_check.main(["--only", "gemm", "--scratch", str(tmp_path)]) == 2
    assert "there is no GPU here" in capsys.readouterr().err


def test_rows_compare_with_the_fastest_of_the_others():
    times = {OURS: [1.0, 2.0, 1.0], "slow": [4.0, 8.0, 4.0], "fast": [2.0, 4.0, 4.0]}
    made = row.compared("gemm", "x", times, dict.fromkeys(times, 2.0), "TFLOP/s", target=1.5)
    assert made.values == {OURS: 2.0, "slow": 0.5, "fast": 0.5}
    made = row.compared(
        "gemm", "x", {**times, "fast": [2.0, 2.0, 2.0]}, dict.fromkeys(times, 2.0), "", target=1.5
    )
    assert made.ratio == 2.0
    assert made.met
    assert Row.from_json(made.to_json()) == made


def test_a_share_of_bandwidth_counts_each_side_s_own_bytes():
    made = row.compared("memory", "x", {OURS: [1.0], "copy": [2.0]}, {OURS: 3.0, "copy": 8.0}, "TB/s", 0.9)
    assert made.ratio == 0.75
    assert made.met is False
    assert row.compared("memory", "x", {OURS: [1.0]}, {OURS: 1.0}, "TB/s", 0.9).met is None


def test_sides_take_turns_and_operands_rotate():
    seen = []
    sides = {"a": lambda: seen.append("a"), "b": lambda: seen.append("b")}
    times = clock.in_turns(sides, lambda call, calls: (call(), 0.1)[1], budget=1.0, least=4)
    assert times == {"a": [0.1] * 5, "b": [0.1] * 5}
    # Two calls to warm up and one to be sized by, each; then rounds whose order turns.
    assert "".join(seen) == "aaabbb" + "abbaabbaab"
    taken = []
    call = clock.rotating(taken.append, [(1,), (2,)])
    for _ in range(3):
        call()
    assert sorted(taken[:2]) == [1, 2]
    assert taken[0] == taken[2]


def test_the_report_names_what_failed_and_what_was_missed():
    rows = [
        Row("gemm", "fine", "TFLOP/s", {OURS: 788.4, "cuBLAS": 790.0}, 0.998, 0.97, 0.01),
        Row("gemm", "slow", "TFLOP/s", {OURS: 1.0, "cuBLAS": 2.0}, 0.5, 0.97),
        Row("gemm", "wrong", "", note="FAILED: DisagreementError: off"),
        Row("crossover", "float32 product 64 cubed", "GFLOP/s", {OURS: 1.0, "CPU": 2.0}, 0.5),
        Row("crossover", "float32 product 128 cubed", "GFLOP/s", {OURS: 4.0, "CPU": 2.0}, 2.0),
    ]
    result = {
        "device": "A",
        "driver": "1",
        "commit": "0" * 40,
        "date": "2026-01-02",
        "errors": {"training": "x"},
    }
    result |= {"tests": {"tests/test_cuda_x.py": "failed"}, "sanitizer": {"memcheck": "found errors: y"}}
    result["rows"] = [one.to_json() for one in rows]
    text = report.text(result)
    assert "1 of 2 targets met" in text
    assert "not measured" not in text
    result["rows"] = [Row("memory", "softmax", "TB/s", {OURS: 1.0}).to_json()]
    assert "- layer norm: the package has none; batch norm stands in" in report.text(result)
    result["rows"] = [one.to_json() for one in rows]
    assert "missed" in text
    assert "float32 product: the GPU wins from 128 cubed" in text
    assert len(report.failures(result)) == 4


def test_pytest_s_summary_is_read_file_by_file():
    text = (
        "PASSED tests/test_cuda_a.py::test_x[1]\nSKIPPED [2] tests/test_cuda_b.py:9: no GPU\n"
        "FAILED tests/test_cuda_c.py::test_y - AssertionError\nPASSED tests/test_cuda_c.py::test_z\n"
    )
    files = [f"tests/test_cuda_{letter}.py" for letter in "abcd"]
    assert checks.verdicts(text, files, finished=True) == dict(
        zip(files, ("passed", "skipped", "failed", "skipped"), strict=True)
    )
    assert checks.verdicts(text, files, finished=False)[files[3]] == "failed"


def test_what_takes_too_long_is_ended_with_all_that_it_started(tmp_path):
    log = tmp_path / "log"
    assert checks.run(["sh", "-c", "echo begun; sleep 60 & wait"], log, 1.0, os.environ) == 124
    assert "begun" in log.read_text()


def test_a_row_that_was_cut_off_is_left_out(tmp_path):
    path = tmp_path / "rows"
    results.append_row(path, {"name": "whole"})
    with path.open("a") as file:
        file.write('{"name": "cu')
    assert results.rows_in(path) == [{"name": "whole"}]
    assert results.rows_in(tmp_path / "none") == []


def test_sides_that_disagree_are_refused():
    arrays.require_close("x", [1.0, 2.0], [1.0, 2.0], 1e-6)
    for wrong in ([1.0, 2.1], [1.0, float("nan")], [1.0]):
        with pytest.raises(arrays.DisagreementError):
            arrays.require_close("x", wrong, [1.0, 2.0], 1e-6)


@pytest.mark.skipif(
    "HOTLOOP_CUDA_EMULATED" not in os.environ, reason="HOTLOOP_CUDA_EMULATED names no emulator"
)
@pytest.mark.parametrize("part", ["gemm", "memory", "training", "inference", "crossover"])
def test_a_small_run_on_the_emulator(part, tmp_path):
    out = tmp_path / "out.json"
    command = [sys.executable, str(ROOT / "bench" / "gpu_check.py"), "--only", part, "--tiny", "--no-peers"]
    command += ["--installed", "--out", str(out), "--scratch", str(tmp_path / "scratch"), "--minutes", "3"]
    done = subprocess.run(command, capture_output=True, text=True, env={**os.environ}, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (result,) = results.recorded(tmp_path)
    assert result["rows"]
    assert all(one["values"] for one in result["rows"]), result["rows"]


@pytest.mark.skipif(
    "HOTLOOP_CUDA_EMULATED" not in os.environ, reason="HOTLOOP_CUDA_EMULATED names no emulator"
)
def test_the_kernels_for_compute_sanitizer_run_on_the_emulator():
    env = {**os.environ, "PYTHONPATH": f"{ROOT / 'bench'}{os.pathsep}{os.environ.get('PYTHONPATH', '')}"}
    done = subprocess.run(
        [sys.executable, "-m", "gpu.kernels"], capture_output=True, text=True, env=env, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
