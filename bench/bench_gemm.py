"""hl.kernels.gemm against NumPy's matmul, on the shapes of shapes/gemm.txt.

pytest bench/bench_gemm.py --benchmark-enable

Both use the threads they are given: set HOTLOOP_NUM_THREADS and OPENBLAS_NUM_THREADS alike.
"""

from pathlib import Path

import numpy as np
import pytest

from hotloop.kernels.gemm import gemm
from side_by_side import in_turns

LINES = (Path(__file__).parent / "shapes" / "gemm.txt").read_text().splitlines()
SHAPES = [line.split()[:4] for line in LINES if not line.startswith("#")]


def matrix(rng: np.random.Generator, rows: int, cols: int, layout: str) -> np.ndarray:
    if layout == "T":
        return rng.uniform(-1, 1, (cols, rows)).astype(np.float32).T
    return rng.uniform(-1, 1, (rows, cols)).astype(np.float32)


@pytest.mark.parametrize(("m", "n", "k", "layout"), SHAPES)
def test_gemm(m, n, k, layout, benchmark, tell):
    m, n, k = int(m), int(n), int(k)
    rng = np.random.default_rng(1)
    a, b = matrix(rng, m, k, layout[0]), matrix(rng, k, n, layout[1])
    ours, theirs = np.empty((2, m, n), np.float32)

    def hotloop() -> None:
        gemm(a, b, out=ours)

    def numpy() -> None:
        np.matmul(a, b, out=theirs)

    hotloop(), numpy()
    np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=2 * k * np.finfo(np.float32).eps)
    if benchmark.enabled:
        seconds = in_turns({"hotloop": hotloop, "numpy": numpy})
        tell({side: 1e6 * value for side, value in seconds.items()})
        operations = 2e-9 * m * n * k
        benchmark.extra_info["gflops"] = {side: operations / value for side, value in seconds.items()}
    benchmark.pedantic(hotloop, rounds=3)
