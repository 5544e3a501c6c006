"""``hotloop bench``: hotloop beside other libraries and beside the machine's own limits, in one run.

A *row* is one case, such as one matrix shape, with its *sides*: hotloop and its peers. Each family of rows
runs in a process of its own that is pinned to as many CPUs as it has threads, with every library told the
same number. There the sides first show that they compute the same, then take turns; medians count.
Peers' sides lie in ``bench/peers`` of the source tree and are installed as ``hotloop.benchmark.peers``.

Examples
--------
>>> from hotloop.benchmark.catalogue import choose
>>> [row.key for row in choose(["one-row"])]
['one-row/mlp64, predict_on_batch']
"""

import importlib.util
import sys
from pathlib import Path


def _find_peers_of_a_checkout() -> None:
    """Where hotloop is not installed, its peers still lie in the source tree's bench/peers."""
    here = Path(__file__).resolve().parent
    start = here.parents[2] / "bench" / "peers" / "__init__.py"
    if (here / "peers").is_dir() or not start.is_file():
        return
    spec = importlib.util.spec_from_file_location(f"{__name__}.peers", start)
    if spec is not None and spec.loader is not None:
        sys.modules[spec.name] = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(sys.modules[spec.name])


_find_peers_of_a_checkout()
