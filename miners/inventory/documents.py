"""The two documents on `targets.yml`, both written from the table of its keys: docs/targets.md and docs/targets.schema.json.

`python -m miners.inventory.documents docs/` writes them; a test says when they are stale.
"""

import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from miners.inventory.assemble import MAX_MINERS
from miners.inventory.fleet import AlertLimits, Container, Feed, Miner, Ramp
from miners.inventory.kinds import Choice, Kind, Number
from miners.inventory.load import MAX_BYTES
from miners.inventory.ranges import MAX_RANGE
from miners.inventory.schema import DEFAULTS, SECTIONS, TOP
from miners.inventory.sections import Field, Section

SCHEMA_NAME = "targets.schema.json"
PAGE_NAME = "targets.md"

_UNITS = {"interval_s": " s", "connect_timeout_s": " s", "timeout_s": " s", "step_w": " W", "every_s": " s"}
_OWNERS: Mapping[str, type[msgspec.Struct]] = {"alerts": AlertLimits, "ramp": Ramp, "feeds": Feed}

_HEAD = f"""\
# The inventory: `targets.yml`

<!-- Written by `python -m miners.inventory.documents docs/` from the table of keys: change the table, not this page. -->

The fleet as people write it: containers and their miners, and what holds for all of them. [`targets.yml`](../targets.yml)
is an example to edit, and [`{SCHEMA_NAME}`]({SCHEMA_NAME}) gives editors completion, through this line at the top:

    # yaml-language-server: $schema=docs/{SCHEMA_NAME}

`hashyard check targets.yml` names every mistake at once, with its line and path, and exits with 2:

    targets.yml:31: containers[2].miners[14].port: 70000 is not a TCP port (1–65535)

Of a file that is right it says what is in it, what is worth a look (warnings), and what will not be seen (notices):

    Container 2: 5 miners have no limit for the hottest chip, so MinerOverTemperature does not see how hot they are: …

A running program notices a change of the file by itself, within a few seconds of the last write. If the new file is wrong,
the last good inventory stays in use and the reasons are in the log.

## What holds everywhere

- **What wins**: a miner's own value, else its container's, else that of `defaults`, else the default in the tables below.
  `alerts`, `temperature_limits` and `ramp` are laid over each other key by key; `pools` replaces the list above it.
- **Strict**: a key that is not known is a mistake, and so are a key given twice and a value left empty. `null` is taken for ports
  only, and means: not asked.
- **YAML** is read as version 1.2 means it, as editors do: `06:00`, `no` and `on` are texts; true and false are written `true` and
  `false`. A text may be a number (`name: 101`), and stays as it is written (`007`). Anchors, aliases and `<<` work; tags
  (`!!…`) and a second document are refused.
- **Durations** are seconds (`30`) or have a unit: `500ms`, `30s`, `2m`, `1h`.
- **Powers**: keys that end in `_w` take a number of watts. `power_limit` takes watts, or a text with `W`, `kW` or `MW`: `800 kW`.
- **Hash rates** always have their unit: `110 TH/s`, `9.5 GH/s`, `840 kSol/s`.
- **Names** may be in any script, up to 100 characters, without control characters. The id of a container in URLs is the slug
  of its name (`Контейнер 1` is `konteiner-1`), a miner's is `container.miner` (`konteiner-1.a1`); ids are unique.
- **Secrets** never stand here. `credentials` and `gateway_credentials` name a file below `--secrets-dir` or a variable `HASHYARD_MINER_…`,
  which holds `user:password`.
- **What is too hot** is for you to say: makers publish next to nothing, and no limit is made up. `temperature_limits` in `defaults`
  or a container give it, some degrees below the temperature at which the miners stop by themselves. Without one a miner is
  found to be too hot by its own word alone.
- **Unique**: names of containers; names, places, and addresses with their ports of miners. A miner with `active: false` keeps
  its name and place, but another may have its address.
- **Several files** make one fleet. An entry of `containers` in one may be `{{extends: NAME, miners: […]}}`: more miners of a container
  of another, for which everything holds that holds for its own. Where the container itself names no `client`, or no tariff, such
  an entry may. So is written what pages and API add to a container written by hand.
- **Ceilings**: {MAX_BYTES // 1024 // 1024} MiB a file, {MAX_RANGE} addresses a range, {MAX_MINERS} miners in all.

## Ranges

One entry with `addresses` stands for many miners, alike in everything else:

```yaml
miners:
  - addresses: 10.1.7.10-200          # or 10.1.7.10-10.1.8.20, 10.1.7.0/24, or a list of such
    except: [10.1.7.55, 10.1.7.60-70] # nothing stands there
    name: "a{{n:03}}"                   # a001, a002 …
    row: 1                            # of the first; the others follow along the rows,
    column: 1                         # which takes the container's `columns`
    manufacturer: Whatsminer
    model: M50S
```

A network stands for its hosts: `10.1.7.0/24` begins at `10.1.7.1` and ends at `10.1.7.254`. In `name`, `{{n}}` counts from 1 (or from
`number`) and `{{n:03}}` fills up with zeros; `{{row}}`, `{{column}}`, `{{address}}` and `{{last}}` (the last number of the address) can
be used too. What `except` leaves out keeps its number and its place, so that taking a miner away renames no other.

## Tariffs

A tariff has one price for every minute of the week, in one currency: that of a zone which holds, else its `price_per_kwh`, which
may be left out where the zones fill the week. It goes by the clock on the container's wall: a night of 25 hours has the hour that
the clock shows twice at that hour's price twice. What it costs from a date on stands in `changes`, whole; what it cost before stays
for the books. A container has another tariff from a date on by `tariff_changes`, and none with `tariff: null`.

```yaml
tariffs:
  day and night:
    currency: EUR
    price_per_kwh: 0.062
    zones: [{{from: "23:00", to: "07:00", price_per_kwh: 0.045}}]
    changes:
      - from: 2027-01-01              # from 00:00 on, by each container's own clock
        zones:
          - {{from: "22:00", to: "06:00", price_per_kwh: 0.048}}
          - {{from: "06:00", to: "22:00", price_per_kwh: 0.066}}
containers:
  - name: Container 1
    tariff: day and night
    tariff_changes: [{{from: 2027-04-01, tariff: null}}]
```

## Profiles and schedules

A **profile** is a name and a target in percent of each miner's nominal power; 0 is asleep. Four are there without being written
(`overclock` 115, `normal` 100, `underclock` 75, `curtail` 0), and a schedule `default` that goes through them in quarters of the
day. A container takes part with `schedule` and `control: enforce`; `control: observe` only shows what would be done.

```yaml
profiles:
  overclock:
    target_percent: 110
    by_make: {{luxos: {{preset: 3600W}}, whatsminer: {{power_percent: 108}}}}
schedules:
  working week:
    windows:
      - {{days: weekdays, from: "07:00", to: "22:00", profile: underclock}}
      - {{days: weekdays, from: "22:00", to: "07:00", profile: overclock}} # over midnight: until Saturday, 07:00
    otherwise: normal
    exceptions:
      - {{date: 2026-12-31, windows: [{{from: "16:00", to: "24:00", profile: curtail}}]}}
```

A **schedule** goes by the clock on the wall of its container (`timezone`), also when that is put forward or back. A window belongs
to the days on which it begins, and may run over midnight. No two windows may hold at once; hours that no window holds need
`otherwise`. An exception is a date with windows of its own from 00:00 to 24:00: nothing of the week holds on it, and the days
beside it are as in any week. Times are written in quotes: other readers of YAML may take an unquoted 06:00 for a number.

A make is told by its profile's `by_make`, first under its driver, then under its manufacturer; else by the target alone: in percent,
in watts (by nominal power), by the preset that draws no more, or by its low, normal or high mode, whichever of these it knows first.
A make that one profile tells by `by_make` is told so in all: a percentage does not undo a mode. Nothing goes above the most that
a make takes. What a make cannot have without drawing more than was asked for is not
sent, and said.
"""


def json_schema() -> dict[str, Any]:
    """Return the JSON schema (draft 2020-12) of the file: all that can be said of it without comparing two entries."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Hashyard: targets.yml",
        **TOP.schema(),
    }


def page() -> str:
    """Return docs/targets.md."""
    return "\n".join(
        [_HEAD, *(line for title, section in SECTIONS.items() for line in _table(title, *section))]
    )


def schema_text() -> str:
    """Return docs/targets.schema.json."""
    return json.dumps(json_schema(), indent=1, ensure_ascii=False) + "\n"


def write(folder: Path) -> None:
    """Write both documents into a folder."""
    (folder / PAGE_NAME).write_text(page(), encoding="utf-8")
    (folder / SCHEMA_NAME).write_text(schema_text(), encoding="utf-8")


def _table(title: str, key: str, section: Section) -> Iterator[str]:
    yield f"## {title}"
    yield ""
    if section.one_of:
        yield f"Exactly one of {' and '.join(f'`{name}`' for name in section.one_of)} is given."
        yield ""
    if section.any_of:
        names = [f"`{name}`" for name in section.any_of]
        yield f"At least one of {', '.join(names[:-1])} and {names[-1]} is given."
        yield ""
    yield "| key | takes | default | meaning | example |"
    yield "|---|---|---|---|---|"
    shared: list[str] = []
    for name, field in section.fields.items():
        if section is not DEFAULTS and DEFAULTS.fields.get(name) is field:
            shared.append(f"`{name}`")
            continue
        cells = (f"`{name}`", _takes(field.kind), _default(key, field), field.meaning, f"`{field.example}`")
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""
    if shared:
        yield f"And, as in `defaults` but for this one alone: {', '.join(shared)}."
        yield ""


def _takes(kind: Kind) -> str:
    if isinstance(kind, Choice):
        return ", ".join(f"`{option}`" for option in kind.options)
    if isinstance(kind, Number) and kind.nullable:
        return f"{kind.words}, or null"
    return kind.words


def _default(key: str, field: Field) -> str:
    if field.required:
        return "**required**"
    if field.default is not None:
        return field.default
    if field.attribute is None:
        return "–"
    owner = _OWNERS.get(key) or (Miner if field.attribute in _attributes(Miner) else Container)
    value = _attributes(owner)[field.attribute]
    if value is None:
        return "not given"
    if value == "":
        return "empty"
    if isinstance(value, bool):
        return f"`{json.dumps(value)}`"
    return f"`{value:g}{_UNITS.get(field.attribute, '')}`" if isinstance(value, float) else f"`{value}`"


def _attributes(owner: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.name: field.default for field in msgspec.structs.fields(owner)}


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m miners.inventory.documents FOLDER")
    write(Path(sys.argv[1]))
