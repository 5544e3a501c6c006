"""Adds what benchmarks of two sides need: ratios printed at the end, the machine's facts in the JSON."""

from collections.abc import Callable
from typing import Any

import pytest

from hotloop.device.report import configuration
from side_by_side import in_turns

_lines: list[str] = []


@pytest.fixture
def tell(benchmark: Any, request: pytest.FixtureRequest) -> Callable[[dict[str, float]], None]:
    """Call it with microseconds by side, hotloop first: kept in the JSON, ratios printed at the end."""

    def keep(microseconds: dict[str, float]) -> None:
        (ours, mine), *others = microseconds.items()
        benchmark.extra_info["microseconds"] = microseconds
        benchmark.extra_info["ratio"] = {name: theirs / mine for name, theirs in others}
        compared = "".join(f"   {name} {theirs:10.1f} us ({theirs / mine:5.2f}x)" for name, theirs in others)
        _lines.append(f"{request.node.name:44} {ours} {mine:10.1f} us{compared}")

    return keep


@pytest.fixture
def compare(benchmark: Any, tell: Callable[[dict[str, float]], None]) -> Callable[..., None]:
    """Call it with hotloop's side and NumPy's, after checking that they agree: times them in turns."""

    def time_both(ours: Callable[[], object], theirs: Callable[[], object]) -> None:
        if not benchmark.enabled:
            return
        seconds = in_turns({"hotloop": ours, "NumPy": theirs})
        tell({side: 1e6 * value for side, value in seconds.items()})
        benchmark.pedantic(ours, rounds=5)

    return time_both


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if _lines:
        terminalreporter.section("medians, sides timed in turns; (x): how many times hotloop's time")
        terminalreporter.write_line("\n".join(_lines))


def pytest_benchmark_update_machine_info(config: pytest.Config, machine_info: dict[str, Any]) -> None:
    machine_info["hotloop"] = configuration()
