"""An hour of a large fleet for a Prometheus to have at once: one container's hour as the demo's past is made, and as many copies.

Copies differ in their container and in their miners' addresses. What is not of a container is there once.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from stage import REPOSITORY

from tools.history_fleet import SEED
from tools.history_pages import spans
from tools.history_runs import MINUTE_S, Plan, run_hours

HOUR_S = 3600
RULES = REPOSITORY / "prometheus" / "rules"
_BLOCK = re.compile(r"[0-9A-Z]{26}")


def make_hour(
    promtool: Path,
    targets: Path,
    data: Path,
    until: float,
    copies: Sequence[tuple[bytes, bytes]],
    controller: str,
    length_s: int = HOUR_S,
) -> None:
    """Put the hour (or `length_s`) before `until` (unix seconds) into the folder `data` of a Prometheus that does not run yet.

    `targets`: an inventory with one container. `copies`: its name and the beginning of its addresses (`127.64.0.`) first,
    then those of every other container. `controller`: the instance that its series have.
    """
    texts, blocks = data / "texts", data / "blocks"
    for folder in (texts, blocks):
        folder.mkdir(parents=True)
    end = int(until // MINUTE_S * MINUTE_S)
    begin = end - length_s
    plan = Plan(
        targets=str(targets),
        folder=str(texts),
        rules=str(RULES),
        begin=begin,
        fine_from=begin,
        until=end,
        blocks=tuple(spans(begin, begin, end)),
        seed=SEED,
        controller=controller,
    )
    run_hours(plan)
    for text in sorted(texts.iterdir()):
        _make_blocks(promtool, text, blocks, copies)
        text.unlink()
    for block in sorted(blocks.rglob("*")):
        if _BLOCK.fullmatch(block.name):
            block.rename(data / block.name)


def blocks_in(data: Path) -> int:
    """Return how many blocks a Prometheus has: one for each container until it has put those of the same hours together."""
    return sum(1 for path in data.iterdir() if _BLOCK.fullmatch(path.name))


def _make_blocks(promtool: Path, text: Path, blocks: Path, copies: Sequence[tuple[bytes, bytes]]) -> None:
    """Make a block of a text for each copy, two at a time: a larger text would want the memory of all."""
    whole = text.read_bytes()
    name, addresses = copies[0]
    mark = b'container="%s"' % name
    own = b"".join(line for line in whole.splitlines(keepends=True) if mark in line) + b"# EOF\n"

    def make(place: int) -> None:
        to_name, to_addresses = copies[place]
        file = blocks / f"{place}.txt"
        file.write_bytes(
            whole
            if place == 0
            else own.replace(b'="%s"' % name, b'="%s"' % to_name).replace(
                b'="%s' % addresses, b'="%s' % to_addresses
            )
        )
        folder = blocks / str(place)
        folder.mkdir(exist_ok=True)
        subprocess.run(
            [promtool, "tsdb", "create-blocks-from", "openmetrics", "-q", file, folder],
            check=True,
            capture_output=True,
        )
        file.unlink()

    with ThreadPoolExecutor(min(2, len(os.sched_getaffinity(0)))) as pool:
        list(pool.map(make, range(len(copies))))
