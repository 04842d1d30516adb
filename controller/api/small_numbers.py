"""Small whole numbers for containers and miners, by which the older tools know them: given once, kept, never given again.

They are counted in the order in which things are first asked for, and stand in the database's settings; a miner or
container that is renamed gets a new one. A client has a count of his own: one that all share would tell him how many things
others have.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, TypeAlias

from controller.api.route import Call

Kind: TypeAlias = Literal["containers", "miners"]


async def numbers(call: Call[Any, Any], kind: Kind, ids: Sequence[str]) -> Mapping[str, int]:
    """Return the number of each of these ids (and of others); new ones are given their numbers in this order."""
    name = _name(call, kind)
    known: dict[str, int] = await call.storage.settings.get(name) or {}
    if all(one in known for one in ids):
        return known

    def change(before: Any) -> dict[str, int]:
        found: dict[str, int] = dict(before or {})
        last = max(found.values(), default=0)
        for one in ids:
            if one not in found:
                last += 1
                found[one] = last
        return found

    changed: dict[str, int] = await call.storage.settings.change(name, change)
    return changed


async def id_of(call: Call[Any, Any], kind: Kind, text: str) -> str:
    """Return the id that a text means: the one of its number, else the text itself."""
    if not (text.isascii() and text.isdigit() and len(text) <= 9):
        return text
    known: dict[str, int] = await call.storage.settings.get(_name(call, kind)) or {}
    return next((one for one, number in known.items() if number == int(text)), text)


def _name(call: Call[Any, Any], kind: Kind) -> str:
    client = call.person.client
    return f"older tools' numbers of {kind}" + ("" if client is None else f" of {client.slug}")
