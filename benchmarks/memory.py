"""Peak memory of outer steps in this process: ``python -m benchmarks.memory CASE
higher|unrolled|stepwise|anil|imaml STEPS DEVICE``.

Prints the MiB that two outer steps took above what the process held before them.
"""

import sys

import torch

from benchmarks.cases import CASES, higher_step, ours
from benchmarks.measure import current_mebibytes, peak_mebibytes


def main() -> None:
    """Measure and print."""
    key, which, steps, device = sys.argv[1:5]
    case = CASES[key]
    step, _ = (
        higher_step(case, int(steps), device)
        if which == "higher"
        else ours(case, int(steps), device, which)
    )
    if device.startswith("cuda"):
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated() / 2**20
        step()
        print(f"{torch.cuda.max_memory_allocated() / 2**20 - before:.0f}")
        return
    before = current_mebibytes()
    step()
    step()
    print(f"{peak_mebibytes() - before:.0f}")


if __name__ == "__main__":
    main()
