"""Small programs: chains of elementwise ops as one op, forward and backward.

A :class:`Code` says what is computed from each number of the inputs; :func:`gradient` makes another such code
of it, :class:`Growing` one code of several, :func:`node_arrays` what the native op ``elementwise`` reads,
:func:`activation_code` what some of the activations come to.
:data:`INSTRUCTIONS` is the table of what there is.
"""

from hotloop.ir.elementwise.activations import activation_code
from hotloop.ir.elementwise.builder import Builder
from hotloop.ir.elementwise.code import Code, Operand, Step
from hotloop.ir.elementwise.decoding import decode
from hotloop.ir.elementwise.encoding import LIMITS, encode, fits, node_arrays, reduced_node_arrays
from hotloop.ir.elementwise.gradients import blocked_by, gradient, with_slope
from hotloop.ir.elementwise.instructions import INSTRUCTIONS, Instruction
from hotloop.ir.elementwise.merging import Bound, Growing

__all__ = [
    "INSTRUCTIONS",
    "LIMITS",
    "Bound",
    "Builder",
    "Code",
    "Growing",
    "Instruction",
    "Operand",
    "Step",
    "activation_code",
    "blocked_by",
    "decode",
    "encode",
    "fits",
    "gradient",
    "node_arrays",
    "reduced_node_arrays",
    "with_slope",
]
