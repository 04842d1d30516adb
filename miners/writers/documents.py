"""The document on what each make can be told, written from the writers' tables of abilities: docs/actions.md.

`python -m miners.writers.documents docs/actions.md` writes it; a test says when it is stale.
"""

import sys
from collections.abc import Iterator
from pathlib import Path

from miners.actions import ACTIONS, STATUSES, Action, Status, action_name
from miners.drivers import DRIVERS
from miners.writers import WRITERS
from miners.writing import Ability, Writer

PAGE_NAME = "actions.md"

_HEAD = """\
# What miners can be told

<!-- Written by `python -m miners.writers.documents docs/actions.md` from the writers' tables: change those, not this page. -->

Every action is proved: the miner is read first, then told, and then read again until its own readings show it. A number or a
mode that a make does not take is refused before anything is sent.

Writing uses the credentials that the inventory names for the miner, and never a maker's default password: a miner without
credentials whose make asks for a password is not written to. Avalon and LuxOS ask for none: they are only as safe as the
network that they stand in.

## What comes of an action

| outcome | meaning | what to do |
|---|---|---|"""

_OUTCOMES: dict[Status, tuple[str, str]] = {
    "applied": ("the miner's own readings show it", "nothing"),
    "unchanged": ("they showed it before: nothing was sent", "nothing"),
    "accepted_unverified": (
        "the miner said yes, and its readings did not show it within the time below",
        "look at the miner: the detail says what it shows instead",
    ),
    "refused": (
        "the miner said no, or Hashyard did before anything was sent: out of range, another device at the address",
        "the detail has the miner's own words",
    ),
    "auth_failed": (
        "wrong password, or none configured",
        "correct the miner's `credentials` in the inventory",
    ),
    "unsupported": (
        "the make, model or firmware does not know it",
        "choose an action from the tables below",
    ),
    "unreachable": (
        "the miner could not be asked; or the command left and no answer came, which is then not repeated",
        "look at the network and the miner",
    ),
}

_MAKES = {
    "antminer": "Antminer, the maker's firmware (S19 and later)",
    "whatsminer_v2": "Whatsminer, API v2 (TCP 4028)",
    "whatsminer_v3": "Whatsminer, API v3 (TCP 4433)",
    "avalon": "Avalon",
    "elphapex": "Elphapex",
    "luxos": "LuxOS",
    "token_gateway": "A farm's token gateway (`gateway` in the inventory)",
}

_MEANINGS: dict[str, str] = {
    "sleep": "stop hashing, until told to wake",
    "wake": "hash again",
    "set_power_percent": "draw so many percent of nominal power",
    "set_power_limit": "draw at most so many watts",
    "set_mode": "work in a mode: `low`, `normal`, `high`",
    "set_preset": "work by one of the firmware's presets, by its name there",
    "reboot": "restart the whole device",
    "locate": "switch the light that shows which miner is meant",
}

_UNITS = {"set_power_percent": " %", "set_power_limit": " W"}


def page() -> str:
    """Return docs/actions.md."""
    lines = [_HEAD]
    lines += [f"| `{status}` | {' | '.join(_OUTCOMES[status])} |" for status in STATUSES]
    lines += ["", "## Actions by make", "", _overview_head(), "|---|---|" + ":-:|" * len(WRITERS)]
    lines += [_overview(kind) for kind in ACTIONS]
    lines += [
        "",
        "Within: how long the miner may take until its readings show it. Restarts mining: its hash rate drops to 0 for minutes.",
        "",
    ]
    for writer in WRITERS.values():
        lines += _table(writer)
    only_read = ", ".join(f"`{name}`" for name in DRIVERS if name not in WRITERS)
    lines += [
        "## Only read",
        "",
        f"Miners read by {only_read} cannot be told anything: they answer `unsupported`.",
        "",
    ]
    return "\n".join(lines)


def _overview_head() -> str:
    return "| action | meaning | " + " | ".join(f"`{name}`" for name in WRITERS) + " |"


def _overview(kind: type[Action]) -> str:
    name = action_name(kind)
    marks = " | ".join("yes" if kind in writer.abilities else "–" for writer in WRITERS.values())
    return f"| `{name}` | {_MEANINGS[name]} | {marks} |"


def _table(writer: Writer) -> Iterator[str]:
    yield f"### {_MAKES.get(writer.name, writer.name)}: `{writer.name}`"
    yield ""
    yield "| action | within | takes | restarts mining | note |"
    yield "|---|--:|---|:-:|---|"
    for kind in ACTIONS:
        ability = writer.abilities.get(kind)
        if ability is None:
            continue
        restarts = "yes" if ability.restarts_mining else "no"
        note = ability.note + ("; also wakes" if ability.wakes else "")
        cells = (f"`{action_name(kind)}`", f"{ability.within_s:g} s", _takes(kind, ability), restarts, note)
        yield "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
    yield ""


def _takes(kind: type[Action], ability: Ability) -> str:
    if ability.modes:
        return ", ".join(f"`{mode}`" for mode in ability.modes)
    name = action_name(kind)
    unit = _UNITS.get(name)
    if unit is None:
        return "a name that the miner lists" if name == "set_preset" else ""
    if ability.least is not None and ability.most is not None:
        return f"{ability.least:g} to {ability.most:g}{unit}"
    if ability.most is not None:
        return f"up to {ability.most:g}{unit}"
    return f"from {ability.least:g}{unit}" if ability.least is not None else unit.strip()


if __name__ == "__main__":
    if len(sys.argv) != 2:
        sys.exit("usage: python -m miners.writers.documents FILE")
    Path(sys.argv[1]).write_text(page(), encoding="utf-8")
