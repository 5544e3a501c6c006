"""hotloop trains small and medium neural networks, makes them smaller, and runs them in int8.

The hot loops are native; Python describes models with Keras's names.

Examples
--------
>>> import numpy as np
>>> import hotloop as hl
>>> model = hl.Sequential([hl.layers.Dense(10, activation="softmax", input_shape=(784,))])
>>> model.predict(np.zeros((1, 784), np.float32)).shape
(1, 10)
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from hotloop.core import locks as locks  # from here on a fork waits for what other threads import
from hotloop.core import readers as _readers

if TYPE_CHECKING:
    from hotloop import activations as activations
    from hotloop import callbacks as callbacks
    from hotloop import compress as compress
    from hotloop import data as data
    from hotloop import initializers as initializers
    from hotloop import kernels as kernels
    from hotloop import layers as layers
    from hotloop import losses as losses
    from hotloop import metrics as metrics
    from hotloop import ops as ops
    from hotloop import optimizers as optimizers
    from hotloop import profiling as profiling
    from hotloop import regularizers as regularizers
    from hotloop import saving as saving
    from hotloop import schedules as schedules
    from hotloop.compress import QuantizedModel as QuantizedModel
    from hotloop.compress import prune_model as prune_model
    from hotloop.compress import quantize_model as quantize_model
    from hotloop.core.seeds import set_seed as set_seed
    from hotloop.device import get_device as get_device
    from hotloop.device import set_device as set_device
    from hotloop.device.report import show_config as show_config
    from hotloop.device.threads import num_threads as num_threads
    from hotloop.device.threads import set_num_threads as set_num_threads
    from hotloop.inference.session import Session as Session
    from hotloop.inference.session import freeze as freeze
    from hotloop.layers import Input as Input
    from hotloop.models import Model as Model
    from hotloop.models import Sequential as Sequential
    from hotloop.models import clone_model as clone_model
    from hotloop.models import model_from_json as model_from_json
    from hotloop.profiling import profile as profile
    from hotloop.profiling.performance import evaluate_performance as evaluate_performance
    from hotloop.saving import load_model as load_model

    __version__: str

# Everything is imported when it is first asked for, so that `import hotloop` takes no time.
_MODULES = (
    "activations",
    "callbacks",
    "compress",
    "data",
    "initializers",
    "kernels",
    "layers",
    "losses",
    "metrics",
    "ops",
    "optimizers",
    "profiling",
    "regularizers",
    "saving",
    "schedules",
)
_NAMES = {
    "Input": "layers",
    "Model": "models",
    "QuantizedModel": "compress",
    "Sequential": "models",
    "Session": "inference.session",
    "clone_model": "models",
    "evaluate_performance": "profiling.performance",
    "freeze": "inference.session",
    "get_device": "device",
    "load_model": "saving",
    "model_from_json": "models",
    "num_threads": "device.threads",
    "profile": "profiling",
    "prune_model": "compress",
    "quantize_model": "compress",
    "set_device": "device",
    "set_num_threads": "device.threads",
    "set_seed": "core.seeds",
    "show_config": "device.report",
}

# Modules that read what a file may hold.
_readers.update(model="hotloop.models.file", quantized_model="hotloop.inference.quantized_file")

__all__ = [
    "Input",
    "Model",
    "QuantizedModel",
    "Sequential",
    "Session",
    "activations",
    "callbacks",
    "clone_model",
    "compress",
    "data",
    "evaluate_performance",
    "freeze",
    "get_device",
    "initializers",
    "kernels",
    "layers",
    "load_model",
    "losses",
    "metrics",
    "model_from_json",
    "num_threads",
    "ops",
    "optimizers",
    "profile",
    "profiling",
    "prune_model",
    "quantize_model",
    "regularizers",
    "saving",
    "schedules",
    "set_device",
    "set_num_threads",
    "set_seed",
    "show_config",
]


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return importlib.import_module(f"hotloop.{name}")
    if name in _NAMES:
        value = getattr(importlib.import_module(f"hotloop.{_NAMES[name]}"), name)
    elif name == "__version__":
        from hotloop.core.version import own_version

        value = own_version()
    else:
        raise AttributeError(f"module 'hotloop' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    from hotloop.core.naming import public_names

    return sorted({*public_names(globals()), "__version__"})
