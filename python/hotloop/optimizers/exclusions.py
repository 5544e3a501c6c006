"""Which weights the weight decay leaves alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from hotloop.core.errors import bad_type, bad_value
from hotloop.graph.parameters import Parameter

WHAT = "exclude_from_weight_decay"
_PATTERN = re.compile(r"[\\^$*+?{}|()\[\]]")  # what a regular expression has and no name that is written out
_LONGEST = 10_000  # characters of the expressions in an old file; they take time to compile
_MOST_WORK = 10**8  # steps of matching them


@dataclass(frozen=True)
class Exclusions:
    """Weights that are left out of the weight decay; equal ones leave out the same.

    Attributes
    ----------
    paths : tuple of str
        Whole paths of weights, such as ``"dense/bias"``.
    parts : tuple of str
        A weight is left out when one of them is found in its own name, such as ``"bias"``.
    """

    paths: tuple[str, ...] = ()
    parts: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.paths or self.parts)

    def cover(self, path: str) -> bool:
        """Whether the weight of this path is left out."""
        name = path.rpartition("/")[2]
        return path in self.paths or any(part in name for part in self.parts)

    def with_more(self, var_list: Any, var_names: Any) -> Exclusions:
        """Add what a user gave.

        Raises
        ------
        TypeError, ValueError
            For what is no weight or no text, or a regular expression.
        """
        paths = []
        for weight in var_list or ():
            if not isinstance(weight, Parameter):
                mend = "names go to var_names" if isinstance(weight, str) else ""
                raise bad_type(f"{WHAT}: var_list", "weights of layers", weight, mend)
            paths.append(weight.path)
        names = texts([var_names] if isinstance(var_names, str) else list(var_names or ()))
        for name in names:
            if not name or _PATTERN.search(name):
                mend = "names are taken literally: give a list of them, or the weights as var_list"
                raise bad_value(WHAT, "parts of weights' names", repr(name), mend)
        paths += [name for name in names if "/" in name]
        parts = [name for name in names if "/" not in name]
        return Exclusions((*self.paths, *paths), (*self.parts, *parts))

    def get_config(self) -> dict[str, list[str]]:
        """Return what is left out as JSON values; nothing where nothing is."""
        config = {"undecayed_paths": list(self.paths), "undecayed_names": list(self.parts)}
        return {key: value for key, value in config.items() if value}

    @classmethod
    def taken_from(cls, arguments: dict[str, Any]) -> Exclusions:
        """Take what :meth:`get_config` returned out of an optimizer's config.

        Raises
        ------
        TypeError, ValueError
            For what is no list of texts, and expressions, which need the model's weights.
        """
        if "undecayed" in arguments:
            raise _unreadable("expressions of an old version without a model's weights")
        paths, parts = (texts(arguments.pop(f"undecayed_{key}", [])) for key in ("paths", "names"))
        return cls(tuple(paths), tuple(parts))


def texts(names: Any) -> list[str]:
    """Return a list of texts as it is, or refuse it."""
    if not isinstance(names, list):
        raise bad_type(WHAT, "parts of weights' names", names)
    for name in names:
        if not isinstance(name, str):
            raise bad_type(WHAT, "parts of weights' names", name)
    return names


def with_paths(identifier: Any, paths: Sequence[str]) -> Any:
    """Return an optimizer's ``{"class_name", "config"}`` dict without an old version's expressions.

    They were searched for in whole paths. Those of ``paths`` in which one is found take their place, so that
    training goes on with the same weights left out. What could take long to match is not tried: a file may
    come from anywhere.

    Raises
    ------
    TypeError, ValueError
        For what is no list of texts, and expressions with groups, that could take long, or that are none.
    """
    config = identifier.get("config") if isinstance(identifier, dict) else None
    if not isinstance(config, dict) or "undecayed" not in config:
        return identifier
    expressions = texts(config["undecayed"])
    _refuse_long(expressions, paths)
    found = [_search(expression) for expression in expressions]
    left_out = [path for path in paths if any(search(path) for search in found)]
    kept = {key: value for key, value in config.items() if key != "undecayed"}
    return {**identifier, "config": {**kept, "undecayed_paths": left_out}}


def _search(expression: str) -> Callable[[str], object]:
    if not _PATTERN.search(expression) and "." not in expression:
        return lambda path: expression in path
    try:
        return re.compile(expression).search
    except (re.error, OverflowError):
        raise _unreadable(f"{expression!r}, which is no expression") from None


def _refuse_long(expressions: Iterable[str], paths: Sequence[str]) -> None:
    """Without groups, an expression of m characters with q that repeat takes m n^(q+1) steps at most."""
    length = work = 0
    for expression in expressions:
        if not _PATTERN.search(expression):
            continue
        length += len(expression)
        plain = re.sub(r"(?s)\\.", "", expression)
        if length > _LONGEST or re.search(r"[(){}]", plain):
            raise _unreadable(f"expressions that are long or have groups, such as {expression[:40]!r}")
        repeats = sum(map(plain.count, "*+?"))
        for path in paths:
            work += len(expression) * (len(path) + 1) ** (repeats + 1)
            if work > _MOST_WORK:
                raise _unreadable(f"expressions that take long to match, such as {expression[:40]!r}")


def _unreadable(got: str) -> ValueError:
    mend = f"load it with compile=False, compile, and call {WHAT} of the optimizer with names or weights"
    return bad_value(WHAT, "names that can be looked up", got, mend)
