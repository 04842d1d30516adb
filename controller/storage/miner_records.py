"""What the controller remembers of each miner over a restart."""

from collections.abc import Callable, Iterable, Sequence

from sqlalchemy import Connection, delete, select

from controller.model import MinerRecord
from controller.storage.database import Database
from controller.storage.rows import to_struct, upsert, values
from controller.storage.schema import miner_records


class MinerRecords:
    """One record a miner, by its id."""

    def __init__(self, database: Database) -> None:
        """`database`: open."""
        self._database = database

    async def load(self) -> dict[str, MinerRecord]:
        """Return all records, by miner."""

        def work(connection: Connection) -> dict[str, MinerRecord]:
            return {
                row.miner: to_struct(MinerRecord, row) for row in connection.execute(select(miner_records))
            }

        return await self._database.read(work)

    async def save(self, records: Iterable[MinerRecord]) -> None:
        """Keep these records as they are now, all or none of them; the others stay."""
        fixed = tuple(records)
        if fixed:
            await self._database.write(self.saving(fixed))

    def saving(self, records: Sequence[MinerRecord]) -> Callable[[Connection], None]:
        """Return the same as work, for a transaction that does more."""
        return lambda connection: upsert(connection, miner_records, [values(record) for record in records])

    async def forget(self, miners: Iterable[str]) -> None:
        """Delete the records of miners that are no more."""
        rows = list(miners)
        if rows:
            chosen = delete(miner_records).where(miner_records.c.miner.in_(rows))
            await self._database.write(lambda connection: connection.execute(chosen))
