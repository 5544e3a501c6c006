"""One measured part, in a process of its own: ``python -m gpu.part gemm --rows FILE --seconds 60``."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from gpu.measuring import Measuring

MODULES = {"gemm": "products", "memory": "memory", "training": "training"}
MODULES |= {"inference": "inference", "crossover": "crossover"}


def main(arguments: list[str] | None = None) -> int:
    """Measure a part; what one case does wrong is written down as its row."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("part", choices=MODULES)
    parser.add_argument("--rows", type=Path, required=True)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--tiny", action="store_true")
    parser.add_argument("--no-peers", action="store_true")
    options = parser.parse_args(arguments)
    on = Measuring.start(options.part, options.tiny, options.seconds, options.rows, not options.no_peers)
    importlib.import_module(f"gpu.{MODULES[options.part]}").run(on)
    return 0


if __name__ == "__main__":
    sys.exit(main())
