"""Models made smaller: units removed, weights quantised. Model in, model out."""

from hotloop.compress.prune import mask_units, prune_model, remove_units
from hotloop.compress.quantize import quantize_model
from hotloop.compress.select import select_units
from hotloop.core.naming import public_names
from hotloop.inference.quantization_report import QuantizationReport
from hotloop.inference.quantized_model import QuantizedModel

__all__ = [
    "QuantizationReport",
    "QuantizedModel",
    "mask_units",
    "prune_model",
    "quantize_model",
    "remove_units",
    "select_units",
]


def __dir__() -> list[str]:
    return public_names(globals())
