"""The past as OpenMetrics text: lines with their times, in one file for each block that promtool will make of them."""

import re
from collections.abc import Iterable
from io import BufferedWriter
from pathlib import Path

import msgspec

from exporter.exposition import label, number
from exporter.forms import LabelBytes
from exporter.render import Labels
from miners.inventory.fleet import Container
from tools.history_records import Records

HOUR_S = 3_600
FINE_BLOCK_S, COARSE_BLOCK_S = 2 * HOUR_S, 18 * HOUR_S
"""Sizes of blocks that Prometheus makes itself. `promtool` reads a file once for every block that it spans."""
FINE_TEXT_S = HOUR_S // 2
"""What of a fine block is made at once: promtool keeps a text in memory, and an hour of the demo's takes it 330 MB."""

_NAME = re.compile(rb"^[a-zA-Z_:][a-zA-Z0-9_:]*\{", re.MULTILINE)


class Span(msgspec.Struct, frozen=True, order=True):
    """One block to be: from `begin` to `end`, unix seconds, within one of the stretches of `size_s` that Prometheus cuts.

    `of`: what it holds, where it does not hold all there is.
    """

    begin: int
    end: int
    size_s: int
    of: str = "all"

    def file(self, folder: Path) -> Path:
        """Return the path of the text that it is made of."""
        return folder / f"{self.begin}-{self.end}-{self.of}.txt"


def stretches(begin: int, until: int, of: str) -> list[Span]:
    """Return the fine blocks for one kind of series, from `begin` up to and with `until`."""
    found = []
    at = begin
    while at <= until:
        end = min(until + 1, at - at % FINE_BLOCK_S + FINE_BLOCK_S)
        found.append(Span(at, end, FINE_BLOCK_S, of))
        at = end
    return found


def spans(begin: int, fine_from: int, until: int) -> list[Span]:
    """Return the blocks from `begin` up to and with `until`: coarse ones up to and with `fine_from`, then fine ones."""
    found = []
    parts = (
        (begin, fine_from + 1, COARSE_BLOCK_S, COARSE_BLOCK_S),
        (fine_from + 1, until + 1, FINE_TEXT_S, FINE_BLOCK_S),
    )
    for first, last, cut_s, size_s in parts:
        at = first
        while at < last:
            end = min(last, at - at % cut_s + cut_s)
            found.append(Span(at, end, size_s))
            at = end
    return found


class BlockFiles:
    """What one run writes: a file for each block, opened when the time comes there. Times do not go back."""

    def __init__(self, folder: Path, blocks: Iterable[Span]) -> None:
        """Open nothing yet."""
        self._folder = folder
        self._blocks = list(blocks)
        self._open: BufferedWriter | None = None
        self._end = float("-inf")

    def at(self, now: float) -> BufferedWriter:
        """Return the file for samples of `now`, unix seconds."""
        while now >= self._end or self._open is None:
            self.close()
            span = self._blocks.pop(0)
            self._end = span.end
            self._open = span.file(self._folder).open("wb")
        return self._open

    def close(self) -> None:
        """End the file that is open: it is whole now."""
        if self._open is not None:
            self._open.write(b"# EOF\n")
            self._open.close()
            self._open = None


def records_text(records: Records, now: float) -> bytes:
    """Return recorded series as lines with a time."""
    end = f" {now:.0f}\n"
    lines = []
    for name, series in records.items():
        for (level, beside), value in series.items():
            labels = f"{level},{beside}" if level and beside else level or beside
            lines.append(
                f"{name}{{{labels}}} {number(value)}{end}" if labels else f"{name} {number(value)}{end}"
            )
    return "".join(lines).encode("latin-1")


def timed(page: bytes, now: float) -> bytes:
    """Return lines of a page, without comments, with a time."""
    return page.replace(b"\n", b" %d\n" % now)


def with_labels(page: bytes, labels: str) -> bytes:
    """Return lines of a page that have labels with further ones; `labels`: wire text that ends in a comma."""
    added = labels.encode("latin-1")
    return _NAME.sub(lambda found: found[0] + added, page)


def target_labels(container: Container) -> str:
    """Return the labels that Prometheus adds to what the exporter says of a container, as wire text with a comma."""
    return f'instance="{label(container.name)}",job="hashyard",'


def as_scraped(labels: Labels, container: Container) -> Labels:
    """Return a miner's labels for the exporter's renderer with those that Prometheus adds."""
    added = target_labels(container)
    raw = added.encode("latin-1")
    return msgspec.structs.replace(
        labels,
        whole=added + labels.whole,
        client=added + labels.client,
        in_forms=LabelBytes(
            raw + labels.in_forms.whole, raw + labels.in_forms.before_fan, labels.in_forms.miner
        ),
    )
