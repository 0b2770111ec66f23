"""Speed of task sampling on one core: ``python -m benchmarks.sampling [--root DIR]``.

5-way 1-shot 15-query episodes in batches of 32, from Omniglot's training classes with rotations;
without ``--root`` from random images of the same number and size."""

import argparse
import time

import torch

import quickstudy as qs


def main() -> None:
    """Measure and print episodes a second."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--root")
    asked = parser.parse_args()
    torch.set_num_threads(1)
    if asked.root:
        pool = qs.tasks.Omniglot(asked.root, validation_alphabets=0).split("train")
    else:
        images = torch.randint(
            0, 256, (964 * 20, 28, 28), dtype=torch.uint8, generator=qs.generator(0, "images")
        )
        pool = qs.tasks.Arrays(
            images, torch.arange(964).repeat_interleave(20)
        ).pool.with_rotations()
    source = pool.episodes(way=5, shot=1, query=15)
    source.sample(32, qs.Moment(0, "warm-up"))
    begin, batches = time.perf_counter(), 200
    for index in range(batches):
        source.sample(32, qs.Moment(0, "train", index))
    print(
        f"{32 * batches / (time.perf_counter() - begin):.0f} episodes a second on one core, "
        f"{pool.num_classes} classes"
    )


if __name__ == "__main__":
    main()
