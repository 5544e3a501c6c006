"""Quantised models from files."""

from __future__ import annotations

from hotloop.compress.plan_config import plan_from_config
from hotloop.compress.quantization_report import QuantizationReport
from hotloop.inference.quantized_model import QuantizedModel
from hotloop.saving.container import Container
from hotloop.training.compile_spec import CompileSpec


def read(container: Container) -> QuantizedModel:
    """Make the model that a file holds."""
    config = container.config
    plan = plan_from_config(config, container.tensors)
    return QuantizedModel(
        plan,
        name=str(config["name"]),
        precision=str(config["precision"]),
        inputs=[
            (str(n), tuple(map(int, s)))
            for n, s in zip(config["input_names"], config["input_shapes"], strict=True)
        ],
        outputs=[
            (str(n), tuple(map(int, s)))
            for n, s in zip(config["output_names"], config["output_shapes"], strict=True)
        ],
        spec=None if config["compile"] is None else CompileSpec(**config["compile"]),
        returns_dict=bool(config.get("returns_dict", False)),
        # Files of before had none.
        report=QuantizationReport.from_dict(config["report"]) if "report" in config else None,
        feature_names=config.get("feature_names"),
    )
