"""Measure, print the tables, and write them into docs/bench.md: what `make bench` runs.

Each part runs in a process of its own. What is measured has one core to itself, as far as others leave it; the
simulated miners and whoever scrapes have the other.
"""

import argparse
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import answers
import booking_hours
import curtailments
import dashboards
import inventories
import month_of_books
import pages
import polls
import scrapes
import sweeps
from figures import Figure, as_markdown, as_text, write_into, write_parts_into
from stage import REPOSITORY, Size, held_network

PARTS: dict[str, Callable[[Size], list[Figure]]] = {
    "poll": polls.against_bare,
    "library": polls.against_library,
    "scrape": scrapes.against_library,
    "sweep": sweeps.one_exporter,
    "shards": sweeps.shards,
    "inventory": inventories.loading,
    "curtail": curtailments.curtailing,
    "api": answers.answering,
    "pages": pages.looking,
    "prometheus": dashboards.watching,
    "books": booking_hours.booking,
    "month": month_of_books.reporting,
}


def main() -> int:
    """Run the parts that are asked for, by default all; return 0, also where an aim is missed."""
    asked = _arguments()
    if asked.list:
        _say("\n".join(PARTS))
        return 0
    with held_network() as network:
        return _measure(asked, Size(asked.miners, asked.rounds, asked.seconds, asked.interval, network))


def _measure(asked: argparse.Namespace, size: Size) -> int:
    found: dict[str, list[Figure]] = {}
    for part in asked.only:
        began = time.monotonic()
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
            found[part] = process.submit(PARTS[part], size).result()
        _say(f"{as_text(part, found[part])}\n  ({time.monotonic() - began:.0f} s)\n")
    if asked.docs is not None:
        if len(found) == len(PARTS):
            write_into(asked.docs, as_markdown(found, size.miners))
        else:
            write_parts_into(asked.docs, found, size.miners)
        _say(f"written: {asked.docs}")
    return 0


def _say(text: str) -> None:
    print(text, flush=True)  # noqa: T201  # it speaks to a terminal


def _arguments() -> argparse.Namespace:
    usual = Size()
    parser = argparse.ArgumentParser(description="Measure what polling, scraping, control and answers cost.")
    parser.add_argument(
        "--only",
        type=lambda text: text.split(","),
        default=list(PARTS),
        metavar="PART,PART",
        help=f"of {', '.join(PARTS)}; docs/bench.md is then left as it is, unless --docs names it",
    )
    parser.add_argument("--miners", type=int, default=usual.miners, help="of the fleet")
    parser.add_argument("--rounds", type=int, default=usual.rounds, help="of what is short")
    parser.add_argument("--seconds", type=float, default=usual.seconds, help="of what goes by the clock")
    parser.add_argument("--interval", type=int, default=usual.interval_s, help="seconds between two polls")
    parser.add_argument("--docs", type=Path, default=None, help="the page to write the tables into")
    parser.add_argument("--list", action="store_true", help="name the parts, and measure nothing")
    asked = parser.parse_args()
    unknown = [part for part in asked.only if part not in PARTS]
    if unknown:
        parser.error(f"--only: there is no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    if asked.docs is None and asked.only == list(PARTS):
        asked.docs = REPOSITORY / "docs" / "bench.md"
    return asked


if __name__ == "__main__":
    sys.exit(main())
