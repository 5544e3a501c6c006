"""hl.kernels.gemm_bf16 on two bfloat16 operands against float32's gemm and, where it is installed, PyTorch.

pytest bench/bench_bf16.py --benchmark-enable

The result is written as bfloat16, as PyTorch (oneDNN) does it. All use the threads they are given: set
HOTLOOP_NUM_THREADS and OMP_NUM_THREADS alike.
"""

import numpy as np
import pytest

from hotloop import kernels
from hotloop.device.memory import aligned_empty
from side_by_side import in_turns

SHAPES = [(1024, 1024, 1024), (2048, 2048, 2048), (128, 512, 512), (256, 2048, 2048), (32, 64, 784)]


@pytest.mark.parametrize(("m", "n", "k"), SHAPES)
def test_gemm_bf16(m, n, k, benchmark, tell):
    rng = np.random.default_rng(1)
    left, right = (rng.uniform(-1, 1, shape).astype(np.float32) for shape in ((m, k), (k, n)))
    a, b = kernels.to_bf16(left), kernels.to_bf16(right)
    left, right = kernels.from_bf16(a), kernels.from_bf16(b)
    ours, wide = aligned_empty((m, n), np.uint16), aligned_empty((m, n), np.float32)

    sides = {
        "hotloop": lambda: kernels.gemm_bf16(a, b, out=ours),
        "float32": lambda: kernels.gemm(left, right, out=wide),
    }
    for run in sides.values():
        run()
    np.testing.assert_allclose(
        kernels.from_bf16(ours), wide, rtol=2.0**-8, atol=2 * k * np.finfo(np.float32).eps
    )
    if benchmark.enabled:
        try:
            import torch
        except ImportError:
            pass
        else:
            x, y = torch.from_numpy(left).bfloat16(), torch.from_numpy(right).bfloat16()
            out = torch.empty(m, n, dtype=torch.bfloat16)
            sides["PyTorch"] = lambda: torch.mm(x, y, out=out)
        seconds = in_turns(sides)
        tell({side: 1e6 * value for side, value in seconds.items()})
        benchmark.extra_info["gflops"] = {side: 2e-9 * m * n * k / value for side, value in seconds.items()}
    benchmark.pedantic(sides["hotloop"], rounds=3)
