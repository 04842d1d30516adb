"""The faults of miners in taking orders: those that do not obey, say no, let nobody in, or lose their answer."""

from typing import Annotated, ClassVar

from msgspec import Meta

from simulator.fault import Fault, Loss, Obedience, Seconds

WRITABLE = frozenset({"antminer_new", "elphapex", "whatsminer_v2", "whatsminer_v3", "avalon", "luxos"})


class OrderFault(Fault, frozen=True):
    """A fault that only a miner which takes orders can have."""

    devices: ClassVar[frozenset[str] | None] = WRITABLE


class Disobeys(OrderFault, frozen=True, tag="disobeys"):
    """It says yes to every order, and does nothing."""

    def _bend(self, obedience: Obedience) -> None:
        obedience.disobeys = True


class Refuses(OrderFault, frozen=True, tag="refuses"):
    """It understands every order, and says no in its maker's way."""

    def _bend(self, obedience: Obedience) -> None:
        obedience.refuses = True


class ReadOnly(OrderFault, frozen=True, tag="read_only"):
    """Writing through its API is switched off."""

    devices: ClassVar[frozenset[str] | None] = frozenset(
        {"whatsminer_v2", "whatsminer_v3", "avalon", "luxos"}
    )

    def _bend(self, obedience: Obedience) -> None:
        obedience.read_only = True


class NoWriting(OrderFault, frozen=True, tag="no_writing"):
    """Its firmware has dropped writing: it knows none of the commands."""

    def _bend(self, obedience: Obedience) -> None:
        obedience.no_writing = True


class SessionTaken(OrderFault, frozen=True, tag="session_taken"):
    """Somebody else holds the only session, and keeps it."""

    devices: ClassVar[frozenset[str] | None] = frozenset({"luxos"})

    def _bend(self, obedience: Obedience) -> None:
        obedience.session_taken = True


class Lapsing(OrderFault, frozen=True, tag="lapsing"):
    """Its tokens and sessions live `seconds`; 0: no longer than it takes to use them."""

    devices: ClassVar[frozenset[str] | None] = frozenset({"whatsminer_v2", "luxos"})

    seconds: Annotated[float, Meta(ge=0, le=86_400)] = 0.0

    def _bend(self, obedience: Obedience) -> None:
        obedience.token_s = self.seconds


class SlowToObey(OrderFault, frozen=True, tag="slow_to_obey"):
    """It says yes at once, and obeys `seconds` later."""

    seconds: Seconds = 60.0

    def _bend(self, obedience: Obedience) -> None:
        obedience.delay_s = max(obedience.delay_s, self.seconds)


class AnswersLost(OrderFault, frozen=True, tag="answers_lost"):
    """It obeys, and the answer to the order never comes: the connection is `closed`, or stays `silent`."""

    how: Loss = "closed"

    def _bend(self, obedience: Obedience) -> None:
        obedience.answer_lost = self.how


ORDER_FAULTS: tuple[type[Fault], ...] = (
    Disobeys,
    Refuses,
    ReadOnly,
    NoWriting,
    SessionTaken,
    Lapsing,
    SlowToObey,
    AnswersLost,
)
