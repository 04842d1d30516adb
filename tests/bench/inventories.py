"""What an inventory costs: the time to load one in which every miner is written by itself, and the memory of it."""

import gc
import time

import psutil
from figures import Figure, median
from stage import Size, folder, take_core, targets

from miners.inventory.load import load


def loading(size: Size) -> list[Figure]:
    """Measure how long the inventory of the fleet takes to load, and what memory a miner of it takes."""
    take_core()
    process = psutil.Process()
    took, grown = [], 0
    with folder() as path:
        file = path / "targets.yml"
        text = targets(size, size.miners)
        file.write_text(text, encoding="utf-8")
        for turn in range(min(3, size.rounds)):
            gc.collect()
            before = process.memory_info().rss
            began = time.perf_counter()
            inventory = load([file])
            took.append(time.perf_counter() - began)
            gc.collect()
            grown = grown if turn else process.memory_info().rss - before
            assert sum(len(container.miners) for container in inventory.containers) == size.miners
    return [
        Figure("time to load", median(took), "s", 2),
        Figure("memory a miner, beside the exporter's", grown / size.miners, "bytes"),
        Figure("lines of the file", text.count("\n")),
    ]
