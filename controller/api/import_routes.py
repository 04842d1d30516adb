"""The route that takes many miners at once: each row is added, changes one, or is refused with its line; all or nothing."""

import asyncio
import hashlib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

import msgspec

from controller.api.allowed_addresses import refused_address
from controller.api.credential_references import reference_mistake
from controller.api.managing import not_kept
from controller.api.problems import Mistake, Problem
from controller.api.route import ADMINISTRATORS, Call, Route
from controller.api.versions import told_miner
from controller.managed import Document, Managed, NotRight, miners_in
from controller.model import Event
from controller.settings import Settings
from controller.wording import worded, worded_many
from miners.errors import ConfigurationError
from miners.inventory import fleet
from miners.inventory.importing import Row, composed, rows_of_csv, rows_of_yaml
from miners.inventory.slugs import miner_id, slug

CSV: Final = "text/csv"
MEDIA: Final = (CSV, "application/yaml", "application/x-yaml", "text/yaml")
_TOGETHER: Final = 100
"""So many events are worded before others get their turn."""

_PLACE: Final = re.compile(r"containers\[(\d+)\]\.miners\[(\d+)\](?:\.(\w+))?: ")

Action = Literal["add", "change", "same", "refuse"]


class ImportQuery(msgspec.Struct, frozen=True):
    """`dry_run=1`: say what would be done, and do nothing."""

    dry_run: Annotated[Literal[0, 1], msgspec.Meta(description="1: only say what would be done")] = 0


class ImportedRow(msgspec.Struct, frozen=True, kw_only=True):
    """What is done with a row; `detail`: why it is refused."""

    line: int
    action: Action
    container: str | None = None
    miner: str | None = None
    detail: str | None = None


class Imported(msgspec.Struct, frozen=True, kw_only=True):
    """What an import does, or would do."""

    dry_run: bool
    added: int
    changed: int
    same: int
    refused: int
    rows: Sequence[ImportedRow]


class Looked(msgspec.Struct, frozen=True, kw_only=True):
    """What an import does, for who looks at it first. `fingerprint`: of what each row becomes, and of what it was.

    `changes`: by line and miner, the keys that a row sets anew: what stands there (None: nothing) and what is to.
    """

    imported: Imported
    fingerprint: str
    changes: Mapping[tuple[int, str], Mapping[str, tuple[Any, Any]]]


class _Placed(msgspec.Struct, kw_only=True):
    """A row that could be put into a container. `before`: its entry in the document, None if it has none."""

    row: Row
    container: fleet.Container
    known: fleet.Miner | None
    before: Document | None = None
    entry: Document = {}
    action: Action = "add"


class _Around(msgspec.Struct, frozen=True, kw_only=True):
    """What rows are looked at with: the containers that one may see, the networks, and where credentials may stand."""

    containers: Sequence[fleet.Container]
    networks: Sequence[str]
    settings: Settings


async def post_import(call: Call[bytes, ImportQuery]) -> Imported:
    """Take many miners at once."""
    try:
        text = call.body.decode()
    except UnicodeDecodeError:
        words = worded("it is not UTF-8 text")
        raise Problem("malformed", words, [Mistake("", "text", words)]) from None
    csv = call.request.content_type == CSV
    return (await take_rows(call, text, csv=csv, dry_run=bool(call.query.dry_run))).imported


async def take_rows(
    call: Call[Any, Any], text: str, *, csv: bool, dry_run: bool, seen: str | None = None
) -> Looked:
    """Take the rows of a text, all or none. `csv`: it is CSV, else YAML. `dry_run`: only say what would be done.

    `seen`: the fingerprint of what was looked at; nothing else is done then. Raises Problem: invalid, with the rows that
    cannot be taken; changed-meanwhile, where something else would be done than what was looked at.
    """
    # With thousands of rows each step takes long; others get their turn meanwhile.
    placed, refused = await asyncio.to_thread(_read, _around(call), text, csv=csv)
    if not placed and not refused:
        words = worded("it holds no miner")
        raise Problem("malformed", words, [Mistake("", "empty", words)])
    held: list[Document] = []

    def change(document: Document) -> None:
        held[:] = [document]
        _put_all(document, placed)
        if seen is not None and not dry_run and seen != _fingerprint(placed, refused):
            raise Problem(
                "changed-meanwhile", worded("the inventory is not the one that the rows were looked at with")
            )

    try:
        if dry_run or refused:
            await call.service(Managed).preview(change)
        else:
            inventory = await call.service(Managed).edit(change)
            await _record(call, placed, inventory)
    except NotRight as error:
        document = held[0] if held else {}
        placed, more = await asyncio.to_thread(_refused_by_inventory, error.mistakes, placed, document)
        refused += more
    except ConfigurationError as error:
        raise not_kept(error) from None
    looked = await asyncio.to_thread(_looked, placed, refused, dry_run=dry_run)
    if refused and not dry_run:
        mistakes = [
            Mistake(f"line {row.line}", "refused", row.detail or "")
            for row in looked.imported.rows
            if row.detail
        ]
        raise Problem(
            "invalid",
            worded_many(
                "%(num)s row cannot be taken, so none was",
                "%(num)s rows cannot be taken, so none was",
                len(refused),
            ),
            mistakes,
            more={"import": looked.imported},
        )
    return looked


def _around(call: Call[Any, Any]) -> _Around:
    return _Around(
        containers=call.containers(), networks=call.deeds.inventory.networks, settings=call.settings
    )


def _looked(placed: Sequence[_Placed], refused: Sequence[ImportedRow], *, dry_run: bool) -> Looked:
    return Looked(
        imported=_imported(dry_run, placed, refused),
        fingerprint=_fingerprint(placed, refused),
        changes=_changes(placed),
    )


def _read(around: _Around, text: str, *, csv: bool) -> tuple[list[_Placed], list[ImportedRow]]:
    """Return the rows that can be put into containers, and those that cannot. It takes long: for a thread."""
    rows, mistakes = (rows_of_csv if csv else rows_of_yaml)(composed(text))
    refused = [ImportedRow(line=line, action="refuse", detail=detail) for line, detail in mistakes]
    containers: dict[str, fleet.Container] = {
        name: one for one in around.containers for name in (one.id, one.name)
    }
    known = {(one.id, slug(miner.name)): miner for one in around.containers for miner in one.miners}
    placed: list[_Placed] = []
    taken: dict[tuple[str, str], int] = {}
    usable: dict[str, str | None] = {}
    for row in rows:
        container = containers.get(row.container)
        name = str(row.data["name"])
        detail: str | None = None
        if container is None:
            detail = worded("there is no container %(container)s: make it first", container=row.container)
        else:
            key = (container.id, slug(name))
            detail = _refusal(around, row, known.get(key), usable)
            if detail is None and key in taken:
                detail = worded("%(name)s stands in line %(line)s already", name=name, line=str(taken[key]))
            taken.setdefault(key, row.line)
        if detail is not None or container is None:
            refused.append(
                ImportedRow(
                    line=row.line, action="refuse", container=row.container, miner=name, detail=detail
                )
            )
        else:
            placed.append(_Placed(row=row, container=container, known=known.get(key)))
    return placed, refused


def _refusal(
    around: _Around, row: Row, known: fleet.Miner | None, usable: dict[str, str | None]
) -> str | None:
    """Return why a row cannot be taken into its container, None if it can."""
    if known is not None and known.origin.file != str(around.settings.managed):
        return worded(
            "it stands in %(file)s, line %(line)s: change it there",
            file=known.origin.file,
            line=str(known.origin.line),
        )
    refused = refused_address(str(row.data["address"]), around.networks)
    if refused is not None:
        return refused
    reference = row.data.get("credentials")
    if reference is None:
        return None
    if reference not in usable:
        mistake = reference_mistake(around.settings, row.data)
        usable[reference] = None if mistake is None else mistake.detail
    return usable[reference]


def _put_all(document: Document, placed: Sequence[_Placed]) -> None:
    """Put rows into the document; a key that a row does not give stays as it is."""
    places: dict[str, dict[Any, int]] = {}
    for one in placed:
        miners = miners_in(document, one.container.name)
        if one.container.id not in places:
            numbered = [(miner.get("name"), place) for place, miner in enumerate(miners)]
            places[one.container.id] = dict(reversed(numbered))
        place = None if one.known is None else places[one.container.id].get(one.known.name)
        one.before = None if place is None else miners[place]
        one.entry = {**(one.before or {}), **one.row.data}
        one.action = "add" if one.before is None else "same" if one.entry == one.before else "change"
        if place is None:
            miners.append(one.entry)
        else:
            miners[place] = one.entry


def _fingerprint(placed: Sequence[_Placed], refused: Sequence[ImportedRow]) -> str:
    """Return what tells one outcome from another."""
    told = [
        [[one.row.line, one.container.id, one.action, one.before, one.entry] for one in placed],
        [[row.line, str(row.detail)] for row in refused],
    ]
    return hashlib.sha256(msgspec.json.encode(told, order="deterministic")).hexdigest()[:32]


def _changes(placed: Sequence[_Placed]) -> dict[tuple[int, str], dict[str, tuple[Any, Any]]]:
    found = {}
    for one in placed:
        before = one.before or {}
        found[one.row.line, str(one.row.data["name"])] = {
            key: (before.get(key), value)
            for key, value in one.entry.items()
            if key not in before or value != before[key]
        }
    return found


def _refused_by_inventory(
    lines: Sequence[str], placed: list[_Placed], document: Document
) -> tuple[list[_Placed], list[ImportedRow]]:
    """Return the rows that the whole inventory takes, and those that it does not: each mistake at its row."""
    by_entry = {id(one.entry): one for one in placed}
    refused: list[ImportedRow] = []
    wrong: set[int] = set()
    for line in lines:
        found = _PLACE.match(line)
        entry: Any = None
        if found is not None:
            entry = document["containers"][int(found[1])]["miners"][int(found[2])]
        one = by_entry.get(id(entry))
        if one is None or found is None:
            refused.append(ImportedRow(line=0, action="refuse", detail=line))
            continue
        wrong.add(id(one))
        rest = line[found.end() :]
        refused.append(
            ImportedRow(
                line=one.row.line,
                action="refuse",
                container=one.container.id,
                miner=str(one.row.data["name"]),
                detail=f"{found[3]}: {rest}" if found[3] else rest,
            )
        )
    return [one for one in placed if id(one) not in wrong], refused


def _imported(dry_run: bool, placed: Sequence[_Placed], refused: Sequence[ImportedRow]) -> Imported:
    rows = [
        ImportedRow(
            line=one.row.line,
            action=one.action,
            container=one.container.id,
            miner=str(one.row.data["name"]),
        )
        for one in placed
    ]
    return Imported(
        dry_run=dry_run,
        added=sum(row.action == "add" for row in rows),
        changed=sum(row.action == "change" for row in rows),
        same=sum(row.action == "same" for row in rows),
        refused=len(refused),
        rows=sorted([*rows, *refused], key=lambda row: row.line),
    )


async def _record(call: Call[Any, Any], placed: Sequence[_Placed], inventory: fleet.Inventory) -> None:
    """Write an event for each miner that was added or changed."""
    now = {
        (container.id, miner.name): miner for container in inventory.containers for miner in container.miners
    }
    events: list[Event] = []
    for number, one in enumerate(placed):
        if number % _TOGETHER == 0:
            await asyncio.sleep(0)
        made = now.get((one.container.id, str(one.entry["name"])))
        if one.action == "same" or made is None:
            continue
        events.append(
            call.event(
                "inventory",
                "miner.created" if one.known is None else "miner.changed",
                container=one.container.id,
                miner=miner_id(one.container, made),
                miner_address=made.address,
                client=one.container.client,
                outcome="ok",
                params={"import_line": one.row.line},
                before=None if one.known is None else told_miner(one.container.id, one.known),
                after=told_miner(one.container.id, made),
            )
        )
    if events:
        await call.storage.events.add(*events)


ROUTES: tuple[Route, ...] = (
    Route(
        method="POST",
        path="/api/v1/miners/import",
        roles=ADMINISTRATORS,
        scopes=("inventory",),
        body=bytes,
        body_media=MEDIA,
        query=ImportQuery,
        reply=Imported,
        summary="Take many miners at once",
        description="CSV with a head line (container, name, address, port, manufacturer, model, row, column, credentials …), "
        "or YAML in the form of `targets.yml`, of which containers' names and miners are taken. A miner that is there "
        "already is changed, and keeps what a row does not give. All rows or none.",
        tags=("inventory",),
        handler=post_import,
    ),
)
