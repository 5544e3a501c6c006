"""Kernels in their stored form, each made once where layers share it."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from hotloop.compress.coding import Coding, folded
from hotloop.compress.columns import Doubles
from hotloop.ir.graph import Array, Op

Int8 = tuple[Array, npt.NDArray[np.float32], Doubles]  # packed, scales, and how far off the kernel they are


class WeightStore:
    """Makes the arrays of quantised Dense ops."""

    def __init__(self) -> None:
        self._made: dict[tuple[Any, ...], Any] = {}
        self._kept: list[Any] = []  # whose id is in a key, and must not become another's

    def bf16(self, op: Op, mean: Doubles | None) -> dict[str, Array]:
        """The kernel in bfloat16, and the bias; for `mean` see :meth:`int8`."""
        from hotloop.kernels import from_bf16, to_bf16

        kernel = op.weights["kernel"]
        key = (id(kernel),)
        if key not in self._made:
            self._made[key] = to_bf16(kernel)
            self._kept.append(kernel)
        arrays = {"weight": self._made[key]}
        if mean is not None:
            error = from_bf16(arrays["weight"]).astype(np.float64) - kernel
            typical = np.tile(mean, kernel.shape[0] // mean.size)
            bias = op.weights["bias"].astype(np.float64) if "bias" in op.weights else 0.0
            arrays["bias"] = np.asarray(bias - typical @ error, np.float32)
        elif "bias" in op.weights:
            arrays["bias"] = op.weights["bias"]
        return arrays

    def int8(self, op: Op, before: Coding, after: Coding, mean: Doubles | None) -> dict[str, Array]:
        """Packed s8 weights, scales and the bias.

        Parameters
        ----------
        op : Op
            A Dense in float.
        before, after : Coding
            What the numbers mean that it reads and makes.
        mean : float64 array of shape (columns,), optional
            Of the real values that it reads: the rounding of the weights is put right for it in the bias
            (Nagel et al., "Data-free quantization", ICCV 2019, section 4.2).
        """
        kernel, bias = folded(op, before, after)
        in_scale = None if before.grid is None else before.grid.scale
        key = (
            id(op.weights["kernel"]),
            id(op.weights.get("bias")),
            in_scale,
            *(None if coding.factor is None else id(coding.factor) for coding in (before, after)),
        )
        if key not in self._made:
            self._made[key] = _int8_weights(kernel, bias, in_scale)
            self._kept.append((op.weights, before, after))
        packed, scale, error = self._made[key]
        arrays = {"weight": packed, "scale": scale}
        if mean is not None:
            factor, offset = before.spread(kernel.shape[0])
            typical = (np.tile(mean, kernel.shape[0] // mean.size) - offset) / factor
            bias = (0.0 if bias is None else bias) - typical @ error
        if bias is not None:
            arrays["bias"] = bias.astype(np.float32)
            if mean is None and before.factor is None and after.factor is None:
                arrays["bias"] = op.weights["bias"]  # the array that layers share
        return arrays


def _int8_weights(kernel: Doubles, bias: Doubles | None, in_scale: float | None) -> Int8:
    """A static op's scale grows where its bias would not fit the int32 sum."""
    from hotloop.kernels import pack_weights, quantize_weights

    rounded = kernel.astype(np.float32)
    integers, scale = quantize_weights(rounded)
    if bias is not None and in_scale is not None:
        # Products take 255 * 127 each at most, and what is put right in the bias half a step of 255.
        room = 2.0**31 - 2.0**16 - 255 * 128 * kernel.shape[0]
        if (np.abs(bias) > room * in_scale * scale.astype(np.float64)).any():
            integers, scale = quantize_weights(rounded, bias.astype(np.float32), in_scale)
    error = integers * scale.astype(np.float64) - kernel
    return pack_weights(integers).data, scale, error
