"""Seeded trainings come to the bits that they came to when digests.json was written.

Changed digests are a broken promise to all who train again with a new version, unless the change was meant:
then `python tests/test_digests.py --update` writes them anew, and the commit and CHANGELOG.md say why. The
bits are those of every CPU, instruction set and number of threads.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

import seeded_functions  # noqa: F401  (adds its trainings, as the next one does)
import seeded_models  # noqa: F401
from seeded_trainings import TRAININGS

PATH = Path(__file__).with_name("digests.json")


def written() -> dict[str, dict[str, str]]:
    return json.loads(PATH.read_text())


@pytest.mark.parametrize("name", TRAININGS)
def test_bits_are_those_written_down(name: str) -> None:
    assert TRAININGS[name]() == written()[name]


@pytest.mark.parametrize("name", [n for n in TRAININGS if " " not in n])
def test_no_instruction_set_nor_number_of_threads_changes_them(name: str, isa: str, threads: int) -> None:
    assert TRAININGS[name]() == written()[name]


def test_no_training_was_forgotten() -> None:
    assert list(written()) == list(TRAININGS)


if __name__ == "__main__":
    if sys.argv[1:] != ["--update"]:
        sys.exit(__doc__)
    PATH.write_text(json.dumps({name: run() for name, run in TRAININGS.items()}, indent=1) + "\n")
