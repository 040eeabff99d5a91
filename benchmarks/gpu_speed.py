"""A training step on a GPU: DeepXDE's own, the accelerated one, and that as a CUDA graph. (PyTorch)

    python benchmarks/gpu_speed.py [--output docs/_tables/gpu_speed.txt]

The problem is that of ``step_speed.py``, with second derivatives, at 2,500 and 100,000 points; the
three take turns in processes of their own. What the step's products of matrices alone would take at
the rate that one large product reaches is said beside it. Says plainly when there is no GPU.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.gpu_check import report  # noqa: E402
from benchmarks.processes import in_turns  # noqa: E402
from benchmarks.step_speed import carried_components  # noqa: E402

POINTS = (2500, 100_000)
WIDTH, ORDER = 64, 2
ROUNDS = 12
#: As ``step_speed.py`` calls them, and what they are called here.
RUNNERS = {"pytorch": "DeepXDE", "accelerated": "accelerated", "replayed": "accelerated, a graph"}


def products(points: int) -> float:
    """Operations of the matrix products of one step between the hidden layers."""
    return 3 * 2 * 2.0 * carried_components(ORDER) * points * WIDTH**2


def rate() -> float:
    """Operations a second of a large product of matrices in float32, without TF32."""
    import torch

    torch.backends.cuda.matmul.allow_tf32 = False
    a = torch.rand(8192, 8192, device="cuda")
    a @ a
    torch.cuda.synchronize()
    start = time.perf_counter()
    for _ in range(5):
        a @ a
    torch.cuda.synchronize()
    return 5 * 2 * 8192.0**3 / (time.perf_counter() - start)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", type=Path, help="file that the report is also written to")
    arguments = parser.parse_args()
    import torch

    if torch.cuda.is_available():
        lines = [f"{torch.cuda.get_device_name()}, PyTorch {torch.__version__}, float32", ""]
        largest = rate()
        script = str(ROOT / "benchmarks" / "step_speed.py")
        for points in POINTS:
            sizes = [str(n) for n in (points, WIDTH, ORDER)]
            runners = [["pytorch", name, *sizes] for name in RUNNERS]
            _, times = in_turns(script, runners, ROUNDS)
            lines.append(f"{points} points:")
            for k, label in enumerate(RUNNERS.values()):
                taken = statistics.median(times[:, k].tolist())
                ratio = statistics.median((times[:, 0] / times[:, k]).tolist())
                share = products(points) / largest / taken
                lines.append(
                    f"  {label:<22} {1e3 * taken:8.2f} ms, {ratio:5.2f} times as fast as DeepXDE; "
                    f"products of matrices at full rate are {100 * share:.0f}% of it"
                )
    else:
        lines = ["No GPU here: PyTorch sees no CUDA device, so nothing was measured."]
    report(lines, arguments)


if __name__ == "__main__":
    main()
