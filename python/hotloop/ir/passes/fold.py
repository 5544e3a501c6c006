"""What a frozen graph need not compute at run time goes into the weights of its products."""

from __future__ import annotations

from collections.abc import Callable

from hotloop.ir.graph import Graph, Op, Value
from hotloop.ir.ops import product_of, record_of
from hotloop.ir.spread import evens_out


def fold(graph: Graph, keep: Callable[[Op], bool] | None = None) -> set[Value]:
    """Fold what multiplies and shifts columns into the products before or after it, where that is exact.

    Before: a linear product that nothing else reads. After: when every reader is a product, and unless `keep`
    wants that normalisation to stay. Samples are to be flattened first.

    Returns
    -------
    set of Value
        Those that were normalised, and whose columns are comparable as they are.
    """
    alike: set[Value] = set()
    for op in graph.ops:
        record = record_of(op)
        affine = record.affine(op)
        if affine is None:
            continue
        maker, columns = graph.producer(op.input), affine[0].size
        product = product_of(maker)
        readers = graph.readers(op.output)
        if (
            maker is not None
            and product is not None
            and product.activation(maker) == "linear"
            and graph.only_reader(maker.output) is op
            and columns in (1, product.columns_made(maker))
        ):
            product.scale_outputs(maker, *affine)
            graph.absorb(maker, op)
        elif (
            readers
            and not (keep is not None and keep(op))
            and not graph.is_output(op.output)
            and all(_lines_up(reader, columns) for reader in readers)
        ):
            for reader in readers:
                if behind := product_of(reader):
                    behind.scale_inputs(reader, *affine)
            if record.spread(op) is not None and not evens_out(op):
                alike.add(op.input)
            graph.bypass(op)
    return alike


def _lines_up(op: Op, columns: int) -> bool:
    """Whether an op is a product that reads so many columns, once or several times."""
    product = product_of(op)
    return product is not None and product.columns_read(op) % columns == 0
