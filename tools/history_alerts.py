"""Which alerts would have fired in the past, from the figures of each moment: the series `ALERTS` that Prometheus writes.

Only those that a simulated past can raise stand in the table here; what an alert is called, how long it waits, how often
it is looked at and which labels it has is read from the rule files. One that the files do not have is not made.
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

import msgspec
import yaml

from exporter.exposition import label
from exporter.pool_rules import compile_rules
from tools.history_figures import Figures
from tools.history_records import (
    Each,
    Watched,
    chips_ratio,
    class_of,
    expected_hashrate,
    is_settling,
    rejected_ratio,
    too_hot,
)

FEWEST_CHIPS, SLOWEST_FAN, MOST_HOT = 0.98, 0.5, 0.1
DEFAULT_INTERVAL_S = 30.0
PATIENCE_S = 600.0
"""An order, its repetition and the read-back take so long."""
_UNITS_S = {"s": 1.0, "m": 60.0, "h": 3_600.0, "d": 86_400.0}
_DURATION = re.compile(r"(\d+)([smhd])")

Finder: TypeAlias = Callable[[Watched, Figures, float], Iterable[str]]
"""Returns the labels, beside the miner's, of what is wrong with it now."""


class Rule(msgspec.Struct, frozen=True):
    """One alert of the rule files: seconds that it waits, seconds between two looks, and the labels it adds."""

    name: str
    waits_s: float
    interval_s: float
    labels: Mapping[str, str]


def read_rules(folder: Path) -> dict[str, Rule]:
    """Return the alerts of the files alert-*.yml by name. Raises OSError, and ValueError for a file that is no rule file."""
    found = {}
    for path in sorted(folder.glob("alert-*.yml")):
        try:
            groups: list[dict[str, Any]] = yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
            for group in groups:
                interval_s = seconds_of(group.get("interval")) or DEFAULT_INTERVAL_S
                for rule in group["rules"]:
                    name = rule["alert"]
                    found[name] = Rule(name, seconds_of(rule.get("for")), interval_s, rule.get("labels", {}))
        except (yaml.YAMLError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is no file of alert rules: {error}") from None
    return found


def seconds_of(text: str | None) -> float:
    """Return the seconds of a duration as rules write it (`1h30m`); 0 for none."""
    return sum(int(number) * _UNITS_S[unit] for number, unit in _DURATION.findall(text or ""))


def _no_labels(found: object) -> Iterable[str]:
    return ("",) if found else ()


def _low(watched: Watched, figures: Figures, now: float) -> Iterable[str]:
    mean, expected = watched.mean_hashrate(), expected_hashrate(watched, figures)
    if mean is None or not expected or not figures.hashing or is_settling(figures, now):
        return ()
    return _no_labels(mean / expected < watched.subject.container.alerts.hashrate_min_ratio)


def _rejected(watched: Watched, _figures: Figures, now: float) -> Iterable[str]:
    return _no_labels(
        (rejected_ratio(watched, now) or 0.0) > watched.subject.container.alerts.reject_max_ratio
    )


def _no_pool(_watched: Watched, figures: Figures, now: float) -> Iterable[str]:
    wanted = figures.order.ratio > 0 if figures.order is not None else figures.state != "sleeping"
    dead = bool(figures.pools) and not any(pool.alive for pool in figures.pools)
    return _no_labels(dead and wanted and not is_settling(figures, now))


def _foreign(watched: Watched, figures: Figures, _now: float) -> Iterable[str]:
    rules = watched.subject.miner.pools
    if rules is None:
        return
    allowed = compile_rules(rules)
    for pool in figures.pools:
        if not allowed(pool.url, pool.user):
            yield f'pool="{pool.index}",url="{label(pool.url)}",user="{label(pool.user)}"'


def _drifting(_watched: Watched, figures: Figures, now: float) -> Iterable[str]:
    order, applied = figures.order, figures.applied
    if order is None or not figures.up or now - order.since < PATIENCE_S:
        return ()
    return _no_labels(applied is None or applied.ratio != order.ratio)


def _short_of_boards(_watched: Watched, figures: Figures, _now: float) -> Iterable[str]:
    boards, expected = figures.boards, figures.expected_boards
    return _no_labels(figures.hashing and boards is not None and expected is not None and boards < expected)


OF_MINERS: Mapping[str, Finder] = {
    "MinerDown": lambda _, figures, __: _no_labels(not figures.up),
    "MinerNotHashing": lambda _, figures, now: _no_labels(class_of(figures, now) == "fault"),
    "MinerHashrateLow": _low,
    "MinerBoardLost": _short_of_boards,
    "MinerChipsLost": lambda _, figures, __: _no_labels((chips_ratio(figures) or 1.0) < FEWEST_CHIPS),
    "MinerFanFailed": lambda _, figures, __: _no_labels(
        figures.state in ("mining", "fault") and (figures.slowest_fan or 0.0) <= SLOWEST_FAN
        if figures.slowest_fan is not None
        else False
    ),
    "MinerOverTemperature": lambda watched, figures, _: [
        f'sensor="{sensor}"' for sensor in too_hot(watched, figures)
    ],
    "MinerSharesRejected": _rejected,
    "MinerPoolsDead": _no_pool,
    "MinerPoolUserUnknown": _foreign,
    "MinerControlDrift": _drifting,
}
"""What each alert of a miner looks for."""

OF_CONTAINERS = ("ContainerDown", "ContainerOverheating")
"""Alerts of a container that are told from its miners here."""


class AlertsPast:
    """Follows what is wrong from moment to moment, and gives the samples of `ALERTS`."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        """`rules`: by name, as `read_rules` gives them."""
        self._rules = rules
        self._since: dict[tuple[str, str], float] = {}
        self._begun = False

    def at(self, each: Each, now: float, step_s: float) -> Iterator[tuple[str, float]]:
        """Yield labels and time (unix seconds) of each sample from now to the next moment, which is `step_s` ahead."""
        begun, self._begun = self._begun, True
        new_since = now if begun else float("-inf")  # what is wrong at first has been so for long
        wrong = dict.fromkeys(self._wrong(each, now))
        self._since = {key: since for key, since in self._since.items() if key in wrong}
        for name, labels in wrong:
            rule = self._rules[name]
            since = self._since.setdefault((name, labels), new_since)
            firing = now - since >= rule.waits_s
            own = "".join(f',{key}="{label(value)}"' for key, value in sorted(rule.labels.items()))
            text = f'alertname="{name}",alertstate="{"firing" if firing else "pending"}",{labels}{own}'
            looks = max(1, int(step_s // rule.interval_s))
            for look in range(looks):
                yield text, now + look * rule.interval_s

    def _wrong(self, each: Each, now: float) -> Iterator[tuple[str, str]]:
        down: dict[str, list[bool]] = defaultdict(list)
        hot: dict[str, list[bool]] = defaultdict(list)
        limits: dict[str, float] = {}
        for watched, figures in each:
            limits[watched.place] = watched.subject.container.alerts.down_max_ratio
            down[watched.place].append(not figures.up)
            if figures.up:
                hot[watched.place].append(bool(too_hot(watched, figures)))
            for name, find in OF_MINERS.items():
                if name in self._rules:
                    for beside in find(watched, figures, now):
                        yield name, f"{watched.labels},{beside}" if beside else watched.labels
        for name, shares, most in (
            ("ContainerDown", down, limits),
            ("ContainerOverheating", hot, dict.fromkeys(hot, MOST_HOT)),
        ):
            for place, those in shares.items():
                if name in self._rules and those and sum(those) / len(those) >= most[place]:
                    yield name, place
