"""Batch logs are a dict in every respect, and nothing is worked out that nobody looks at."""

import copy
import json
import pickle
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import hotloop as hl
from hotloop.callbacks.batch_logs import BatchLogs

ALL = {"loss": 0.5, "accuracy": 0.25, "mae": 2.0}


class Lazy:
    """Logs that count how often they are worked out."""

    def __init__(self) -> None:
        self.times = 0
        self.logs = BatchLogs(0.5, self.compute)

    def compute(self) -> dict[str, Any]:
        self.times += 1
        return dict(ALL)


def inplace_or(logs: dict[str, Any]) -> None:
    logs |= {"accuracy": 9.0, "more": 1}


def overwritten(logs: dict[str, Any]) -> None:
    logs["accuracy"] = 9.0


OPERATIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "set": overwritten,
    "set loss": lambda logs: logs.__setitem__("loss", 7.0),
    "update": lambda logs: logs.update({"accuracy": 9.0}, more=1),
    "update pairs": lambda logs: logs.update([("mae", 3.0)]),
    "update keywords": lambda logs: logs.update(mae=3.0),
    "|=": inplace_or,
    "setdefault": lambda logs: logs.setdefault("accuracy", 9.0),
    "setdefault of another": lambda logs: logs.setdefault("more", 9.0),
    "pop": lambda logs: logs.pop("accuracy"),
    "pop of another": lambda logs: logs.pop("more", 3),
    "pop loss": lambda logs: logs.pop("loss"),
    "popitem": lambda logs: logs.popitem(),
    "del": lambda logs: logs.__delitem__("mae"),
    "clear": lambda logs: logs.clear(),
    "reversed": lambda logs: list(reversed(logs)),
    "!=": lambda logs: (logs != ALL, logs != {"loss": 0.5}, logs != ALL, logs != {}),
    "==": lambda logs: (logs == ALL, logs == {"loss": 0.5}, logs == ALL, logs == {}),
    "in": lambda logs: ("loss" in logs, "mae" in logs, "more" in logs),
    "get": lambda logs: (logs.get("mae"), logs.get("more"), logs.get("more", 3), logs.get("loss")),
    "|": lambda logs: (logs | {"mae": 1}, {"mae": 1} | logs),
    "len": len,
    "bool": bool,
    "str": str,
    "dict": dict,
    "stars": lambda logs: {**logs},
    "json": json.dumps,
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
    "pickle": lambda logs: pickle.loads(pickle.dumps(logs)),
    "copy()": lambda logs: logs.copy(),
    "format": lambda logs: "{mae}".format(**logs),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_logs_do_what_a_dict_does(name: str) -> None:
    lazy, plain = Lazy(), dict(ALL)
    assert OPERATIONS[name](lazy.logs) == OPERATIONS[name](plain)
    assert list(lazy.logs.items()) == list(plain.items())
    assert lazy.times <= 1


@pytest.mark.parametrize("name", ["set", "set loss", "update", "update pairs", "|=", "bool", "clear"])
def test_what_needs_no_metric_works_none_out(name: str) -> None:
    lazy = Lazy()
    OPERATIONS[name](lazy.logs)
    assert lazy.times == 0


def test_reads_of_the_loss_work_nothing_out() -> None:
    lazy = Lazy()
    assert "loss" in lazy.logs
    assert (lazy.logs or {})["loss"] == lazy.logs.get("loss") == lazy.logs.setdefault("loss", 3.0) == 0.5
    assert "{loss}".format_map(lazy.logs) == "0.5"
    assert lazy.times == 0


def test_checkpoints_work_out_only_what_their_path_names(tmp_path: Any) -> None:
    calls = []

    def counted(y_true: Any, y_pred: Any) -> Any:
        calls.append(len(y_true))
        return np.zeros(len(y_true))

    model = hl.Sequential([hl.layers.Dense(1, input_shape=(2,))])
    model.compile("sgd", "mse", metrics=[counted])
    x, y = np.zeros((40, 2), "f4"), np.zeros(40, "f4")
    for path, expected in (("{epoch}-{batch}-{loss:.1f}", [40]), ("{batch}-{counted}", [10, 20, 30, 40, 40])):
        calls.clear()
        saves = hl.callbacks.ModelCheckpoint(tmp_path / path, save_freq=1, save_weights_only=True)
        model.fit(x, y, batch_size=10, verbose=0, callbacks=[saves])
        assert calls == expected
    names = sorted(path.name for path in tmp_path.iterdir())
    assert names[:2] == ["1-0.0", "1-1-0.0"]
