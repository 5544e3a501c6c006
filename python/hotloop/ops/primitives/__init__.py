"""The kinds of operation that a file can name."""

from hotloop.ops.operation import Operation as Operation
from hotloop.ops.primitives import elementwise as elementwise
from hotloop.ops.primitives import layout as layout
from hotloop.ops.primitives import product as product
from hotloop.ops.primitives import reduction as reduction
from hotloop.ops.primitives import unary as unary
