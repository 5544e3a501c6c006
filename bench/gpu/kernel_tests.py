"""Which test files try which kernel file. That of the same stem, or those that are named here."""

from __future__ import annotations

from collections.abc import Mapping

from gpu.hashes import all_hashes

OPS = "csrc/ops"
HOPPER_TESTS = ("test_cuda_gemm_hopper.py",)
# Others than the test file of the kernel's stem.
OTHER_TESTS: dict[str, tuple[str, ...]] = {
    f"{OPS}/activation/row_activation_cuda.cu": ("test_cuda_activation.py",),
    f"{OPS}/bf16/bf16_cuda.cu": ("test_cuda_quantize.py",),
    f"{OPS}/bf16/gemm_bf16_cuda.cu": ("test_cuda_bf16_products.py",),
    f"{OPS}/gemm_tensor/gemm_bf16_cuda.cu": ("test_cuda_gemm_tensor.py", "test_cuda_bf16_products.py"),
    f"{OPS}/gemm_tensor/gemm_bf16_hopper_cuda.cu": HOPPER_TESTS,
    f"{OPS}/gemm_tensor/gemm_tensor_hopper_cuda.cu": HOPPER_TESTS,
    f"{OPS}/gemm_tensor/gemm_tf32_cuda.cu": ("test_cuda_gemm_tensor.py",),
    f"{OPS}/loss/class_loss_cuda.cu": ("test_cuda_loss.py",),
    f"{OPS}/mlp/mlp_cuda.cu": ("test_cuda_small_networks.py",),
    f"{OPS}/mlp/mlp_train_cuda.cu": ("test_cuda_small_networks.py",),
    f"{OPS}/optimizer/optimizer_segments_cuda.cu": ("test_cuda_optimizer.py",),
    "csrc/program/finish_step_cuda.cu": ("test_cuda_models.py",),
}


def files_trying(kernel: str) -> tuple[str, ...]:
    """The test files that try a kernel file: the one of its stem, if no others are named."""
    stem = kernel.rpartition("/")[2].removesuffix("_cuda.cu")
    return OTHER_TESTS.get(kernel, (f"test_cuda_{stem}.py",))


def runs_on(kernel: str, capability: str) -> bool:
    """Whether a GPU takes the kernel at all: Hopper's instructions are there on capability 9.0 alone."""
    return "_hopper" not in kernel or capability == "9.0"


def verdict(kernel: str, tests: Mapping[str, str], capability: str) -> str:
    """failed where any of the kernel's test files did, passed where all of them did, else not run."""
    said = {tests.get(f"tests/{name}", "skipped") for name in files_trying(kernel)}
    if not runs_on(kernel, capability):
        return "not run"
    if "failed" in said:
        return "failed"
    return "passed" if said == {"passed"} else "not run"


def kernel_verdicts(tests: Mapping[str, str], capability: str) -> dict[str, dict[str, str]]:
    """By kernel file: its source's hash, and whether its tests passed."""
    return {
        name: {"hash": source, "verdict": verdict(name, tests, capability)}
        for name, source in all_hashes().items()
    }
