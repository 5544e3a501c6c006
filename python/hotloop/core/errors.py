"""The words errors are made of: what was expected, what came, and how to mend it."""

from __future__ import annotations

import math
import operator
import os
import struct
from collections.abc import Iterable
from typing import Any


def nearest(got: str, known: Iterable[str]) -> str | None:
    """Return the known name most like ``got``, or None when nothing is alike.

    The words of a name count as much as its letters: "sparse_crossentropy" has more of the letters of
    "binary_crossentropy", but the words of "sparse_categorical_crossentropy".

    Examples
    --------
    >>> nearest("sparse_crossentropy", ["binary_crossentropy", "sparse_categorical_crossentropy"])
    'sparse_categorical_crossentropy'
    """
    import difflib
    import re

    got = got[:_LONGEST]

    def alike(one: str, other: str) -> float:
        return difflib.SequenceMatcher(None, other, one).ratio()

    def words(name: str) -> list[str]:
        return re.findall("[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+", name) or [name]

    def likeness(name: str) -> float:
        whole = alike(got.lower(), name.lower())
        each = [max(alike(a.lower(), b.lower()) for b in words(name)) for a in words(got)]
        by_word = sum(each) / len(each)
        return (whole + by_word) / 2 if whole >= 0.5 or by_word >= 0.8 else 0.0

    # Of spellings that differ in case alone, the one most like what came.
    scores = {name: (likeness(name), alike(got, name)) for name in sorted(known, reverse=True)}
    found = max(scores, key=scores.__getitem__, default=None)
    return found if found is not None and scores[found][0] else None


def unknown_name(kind: str, got: object, known: Iterable[str]) -> ValueError:
    """Make the error for a string that names nothing.

    Parameters
    ----------
    kind : str
        What is looked for, such as ``"optimizer"``.
    got : object
        What came.
    known : iterable of str
        The names there are.

    Returns
    -------
    ValueError
        To be raised by the caller; it names the nearest known name, and all of them.

    Examples
    --------
    >>> print(unknown_name("optimizer", "adm", ["adam", "sgd"]))
    unknown optimizer 'adm'; did you mean 'adam'? Known: adam, sgd
    """
    names = list(known)
    guess = nearest(got, names) if isinstance(got, str) and len(got) <= _LONGEST else None
    hint = f"; did you mean {guess!r}?" if guess else "."
    # Of spellings that differ in case and underscores alone, the list has one: the lower-case one with
    # underscores.
    shown: dict[str, str] = {}
    for name in sorted(set(names), key=lambda name: (name.islower(), len(name))):
        shown[name.lower().replace("_", "")] = name
    return ValueError(f"unknown {kind} {brief(got)}{hint} Known: {', '.join(sorted(shown.values()))}")


def bad_value(what: str, expected: str, got: object, mend: str = "") -> ValueError:
    """Make a ValueError in the form of all messages here: ``<what>: expected ..., got ...; <how to mend>``.

    Examples
    --------
    >>> print(bad_value("batch_size", "at least 1", 0))
    batch_size: expected at least 1, got 0
    """
    return ValueError(_sentence(what, expected, got, mend))


def bad_type(what: str, expected: str, got: object, mend: str = "") -> TypeError:
    """Make a TypeError in the same form; ``got`` is named by its type.

    Examples
    --------
    >>> print(bad_type("epochs", "an integer", "five"))
    epochs: expected an integer, got str
    """
    return TypeError(_sentence(what, expected, type(got).__name__, mend))


def class_given(kind: str, got: type, base: str) -> TypeError:
    """Make the error for a class of the user's in place of one of its objects.

    Examples
    --------
    >>> print(class_given("loss", dict, "Loss"))
    loss: expected a name, a Loss or a function, got class dict; give an object of it, as by dict()
    """
    mend = f"give an object of it, as by {got.__name__}()"
    return TypeError(_sentence(kind, f"a name, a {base} or a function", f"class {got.__name__}", mend))


_LONGEST = 200  # characters of a value in a message


def brief(value: object) -> str:
    """Return how a message shows a value that came: whole if it is short, else what it is and how it begins.

    Examples
    --------
    >>> brief("relu"), brief(list(range(1000)))
    ("'relu'", 'a list of 1000')
    >>> len(brief("r" * 10_000))
    215
    """
    return _named(value) or _cut(repr(value))


def _named(value: object) -> str:
    """What a large value is, or nothing for others."""
    if isinstance(value, list | tuple | dict | set | frozenset | bytes | bytearray) and len(value) > 20:
        return f"a {type(value).__name__} of {len(value)}"
    shape = getattr(value, "shape", ())
    if isinstance(shape, tuple) and math.prod(n for n in shape if isinstance(n, int)) > 20:
        return f"an array of shape {shape}"
    if isinstance(value, int) and value.bit_length() > 2 * _LONGEST:
        return f"an integer of {value.bit_length()} bits"
    return ""


def _cut(text: str) -> str:
    more = len(text) - _LONGEST
    return text if more <= 0 else f"{text[:_LONGEST]}... ({more} more)"


def _sentence(what: str, expected: str, got: object, mend: str) -> str:
    text = f"{_cut(what)}: expected {expected}, got {_named(got) or _cut(str(got))}"
    return f"{text}; {mend}" if mend else text


def warn(message: str) -> None:
    """Warn whoever called into this package: the warning names their line."""
    import sys
    import warnings

    package = os.path.dirname(os.path.dirname(__file__)) + os.sep
    frame, level = sys._getframe(1), 2
    while frame.f_back is not None and frame.f_code.co_filename.startswith(package):
        frame, level = frame.f_back, level + 1
    warnings.warn(message, UserWarning, stacklevel=level)


def number(
    what: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> float:
    """Return ``value`` as a finite float inside the given bounds.

    Raises
    ------
    TypeError
        When it is not a real number (a bool is none).
    ValueError
        When it is NaN, infinite or out of bounds.

    Examples
    --------
    >>> number("rate", 0.5, at_least=0, below=1)
    0.5
    """
    if isinstance(value, bool | str | bytes):
        raise bad_type(what, "a number", value)
    try:
        result = float(value)
    except (TypeError, ValueError):
        raise bad_type(what, "a number", value) from None
    except OverflowError:  # an integer beyond all floats
        result = math.inf
    bounds = [
        (">", above, above is None or result > above),
        (">=", at_least, at_least is None or result >= at_least),
        ("<", below, below is None or result < below),
        ("<=", at_most, at_most is None or result <= at_most),
    ]
    if result - result != 0 or not all(holds for _, _, holds in bounds):
        words = " and ".join(f"{sign} {bound:g}" for sign, bound, _ in bounds if bound is not None)
        raise bad_value(what, f"a finite number {words}".rstrip(), value)
    return result


def number32(
    what: str,
    value: Any,
    *,
    above: float | None = None,
    at_least: float | None = None,
    below: float | None = None,
    at_most: float | None = None,
) -> float:
    """Return ``value`` as :func:`number` does, for what computes in float32: there it is within bounds too.

    Raises
    ------
    TypeError, ValueError
        As :func:`number`; also when it is infinite in float32, or there no longer beside an open bound.

    Examples
    --------
    >>> number32("rate", 0.5, above=0)
    0.5
    >>> number32("rate", 1e300)
    Traceback (most recent call last):
    ValueError: rate: expected a number that is finite in float32, got 1e+300
    """
    result = number(what, value, above=above, at_least=at_least, below=below, at_most=at_most)
    try:
        (rounded,) = struct.unpack("<f", struct.pack("<f", result))
    except OverflowError:
        raise bad_value(what, "a number that is finite in float32", result) from None
    if (above is not None and rounded <= above) or (below is not None and rounded >= below):
        raise bad_value(what, f"a number that float32 can tell from {rounded:g}", result)
    return result


def integer(what: str, value: Any, *, at_least: int | None = None, at_most: int | None = None) -> int:
    """Return ``value`` as an int inside the given bounds.

    Raises
    ------
    TypeError
        When it is not an integer (a bool or a float is none; NumPy's integers are).
    ValueError
        When it is out of bounds.

    Examples
    --------
    >>> integer("epochs", 5, at_least=1)
    5
    """
    if isinstance(value, bool):
        raise bad_type(what, "an integer", value)
    try:
        result = operator.index(value)
    except TypeError:
        raise bad_type(what, "an integer", value) from None
    if (at_least is None or result >= at_least) and (at_most is None or result <= at_most):
        return result
    bounds = f"at least {at_least}" if at_most is None else f"at most {at_most}"
    raise bad_value(what, bounds if None in (at_least, at_most) else f"{at_least} to {at_most}", result)
