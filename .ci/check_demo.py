"""Holds the demo to its promises: `python .ci/check_demo.py DIR` reads DIR/figures.json."""

import json
import sys
from pathlib import Path

out = Path(sys.argv[1])
figures = json.loads((out / "figures.json").read_text())
models = figures["models"]
accuracy = {name: model["metrics"]["accuracy"] for name, model in models.items()}
checks = {
    "float32 accuracy is at least 0.93": accuracy["float32"] >= 0.93,
    "pruned and retrained is within 0.01 of float32": accuracy["pruned"] >= accuracy["float32"] - 0.01,
    "int8 is within 0.005 of pruned": accuracy["int8"] >= accuracy["pruned"] - 0.005,
    "pruned has less than half of the weights": models["pruned"]["parameters"]
    < models["float32"]["parameters"] / 2,
    "int8 takes less than a third of pruned's bytes": models["int8"]["parameter_bytes"]
    < models["pruned"]["parameter_bytes"] / 3,
    "hotloop trains faster than NumPy": figures["ratios"]["numpy_training_over_hotloop"] > 1,
    "the picture and the models are there": (out / "picture.png").stat().st_size > 10_000
    and len(list(out.glob("*.hotloop"))) == 3,
}
for promise, kept in checks.items():
    print(f"{'ok  ' if kept else 'FAIL'} {promise}")
sys.exit(not all(checks.values()))
