#include "ops/gemm_tensor/gemm_tensor_hopper.h"
#include "ops/gemm_tensor/hopper_launch.cuh"

namespace hotloop {
namespace {

template <Major a_major, Major b_major>
void run_majors(const GemmTensorArgs& g) {
  run_hopper_floats<Bf16Product<a_major, b_major>>("gemm bf16", cuda::MapType::bf16, g);
}

}  // namespace

void gemm_bf16_hopper(const GemmTensorArgs& g) {
  if (g.a_k_contiguous)
    g.b_k_contiguous ? run_majors<Major::k, Major::k>(g) : run_majors<Major::k, Major::other>(g);
  else
    g.b_k_contiguous ? run_majors<Major::other, Major::k>(g) : run_majors<Major::other, Major::other>(g);
}

}  // namespace hotloop
