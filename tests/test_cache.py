"""Caches as they are asked or forced: every size and path that follows from them gives the same bits."""

import hashlib
import json
import os
import re
import subprocess
import sys

import numpy as np
import pytest

import hotloop as hl
from hotloop import _native, kernels
from hotloop.kernels.gemm import gemm

# Zen 4, a small core, one that nothing fits, one with ways for every row: what each makes of PATHS. Then
# first levels of every size over the smallest second one, whose block is less than one panel of a tile's
# depth, and the other way round.
GEOMETRIES = [
    *("l1:32k:8,l2:1m:8", "l1:16k:4,l2:256k:4", "l1:4k:1,l2:64k:1", "l1:64k:16,l2:4m:16"),
    *("l1:16k:4,l2:64k:4", "l1:32k:8,l2:64k:8", "l1:1m:16,l2:126k:9", "l1:4k:1,l2:4m:16"),
]
# m, n, k, layout: rows a multiple of 4 KB apart or four bytes more, on every path; B's in place;
# columns of A so far apart that a deep strip of them is no guest of the second level. S: no stride is 1.
PRODUCTS = {
    "in place": (20, 70, 1024, "NN"),
    "in place, a little more": (20, 70, 1025, "NN"),
    "b packed": (150, 200, 1024, "NN"),
    "b stacked": (43, 1024, 80, "NN"),
    "b transposed": (150, 56, 2048, "NT"),
    "turned": (20, 300, 2048, "NT"),
    "turned, transposed b": (40, 20, 1024, "TT"),
    "deep strips": (512, 96, 600, "TN"),
    "strips": (64, 48, 3000, "TN"),
    "a row": (1, 40, 1024, "NT"),
    "a column": (40, 1, 1024, "NN"),
    "wide": (200, 1024, 100, "NN"),
    "wide, transposed b": (200, 1024, 400, "NT"),
    "wide, transposed a": (200, 1024, 400, "TN"),
    "scattered b": (20, 200, 1024, "NS"),
    "scattered a": (20, 200, 400, "SN"),
    "last columns": (33, 18, 1024, "NN"),
}


def digest(*arrays: np.ndarray) -> str:
    return hashlib.sha256(b"".join(np.ascontiguousarray(a).tobytes() for a in arrays)).hexdigest()


def laid_out(rng, rows, cols, layout):
    if layout == "S":
        return rng.uniform(-1, 1, (2 * rows, 2 * cols)).astype(np.float32)[::2, ::2]
    x = rng.uniform(-1, 1, (rows, cols)).astype(np.float32)
    return np.ascontiguousarray(x.T).T if layout == "T" else x


def results() -> dict[str, dict[str, str]]:
    """Under "paths" the way of every product, under "bits" the digest of all that products are made for."""
    rng = np.random.default_rng(5)
    paths, bits = {}, {}
    for name, (m, n, k, layout) in PRODUCTS.items():
        a, b = laid_out(rng, m, k, layout[0]), laid_out(rng, k, n, layout[1])
        out = np.empty((m, n), np.float32)
        paths[name] = _native.gemm_path(a, b, out)
        packed = _native.gemm_pack_b(b)
        _native.gemm(a, b, out, packed=packed)
        bits[name] = digest(gemm(a, b), out)
    paths["b packed before"] = _native.gemm_path(a, b[:, :16], out[:, :16], _native.gemm_pack_b(b[:, :16]))
    for m, n, k in ((40, 70, 1024), (40, 70, 1000), (13, 40, 4096)):
        u8 = rng.integers(0, 256, (m, k), dtype=np.uint8)
        s8 = rng.integers(-127, 128, (k, n), dtype=np.int8)
        bits[f"int8 {k}"] = digest(kernels.gemm_int8(u8, kernels.pack_weights(s8)))
    a16, b16 = (kernels.to_bf16(rng.normal(size=s).astype("f4")) for s in ((150, 1024), (1024, 200)))
    units = ["widened", "dot"] if _native.isa_level() in ("avx512_bf16", "amx") else ["widened"]
    for unit in units:
        out = np.empty((150, 200), np.float32)
        _native.matmul_bf16(a16, b16, out, unit=unit)
        bits[f"bfloat16 by {unit}"] = digest(out)
    a32 = kernels.from_bf16(a16)
    # Few rows read the weights in place, many from copies: the same chains.
    bits["bfloat16 weights"] = digest(kernels.gemm_bf16(a32, b16))
    assert bits["bfloat16 weights"] == digest(*(kernels.gemm_bf16(a32[i : i + 1], b16) for i in range(150)))
    x, t = rng.normal(size=(96, 1024)).astype("f4"), rng.integers(0, 3, 96)
    for precision in ("float32", "mixed_bfloat16"):
        hl.set_seed(1)
        model = hl.Sequential(
            [
                hl.layers.Dense(600, "relu", input_shape=(1024,)),
                hl.layers.Dense(128, "relu"),
                hl.layers.Dense(3),
            ]
        )
        model.compile("adam", hl.losses.SparseCategoricalCrossentropy(from_logits=True), precision=precision)
        model.fit(x, t, epochs=2, batch_size=48, verbose=0)
        bits[f"training in {precision}"] = digest(*model.get_weights())
        bits[f"predicting in {precision}"] = digest(model.predict(x, verbose=0))
    return {"paths": paths, "bits": bits}


def child(arguments: list[str], cache: str, **more: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "HOTLOOP_CACHE": cache, **more}
    return subprocess.run(
        [sys.executable, *arguments], capture_output=True, text=True, timeout=240, env=environment
    )


def elsewhere(cache: str, **more: str) -> dict[str, dict[str, str]]:
    done = child([__file__], cache, **more)
    assert done.returncode == 0, done.stderr
    found: dict[str, dict[str, str]] = json.loads(done.stdout)
    return found


@pytest.fixture(scope="module")
def here() -> dict[str, dict[str, str]]:
    return results()


@pytest.mark.parametrize("cache", GEOMETRIES)
def test_the_same_bits_at_any_geometry(cache, here):
    assert elsewhere(cache)["bits"] == here["bits"]


@pytest.mark.parametrize("level", ["baseline", "avx2"])
def test_the_same_bits_at_another_level_too(level, here):
    if level not in _native.isa_levels():
        pytest.skip(f"no {level} here")
    bits = elsewhere(GEOMETRIES[0], HOTLOOP_ISA=level)["bits"]
    same = {name for name in bits if "bfloat16" not in name or "weights" in name}
    assert {name: bits[name] for name in same} == {name: here["bits"][name] for name in same}


@pytest.mark.skipif("avx512" not in _native.isa_levels(), reason="its tiles are higher than a cache has ways")
def test_rows_that_share_sets_are_read_few_at_a_time_or_packed():
    zen4, small, roomy = (elsewhere(GEOMETRIES[i], HOTLOOP_ISA="avx512")["paths"] for i in (0, 1, 3))
    assert zen4 == {
        "in place": "in place, low tiles",
        "in place, a little more": "in place, low tiles",
        "b packed": "b packed, low tiles",
        "b stacked": "b packed",
        "b transposed": "b packed, low tiles",
        "turned": "turned, a packed, low tiles",
        "turned, transposed b": "turned, low tiles",
        "deep strips": "a and b packed",
        "strips": "in place",
        "a row": "dots",
        "a column": "dots",
        "wide": "b packed",
        "wide, transposed b": "b packed",
        "wide, transposed a": "a and b packed",
        "scattered b": "b packed, low tiles",
        "scattered a": "a packed",
        "last columns": "dots at the end",
        "b packed before": "b packed before, low tiles",
    }
    assert not [name for name, path in roomy.items() if "low tiles" in path]
    assert roomy["deep strips"] == "b packed"
    assert small["in place"] == "a packed"  # three rows would wait for their own sums
    assert small["b packed"] == "a and b packed"


def test_what_cannot_be_read_is_refused_by_its_variable():
    code = """
import os, sys
from hotloop import _native
for text in sys.argv[1:]:
    os.environ["HOTLOOP_CACHE"] = text
    try:
        print("taken", _native.caches())
    except RuntimeError as error:
        print(error)
os.environ["HOTLOOP_CACHE"] = "L2:1024K"
print(_native.caches())
"""
    wrong = [
        "32k",
        "l1",
        "l1:",
        "l1:32k:",
        "l4:32k:8",
        "l1:32k:8;l2:1m",
        "l1:32k:8,",
        "l1:32k:8,l1:32k:8",
        "l1:32kb:8",
        "l1:-32k:8",
        "l1:32k:0",
        "l1:32k:7",
        "l1:1k:1",
        "l2:99999999999999999999k:8",
        "l1:32k:8:8",
        " l1:32k:8",
    ]
    done = child(["-c", code, *wrong], "")
    assert done.returncode == 0, done.stderr
    *lines, last = done.stdout.splitlines()
    assert len(lines) == len(wrong)
    for text, line in zip(wrong, lines, strict=True):
        assert re.match(r"HOTLOOP_CACHE: expected .*", line), (text, line)
    assert "l1:32k:8" in lines[0]  # a whole one, to copy
    assert ",l2:1m:" in last


def test_a_wrong_one_ends_no_process_from_within_a_team():
    code = """
import numpy as np, hotloop as hl
hl.set_num_threads(2)
x, w = np.ones((300, 300), "f4"), hl.kernels.pack_weights(np.ones((9, 9), "i1"))
for work in (lambda: hl.kernels.gemm(x, x), lambda: hl.kernels.gemm_int8(np.ones((9, 9), "u1"), w)):
    try:
        work()
    except RuntimeError as error:
        print(error)
"""
    done = child(["-c", code], "nonsense")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("HOTLOOP_CACHE: expected 'l1', 'l2' or 'l3' at character 1") == 2


def test_the_configuration_shows_what_is_in_force():
    code = "import hotloop as hl; hl.show_config()"
    lines = child(["-c", code], "l1:32k:8,l2:1m:8").stdout.splitlines()
    (caches,) = [line for line in lines if line.startswith("caches:")]
    assert caches.split()[1].startswith("l1:32k:8,l2:1m:8")
    assert re.fullmatch(r"l1:\d+[km]?:\d+,l2:\d+[km]?:\d+(,l3:\d+[km]?:\d+)?", _native.caches())


if __name__ == "__main__":
    print(json.dumps(results()))
