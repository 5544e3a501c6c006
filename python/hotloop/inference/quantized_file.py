"""Quantised models from files."""

from __future__ import annotations

from hotloop.inference.quantization_report import QuantizationReport
from hotloop.inference.quantized_model import QuantizedModel
from hotloop.inference.signature import Signature
from hotloop.ir.config import graph_from_config, require_finite
from hotloop.ir.old_plan import upgraded
from hotloop.ir.op import LOSS
from hotloop.saving.container import Container
from hotloop.training.compile_spec import CompileSpec


def read(container: Container) -> QuantizedModel:
    """Make the model that a file holds."""
    config = container.config
    tensors = container.tensors
    graph = graph_from_config(config["graph"] if "graph" in config else upgraded(config, tensors), tensors)
    require_finite(graph)
    if any(op.kind == LOSS for op in graph):
        raise ValueError("a model that is frozen has no loss in its graph")
    spec = None if config["compile"] is None else CompileSpec(**config["compile"])
    # Files of before had none.
    report = QuantizationReport.from_dict(config["report"]) if "report" in config else None
    return QuantizedModel(graph, Signature.from_config(config), spec, report)
