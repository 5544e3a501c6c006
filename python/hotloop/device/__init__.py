"""Where models compute: the CPU, or an NVIDIA GPU, whose arrays are CuPy's.

CuPy and the CUDA half are imported when a GPU is first asked for; all other modules ask this one.
"""

from hotloop.device.choice import DEVICES as DEVICES
from hotloop.device.choice import backend as backend
from hotloop.device.choice import get_device as get_device
from hotloop.device.choice import gpu as gpu
from hotloop.device.choice import named as named
from hotloop.device.choice import set_device as set_device
from hotloop.device.gpu import Gpu as Gpu
from hotloop.device.host import HOST as HOST
from hotloop.device.host import Host as Host
from hotloop.device.host import on_gpu as on_gpu
from hotloop.device.transfer import adopt as adopt
from hotloop.device.transfer import allocate as allocate
from hotloop.device.transfer import backend_of as backend_of
from hotloop.device.transfer import is_aligned as is_aligned
from hotloop.device.transfer import to_host as to_host
from hotloop.device.transfer import write as write
