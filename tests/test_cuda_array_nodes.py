"""Programs with ops on the axes of values train to the CPU's bits on a GPU."""

import numpy as np
import pytest

import cuda_half
from test_array_nodes import NODES
from test_program_ops import OpNet

cuda = cuda_half.load()


class CudaNet(OpNet):
    """On the other half."""

    half = cuda
    put = staticmethod(cuda_half.on_gpu)


@pytest.mark.parametrize("op", NODES.values(), ids=NODES)
def test_training_gives_the_cpus_bits(rng, op):
    x, y = rng.standard_normal((40, 6)).astype("f4"), rng.standard_normal((40, 2)).astype("f4")
    trained = []
    for net, put in ((OpNet(op), np.asarray), (CudaNet(op), cuda_half.on_gpu)):
        net.train(put(x), put(y), steps=2, batch_size=20, lr=0.05)
        trained.append(cuda_half.bits(net.values))
    assert trained[0] == trained[1]
