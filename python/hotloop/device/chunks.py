"""Rows on their way to the GPU and back: all at once where they fit, else chunk by chunk.

A chunk is copied while the one before it is worked on. On the CPU, and for arrays that lie on the GPU
already, nothing is copied.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hotloop.device.gpu import Gpu
from hotloop.device.host import HOST, Host, on_gpu

if TYPE_CHECKING:
    from concurrent.futures import Future

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float32]
Order = npt.NDArray[np.int32] | None
SPARE = 16  # one part in so many of the free memory is left alone
MOST_CHUNK_BYTES = 1 << 28  # longer ones hide the copying no better


def row_bytes(arrays: Sequence[Array]) -> int:
    """How much memory one row of all arrays takes."""
    return sum(a.dtype.itemsize * int(np.prod(a.shape[1:], dtype=np.int64)) for a in arrays)


def usable_bytes(gpu: Gpu) -> int:
    """How much of the GPU's free memory data may take."""
    free = gpu.free_bytes()
    return free - free // SPARE


class _Slot:
    """Room for one chunk on both sides; page-locked on the CPU's, from which copies need nobody's help."""

    def __init__(self, gpu: Gpu, arrays: Sequence[Array], rows: int) -> None:
        self.host, self.device = [], []
        for array in arrays:
            shape = (rows, *array.shape[1:])
            block = gpu.cupy.cuda.alloc_pinned_memory(max(rows * row_bytes([array]), 1))
            self.host.append(np.frombuffer(block, array.dtype, int(np.prod(shape))).reshape(shape))
            self.device.append(gpu.empty(shape, array.dtype))
        self.arrived = gpu.cupy.cuda.Event()


class Chunks:
    """Rows of several arrays, in chunks.

    Parameters
    ----------
    gpu : Gpu
    arrays : list of arrays of as many rows
        Those that lie on the GPU already are gathered there.
    rows : int
        The most a chunk may have.
    """

    def __init__(self, gpu: Gpu, arrays: Sequence[Array], rows: int) -> None:
        self.gpu = gpu
        self.arrays = list(arrays)
        self.rows = rows
        self._slots: list[_Slot] = []
        self._number = gpu.cupy.cuda.runtime.getDevice()

    def of(self, begin: int, end: int, order: Order) -> Iterator[tuple[int, list[Any]]]:
        """Yield (first position, arrays) of the positions from ``begin`` to ``end`` of an order.

        A chunk may be used until the next one is asked for.
        """
        if end - begin <= self.rows and not self._slots and order is None:
            yield begin, [self.gpu.upload(array[begin:end]) for array in self.arrays]
            return
        from concurrent.futures import ThreadPoolExecutor  # takes milliseconds, which only a GPU's data need

        cuda = self.gpu.cupy.cuda
        hosts = [array for array in self.arrays if not on_gpu(array)]
        while hosts and len(self._slots) < 2:
            self._slots.append(_Slot(self.gpu, hosts, self.rows))
        stream = cuda.Stream(non_blocking=True)
        places = [(at, min(at + self.rows, end)) for at in range(begin, end, self.rows)]

        def fill(number: int) -> None:
            first, last = places[number]
            slot, count = self._slots[number % 2], last - first
            with cuda.Device(self._number):
                for array, host, there in zip(hosts, slot.host, slot.device, strict=True):
                    if order is None:
                        host[:count] = array[first:last]
                    else:  # "clip" writes where it is told to; the order was checked
                        np.take(array, order[first:last], axis=0, out=host[:count], mode="clip")
                    there[:count].set(host[:count], stream)
                slot.arrived.record(stream)

        # The thread has nothing of its own to wait for: whoever works on a chunk has let go of Python's lock.
        with ThreadPoolExecutor(max_workers=1) as beside:
            # What was asked for before may still read the blocks that the slots were made of.
            cuda.get_current_stream().synchronize()
            coming: Future[None] | None = beside.submit(fill, 0) if places else None
            for number, (first, last) in enumerate(places):
                assert coming is not None
                coming.result()
                coming = beside.submit(fill, number + 1) if number + 1 < len(places) else None
                slot, count = self._slots[number % 2], last - first
                cuda.get_current_stream().wait_event(slot.arrived)
                arrived = iter(slot.device)
                yield (
                    first,
                    [
                        self._gathered(array, first, last, order) if on_gpu(array) else next(arrived)[:count]
                        for array in self.arrays
                    ],
                )

    def _gathered(self, array: Any, first: int, last: int, order: Order) -> Any:
        if order is None:
            return array[first:last]
        return self.gpu.cupy.take(array, self.gpu.upload(order[first:last]), axis=0)


def run_forward(
    where: Host,
    predict: Callable[[list[Any], list[Any]], object],
    inputs: list[Array],
    features: Sequence[int],
    out: list[Floats] | None = None,
    mixing: str = "",
) -> list[Floats]:
    """Predict, and return an array (rows, features) for each output: CuPy's where an input is.

    Parameters
    ----------
    where : Host
        Where the program is.
    predict : callable
        Called with inputs and outputs that lie there.
    inputs : list of arrays
        From either place; too many rows for the GPU go through it in chunks.
    features : sequence of int
        Of each output.
    out : list of arrays, optional
        Where the results go: of the inputs' kind, C-contiguous.
    mixing : str
        The layer that mixes rows, which then go through the GPU all at once or not at all.

    Raises
    ------
    MemoryError
        When rows that are mixed don't fit on the GPU.
    RuntimeError
        When a kernel failed, naming the ops. For results that stay on the GPU nothing is waited for.
    """
    rows = inputs[0].shape[0]
    if where is HOST:
        results: list[Floats] = (
            [np.empty((rows, size), np.float32) for size in features] if out is None else out
        )
        predict(inputs, results)
        return results
    there = any(on_gpu(array) for array in inputs)
    if not isinstance(where, Gpu) or there:
        outputs = [where.empty((rows, size)) for size in features] if out is None else out
        predict([where.upload(array) for array in inputs], outputs)
        return outputs
    outputs = [np.empty((rows, size), np.float32) for size in features] if out is None else out
    a_row = 2 * row_bytes(inputs) + 4 * sum(features)
    most = max(min(usable_bytes(where) // 2, MOST_CHUNK_BYTES) // a_row, 1)
    if mixing and rows > most:
        most = rows
        if usable_bytes(where) < rows * a_row:
            raise where.memory_error(rows * a_row, f"a batch of {rows} rows, which layer {mixing!r} mixes")
    for begin, chunk in Chunks(where, inputs, most).of(0, rows, None):
        count = chunk[0].shape[0]
        made = [where.empty((count, size)) for size in features]
        predict(chunk, made)
        where.settle()
        for array, part, size in zip(outputs, made, features, strict=True):
            part.get(out=array.reshape(rows, size)[begin : begin + count])
    return outputs
