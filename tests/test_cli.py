"""The command: help, version, configuration, and what it says to mistakes."""

import subprocess
import sys

import pytest

from hotloop import cli


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hotloop", *arguments], capture_output=True, text=True, timeout=120
    )


def test_help_has_examples_and_is_shown_without_a_command():
    shown = run("--help")
    assert shown.returncode == 0
    assert "hotloop demo --data" in shown.stdout
    assert run().stdout == shown.stdout
    assert "--epochs" in run("demo", "--help").stdout


def test_version():
    from importlib.metadata import version

    shown = run("--version")
    assert shown.returncode == 0
    assert shown.stdout.split() == ["hotloop", version("hotloop")]


def test_config():
    shown = run("config")
    assert shown.returncode == 0
    for word in ("CPU", "threads", "instruction set", "CUDA", "numpy"):
        assert word in shown.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["demo", "--epochs", "0"], "from 1 on"),
        (["demo", "--threads", "many"], "from 1 on"),
        (["demo", "--seed", "-1"], "from 0 on"),
        (["demmo"], "invalid choice"),
        (["bench", "--threads", "0"], "from 1 on"),
    ],
)
def test_arguments_out_of_range(arguments, message):
    shown = run(*arguments)
    assert shown.returncode == 2
    assert message in shown.stderr


def test_missing_data_is_one_line_and_no_traceback(tmp_path):
    shown = run("demo", "--data", str(tmp_path / "nothing"), "--out", str(tmp_path / "out"))
    assert shown.returncode == 1
    assert "there is no such file" in shown.stderr
    assert "Traceback" not in shown.stderr


def test_bench_lists_its_cases_without_measuring():
    shown = run("bench", "--list", "--only", "skinny,one-row")
    assert shown.returncode == 0
    lines = shown.stdout.splitlines()
    assert len(lines) == 25
    assert lines[0].split() == ["skinny/32x64x784", "NN", "1.15x", "the", "best", "peer"]
    assert "one-row/mlp64, predict_on_batch" in shown.stdout


def test_bench_names_the_nearest_group():
    shown = run("bench", "--only", "skinny", "--only", "trainig")
    assert shown.returncode == 1
    assert shown.stderr.startswith("hotloop: unknown group 'trainig'; did you mean 'training'? Known: adam, ")
    assert "Traceback" not in shown.stderr


def test_bench_that_is_asked_for_nothing_measures_nothing():
    shown = run("bench", "--only", ",")
    assert shown.returncode == 1
    assert shown.stderr.startswith("hotloop: --only: expected names of groups, got ','; ")


def test_bench_hands_its_options_on(monkeypatch):
    from hotloop.benchmark import run as bench

    seen = []
    monkeypatch.setattr(bench, "run", lambda options, json_path: seen.append((options, json_path)) or 0)
    arguments = [
        "--peers",
        "--only",
        "gemm,bf16",
        "--threads",
        "2",
        "--quick",
        "--markdown",
        "--json",
        "a.json",
    ]
    assert cli.main(["bench", *arguments]) == 0
    assert cli.main(["bench"]) == 0
    assert seen == [
        (bench.Options(True, ("gemm", "bf16"), threads=2, quick=True, markdown=True), "a.json"),
        (bench.Options(), None),
    ]


def test_interrupt_is_told_and_has_its_own_status(monkeypatch, capsys):
    def interrupted(options):
        raise KeyboardInterrupt

    monkeypatch.setattr(cli, "_demo", interrupted)
    assert cli.main(["demo"]) == 130
    assert "interrupted" in capsys.readouterr().err


def test_threads_reach_blas_before_numpy_is_loaded():
    code = (
        "import sys, os\n"
        "from hotloop import cli\n"
        "assert 'numpy' not in sys.modules\n"
        "cli.main(['demo', '--threads', '1', '--data', '/nothing'])\n"
        "assert os.environ['OPENBLAS_NUM_THREADS'] == '1'\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
