"""What a bench finds: figures with their aims, as a table for the terminal and for docs/bench.md."""

import platform
import statistics
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

import psutil

BEGIN, END = "<!-- measured -->", "<!-- end of measured -->"


class Figure(NamedTuple):
    """One thing measured. `aim`: the most it should be, or with `at_least` the least; None: for information."""

    what: str
    value: float
    unit: str = ""
    aim: float | None = None
    at_least: bool = False

    @property
    def met(self) -> bool | None:
        """Whether the aim is met; None without one."""
        if self.aim is None:
            return None
        return self.value >= self.aim if self.at_least else self.value <= self.aim

    @property
    def cells(self) -> tuple[str, str, str, str]:
        """What it is, the value, the aim, and whether that is met, as words."""
        aim = ""
        if self.aim is not None:
            aim = f"{'at least' if self.at_least else 'at most'} {_written(self.aim, self.unit)}"
        return (
            self.what,
            _written(self.value, self.unit),
            aim,
            {True: "met", False: "missed", None: ""}[self.met],
        )


def median(found: Sequence[float]) -> float:
    """Return the median of several rounds."""
    return statistics.median(found)


def _written(value: float, unit: str) -> str:
    number = f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:.3g}"
    return f"{number} {unit}".rstrip()


def as_markdown(found: dict[str, list[Figure]], miners: int) -> str:
    """Return the tables of all parts, with the machine and the day."""
    lines = [BEGIN, "", _measured(f"{miners:,} miners (the shards: {10 * miners:,})")]
    for part, figures in found.items():
        lines += ["", f"### {part}", "", *_table(figures)]
    return "\n".join([*lines, "", END])


def _measured(what: str) -> str:
    """Return on what machine it was measured, and when."""
    memory = psutil.virtual_memory().total / 2**30
    return (
        f"Measured on {datetime.now(UTC):%Y-%m-%d} with {what} on "
        f"{psutil.cpu_count()} cores, {memory:.0f} GiB, {_processor()}, Linux {platform.release().split('-')[0]}, "
        f"{platform.python_implementation()} {platform.python_version()}; {_load()}."
    )


def _table(figures: Sequence[Figure]) -> list[str]:
    lines = ["| what | measured | aim | |", "|---|---|---|---|"]
    return lines + ["| " + " | ".join(figure.cells) + " |" for figure in figures]


def as_text(part: str, figures: Sequence[Figure]) -> str:
    """Return one part's table for a terminal."""
    width = max((len(figure.what) for figure in figures), default=0)
    lines = [part]
    for figure in figures:
        what, value, aim, met = figure.cells
        lines.append(f"  {what:<{width}}  {value:>12}  {aim:<18} {met}".rstrip())
    return "\n".join(lines)


def write_into(page: Path, tables: str) -> None:
    """Put the tables into a page of documentation in place of the last ones."""
    before, _, after = _cut(page)
    page.write_text(before + tables + after, encoding="utf-8")


def write_parts_into(page: Path, found: dict[str, list[Figure]], miners: int) -> None:
    """Put the tables of some parts into a page in place of their last ones; those of the others stay."""
    before, tables, after = _cut(page)
    head, *sections = tables.removesuffix(END).rstrip().split("\n### ")
    by_part = {section.partition("\n")[0]: section.partition("\n")[2].strip() for section in sections}
    for part, figures in found.items():
        by_part[part] = "\n".join([_measured(f"{miners:,} miners"), "", *_table(figures)])
    told = [head.rstrip(), *(f"### {part}\n\n{section}" for part, section in by_part.items()), END]
    page.write_text(before + "\n\n".join(told) + after, encoding="utf-8")


def _cut(page: Path) -> tuple[str, str, str]:
    """Return what stands before the tables, the tables with their marks, and what stands after them."""
    text = page.read_text(encoding="utf-8") if page.exists() else f"{BEGIN}\n{END}\n"
    before, _, rest = text.partition(BEGIN)
    tables, _, after = rest.partition(END)
    return before, BEGIN + tables + END, after


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _load() -> str:
    """Say how busy the machine is otherwise: figures of wall time suffer from that."""
    return f"load average at the end {psutil.getloadavg()[0]:.1f}"
