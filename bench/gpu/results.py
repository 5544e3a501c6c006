"""The JSON of a run: one file a device, there whole or not at all, written anew whenever a part is done."""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).resolve().parent.parent / "results"


def file_name(device: str) -> str:
    """The file of a device's results.

    >>> file_name("NVIDIA H200 NVL")
    'nvidia-h200-nvl.json'
    """
    return re.sub(r"[^a-z0-9]+", "-", device.lower()).strip("-") + ".json"


def write(path: Path, values: dict[str, Any]) -> None:
    """Replace a JSON file; what stood there stays whole until the new one is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with open(descriptor, "w") as file:
            json.dump(values, file, indent=1, sort_keys=True)
            file.write("\n")
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        os.unlink(temporary)
        raise


def recorded(folder: Path = RESULTS) -> list[dict[str, Any]]:
    """The runs that a folder has, by file name; JSON files of other benchmarks are left out."""
    found = [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]
    return [values for values in found if "kernels" in values and "device" in values]


def append_row(path: Path, row: dict[str, Any]) -> None:
    """Add a measured row to a file of lines, from which it is taken even if this process dies."""
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")
        file.flush()
        os.fsync(file.fileno())


def rows_in(path: Path) -> list[dict[str, Any]]:
    """The rows that a part wrote before it ended, however it did; a half-written last line is left out."""
    rows = []
    for line in path.read_text().splitlines() if path.exists() else []:
        try:
            rows.append(json.loads(line))
        except ValueError:
            continue
    return rows
