"""The machine's measured limits: there for every ISA level, in proportion, and within their memory."""

import json

import numpy as np
import pytest

from hotloop import _native
from hotloop.device.memory import aligned_zeros
from hotloop.profiling import MemoryLevel, Peaks, measure_peaks

SECONDS = 0.1


def test_every_level_of_the_cpu_has_peaks(any_isa):
    peaks = measure_peaks(threads=1, seconds=SECONDS, fresh=True)
    assert peaks.isa == any_isa
    assert peaks.threads == 1
    rates = [peaks.float32_gflops, peaks.bfloat16_gflops, peaks.int8_gops]
    rates += [getattr(level, f"{s}_gbs") for level in peaks.levels for s in ("read", "copy", "update")]
    assert all(rate > 0 for rate in rates)
    assert (peaks.bfloat16_dot_gflops is not None) == (any_isa in ("avx512_bf16", "amx"))
    assert (peaks.bfloat16_amx_gflops is not None) == (any_isa == "amx")
    assert (peaks.int8_amx_gops is not None) == (any_isa == "amx")
    assert peaks.bfloat16_gflops >= peaks.float32_gflops


def test_peaks_are_in_proportion():
    if "avx512" not in _native.isa_levels():
        pytest.skip("below avx512 int8 has no dot product")
    peaks = measure_peaks()
    # vpdpbusd does four times the float32 operations a lane, and tiles several times that.
    assert peaks.int8_gops > 1.5 * peaks.float32_gflops
    if peaks.int8_amx_gops is not None:
        assert peaks.int8_amx_gops > peaks.int8_gops
        assert peaks.roof("int8") == peaks.int8_amx_gops


def test_a_cache_is_faster_than_what_lies_behind_it():
    levels = measure_peaks().levels
    assert levels[0].name == "L1"
    assert levels[-1].name == "memory"
    assert levels[0].best_gbs > levels[-1].best_gbs
    capacities = [level.capacity for level in levels[:-1]]
    assert capacities == sorted(capacities)
    assert levels[-1].capacity is None


def test_a_second_call_does_not_measure_again():
    first = measure_peaks()
    assert measure_peaks() is first
    assert measure_peaks(seconds=SECONDS, fresh=True) is not first


def test_a_team_has_peaks_of_its_own():
    peaks = measure_peaks(threads=2, seconds=SECONDS, fresh=True)
    assert peaks.threads == 2
    one = measure_peaks(threads=1)
    assert peaks.level("L2").capacity == 2 * one.level("L2").capacity


def made_up() -> Peaks:
    levels = (
        MemoryLevel("L1", 100, 50, 8.0, 9.0, 7.0),
        MemoryLevel("L2", 1000, 500, 4.0, 3.0, 5.0),
        MemoryLevel("memory", None, 5000, 1.0, 2.0, 1.5),
    )
    return Peaks("a cpu", "amx", 1, 10.0, 40.0, 5.0, 40.0, 20.0, 80.0, levels)


@pytest.mark.parametrize(
    ("working_set", "name"), [(0, "L1"), (100, "L1"), (101, "L2"), (1000, "L2"), (1001, "memory")]
)
def test_the_level_is_the_fastest_that_holds_the_working_set(working_set, name):
    assert made_up().level_for(working_set).name == name


def test_shorthands_and_text():
    peaks = made_up()
    assert [level.best_gbs for level in peaks.levels] == [9.0, 5.0, 2.0]
    assert (peaks.copy_gbs, peaks.l1_copy_gbs, peaks.l2_copy_gbs) == (2.0, 9.0, 3.0)
    assert [peaks.roof(kind) for kind in ("float32", "bfloat16", "int8")] == [10.0, 40.0, 80.0]
    assert "a cpu, amx, 1 thread\n" in str(peaks)
    assert json.loads(json.dumps(peaks.to_dict()))["levels"][1]["read_gbs"] == 4.0


def test_unknown_names_are_refused():
    with pytest.raises(ValueError, match="unknown memory level 'L9'"):
        made_up().level("L9")
    with pytest.raises(ValueError, match=r"unknown arithmetic 'float3'; did you mean 'float32'\?"):
        made_up().roof("float3")
    with pytest.raises(ValueError, match=r"peak: expected one of float32, .*, got 'float33'"):
        _native.measure_peak("float33", 1, 0.01)
    with pytest.raises(ValueError, match="stream: expected one of read, copy, update, got 'write'"):
        _native.measure_stream("write", aligned_zeros(4096), 4096, 1, 0.01)


def test_a_peak_that_the_level_lacks_is_refused():
    level_before = _native.isa_level()
    _native.set_isa_level("baseline")
    try:
        assert not _native.has_peak("int8_tiles")
        with pytest.raises(
            ValueError, match="int8_tiles needs instructions that level baseline does not have"
        ):
            _native.measure_peak("int8_tiles", 1, 0.01)
    finally:
        _native.set_isa_level(level_before)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"threads": 0}, "threads: expected at least 1, got 0"),
        ({"seconds": 0}, "seconds: expected a finite number > 0"),
        ({"seconds": 61}, "seconds: expected a finite number > 0 and <= 60, got 61"),
    ],
)
def test_bad_arguments_are_refused(options, message):
    with pytest.raises(ValueError, match=message):
        measure_peaks(**options)


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("stream", ["read", "copy", "update"])
@pytest.mark.parametrize("size", [4096, 5000, 65536])
def test_a_stream_stays_within_its_memory(any_isa, stream, threads, size):
    memory = aligned_zeros((size * threads + 3) // 4 + 64)
    memory[:] = 7.0
    used = size * threads // 4
    assert _native.measure_stream(stream, memory, size * threads, threads, 1e-4) > 0
    assert np.all(memory[used:] == 7.0)
    assert np.any(memory[:used] != 7.0)


def test_a_stream_needs_room():
    memory = aligned_zeros(4096)
    with pytest.raises(ValueError, match="bytes: expected at least 4096 a thread, got 8000"):
        _native.measure_stream("copy", memory, 8000, 2, 0.01)
    with pytest.raises(ValueError, match="bytes: expected at most the memory's 16384, got 16388"):
        _native.measure_stream("copy", memory, 16388, 1, 0.01)
