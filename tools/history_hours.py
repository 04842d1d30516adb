"""What the recording rules of five minutes and of an hour say of the past: energy, its price, time by class, work done."""

from collections import defaultdict
from datetime import UTC, datetime

from exporter.exposition import label
from miners.inventory.fleet import Container, Inventory
from miners.tariffs import price_of
from tools.history_records import Each, Key, Records, Series, Watched, class_of

FIVE_MINUTES_S, HOUR_S = 300, 3_600
JOULES_A_KWH = 3.6e6
SOURCES = ("measured", "estimated")


class Ledger:
    """Adds up moments, energy every five minutes, and closes the hour at each full one."""

    def __init__(self, inventory: Inventory) -> None:
        """Begin with nothing added up."""
        self._inventory = inventory
        self._classes: dict[tuple[Watched, str], float] = {}
        self._costs: Series = {}
        self._up: dict[str, list[float]] = defaultdict(list)

    def take(self, each: Each, now: float, seconds: float) -> None:
        """Take up a moment that stands for so many seconds."""
        for watched, figures in each:
            key = watched, class_of(figures, now)
            self._classes[key] = self._classes.get(key, 0.0) + seconds

    def five_minutes(self, each: Each, now: float) -> Records:
        """Return the series of the group hashyard-5m, and take up what the hour is made of."""
        found: Records = defaultdict(dict)
        answering: dict[str, list[bool]] = defaultdict(list)
        containers: dict[str, Container] = {}
        for watched, figures in each:
            containers[watched.place] = watched.subject.container
            answering[watched.place].append(figures.up)
            for source in SOURCES:
                energy = watched.increase(source, now, FIVE_MINUTES_S)
                if energy is not None:
                    key = watched.place, f'source="{source}"'
                    _add(found["container:energy_joules:increase5m"], key, energy)
            observed = watched.increase("observed", now, FIVE_MINUTES_S)
            if observed is not None:
                _add(found["container:observed_seconds:increase5m"], (watched.place, ""), observed)
        joules: dict[str, float] = defaultdict(float)
        for (place, _), energy in found["container:energy_joules:increase5m"].items():
            joules[place] += energy
        for place, energy in joules.items():
            priced = self._price(containers[place], now)
            if priced is not None:
                currency, price = priced
                cost = found["container:energy_cost:increase5m"]
                cost[place, currency] = energy / JOULES_A_KWH * price
                _add(self._costs, (place, currency), cost[place, currency])
        for place, ups in answering.items():
            self._up[place].append(sum(ups) / len(ups))
        return found

    def hour(self, each: Each, now: float) -> Records:
        """Return the series of the group hashyard-1h, and begin the next hour."""
        found: Records = defaultdict(dict)
        for watched, _ in each:
            for name, series, beside, group in (
                *(
                    (source, "energy_joules:increase1h", f'source="{source}"', f'source="{source}"')
                    for source in SOURCES
                ),
                ("observed", "observed_seconds:increase1h", "", ""),
                ("hashes", "hashes:increase1h", "", watched.algorithm),
            ):
                grown = watched.increase(name, now, HOUR_S)
                if grown is not None:
                    found[f"miner:{series}"][watched.labels, beside] = grown
                    _add(found[f"container:{series}"], (watched.place, group), grown)
            _add(found["container:miners:avg1h"], (watched.place, ""), 1.0)
        for (watched, kind), seconds in self._classes.items():
            beside = f'class="{kind}"'
            found["miner:time_class_seconds:sum1h"][watched.labels, beside] = seconds
            _add(found["container:time_class_seconds:sum1h"], (watched.place, beside), seconds)
        found["container:energy_cost:increase1h"] = self._costs
        found["container:miner_up:avg1h"] = {
            (place, ""): sum(shares) / len(shares) for place, shares in self._up.items()
        }
        self._classes, self._costs, self._up = {}, {}, defaultdict(list)
        return found

    def _price(self, container: Container, now: float) -> tuple[str, float] | None:
        """Return the label of the currency and the price of a kilowatt hour that holds now."""
        found = price_of(container, self._inventory, datetime.fromtimestamp(now, UTC))
        if found is None:
            return None
        tariff, price = found
        return f'currency="{label(tariff.currency)}"', float(price)


def _add(series: Series, key: Key, value: float) -> None:
    series[key] = series.get(key, 0.0) + value
