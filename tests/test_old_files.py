"""Files that earlier versions wrote load, predict the same bytes, and go on training to the same bits.

A folder under tests/files for each version that wrote something new; old_files.py says how they were made.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import hotloop as hl
from old_files import QUESTIONS, backed_up, every_layer_data
from seeded_trainings import outcome

FOLDERS = sorted((Path(__file__).with_name("files")).iterdir())
each_folder = pytest.mark.parametrize("folder", FOLDERS, ids=lambda folder: folder.name)


@each_folder
@pytest.mark.parametrize("name", QUESTIONS)
def test_answers_are_those_written_down(name: str, folder: Path, isa: str) -> None:
    assert QUESTIONS[name](folder) == json.loads((folder / "answers.json").read_text())[name]


@each_folder
def test_the_backup_comes_to_what_an_uninterrupted_training_does(folder: Path, tmp_path: Path) -> None:
    model, history = backed_up(tmp_path)
    whole = outcome(model, np.zeros((1, 6)), history)
    written = json.loads((folder / "answers.json").read_text())["backup"]
    assert whole["weights"] == written["weights"]


@each_folder
def test_old_models_can_be_quantised_and_pruned(folder: Path) -> None:
    model, (x, _) = hl.load_model(folder / "every_layer.hotloop"), every_layer_data()
    fast = hl.quantize_model(model, calibration_data=x, fallback="never")
    for now, then in zip(fast.predict(x), hl.load_model(folder / "int8.hotloop").predict(x), strict=True):
        np.testing.assert_array_equal(now, then)
    assert hl.prune_model(model, 0.5).count_params() < model.count_params()


def test_there_are_files() -> None:
    assert FOLDERS
