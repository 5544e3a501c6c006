"""What only a GPU can show, in one command: build, CUDA tests, compute-sanitizer, timings beside the peers.

    python bench/gpu_check.py                          all of it; meant to fit in ten minutes
    python bench/gpu_check.py --minutes 5              each part gets less time, and skips what does not fit
    python bench/gpu_check.py --only build,tests       what matters most: do kernels compute what they should
    python bench/gpu_check.py --only gemm --installed  with the installed package instead of a fresh build
    python bench/gpu_check.py --update-table           csrc/cuda/README.md's table from bench/results/*.json

Needs Python 3.10 or newer, nvcc, CuPy, NumPy, pybind11, scikit-build-core, CMake with ninja or make, and
pytest; it downloads nothing. Without PyTorch there are no ratios to cuBLAS and to its training, only own
figures; without compute-sanitizer, or where a machine does not let it in, that part says so; without nvcc,
build elsewhere (`pip wheel . -C cmake.define.HOTLOOP_CUDA=ON`), install the wheel, and use --installed.
With three minutes, take `--only build,tests`; with two more, sanitizer; timings after these. A part that
fails does not stop the others.

The result goes to bench/results/<device>.json with device, driver, commit and a hash of every kernel's
source; commit it together with the table. A run of a few parts is merged into what that file says of the
same commit; of another commit, it goes to the scratch folder. Exit status: 0, 1 where something failed (a
missed target is no failure), 2 where there is no GPU or the command is wrong.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from gpu import results, table
from gpu.run import PARTS, Run


def parser() -> argparse.ArgumentParser:
    """The command's options."""
    made = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    made.add_argument("--only", metavar="PARTS", help=f"some of {','.join(PARTS)}")
    made.add_argument("--minutes", type=float, default=9.5, help="for everything; default: %(default)s")
    made.add_argument("--installed", action="store_true", help="use the installed package, build none")
    made.add_argument("--no-peers", action="store_true", help="own figures only, without PyTorch")
    made.add_argument("--tiny", action="store_true", help="tiny sizes: shows that all runs, measures nothing")
    made.add_argument("--out", type=Path, help="the result's file; default: bench/results/<device>.json")
    made.add_argument(
        "--scratch", type=Path, help="a folder for build and logs; default: a new temporary one"
    )
    made.add_argument(
        "--update-table", action="store_true", help="only write csrc/cuda/README.md's table anew"
    )
    return made


def parts_of(text: str | None) -> list[str]:
    """The parts that --only names, in the order in which they run."""
    if text is None:
        return list(PARTS)
    names = [name.strip() for name in text.split(",")]
    unknown = [name for name in names if name not in PARTS]
    if unknown:
        raise ValueError(f"--only: expected some of {', '.join(PARTS)}, got {', '.join(map(repr, unknown))}")
    return [name for name in PARTS if name in names]


def update_table() -> int:
    """Write the table of csrc/cuda/README.md."""
    text = table.README.read_text()
    table.README.write_text(table.with_table(text, table.table(results.recorded())))
    return 0


def main(arguments: list[str] | None = None) -> int:
    """Run what the arguments ask for; returns the exit status."""
    options = parser().parse_args(arguments)
    if options.update_table:
        return update_table()
    try:
        parts = parts_of(options.only)
    except ValueError as error:
        parser().error(str(error))
    if options.minutes <= 0:
        parser().error(f"--minutes: expected a positive number, got {options.minutes:g}")
    scratch = options.scratch or Path(tempfile.mkdtemp(prefix="hotloop-gpu-"))
    scratch.mkdir(parents=True, exist_ok=True)
    run = Run(parts, 60 * options.minutes, scratch.resolve(), options.out)
    run.tiny, run.peers, run.installed = options.tiny, not options.no_peers, options.installed
    return run()


if __name__ == "__main__":
    sys.exit(main())
