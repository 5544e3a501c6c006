"""Writes python/hotloop/_native.pyi from the installed native module, or checks that it is up to date.

    python tools/make_stubs.py            write it
    python tools/make_stubs.py --check    exit 1, with the difference, where it is stale

Needs the package installed, pybind11-stubgen and ruff.
"""

import difflib
import re
import subprocess
import sys
import tempfile
from pathlib import Path

HEADER = """\
# Written by tools/make_stubs.py.
# mypy: disable-error-code="type-arg"
"""
TARGET = Path(__file__).resolve().parent.parent / "python" / "hotloop" / "_native.pyi"


def generate() -> str:
    """The stub of the module as it is installed now."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pybind11_stubgen", "hotloop._native", "-o", folder, "--exit-code"]
        subprocess.run(command, check=True)
        text = Path(folder, "hotloop", "_native.pyi").read_text()
    # The version changes with every release, and is empty in a build outside of pip.
    text = re.sub(r"^__version__: str = .*$", "__version__: str", text, flags=re.MULTILINE)
    text = re.sub(r"^__all__: .*?\]$\n", "", text, flags=re.MULTILINE | re.DOTALL)
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", str(TARGET), "-"]
    return subprocess.run(command, input=HEADER + text, check=True, capture_output=True, text=True).stdout


def main() -> int:
    """Write, or check."""
    text = generate()
    if "--check" not in sys.argv[1:]:
        TARGET.write_text(text)
        return 0
    old = TARGET.read_text()
    sys.stdout.writelines(
        difflib.unified_diff(old.splitlines(True), text.splitlines(True), str(TARGET), "now")
    )
    if old != text:
        print("\n_native.pyi is stale: run `python tools/make_stubs.py`", file=sys.stderr)
    return int(old != text)


if __name__ == "__main__":
    sys.exit(main())
