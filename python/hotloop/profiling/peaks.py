"""What the machine at hand can do at most: arithmetic and memory bandwidth, measured, not looked up."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from hotloop import _native
from hotloop.core.errors import integer, number, unknown_name
from hotloop.device.memory import aligned_empty
from hotloop.device.report import cpu_name

STREAMS = ("read", "copy", "update")
# A shared L3 is counted up to here: on a large machine most of it holds what the neighbours do.
MOST_L3 = 64 << 20
MEMORY_BYTES = 96 << 20

_cache: dict[tuple[int, str], Peaks] = {}


@dataclass(frozen=True)
class MemoryLevel:
    """One level of the memory and how fast it streams.

    Attributes
    ----------
    name : str
        "L1", "L2", "L3" or "memory".
    capacity : int or None
        Bytes that it is taken to hold for the whole team: the private caches of its cores added up, and an L3
        up to 64 MiB. None for the memory itself.
    measured_bytes : int
        How much was streamed over to measure it.
    read_gbs, copy_gbs, update_gbs : float
        10^9 bytes a second, read plus written: summing an array, copying one, and an optimizer's traffic
        (reads four arrays, writes three of them back).

    Examples
    --------
    >>> MemoryLevel("L2", 2 << 20, 1 << 20, 180.0, 105.0, 130.0).best_gbs
    180.0
    """

    name: str
    capacity: int | None
    measured_bytes: int
    read_gbs: float
    copy_gbs: float
    update_gbs: float

    @property
    def best_gbs(self) -> float:
        """The fastest of the three: the roof of this level."""
        return max(self.read_gbs, self.copy_gbs, self.update_gbs)


@dataclass(frozen=True)
class Peaks:
    """Measured limits of the machine, for so many threads at one ISA level.

    A multiply and an add count as two operations.

    Attributes
    ----------
    cpu : str
    isa : str
        The level in force: "baseline", "avx2", "avx512", "avx512_bf16" or "amx".
    threads : int
    float32_gflops : float
        Fused multiply-adds, 10^9 operations a second. Where the CPU has none (x86 below "avx2"), this is the
        rate of the library's exact substitute.
    bfloat16_gflops : float
        The best way to multiply bfloat16 numbers with float32 sums: dot products, tiles, or float32
        multiply-adds of widened numbers.
    bfloat16_dot_gflops, bfloat16_amx_gflops : float or None
        Dot products of pairs (vdpbf16ps) and AMX tiles; None where the level has none.
    int8_gops : float
        Dot products of four unsigned and signed bytes with int32 sums, exact: vpdpbusd from "avx512" on.
        Below, bytes widened to 16 bits: vpmaddwd at "avx2".
    int8_amx_gops : float or None
        The same in AMX tiles.
    levels : tuple of MemoryLevel
        From the fastest to the memory.

    Examples
    --------
    >>> from hotloop.profiling import measure_peaks
    >>> peaks = measure_peaks(threads=1)
    >>> [level.name for level in peaks.levels][-1]
    'memory'
    """

    cpu: str
    isa: str
    threads: int
    float32_gflops: float
    bfloat16_gflops: float
    bfloat16_dot_gflops: float | None
    bfloat16_amx_gflops: float | None
    int8_gops: float
    int8_amx_gops: float | None
    levels: tuple[MemoryLevel, ...]

    def level(self, name: str) -> MemoryLevel:
        """The level of that name; ValueError where the machine has none."""
        for level in self.levels:
            if level.name == name:
                return level
        raise unknown_name("memory level", name, [level.name for level in self.levels])

    @property
    def copy_gbs(self) -> float:
        """Copy bandwidth of the memory, read plus written."""
        return self.levels[-1].copy_gbs

    @property
    def l1_copy_gbs(self) -> float:
        """Copy bandwidth of the first-level cache, read plus written."""
        return self.level("L1").copy_gbs

    @property
    def l2_copy_gbs(self) -> float:
        """Copy bandwidth of the second-level cache, read plus written."""
        return self.level("L2").copy_gbs

    def roof(self, dtype: str) -> float:
        """10^9 operations a second at most, in "float32", "bfloat16" or "int8" arithmetic, by any means."""
        roofs = {
            "float32": self.float32_gflops,
            "bfloat16": self.bfloat16_gflops,
            "int8": max(self.int8_gops, self.int8_amx_gops or 0.0),
        }
        if dtype not in roofs:
            raise unknown_name("arithmetic", dtype, roofs)
        return roofs[dtype]

    def level_for(self, working_set: int) -> MemoryLevel:
        """The fastest level that holds so many bytes."""
        for level in self.levels:
            if level.capacity is not None and working_set <= level.capacity:
                return level
        return self.levels[-1]

    def to_dict(self) -> dict[str, Any]:
        """All figures as JSON values."""
        return {**asdict(self), "levels": [asdict(level) for level in self.levels]}

    def __str__(self) -> str:
        rows = [
            ("float32", self.float32_gflops, "GFLOP/s"),
            ("bfloat16 dot", self.bfloat16_dot_gflops, "GFLOP/s"),
            ("bfloat16 tiles", self.bfloat16_amx_gflops, "GFLOP/s"),
            ("int8 dot", self.int8_gops, "GOP/s"),
            ("int8 tiles", self.int8_amx_gops, "GOP/s"),
        ]
        lines = [f"{self.cpu}, {self.isa}, {self.threads} thread{'s' if self.threads != 1 else ''}"]
        lines += [f"  {name:<15}{rate:>8,.0f} {unit}" for name, rate, unit in rows if rate is not None]
        for level in self.levels:
            rates = ", ".join(f"{name} {getattr(level, f'{name}_gbs'):.0f}" for name in STREAMS)
            lines.append(f"  {level.name:<15}{level.best_gbs:>8,.0f} GB/s ({rates})")
        return "\n".join(lines)


def measure_peaks(threads: int = 1, seconds: float = 0.2, *, fresh: bool = False) -> Peaks:
    """Measure what the machine can do at most, at the ISA level in force.

    Each figure is the best of several short runs, after a warm-up in which the clock settles. Operands are
    random: zeros use less power, and would run at a higher clock than real data.

    Parameters
    ----------
    threads : int
        Size of the team, all of it measured at once.
    seconds : float
        About how long to measure in all, up to 60.
    fresh : bool
        Whether to measure again where this process did so before, for the same threads and level.

    Returns
    -------
    Peaks

    Raises
    ------
    ValueError
        For a number of threads below 1 or time out of bounds.

    Examples
    --------
    >>> from hotloop.profiling import measure_peaks
    >>> peaks = measure_peaks(threads=1)
    >>> peaks.roof("int8") > 0 and peaks.copy_gbs > 0
    True
    """
    threads = integer("threads", threads, at_least=1)
    seconds = number("seconds", seconds, above=0, at_most=60)
    isa = str(_native.isa_level())
    if not fresh and (threads, isa) in _cache:
        return _cache[threads, isa]
    sizes = _level_sizes(threads)
    kinds = [
        kind
        for kind in ("float32", "int8", "bfloat16_dot", "bfloat16_tiles", "int8_tiles")
        if _native.has_peak(kind)
    ]
    each = seconds / (len(kinds) + len(sizes) * len(STREAMS))
    rates = {kind: _native.measure_peak(kind, threads, each) / 1e9 for kind in kinds}
    memory = aligned_empty(max(size for _, _, size in sizes) // 4, "float32")
    levels = []
    for name, capacity, size in sizes:
        read, copy, update = (
            _native.measure_stream(stream, memory, size, threads, each) / 1e9 for stream in STREAMS
        )
        levels.append(MemoryLevel(name, capacity, size, read, copy, update))
    dot, tiles = rates.get("bfloat16_dot"), rates.get("bfloat16_tiles")
    peaks = Peaks(
        cpu=cpu_name(),
        isa=isa,
        threads=threads,
        float32_gflops=rates["float32"],
        bfloat16_gflops=max(rates["float32"], dot or 0.0, tiles or 0.0),
        bfloat16_dot_gflops=dot,
        bfloat16_amx_gflops=tiles,
        int8_gops=rates["int8"],
        int8_amx_gops=rates.get("int8_tiles"),
        levels=tuple(levels),
    )
    _cache[threads, isa] = peaks
    return peaks


def _level_sizes(threads: int) -> list[tuple[str, int | None, int]]:
    """(name, capacity, bytes to stream over) of each level: half of a private cache, which surely fits."""
    caches = _cache_sizes()
    first, second = caches.get(1, 32 << 10), caches.get(2, 512 << 10)
    third = min(caches.get(3, 0), MOST_L3)
    sizes: list[tuple[str, int | None, int]] = [
        ("L1", first * threads, first // 2 * threads),
        ("L2", second * threads, second // 2 * threads),
    ]
    if third > 2 * second * threads:
        sizes.append(("L3", third, min(4 * second * threads, third // 2)))
    sizes.append(("memory", None, max(MEMORY_BYTES, 8192 * threads)))
    return sizes


def _cache_sizes() -> dict[int, int]:
    """Bytes of the data caches of the first CPU by their level, as far as the system tells."""
    sizes = {}
    for folder in Path("/sys/devices/system/cpu/cpu0/cache").glob("index*"):
        try:
            level, kind, size = ((folder / name).read_text().strip() for name in ("level", "type", "size"))
            if kind != "Instruction":
                sizes[int(level)] = int(size.removesuffix("K")) << 10
        except (OSError, ValueError):
            continue
    return sizes
