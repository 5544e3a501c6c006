"""Microseconds a training step: hotloop, PyTorch eager with fused Adam where it is installed, and NumPy.

    python bench/peers/training.py [case ...] [--threads N] [--rounds N] [--json PATH]

The sides take turns; the figures are medians, and how many times hotloop's time each took.
"""

import argparse
import importlib.util
import itertools
import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))


def main() -> int:
    """Measure and print; with --json, write the figures too."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", default=["tiny", "mlp64"])
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--json", metavar="PATH")
    options = parser.parse_args()
    # BLAS reads these when NumPy is imported, so before anything else.
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS", "HOTLOOP_NUM_THREADS"):
        os.environ[name] = str(options.threads)

    from hotloop.config import configuration, show_config
    from side_by_side import in_turns
    from training_cases import CASES, assert_same_training

    show_config()
    figures: dict[str, dict[str, float]] = {}
    for name in options.cases:
        case = CASES[name]
        assert_same_training(case)
        sides = case.epochs()
        if importlib.util.find_spec("torch") is not None:
            sides["PyTorch"] = torch_epoch(case, options.threads)
        seconds = in_turns(sides, options.rounds)
        figures[name] = {side: 1e6 * value / case.steps() for side, value in seconds.items()}
        ours = figures[name]["hotloop"]
        row = "   ".join(f"{side} {us:9.1f} us ({us / ours:5.2f}x)" for side, us in figures[name].items())
        print(f"{name:8} {options.threads} thread{'s' * (options.threads > 1)}   {row}", flush=True)
    if options.json:
        facts = {"machine": configuration(), "threads": options.threads, "microseconds_a_step": figures}
        Path(options.json).write_text(json.dumps(facts, indent=2) + "\n")
    return 0


def torch_epoch(case: Any, threads: int) -> Callable[[], None]:
    """An epoch of the same network in PyTorch: tensors in memory, rows picked by a permutation."""
    import torch

    torch.set_num_threads(threads)
    layers: list[torch.nn.Module] = []
    for inputs, units in itertools.pairwise(case.sizes):
        layers += [torch.nn.Linear(inputs, units), torch.nn.ReLU()]
    model = torch.nn.Sequential(*layers[:-1])
    optimizer = torch.optim.Adam(model.parameters(), fused=True)
    loss_of = torch.nn.CrossEntropyLoss()
    samples, labels = map(torch.from_numpy, case.data(case.steps() * case.batch))

    def epoch() -> None:
        order = torch.randperm(len(samples))
        for start in range(0, len(samples), case.batch):
            rows = order[start : start + case.batch]
            optimizer.zero_grad(set_to_none=True)
            loss_of(model(samples[rows]), labels[rows]).backward()
            optimizer.step()

    return epoch


if __name__ == "__main__":
    sys.exit(main())
