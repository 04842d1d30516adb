"""All that the controller keeps, in one place: the contract of the storage.

`Storage.open(url)` blocks (it migrates) and raises ConfigurationError; `close()` blocks until all is written. Every async method
runs its SQL off the event loop. Those that write are durable when they return and all or nothing; they raise StorageAway
(locked, full, away …) when nothing was written, Taken, NotKept or Refusal (controller/storage/faults.py) when what was asked
cannot be. A list method takes `after` (a position it gave before, opaque) and `limit`, and returns the page and the next
position, None at the end; beside it stands a `count`. Filters: None means whatever it is, an empty sequence means nothing.
"""

from typing import Self

from controller.events import EventLog
from controller.storage.access import Access
from controller.storage.database import Database
from controller.storage.idempotency import Idempotency
from controller.storage.intentions import Holds, Marks, Overrides
from controller.storage.miner_records import MinerRecords
from controller.storage.operations import Operations
from controller.storage.people import People
from controller.storage.settings import Settings


class Storage:
    """An open database and what it keeps, a part an attribute."""

    def __init__(self, database: Database) -> None:
        """Use `Storage.open`."""
        self.database = database
        self.events = EventLog(database)
        self.overrides = Overrides(database)
        self.operations = Operations(database)
        self.holds = Holds(database)
        self.marks = Marks(database)
        self.miners = MinerRecords(database)
        self.people = People(database)
        self.access = Access(database)
        self.idempotency = Idempotency(database)
        self.settings = Settings(database)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database, `sqlite:////folder/hashyard.db` or `postgresql://…`, and bring its schema up to date."""
        return cls(Database.open(url))

    def close(self) -> None:
        """Write what waits and let go of the database."""
        self.database.close()
