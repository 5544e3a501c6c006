"""The peers' side of every case, one file a library.

Each file is meant to be what that library's authors would write for the case. It gets plain NumPy arrays, and
its library gets the process's threads by environment and, where there is one, by its own setting. Importing a
file whose library is missing raises ImportError; the rows are then shown without it.

- ``numpy.py``: products by NumPy as it is installed, and a network in plain NumPy
- ``openblas.py``: NumPy in a process of its own whose OpenBLAS was told to take its AVX-512 kernels
- ``pytorch.py``: products by MKL and oneDNN, eager training, bf16 autocast
- ``jax_scan.py``: training with a whole epoch as one jitted ``lax.scan``
- ``litert.py``: a chain of layers in float32 and int8, one row, of the model that ``tflite_file.py`` makes
- ``onnxruntime.py``, ``openvino.py``: inference in float32 and int8, of the model that ``onnx_file.py`` makes
"""
