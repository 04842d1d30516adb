"""All that the controller keeps, in one place: the contract of the storage.

`Storage.open(url)` blocks (it migrates) and raises ConfigurationError; `close()` blocks until all is written. Every async method
runs its SQL off the event loop. Those that write are durable when they return and all or nothing; they raise StorageAway
(locked, full, away …) when nothing was written, Taken, NotKept or Refusal (controller/storage/faults.py) when what was asked
cannot be. A list method takes `after` (a position it gave before, opaque) and `limit`, and returns the page and the next
position, None at the end; beside it stands a `count`. Filters are given by keyword, several values each: None means whatever
it is, an empty sequence means nothing.

    events       add, find, count, rows, since, purge, subscribe; EventFilter, to_csv (controller/events.py)
    overrides    add, replace, get, live, find and count (now, states, containers), purge
    operations   add and save (with results in the same transaction), save_results, get, results, all_results, count_results, counts,
                 find and count (states, containers, override_id), unfinished, purge
    holds        add, end, live: several at once          marks   add, end, live
    miners       load, save, forget
    people       .users and .clients (controller/storage/people.py), .invitations, .grafana (links, by owner)
    access       .sessions and .tokens, by SHA-256 in hexadecimal digits (controller/storage/access.py)
    ledger       book, close_day, booked_until, containers, open_days, kept, correct (controller/storage/ledger.py)
    meter_readings  add, check, find, get, withdraw      closings   close, find, get, report
    idempotency  begin, finish, forget, purge             settings   get, put, all
    database     read and write for whoever has SQL of his own; claim; words

PostgreSQL must be reached directly, or through a pooler that gives each client a session of its own: the lock that keeps a
second controller out belongs to a session.
"""

from typing import Self

from controller.events import EventLog
from controller.storage.access import Access
from controller.storage.closings import Closings
from controller.storage.database import Database
from controller.storage.gateway_tokens import GatewayTokens
from controller.storage.idempotency import Idempotency
from controller.storage.intentions import Holds, Marks, Overrides
from controller.storage.ledger import Ledger
from controller.storage.meter_readings import MeterReadings
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
        self.gateway_tokens = GatewayTokens(database)
        self.idempotency = Idempotency(database)
        self.ledger = Ledger(database)
        self.meter_readings = MeterReadings(database)
        self.closings = Closings(database)
        self.settings = Settings(database)

    @classmethod
    def open(cls, url: str) -> Self:
        """Open the database, `sqlite:////folder/hashyard.db` or `postgresql://…`, and bring its schema up to date."""
        return cls(Database.open(url))

    def close(self) -> None:
        """Write what waits and let go of the database."""
        self.database.close()
