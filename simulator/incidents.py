"""What befalls a miner by chance: restarts, chips that die, pools that fall out; drawn ahead, so that none is missed.

Each next incident is drawn from a generator seeded with the miner's key and the incident's number: the run is the same
however often the miner is asked meanwhile.
"""

from random import Random

import msgspec

from simulator.catalogue import Figures

DAY_S = 86_400.0
NEVER = float("inf")


class Wear(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How often things happen to one miner, in the mean: events a day. All 0: nothing happens by chance."""

    restarts_per_day: float = 0.05
    pool_outages_per_day: float = 0.1
    chip_deaths_per_day: float = 0.02
    board_deaths_per_day: float = 0.001


CALM = Wear(0.0, 0.0, 0.0, 0.0)


class Incident(msgspec.Struct, frozen=True, gc=False):
    """One thing that happens at `at` (seconds since the epoch). Outages last `lasting_s`."""

    at: float
    board: int = 0
    lasting_s: float = 0.0


class Incidents:
    """The next restart, pool outage, chip death and board death of one miner."""

    __slots__ = (
        "_figures",
        "_key",
        "_numbers",
        "_wear",
        "board_death",
        "chip_death",
        "pool_outage",
        "restart",
    )

    def __init__(self, key: str, figures: Figures, wear: Wear, start: float) -> None:
        self._key = key
        self._figures = figures
        self._wear = wear
        self._numbers = {"restart": 0, "pool": 0, "chip": 0, "board": 0}
        self.restart = self._draw("restart", wear.restarts_per_day, start)
        self.pool_outage = self._draw("pool", wear.pool_outages_per_day, start)
        self.chip_death = self._draw("chip", wear.chip_deaths_per_day, start)
        self.board_death = self._draw("board", wear.board_deaths_per_day, start)

    def next_at(self) -> float:
        """Return when the next of them happens, seconds since the epoch; infinite for never."""
        return min(self.restart.at, self.pool_outage.at, self.chip_death.at, self.board_death.at)

    def take_restart(self) -> None:
        """Note that the restart happened, and draw the next."""
        self.restart = self._draw("restart", self._wear.restarts_per_day, self.restart.at)

    def take_pool_outage(self) -> Incident:
        """Return the outage that happens now, and draw the next."""
        happened = self.pool_outage
        self.pool_outage = self._draw(
            "pool", self._wear.pool_outages_per_day, happened.at + happened.lasting_s
        )
        return happened

    def take_chip_death(self) -> Incident:
        """Return the chip's death that happens now, and draw the next."""
        happened = self.chip_death
        self.chip_death = self._draw("chip", self._wear.chip_deaths_per_day, happened.at)
        return happened

    def take_board_death(self) -> Incident:
        """Return the board's death that happens now, and draw the next."""
        happened = self.board_death
        self.board_death = self._draw("board", self._wear.board_deaths_per_day, happened.at)
        return happened

    def _draw(self, kind: str, per_day: float, after: float) -> Incident:
        if per_day <= 0:
            return Incident(NEVER)
        number = self._numbers[kind]
        self._numbers[kind] = number + 1
        chance = Random(f"{self._key}/{kind}/{number}")  # noqa: S311  # a reproducible run, no secret
        return Incident(
            after + chance.expovariate(per_day / DAY_S),
            board=chance.randrange(self._figures.boards),
            lasting_s=chance.uniform(240.0, 1_500.0),
        )
