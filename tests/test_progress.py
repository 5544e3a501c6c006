"""Progress on stdout: lines without a terminal, a bar with one, silence when asked for."""

import io
import sys
import threading
import time

import numpy as np
import pytest

from hotloop.training.progress import Progress, logs_text, number_text, verbosity


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def show(verbose: str | int) -> str:
    """Two epochs' progress, as it stands on stdout."""
    progress = Progress(epochs=2, steps=4, verbose=verbose)
    for epoch in range(2):
        progress.epoch_begin(epoch)
        progress.update(2, 0.75)
        progress.update(4, 0.5)
        progress.epoch_end(epoch, {"loss": 0.5, "accuracy": 0.25}, seconds=1.25)
    progress.close()
    stdout = sys.stdout
    assert isinstance(stdout, io.StringIO)
    return stdout.getvalue()


LINES = [f"Epoch {epoch}/2 - 1.2s - loss: 0.5000 - accuracy: 0.2500" for epoch in (1, 2)]


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_a_line_an_epoch_without_a_terminal(verbose: str | int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", io.StringIO())
    assert show(verbose).splitlines() == LINES


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    assert show(0) == ""


def test_a_bar_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    threads = threading.active_count()
    shown = show("auto")
    assert "Epoch 1/2" in shown
    assert "\r" in shown
    assert "\x1b[32m" in shown
    assert all(line in shown for line in LINES)
    assert threading.active_count() == threads
    assert show(2).endswith("\n".join(LINES) + "\n")


def test_a_bar_says_nothing_of_a_loss_before_there_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    progress = Progress(epochs=1, steps=4, verbose=1)
    progress.epoch_begin(0)
    stdout = sys.stdout
    assert isinstance(stdout, io.StringIO)
    assert stdout.getvalue().rstrip().endswith("0/4 - 00:00<?")
    time.sleep(0.11)  # tqdm writes no more than ten times a second
    progress.update(2, 0.75)
    assert stdout.getvalue().rstrip().endswith("2/4 - 00:00<00:00 - loss: 0.7500")
    progress.close()


def test_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    shown = show(1)
    assert "\r" in shown
    assert "\x1b[32m" not in shown


def test_no_bar_on_a_dumb_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "dumb")
    assert show(1).splitlines() == LINES


def test_no_stdout_at_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    assert verbosity("auto") == 0
    progress = Progress(1, 1, 2)
    progress.epoch_begin(0)
    progress.epoch_end(0, {}, 0.1)


def test_a_bar_that_is_left_open_is_taken_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", Terminal())
    monkeypatch.setenv("TERM", "xterm")
    progress = Progress(1, 10, 1)
    progress.epoch_begin(0)
    progress.update(3, 0.5)
    progress.close()
    progress.close()
    progress.update(5, 0.5)


@pytest.mark.parametrize("verbose", ["yes", 3, -1, None, 0.5])
def test_other_verbosity_is_refused(verbose: object) -> None:
    with pytest.raises(ValueError, match="verbose: expected 'auto', 0, 1 or 2"):
        verbosity(verbose)  # type: ignore[arg-type]


def test_numbers() -> None:
    assert number_text(0) == "0.0000"
    assert number_text(-12.34567) == "-12.3457"
    assert number_text(5e-4) == "5.0000e-04"
    assert number_text(float("nan")) == "nan"
    assert number_text(np.array([0.5, 0.25])) == "[0.5000 0.2500]"
    assert logs_text({}) == ""


@pytest.mark.parametrize(("seconds", "text"), [(0.0123, "12ms"), (2.0, "2.0s"), (125.0, "2m05s")])
def test_seconds(seconds: float, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    stdout = io.StringIO()
    monkeypatch.setattr(sys, "stdout", stdout)
    Progress(1, 1, 2).epoch_end(0, {}, seconds)
    assert stdout.getvalue() == f"Epoch 1/1 - {text}\n"
