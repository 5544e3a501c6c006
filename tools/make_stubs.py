"""Writes the stubs that follow from the installed native module, or checks that they are up to date.

    python tools/make_stubs.py            write them
    python tools/make_stubs.py --check    exit 1, with the difference, where one is stale

They are python/hotloop/_native.pyi and the names of the activations, python/hotloop/activations/named.pyi.

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
PACKAGE = Path(__file__).resolve().parent.parent / "python" / "hotloop"


def native_stub() -> str:
    """The stub of the native module as it is installed now."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pybind11_stubgen", "hotloop._native", "-o", folder, "--exit-code"]
        subprocess.run(command, check=True)
        text = Path(folder, "hotloop", "_native.pyi").read_text()
    # The version changes with every release, and is empty in a build outside of pip.
    text = re.sub(r"^__version__: str = .*$", "__version__: str", text, flags=re.MULTILINE)
    text = re.sub(r"^__all__: .*?\]$\n", "", text, flags=re.MULTILINE | re.DOTALL)
    command = [sys.executable, "-m", "ruff", "format", "--stdin-filename", "_native.pyi", "-"]
    return subprocess.run(command, input=HEADER + text, check=True, capture_output=True, text=True).stdout


def activation_names() -> str:
    """What hotloop.activations.named holds."""
    from hotloop.activations.named import __all__ as names

    lines = ["# Written by tools/make_stubs.py.", "from hotloop.activations.activation import Activation", ""]
    lines += ["__all__ = [", *(f'    "{name}",' for name in names), "]", ""]
    return "\n".join([*lines, *(f"{name}: Activation" for name in names), ""])


def main() -> int:
    """Write, or check."""
    stale = 0
    made = {
        PACKAGE / "_native.pyi": native_stub(),
        PACKAGE / "activations" / "named.pyi": activation_names(),
    }
    for target, text in made.items():
        if "--check" not in sys.argv[1:]:
            target.write_text(text)
            continue
        old = target.read_text()
        sys.stdout.writelines(
            difflib.unified_diff(old.splitlines(True), text.splitlines(True), str(target), "now")
        )
        if old != text:
            print(f"\n{target.name} is stale: run `python tools/make_stubs.py`", file=sys.stderr)
        stale += old != text
    return int(stale > 0)


if __name__ == "__main__":
    sys.exit(main())
