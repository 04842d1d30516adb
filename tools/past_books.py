"""The books of the demo's past: the month before and this one, made of what the simulated miners did, as marked as the rest.

`python -m tools.past_books --targets FILE --data FOLDER` writes them beside a running controller, before it has booked an
hour itself, and does nothing where anything is booked. Each hour is worked out from the simulated bodies' own truth.
"""

import argparse
import asyncio
import os
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from controller.accounting.model import BookedHour, MinerSums, Piece, Reading, Sums, Terms
from controller.accounting.periods import day_of, hours_between, month_bounds, month_of
from controller.model import new_id
from controller.settings import DATABASE_FILE
from controller.storage.schema import metadata
from controller.storage.storage import Storage
from miners.errors import HashyardError
from miners.inventory.fleet import Container, Inventory
from miners.tariffs import changes_between, price_at, tariff_of
from simulator.errors import SimulatorError
from tools.demo_people import ACCOUNTANT
from tools.history_figures import Figures, Likeness
from tools.history_fleet import SEED
from tools.history_hours import JOULES_A_KWH
from tools.history_records import Watched, class_of
from tools.history_runs import Plan, prepare, quieten
from tools.ready import end_with_parent

NICE = 10
STEP_S = 3600.0
"""How finely the bodies are followed: an hour's energy and work lose nothing by it, and two months are quick."""
COUNTERS = ("measured", "estimated", "observed", "hashes")
METERS = (1.006, 0.93)
"""What the meters of the first containers count for a kilowatt-hour of their miners: fans and lamps too; one is wrong."""
READ_ON, READ_AT = (1, 8, 15, 22), 8
"""On which days of a month, and at which hour, somebody reads them."""
FIRST_KWH = 120_000
PATIENCE_S = 60.0
TABLES = tuple(
    table.name for table in metadata.sorted_tables if table.name.startswith(("ledger_", "meter_readings"))
)


class Followed:
    """One miner on its way through the past."""

    def __init__(self, watched: Watched, likeness: Likeness) -> None:
        """Begin where its body is."""
        self.watched = watched
        self._likeness = likeness
        self._last: Mapping[str, float] = {}

    def begin(self, now: float) -> None:
        """Take up what its counters say at the beginning."""
        self._last = self._likeness.at(now).counters

    def until(self, figures: Figures, now: float, passed_s: int) -> MinerSums:
        """Return what it did since the last moment. A counter that has fallen began anew, as does one that was not seen."""
        grown = {}
        for name in COUNTERS:
            value, last = figures.counters.get(name), self._last.get(name)
            if value is not None and last is not None:
                grown[name] = value - last if value >= last else value
        self._last = {
            **({"hashes": self._last["hashes"]} if "hashes" in self._last else {}),
            **figures.counters,
        }
        algorithm = self.watched.subject.nominal.algorithm
        work = round(grown.get("hashes", 0.0) / 1e6)
        sums = Sums(
            measured_j=round(grown.get("measured", 0.0)),
            estimated_j=round(grown.get("estimated", 0.0)),
            miner_s=passed_s,
            read_s=min(passed_s, round(grown.get("observed", 0.0))),
            megahashes={algorithm: work} if algorithm and work else {},
            **{f"{class_of(figures, now)}_s": passed_s},
        )
        return MinerSums(self.watched.subject.miner.name, sums)

    def at(self, now: float) -> Figures:
        """Return its figures."""
        return self._likeness.at(now)


def booked_hours(
    inventory: Inventory, followed: Mapping[tuple[str, str], Followed], begin: datetime, end: datetime
) -> Iterator[BookedHour]:
    """Yield the hours of all containers from `begin` to `end`, as time passes; the bodies pass it with them."""
    moments: dict[datetime, list[Container]] = {}
    for container in inventory.containers:
        cuts = {begin, end, *changes_between(container, inventory, begin, end)}
        for hour in hours_between(container.timezone, begin, end):
            cuts.update(moment for moment in hour if begin <= moment <= end)
        for moment in cuts:
            moments.setdefault(moment, []).append(container)
    pieces: dict[str, list[Piece]] = {container.id: [] for container in inventory.containers}
    last = dict.fromkeys(pieces, begin)
    for moment in sorted(moments):
        for container in moments[moment]:
            own = [followed[container.name, miner.name] for miner in container.miners if miner.active]
            if moment == begin:
                for one in own:
                    one.begin(moment.timestamp())
                continue
            pieces[container.id].append(_piece(inventory, container, own, last[container.id], moment))
            last[container.id] = moment
            whole = next(hours_between(container.timezone, pieces[container.id][0].begins, moment))
            if whole[1] == moment:
                yield BookedHour(
                    container=container.id,
                    name=container.name,
                    timezone=container.timezone,
                    begins=whole[0],
                    ends=whole[1],
                    day=day_of(container.timezone, whole[0]),
                    pieces=tuple(pieces[container.id]),
                )
                pieces[container.id].clear()


def _piece(
    inventory: Inventory, container: Container, own: Sequence[Followed], begins: datetime, ends: datetime
) -> Piece:
    passed = round((ends - begins).total_seconds())
    seen = [(one, one.at(ends.timestamp())) for one in own]
    tariff = tariff_of(container, inventory, begins)
    terms = Terms(client=container.client)
    if tariff is not None:
        terms = Terms(
            client=container.client,
            tariff=tariff.name,
            currency=tariff.currency,
            price_per_kwh=price_at(tariff, container.timezone, begins),
        )
    powers = [figures.power_w for _, figures in seen if figures.power_w is not None]
    return Piece(
        begins=begins,
        ends=ends,
        terms=terms,
        miners=tuple(one.until(figures, ends.timestamp(), passed) for one, figures in seen),
        peak_w=sum(powers) if powers else None,
    )


class Meters:
    """The meters of the first containers, and who reads them."""

    def __init__(self, inventory: Inventory) -> None:
        """Put them in."""
        self._factors = {
            container.id: factor for container, factor in zip(inventory.containers, METERS, strict=False)
        }
        self._joules = dict.fromkeys(self._factors, 0)
        self.readings: list[Reading] = []

    def take(self, hour: BookedHour) -> None:
        """Count an hour; at its end somebody may come and read."""
        factor = self._factors.get(hour.container)
        if factor is None:
            return
        self._joules[hour.container] += sum(one.sums.total_j for piece in hour.pieces for one in piece.miners)
        wall = hour.ends.astimezone(ZoneInfo(hour.timezone))
        if wall.day in READ_ON and (wall.hour, wall.minute) == (READ_AT, 0):
            kwh = FIRST_KWH + self._joules[hour.container] * factor / JOULES_A_KWH
            self.readings.append(
                Reading(
                    id=new_id("mtr"),
                    container=hour.container,
                    at=hour.ends,
                    kwh=f"{kwh:.1f}",
                    entered_at=hour.ends,
                    entered_by=ACCOUNTANT,
                )
            )


def put_books(targets: Path, data: Path, until: float) -> str:
    """Put the books, from the month before up to the last full hour, into the controller's database; return what to say.

    They are written into a database of their own first, and moved in by one short transaction: the controller, which has
    the other one open, must never wait for it.
    """
    live = data / DATABASE_FILE
    if _has_books(live):
        return "There are books already; none were made up."
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="hashyard-books-", dir=data) as folder:
        made = Path(folder) / DATABASE_FILE
        hours = asyncio.run(_make(targets, made, until))
        if not _moved_in(made, live):
            return "The controller has begun its books meanwhile; none were made up."
    return f"The books of the past are made up, {hours} hours of containers, in {time.monotonic() - began:.0f} s."


async def _make(targets: Path, made: Path, until: float) -> int:
    """Write the books into a new database; return how many hours of containers they have."""
    storage = await asyncio.to_thread(Storage.open, f"sqlite:///{made}")
    try:
        end = datetime.fromtimestamp(until // 3600 * 3600, UTC)
        begin = month_bounds("UTC", month_of((end.replace(day=1) - timedelta(days=1)).date()))[0]
        # Wherever a container is, its month has begun by then.
        begin -= timedelta(hours=14)
        plan = Plan(
            targets=str(targets),
            folder="",
            rules="",
            begin=int(begin.timestamp()),
            fine_from=int(end.timestamp()),
            until=int(end.timestamp()),
            blocks=(),
            seed=SEED,
            controller="",
        )
        past = await prepare(plan, begin.timestamp(), step_s=STEP_S)
        followed = {
            (key := (state.container.name, state.miner.name)): Followed(
                watched, Likeness(past.miners[key], past.samples[key])
            )
            for state, watched in past.watched()
        }
        meters = Meters(past.inventory)
        writing: list[asyncio.Future[None]] = []
        for hour in booked_hours(past.inventory, followed, begin, end):
            meters.take(hour)
            writing.append(asyncio.ensure_future(storage.ledger.book(hour)))
            await asyncio.sleep(0)  # the database's thread writes it while the next is worked out
        await asyncio.gather(*writing)
        await storage.meter_readings.add(meters.readings, end)
        for kept in await storage.ledger.containers():
            for day in (await storage.ledger.open_days(kept.id))[:-1]:
                await storage.ledger.close_day(kept.id, day)
    finally:
        await asyncio.to_thread(storage.close)
    return len(writing)


def _has_books(live: Path) -> bool:
    """Return whether anything is booked in the controller's database, which has to be there. Raises sqlite3.Error."""
    with closing(sqlite3.connect(f"file:{live}?mode=ro", uri=True)) as connection:
        return connection.execute("SELECT 1 FROM ledger_hours LIMIT 1").fetchone() is not None


def _moved_in(made: Path, live: Path) -> bool:
    """Copy the books into the controller's database, all or nothing; False where it has some. Raises sqlite3.Error."""
    with closing(sqlite3.connect(live, timeout=PATIENCE_S, isolation_level=None)) as connection:
        connection.execute("ATTACH ? AS made", (str(made),))
        connection.execute("BEGIN IMMEDIATE")
        if connection.execute("SELECT 1 FROM main.ledger_hours LIMIT 1").fetchone() is not None:
            return False
        for table in TABLES:
            connection.execute(f"INSERT INTO main.{table} SELECT * FROM made.{table}")  # noqa: S608  # names of ours
        connection.execute("COMMIT")
    return True


def main(arguments: list[str] | None = None) -> int:
    """Make the books where there are none; exit 1 and a line where they cannot be made."""
    parser = argparse.ArgumentParser(prog="tools.past_books", description=__doc__)
    parser.add_argument("--targets", type=Path, required=True, help="the simulated fleet")
    parser.add_argument("--data", type=Path, required=True, help="the controller's data folder")
    parser.add_argument("--until", type=float, help="unix seconds before which the past ends (default: now)")
    asked = parser.parse_args(arguments)
    end_with_parent(signal.SIGTERM)
    os.nice(NICE)
    quieten()
    try:
        print(
            put_books(asked.targets.resolve(), asked.data, asked.until or time.time()),
            flush=True,
        )
    except (HashyardError, SimulatorError, ValueError, OSError, sqlite3.Error) as error:
        print(f"The books of the past could not be made up: {' '.join(str(error).split())}", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
