"""Locks that a forked child finds free, and turns: who may touch numbers while a thread trains them."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

from hotloop.core.own import is_own_module

Result = TypeVar("Result")
POLL_SECONDS = 0.02
# What the package imports has to be whole in the child, which may ask for it; all else is the user's affair.
OWN_IMPORT_SECONDS = 5.0
OTHER_IMPORT_SECONDS = 0.1
_locks: weakref.WeakSet[Any] = weakref.WeakSet()


def make_lock() -> Any:
    """Return a re-entrant lock. In a child of fork it is held by no thread that the child does not have."""
    lock = threading.RLock()
    _locks.add(lock)
    return lock


def _renew_locks() -> None:
    for lock in _locks:
        if lock.acquire(blocking=False):  # free, or held by the thread that forked
            lock.release()
        else:
            lock._at_fork_reinit()  # as the standard library's own locks do it


def _wait_for_imports() -> None:
    """A child waits for ever for a module that another thread was importing, so the fork waits a while."""
    begin = time.monotonic()
    while found := _imported_elsewhere():
        own = any(is_own_module(name) or _is_in_hotloop(thread) for name, thread in found)
        if time.monotonic() - begin >= (OWN_IMPORT_SECONDS if own else OTHER_IMPORT_SECONDS):
            return
        time.sleep(0.001)


def _imported_elsewhere() -> list[tuple[str, int]]:
    """The modules that other threads are importing, and these threads."""
    held = getattr(getattr(importlib, "_bootstrap", None), "_module_locks", {})
    owners = [(name, getattr(reference(), "owner", None)) for name, reference in list(held.items())]
    return [(name, owner) for name, owner in owners if owner not in (None, threading.get_ident())]


def _is_in_hotloop(thread: int) -> bool:
    """Whether a thread runs a function or module of the package, or something that this has called."""
    frame = sys._current_frames().get(thread)
    while frame is not None:
        if is_own_module(frame.f_globals.get("__name__")):
            return True
        frame = frame.f_back
    return False


os.register_at_fork(before=_wait_for_imports, after_in_child=_renew_locks)


class Turns:
    """Training changes an arena step by step; all others wait for the end of a step.

    Attributes
    ----------
    lock : RLock
        Held while steps are made, and by whoever wants none to be made. Its holder calls :meth:`serve`
        wherever the numbers are whole. It goes before a model's own lock where both are taken.
    trainer : int
        The thread that made the latest steps; 0 before there are any.
    """

    def __init__(self) -> None:
        self.lock = make_lock()
        self.trainer = 0
        self._asked: deque[_Request] = deque()

    def serve(self) -> None:
        """Do what other threads have asked for; called by the lock's holder, between two steps."""
        while self._asked:
            self._asked.popleft().run()

    def note_trainer(self) -> None:
        """This thread makes steps; called by the lock's holder before the first."""
        self.trainer = threading.get_ident()

    def others_train(self) -> bool:
        """Whether another thread has made steps and may go on."""
        trainer = self.trainer
        return trainer not in (0, threading.get_ident()) and any(
            thread.ident == trainer for thread in threading.enumerate()
        )

    def between_steps(self, function: Callable[[], Result]) -> Result:
        """Call a short function while no step is going on, and return what it returns.

        Where another thread is training, that one calls it, a few times a second or after each step if that
        takes longer.
        """
        request = _Request(function)
        self._asked.append(request)
        try:
            while not request.done.is_set():
                if self.lock.acquire(blocking=False):
                    try:
                        self.serve()
                    finally:
                        self.lock.release()
                else:
                    request.done.wait(POLL_SECONDS)
        except BaseException:
            request.cancelled = True
            raise
        if request.error is not None:
            raise request.error
        result: Result = request.value
        return result

    @contextmanager
    def alone(self) -> Iterator[bool]:
        """Until the end of the block no step is made, if none is being made now: else it yields False."""
        if not self.lock.acquire(blocking=False):
            yield False
            return
        try:
            yield True
        finally:
            self.serve()
            self.lock.release()


class _Request:
    """A function to be called by another thread."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self.function = function
        self.process = os.getpid()
        self.done = threading.Event()
        self.cancelled = False
        self.value: Any = None
        self.error: BaseException | None = None

    def run(self) -> None:
        # After a fork the asking thread is the parent's, and so is what it wants.
        if self.cancelled or self.process != os.getpid():
            return
        try:
            self.value = self.function()
        except BaseException as error:
            self.error = error
        self.done.set()
