"""The format of files: safetensors, written and read in little memory; torn files are told apart."""

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import hotloop as hl
from hotloop.saving import container
from hotloop.saving.container import read_container, write_container

RNG = np.random.default_rng(3)
TENSORS = {
    "floats": RNG.normal(size=(5, 3)).astype("<f4"),
    "scalar": np.float32(2.5).reshape(()),
    "empty": np.zeros((0, 4), np.float32),
    "bytes": RNG.integers(0, 255, 7).astype("u1"),
    "ints": RNG.integers(-100, 100, (3, 1, 2)).astype("i1"),
    "halves": np.arange(6, dtype="u2"),
    "long": np.array([-(2**60), 2**60]),
    "double": np.array([1e300, -0.0, np.inf]),
    "yes": np.array([True, False, True]),
    "strided": np.arange(24, dtype="f4").reshape(4, 6)[::2, ::3],
    "big-endian": np.arange(5, dtype=">i4"),
}


def assert_same(got: dict[str, np.ndarray], want: dict[str, np.ndarray]) -> None:
    assert got.keys() == want.keys()
    for name, array in want.items():
        assert got[name].shape == array.shape
        assert got[name].dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(got[name], array)


def test_the_safetensors_package_reads_what_is_written(tmp_path: Path) -> None:
    write_container(tmp_path / "file", "model", {"a": 1}, TENSORS)
    assert_same(load_file(tmp_path / "file"), TENSORS)
    length = int.from_bytes((tmp_path / "file").read_bytes()[:8], "little")
    assert length % 8 == 0


def test_what_is_written_is_read(tmp_path: Path) -> None:
    write_container(tmp_path / "file", "model", {"a": [1.5, None, "ü"]}, TENSORS)
    found = read_container(tmp_path / "file")
    assert (found.kind, found.config) == ("model", {"a": [1.5, None, "ü"]})
    assert_same(found.tensors, TENSORS)
    write_container(tmp_path / "file", "weights", {}, {})
    assert read_container(tmp_path / "file").tensors == {}


def test_files_of_the_safetensors_package_are_read(tmp_path: Path) -> None:
    """As versions before wrote them: in its order, with the digest over the same things."""
    tensors = {name: np.ascontiguousarray(array) for name, array in TENSORS.items() if name != "big-endian"}
    metadata = {
        "format": "hotloop",
        "format_version": "1",
        "hotloop_version": "0.1.0",
        "kind": "model",
        "config": json.dumps({"a": 1}),
    }
    metadata["sha256"] = container._digest(metadata, tensors)
    save_file(tensors, tmp_path / "file", metadata)
    assert_same(read_container(tmp_path / "file").tensors, tensors)


def forged(path: Path, header: bytes, data: bytes = b"") -> Path:
    path.write_bytes(len(header).to_bytes(8, "little") + header + data)
    return path


GOOD = {"dtype": "F32", "shape": [2], "data_offsets": [0, 8]}


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F33"},
        {"dtype": ["F32"]},
        {"shape": None},
        {"shape": [2.0]},
        {"shape": [True, 2]},
        {"shape": [-2]},
        {"shape": [3]},
        {"shape": [2] + [1] * 200},
        {"shape": [0, 10**40], "data_offsets": [0, 0]},
        {"shape": [10**30]},
        {"data_offsets": [0]},
        {"data_offsets": [8, 0]},
        {"data_offsets": [4, 12]},
        {"data_offsets": "08"},
        {"data_offsets": [0, 8 * 10**9], "shape": [2 * 10**9]},
    ],
    ids=str,
)
def test_headers_that_lie(tmp_path: Path, entry: dict) -> None:
    header = {"__metadata__": {"format": "hotloop", "format_version": "1"}, "a": GOOD | entry}
    path = forged(tmp_path / "file", json.dumps(header).encode(), b"\0" * 8)
    with pytest.raises(ValueError, match=r"file' is truncated, damaged or no hotloop file"):
        read_container(path)


@pytest.mark.parametrize(
    "header",
    [
        b"",
        b"[]",
        b"{",
        b"[" * 100_000,
        b'{"__metadata__": 1}',
        b'{"__metadata__": {"a": 1}}',
        b'"a"',
        b"\xff",
    ],
)
def test_headers_that_are_none(tmp_path: Path, header: bytes) -> None:
    with pytest.raises(ValueError, match=r"file'"):
        read_container(forged(tmp_path / "file", header))


def test_lengths_that_lie(tmp_path: Path) -> None:
    for length in (9, 2**20, 2**32, 2**63, 2**64 - 1):
        (tmp_path / "file").write_bytes(length.to_bytes(8, "little") + b"{}")
        with pytest.raises(ValueError, match=r"file'"):
            read_container(tmp_path / "file")


def test_tensors_that_overlap_or_leave_gaps(tmp_path: Path) -> None:
    meta = {"__metadata__": {"format": "hotloop", "format_version": "1"}}
    for offsets in ([0, 8], [4, 12], [12, 20]):
        header = {**meta, "a": GOOD, "b": GOOD | {"data_offsets": offsets}}
        with pytest.raises(ValueError, match="does not lie where"):
            read_container(forged(tmp_path / "file", json.dumps(header).encode(), b"\0" * 20))
    header = {**meta, "a": GOOD}
    with pytest.raises(ValueError, match="3 bytes follow"):
        read_container(forged(tmp_path / "file", json.dumps(header).encode(), b"\0" * 11))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_numbers_that_are_not_finite_are_refused_on_both_ways(tmp_path: Path, number: str) -> None:
    with pytest.raises(TypeError):
        write_container(tmp_path / "file", "model", {"a": float(number)}, {})
    metadata = {"format": "hotloop", "format_version": "1", "kind": "model", "config": f'{{"a": {number}}}'}
    metadata["sha256"] = container._digest(metadata, {})
    save_file({}, tmp_path / "file", metadata)
    with pytest.raises(ValueError, match="no finite number"):
        read_container(tmp_path / "file")


def test_reading_while_another_process_rewrites_the_file(tmp_path: Path) -> None:
    """Cut short, written over in place, or removed: an error or a whole model, and the interpreter lives."""
    model = hl.Sequential([hl.layers.Dense(500, input_shape=(500,))])
    model.save(tmp_path / "good")
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            textwrap.dedent(f"""
            import os
            good = open({str(tmp_path / "good")!r}, "rb").read()
            while True:
                with open({str(tmp_path / "file")!r}, "wb") as file:
                    for start in range(0, len(good), 1 << 18):
                        file.write(good[start:start + (1 << 18)])
                        file.flush()
                os.truncate({str(tmp_path / "file")!r}, 5000)
            """),
        ]
    )
    try:
        torn: list[str] = []
        for _ in range(150):
            try:
                loaded = hl.load_model(tmp_path / "file")
                assert isinstance(loaded, hl.Model)
                np.testing.assert_array_equal(loaded.get_weights()[0], model.get_weights()[0])
            except (ValueError, FileNotFoundError) as error:
                torn.append(str(error))
        assert torn
        assert all("file" in text for text in torn)
    finally:
        writer.kill()
        writer.wait()


MEMORY = """
import gc, os, resource, sys
import numpy as np
import hotloop as hl

def limit(room):
    pages = int(open("/proc/self/statm").read().split()[0])
    resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + room, -1))

hl.set_num_threads(1)
path = sys.argv[1]
model = hl.Sequential([hl.layers.Dense(1000, input_shape=(1000,)), hl.layers.Dense(1000)])
model.compile("adam", loss="mse")
x = np.zeros((4, 1000), "f4")
model.fit(x, x, verbose=0)
model.save(path)
"""


WITHOUT_MEMORY = pytest.mark.skipif(
    "HOTLOOP_SANITIZED" in os.environ,
    reason="the sanitizer's own allocator ends a process that has no memory left",
)


def run(code: str, path: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", MEMORY + textwrap.dedent(code), str(path)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_saving_takes_no_memory_for_another_copy(tmp_path: Path) -> None:
    """24 MB of weights and moments with 2 MB to spare."""
    run(
        """
        model.layers[0].parameters[0].value[...] = 7
        model.save_weights(path + "w")
        limit(2 << 20)
        model.save(path)
        model.save_weights(path + "w")
        """,
        tmp_path / "model",
    )
    loaded = hl.load_model(tmp_path / "model")
    assert isinstance(loaded, hl.Model)
    assert (loaded.get_weights()[0] == 7).all()
    assert (tmp_path / "model").stat().st_size > 24e6


@WITHOUT_MEMORY
def test_saving_without_memory_is_a_memory_error_and_the_old_file_stays(tmp_path: Path) -> None:
    """A config that fits nowhere: the interpreter lives, no temporary file is left."""
    run(
        """
        big = hl.Sequential([hl.layers.Dense(2, input_shape=(2,), name="n" * 20_000_000)])
        limit(1 << 20)
        for save in (big.save, big.save_weights):
            try:
                save(path)
            except MemoryError:
                pass
            else:
                raise AssertionError("there was memory after all")
        """,
        tmp_path / "model",
    )
    assert [p.name for p in tmp_path.iterdir()] == ["model"]
    assert isinstance(hl.load_model(tmp_path / "model"), hl.Model)


@WITHOUT_MEMORY
def test_loading_without_memory_is_a_memory_error(tmp_path: Path) -> None:
    run(
        """
        limit(12 << 20)
        try:
            hl.load_model(path)
        except MemoryError:
            pass
        else:
            raise AssertionError("there was memory after all")
        """,
        tmp_path / "model",
    )
