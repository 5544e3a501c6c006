#include <string>

#include "bind/families.h"

#ifdef HOTLOOP_CUDA_HALF
#define HOTLOOP_MODULE _cuda
#define HOTLOOP_DOC "hotloop's CUDA half: the same kernels and programs, on arrays that lie on a GPU."
#else
#define HOTLOOP_MODULE _native
#define HOTLOOP_DOC "hotloop's native half: kernels, programs and the machine."
#endif

PYBIND11_MODULE(HOTLOOP_MODULE, module) {
  module.doc() = HOTLOOP_DOC;
  module.attr("__version__") = HOTLOOP_VERSION;
#define HOTLOOP_BIND(family) hotloop::bind::bind_##family(module);
  HOTLOOP_BIND_FAMILIES(HOTLOOP_BIND)
#undef HOTLOOP_BIND
#ifdef HOTLOOP_CUDA_HALF
  // References compute on the host, where nothing may look into device memory: they are the CPU half's alone.
  for (const pybind11::handle& name : pybind11::list(module.attr("__dict__")))
    if (name.cast<std::string>().ends_with("_ref")) pybind11::delattr(module, name);
#endif
}
