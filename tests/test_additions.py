"""CONTRIBUTING's examples of additions: as few files as promised, and those that name the op in the tree."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
TEXT = ROOT / "CONTRIBUTING.md"

pytestmark = pytest.mark.skipif(not TEXT.exists(), reason="no sources beside the tests")

# How each example begins, what names it in sources, and how many files it may take.
EXAMPLES = {
    "An activation, `mish`:": (r"\b[mM]ish\b", 3),
    "An elementwise op, `sin`:": (r"\bsin\b", 7),
    "A layer with weights, `BatchNormalization`:": (r"batch_norm|BatchNorm", 12),
}
# Written by tools.
GENERATED = {"python/hotloop/_native.pyi", "python/hotloop/activations/named.pyi"}
# What names an op without being a part of it.
USES = {
    "csrc/ops/gemm/one_row_gemm.h": "a comment on who reads its rows",
    "python/hotloop/benchmark/groups/chains.py": "measures a model that has one",
    "python/hotloop/compress/rewrite.py": "puts one before layers that quantise each row by its own range",
    "python/hotloop/core/naming.py": "an example of names",
    "python/hotloop/ops/__init__.py": "names what Keras has and hl.ops has not",
    "python/hotloop/ops/activations.py": "hl.ops has functions under Keras's names, not one for each kind",
    "python/hotloop/ops/functions.py": "the same",
}


def listed(heading: str) -> list[str]:
    """The files of an example, in order."""
    _, _, rest = TEXT.read_text().partition(f"\n{heading}\n\n")
    assert rest, f"CONTRIBUTING.md has no example that begins with {heading!r}"
    example = rest.partition("\n\n")[0]
    return re.findall(r"^\d+\. `([^`]+)`", example, re.MULTILINE)


def naming(pattern: str) -> set[str]:
    """The files of the product that name an op."""
    sources = [path for room in ("csrc", "python") for path in (ROOT / room).rglob("*.*")]
    sources = [path for path in sources if path.suffix in {".h", ".cpp", ".cu", ".cuh", ".py", ".pyi"}]
    found = {path for path in sources if re.search(pattern, path.read_text())}
    return {path.relative_to(ROOT).as_posix() for path in found} - GENERATED


@pytest.mark.parametrize("heading", EXAMPLES)
def test_an_addition_takes_as_few_files_as_promised(heading):
    files = listed(heading)
    assert 0 < len(files) <= EXAMPLES[heading][1]
    assert len(set(files)) == len(files)


@pytest.mark.parametrize("heading", EXAMPLES)
def test_the_files_are_those_that_name_it(heading):
    pattern, _ = EXAMPLES[heading]
    files = listed(heading)
    for name in files:
        assert re.search(pattern, (ROOT / name).read_text()), f"{name} does not name it"
    product = {name for name in files if name.startswith(("csrc/", "python/"))}
    assert naming(pattern) - (set(USES) - product) == product


def test_what_is_excused_is_needed():
    found = set().union(*(naming(pattern) for pattern, _ in EXAMPLES.values()))
    assert set(USES) <= found
