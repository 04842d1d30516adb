"""The table of miner models: facts for what devices do not report, from `models.csv` (sources beside each row).

The device's own figure always wins; whatever comes from here is estimated. How names match, and which sources
disagree, is told in docs/models.md.
"""

import csv
import re
from functools import lru_cache
from importlib import resources

import msgspec

MAX_NAME = 100
"""Model names are cut to this before any expression sees them."""

# Equihash is counted in solutions, not hashes: the series then means solutions per second, and 1 kSol is 1000.
_UNITS = {"kSol/s": 1e3, "MH/s": 1e6, "GH/s": 1e9, "TH/s": 1e12, "PH/s": 1e15}

_MANUFACTURERS = {
    "antminer": "AntMiner",
    "bitmain": "AntMiner",
    "whatsminer": "Whatsminer",
    "microbt": "Whatsminer",
    "avalon": "Avalon",
    "avalonminer": "Avalon",
    "canaan": "Avalon",
    "elphapex": "Elphapex",
    "elhapex": "Elphapex",
    "ebang": "Ebang",
    "ebit": "Ebang",
}


_MAKER = re.compile(r"^\s*(?:canaan[\s_-]*)?avalon(?:miner)?[\s_-]*", re.IGNORECASE)
"""What stands before the model where the maker's name is written without a blank: `AvalonMiner1166Pro`, `Avalon-1246`."""


class ModelFacts(msgspec.Struct, frozen=True):
    """One model's factory figures. None: not known. `fans` 0: it has none (immersion, hydro)."""

    manufacturer: str
    family: str
    model: str
    algorithm: str | None
    nominal_hashrate_hs: float | None
    nominal_power_w: float | None
    boards: int | None
    chips_per_board: int | None
    fans: int | None
    cooling: str | None
    max_chip_temp_c: float | None
    sources: tuple[str, ...]


class _Row(msgspec.Struct, frozen=True):
    match: re.Pattern[str]
    facts: ModelFacts


def manufacturer_name(name: str) -> str | None:
    """Return the field's spelling of a manufacturer (`elhapex` -> `Elphapex`), or None if it is not known."""
    return _MANUFACTURERS.get(name.strip().lower())


def manufacturer_spellings() -> tuple[str, ...]:
    """Return every spelling that `manufacturer_name` knows, in small letters."""
    return tuple(_MANUFACTURERS)


@lru_cache(maxsize=1)
def manufacturers() -> tuple[str, ...]:
    """Return the manufacturers that the table knows, in the field's spelling."""
    return tuple(_table())


@lru_cache(maxsize=1)
def all_models() -> tuple[ModelFacts, ...]:
    """Return every row of the table, in its order."""
    return tuple(row.facts for rows in _table().values() for row in rows)


@lru_cache(maxsize=4096)
def find_model(manufacturer: str | None, model: str | None) -> ModelFacts | None:
    """Return the facts of a model as the device names it (`M30S+_VE40`, `Antminer S19 Pro`), or None if unknown.

    Rows run from special to general. The first hit is the model; for a Whatsminer revision each cell that its row
    leaves empty comes from the next hit, the row of its family.
    """
    if not manufacturer or not model:
        return None
    known = manufacturer_name(manufacturer) or manufacturer
    name = model[:MAX_NAME]
    rows = _table().get(known, ())
    hits = [row.facts for row in rows if row.match.search(name)]
    if not hits:
        bare = _MAKER.sub("", name).strip()
        hits = [row.facts for row in rows if row.match.search(bare)]
    if not hits:
        return None
    if len(hits) == 1 or known != "Whatsminer":
        return hits[0]
    special, family = hits[0], hits[1]
    own = msgspec.structs.asdict(special)
    return ModelFacts(**{key: getattr(family, key) if value is None else value for key, value in own.items()})


@lru_cache(maxsize=1)
def _table() -> dict[str, list[_Row]]:
    table: dict[str, list[_Row]] = {}
    with resources.files("miners").joinpath("models.csv").open(encoding="utf-8") as file:
        for cells in csv.DictReader(file):
            rate, unit = _number(cells["nominal_hashrate"]), cells["hashrate_unit"]
            facts = ModelFacts(
                manufacturer=cells["manufacturer"],
                family=cells["family"],
                model=cells["model"],
                algorithm=cells["algorithm"] or None,
                nominal_hashrate_hs=None if rate is None else rate * _UNITS[unit],
                nominal_power_w=_number(cells["nominal_power_w"]),
                boards=_count(cells["boards"]),
                chips_per_board=_count(cells["chips_per_board"]),
                fans=_count(cells["fans"]),
                cooling=cells["cooling"] or None,
                max_chip_temp_c=_number(cells["max_chip_temp_c"]),
                sources=tuple(cells["sources"].split(";")),
            )
            table.setdefault(facts.manufacturer, []).append(
                _Row(re.compile(cells["match"], re.IGNORECASE), facts)
            )
    return table


def _number(cell: str) -> float | None:
    return float(cell) if cell else None


def _count(cell: str) -> int | None:
    return int(cell) if cell else None
