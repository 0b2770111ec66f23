"""The engine beside higher, in one run: ``python -m benchmarks.engine [--cases abc] [--device cuda]
[--no-compile]``.

Prints medians of one whole outer step (losses, gradient, Adam) on random inputs, ratios, and peak
memory above the process's size before the first step, each measured in a process of its own. Then
the outer gradients: unrolled against stepwise, time and memory at 5 and 20 inner steps; ANIL's step
beside MAML's; iMAML's memory."""

import argparse
import platform

import torch
from rich.console import Console
from rich.table import Table

from benchmarks.cases import CASES, higher_step, ours
from benchmarks.measure import in_fresh_process, median_seconds, median_seconds_in_turn
from quickstudy.allocator import keep_freed_memory


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--cases", default="abc")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--no-compile", action="store_true")
    parser.add_argument("--repeats", type=float, default=1.0, help="times as many repeats")
    asked = parser.parse_args()
    keep_freed_memory()  # for both
    console = Console(width=130)
    name = (
        torch.cuda.get_device_name()
        if asked.device.startswith("cuda")
        else f"{torch.get_num_threads()} CPU threads"
    )
    console.print(f"torch {torch.__version__}, Python {platform.python_version()}, {name}")
    table = Table(
        "case",
        "inner steps",
        "higher ms",
        "ours ms",
        "higher / ours",
        "compiled ms",
        "higher / compiled",
        "higher MiB",
        "ours MiB",
    )
    for key in asked.cases:
        case = CASES[key]
        for steps in (5,) if key == "c" else (1, 5):
            repeats = max(2, round(case.repeats * asked.repeats))
            peer, peer_model = higher_step(case, steps, asked.device)
            mine, model = ours(case, steps, asked.device)
            _check_same(peer(), peer_model, mine(), model)
            times = [median_seconds(peer, repeats), median_seconds(mine, 3 * repeats)]
            cells = ["", ""]
            if key == "a" and not asked.no_compile:
                compiled, compiled_model = ours(case, steps, asked.device, compiled=True)
                _check_same(peer(), peer_model, compiled(), compiled_model)
                fast = median_seconds(compiled, 20 * repeats)
                cells = [f"{1e3 * fast:.2f}", f"{times[0] / fast:.1f}"]
            memory = [
                in_fresh_process("benchmarks.memory", key, which, str(steps), asked.device)[0]
                for which in ("higher", "unrolled")
            ]
            table.add_row(
                f"({key}) {case.title}",
                str(steps),
                *(f"{1e3 * t:.1f}" for t in times),
                f"{times[0] / times[1]:.2f}",
                *cells,
                *memory,
            )
    console.print(table)
    _outer_gradients(console, asked.device)
    _learners(console, asked.device)


def _outer_gradients(console: Console, device: str) -> None:
    table = Table(
        "outer gradient",
        "case",
        "5 steps ms",
        "20 steps ms",
        "5 steps MiB",
        "20 steps MiB",
        "memory 20 / 5",
        "time / unrolled",
    )
    ways = ("unrolled", "stepwise")
    for key in "bc":
        times = [
            median_seconds_in_turn([ours(CASES[key], steps, device, which)[0] for which in ways], 3)
            for steps in (5, 20)
        ]
        for which, *own in zip(ways, *times, strict=True):
            memory = [
                float(in_fresh_process("benchmarks.memory", key, which, steps, device)[0])
                for steps in ("5", "20")
            ]
            ratios = " ".join(
                f"{mine / unrolled:.2f}" for mine, (unrolled, _) in zip(own, times, strict=True)
            )
            numbers = [
                *(f"{1e3 * t:.0f}" for t in own),
                *(f"{m:.0f}" for m in memory),
                f"{memory[1] / memory[0]:.2f}",
                ratios,
            ]
            table.add_row(which, f"({key}) {CASES[key].title}", *numbers)
    console.print(table)


def _learners(console: Console, device: str) -> None:
    for key in "bc":
        maml, anil = median_seconds_in_turn(
            [ours(CASES[key], 5, device, which)[0] for which in ("unrolled", "anil")], 5
        )
        console.print(
            f"({key}) 5 inner steps: MAML {1e3 * maml:.0f} ms, ANIL {1e3 * anil:.0f} ms, ANIL "
            f"/ MAML {anil / maml:.2f}"
        )
        few, many = (
            float(in_fresh_process("benchmarks.memory", key, "imaml", steps, device)[0])
            for steps in ("5", "25")
        )
        console.print(
            f"({key}) iMAML: {few:.0f} MiB with 5 inner steps, {many:.0f} with 25, ratio "
            f"{many / few:.2f}"
        )


def _check_same(
    a: torch.Tensor, model_a: torch.nn.Module, b: torch.Tensor, model_b: torch.nn.Module
) -> None:
    """Both must have computed the same: the loss and the gradient."""
    torch.testing.assert_close(a, b, rtol=1e-3, atol=1e-5)
    norms = [
        torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None]).norm()
        for model in (model_a, model_b)
    ]
    torch.testing.assert_close(norms[0], norms[1], rtol=1e-2, atol=1e-5)


if __name__ == "__main__":
    main()
