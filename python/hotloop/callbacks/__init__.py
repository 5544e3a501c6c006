"""Callbacks of ``fit``, with Keras's names and hooks."""

from hotloop.callbacks.backup import BackupAndRestore
from hotloop.callbacks.base import Callback
from hotloop.callbacks.callback_list import CallbackList
from hotloop.callbacks.files import CSVLogger, ModelCheckpoint
from hotloop.callbacks.history import History, LambdaCallback
from hotloop.callbacks.learning_rate import LearningRateScheduler, ReduceLROnPlateau
from hotloop.callbacks.stopping import EarlyStopping, TerminateOnNaN
from hotloop.core.naming import public_names

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ReduceLROnPlateau",
    "TerminateOnNaN",
]


def __dir__() -> list[str]:
    return public_names(globals())
