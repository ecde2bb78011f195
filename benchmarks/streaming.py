"""Moments in one pass: against reading and one product, numpy.cov and IncrementalPCA; and 10⁸ rows from a generator.

Every side runs in a process of its own, which reports its time and the most memory it held (``VmHWM`` of Linux; pages
of a mapped file count). The floor reads the same file in blocks and multiplies each with itself.

Run: ``python -m benchmarks.streaming``; ``--rows 0`` leaves the long stream out.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from tabulate import tabulate

COLUMNS = 19
_CHUNK = 2**18


def _rows(count: int) -> Iterator[NDArray[np.float32]]:
    """Correlated single-precision rows, made as they are asked for."""
    rng = np.random.default_rng(0)
    mix = (np.eye(COLUMNS) + 0.3 * rng.normal(size=(COLUMNS, COLUMNS))).astype(np.float32)
    for start in range(0, count, _CHUNK):
        yield rng.standard_normal((min(_CHUNK, count - start), COLUMNS), dtype=np.float32) @ mix + np.float32(100)


def _blocks(path: str) -> Iterator[NDArray[np.float64]]:
    x = np.load(path, mmap_mode="r")
    for start in range(0, len(x), _CHUNK):
        yield np.array(x[start : start + _CHUNK])


def _side(name: str, argument: str) -> None:
    """Run one side and print its seconds and its peak memory."""
    if name in ("ours", "stream"):
        from numerics.streaming import accumulate
    if name == "IncrementalPCA":
        from sklearn.decomposition import IncrementalPCA
    before = _peak()
    start = time.perf_counter()
    if name == "stream":
        accumulate(_rows(int(argument)))
    elif name == "generator":
        for _ in _rows(int(argument)):
            pass
    elif name == "ours":
        accumulate(argument)
    elif name == "reading":
        for block in _blocks(argument):
            block.sum()
    elif name == "floor":
        total = np.zeros((COLUMNS, COLUMNS))
        for block in _blocks(argument):
            total += block.T @ block
    elif name == "numpy.cov":
        np.cov(np.load(argument).T, bias=True)
    else:
        pca = IncrementalPCA()
        for block in _blocks(argument):
            pca.partial_fit(block)
    seconds = time.perf_counter() - start
    print(json.dumps({"seconds": seconds, "peak": _peak(), "before": before}))


def _peak() -> float:
    """Most memory this process held, MB. (``ru_maxrss`` would count what its parent held when it forked.)"""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def _run(name: str, argument: str) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.streaming", "--side", name, argument]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    result: dict[str, float] = json.loads(done.stdout)
    return result


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=10**8, help="rows of the long stream")
    parser.add_argument("--fits", type=int, default=4_000_000, help="rows of the file that fits into memory")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--side", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.side:
        _side(*args.side)
        return
    sides = ("ours", "floor", "reading", "numpy.cov", "IncrementalPCA")
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "x.npy")
        file = np.lib.format.open_memmap(path, "w+", np.float64, (args.fits, COLUMNS))
        for k, chunk in enumerate(_rows(args.fits)):
            file[k * _CHUNK : k * _CHUNK + len(chunk)] = chunk
        file.flush()
        # In turn, so that a machine that slows down slows all sides; the slow one is run once.
        runs: dict[str, list[dict[str, float]]] = {name: [] for name in sides}
        for k in range(args.repeats):
            for name in sides if k == 0 else sides[:4]:
                runs[name].append(_run(name, path))
    seconds = {name: statistics.median(r["seconds"] for r in of) for name, of in runs.items()}
    print(f"{args.fits:,} × {COLUMNS} float64 from a file ({args.fits * COLUMNS * 8 / 2**20:.0f} MB)")
    table = [
        [name, f"{seconds[name]:.2f}", f"{args.fits / seconds[name] / 1e6:.1f}",
         f"{seconds[name] / seconds['floor']:.2f}", f"{max(r['peak'] for r in runs[name]):.0f}"]
        for name in sides
    ]  # fmt: skip
    print(tabulate(table, ["side", "s", "10⁶ rows/s", "/ floor", "peak MB"], disable_numparse=True))
    if args.rows:
        ours, making = _run("stream", str(args.rows)), _run("generator", str(args.rows))
        net = ours["seconds"] - making["seconds"]
        print(
            f"\n{args.rows:,} × {COLUMNS} float32 from a generator: {ours['seconds']:.0f} s, of which "
            f"{making['seconds']:.0f} s make the rows ({args.rows / net / 1e6:.1f} · 10⁶ rows/s net); "
            f"peak {ours['peak']:.0f} MB, {ours['before']:.0f} MB before the first row"
        )


if __name__ == "__main__":
    main()
