"""csrc/cuda/README.md says of hardware what bench/results has; kernels that changed since are named."""

import json
import warnings

import pytest

from gpu import results, table
from gpu.hashes import HardwareOutdatedWarning, all_hashes, code_of, kernel_files, source_hash, sources_of
from gpu.kernel_tests import OTHER_TESTS, files_trying, kernel_verdicts

KERNEL = "csrc/ops/elementwise/elementwise_cuda.cu"
UPDATE = "run `python bench/gpu_check.py --update-table`"


def run_on(device, date, verdict="passed", source="0"):
    """A run as bench/results has it."""
    return {
        "device": device,
        "driver": "580.1",
        "date": date,
        "commit": "0123456789",
        "kernels": {KERNEL: {"hash": source, "verdict": verdict}},
        "sanitizer": {"memcheck": "clean", "racecheck": "not run: no time left"},
    }


def test_the_table_says_what_the_results_say():
    written = table.table_in(table.README.read_text())
    assert all(f"`{name}`" in written for name in kernel_files()), f"a kernel file is missing; {UPDATE}"
    assert written == table.table(results.recorded()), f"the table is not what bench/results says; {UPDATE}"


def test_kernels_that_changed_since_they_passed_are_named():
    for name in table.outdated(results.recorded(), all_hashes()):
        warnings.warn(
            f"{name} has changed since it last passed on hardware: run bench/gpu_check.py on a GPU",
            HardwareOutdatedWarning,
            stacklevel=1,
        )


def test_the_latest_pass_counts():
    runs = [
        run_on("A", "2026-01-02"),
        run_on("B", "2026-03-04T05:06:07+00:00"),
        run_on("C", "2026-05-06", verdict="failed"),
    ]
    line = table.line_of(KERNEL, runs)
    assert line == f"| `{KERNEL}` | B, driver 580.1, 2026-03-04, commit 0123456 | memcheck |"
    assert table.line_of(KERNEL, runs[2:]) == f"| `{KERNEL}` | {table.NEVER} | |"
    assert table.line_of("csrc/other_cuda.cu", runs) == f"| `csrc/other_cuda.cu` | {table.NEVER} | |"


def test_only_another_source_is_outdated():
    runs = [run_on("A", "2026-01-02", source="1")]
    assert table.outdated(runs, {KERNEL: "1", "csrc/other_cuda.cu": "2"}) == []
    assert table.outdated(runs, {KERNEL: "2"}) == [KERNEL]


def test_a_hash_covers_headers_but_not_comments(tmp_path):
    assert {"csrc/cuda/launch.h", "csrc/base/types.h"} <= {
        path.relative_to(table.ROOT).as_posix() for path in sources_of(table.ROOT / KERNEL)
    }
    one, other = tmp_path / "one.h", tmp_path / "other.h"
    one.write_text("int a;  // first\nint b;\n")
    other.write_text("/* second\n */ int a;\n\n  int b;\n")
    assert code_of(one) == code_of(other) == "int a; int b;"
    assert source_hash(KERNEL) == source_hash(KERNEL)


def test_the_table_is_replaced_in_its_place_and_nowhere_else():
    text = f"before\n{table.BEGIN}\nold\n{table.END}\nafter old\n"
    assert table.with_table(text, "new") == f"before\n{table.BEGIN}\nnew\n{table.END}\nafter old\n"
    with pytest.raises(ValueError, match="expected a table between"):
        table.table_in("no table")


def test_every_kernel_file_has_its_tests_and_no_other_is_named():
    assert set(OTHER_TESTS) <= set(kernel_files()), "bench/gpu/kernel_tests.py: a kernel file that is gone"
    for name in kernel_files():
        assert files_trying(name)
        for file in files_trying(name):
            assert (table.ROOT / "tests" / file).is_file(), f"{name}: expected tests/{file}; write it"


@pytest.mark.parametrize("name", kernel_files())
def test_a_kernel_passes_by_all_of_its_own_tests_alone(name):
    everything = {f"tests/{path.name}": "passed" for path in (table.ROOT / "tests").glob("test_cuda_*.py")}
    own = [f"tests/{file}" for file in files_trying(name)]

    def said(tests, capability="9.0"):
        return kernel_verdicts(tests, capability)[name]["verdict"]

    assert said(everything) == "passed"
    assert said({file: word for file, word in everything.items() if file not in own}) == "not run"
    for file in own:
        assert said(everything | {file: "skipped"}) == "not run"
        assert said(everything | {file: "failed"}) == "failed"
    others = {file: "failed" for file in everything if file not in own}
    assert said(everything | others) == "passed"


def test_hopper_kernels_pass_on_hopper_alone():
    everything = {f"tests/{file}": "passed" for name in kernel_files() for file in files_trying(name)}
    hopper = {name for name in kernel_files() if "_hopper" in name}
    assert hopper
    for capability in ("8.0", "8.9", "10.0"):
        made = kernel_verdicts(everything, capability)
        assert {name for name, one in made.items() if one["verdict"] == "not run"} == hopper


def test_the_table_claims_only_what_the_tests_said():
    tests = {f"tests/{file}": "passed" for name in kernel_files() for file in files_trying(name)}
    tests["tests/test_cuda_small_networks.py"] = "skipped"
    run = run_on("A", "2026-01-02") | {"kernels": kernel_verdicts(tests, "8.0")}
    never = {
        name for name in kernel_files() if table.line_of(name, [run]) == f"| `{name}` | {table.NEVER} | |"
    }
    assert never == {name for name in kernel_files() if "_hopper" in name or "/mlp/" in name}


def test_results_of_other_benchmarks_are_no_runs(tmp_path):
    (tmp_path / "cpu.json").write_text("{}")
    results.write(tmp_path / "gpu.json", run_on("A", "2026-01-02"))
    assert [run["device"] for run in results.recorded(tmp_path)] == ["A"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cpu.json", "gpu.json"]
    assert json.loads((tmp_path / "gpu.json").read_text())["driver"] == "580.1"
