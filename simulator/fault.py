"""What every fault is, and the three things that faults come to: conditions, manners and the way of taking orders.

A fault either changes the body (a dead board), or the manner of answering (silent, cut replies), or what becomes of
orders (accepted and not obeyed), or several of them. It may begin and end at a time of its own.
"""

from typing import Annotated, ClassVar, Literal, TypeAlias

import msgspec
from msgspec import Meta

from simulator.catalogue import Figures

Ratio: TypeAlias = Annotated[float, Meta(ge=0, le=1)]
Count: TypeAlias = Annotated[int, Meta(ge=1)]
Seconds: TypeAlias = Annotated[float, Meta(gt=0, le=86_400)]
Loss: TypeAlias = Literal["closed", "silent"]
Text: TypeAlias = Annotated[str, Meta(min_length=1, max_length=200)]
Hostility: TypeAlias = Literal[
    "html", "garbage", "not_utf8", "empty", "nested", "huge", "wrong_types", "not_finite", "text"
]


class Conditions:
    """What the faults of a moment come to, as the physics sees it. Boards, fans and pools by their place from 0."""

    __slots__ = (
        "dead_boards",
        "dead_fans",
        "dead_pools",
        "error_ratio",
        "extra_inlet_c",
        "foreign_pool",
        "hung",
        "lost_chips",
        "rate_ratio",
        "reject_ratio",
    )

    def __init__(self) -> None:
        self.dead_boards: set[int] = set()
        self.lost_chips: dict[int, int] = {}
        self.dead_fans: set[int] = set()
        self.dead_pools: set[int] = set()
        self.extra_inlet_c = 0.0
        self.rate_ratio = 1.0
        self.reject_ratio = 0.0
        self.error_ratio = 0.0
        self.hung = False
        self.foreign_pool: tuple[str, str] | None = None


class Manners:
    """How a miner treats who talks to it. Seconds are those of the wall's clock."""

    __slots__ = ("cut_ratio", "delay_s", "drip_s", "hostility", "refuse", "silent", "wrong_password")

    def __init__(self) -> None:
        self.refuse = False
        self.silent = False
        self.delay_s = 0.0
        self.cut_ratio: float | None = None
        self.drip_s: float | None = None
        self.hostility: Hostility | None = None
        self.wrong_password = False

    @property
    def plain(self) -> bool:
        """Whether it answers at once and whole."""
        return not (
            self.silent or self.delay_s or self.cut_ratio is not None or self.drip_s or self.hostility
        )


class Obedience:
    """What becomes of the orders that a miner is given. Seconds are simulated ones.

    `token_s`: how long its tokens and sessions live, None for as long as the maker lets them. `answer_lost`: whether the
    answer to an order is lost, and how: the connection is closed, or nothing comes.
    """

    __slots__ = (
        "answer_lost",
        "delay_s",
        "disobeys",
        "no_writing",
        "read_only",
        "refuses",
        "session_taken",
        "token_s",
    )

    def __init__(self) -> None:
        self.disobeys = False
        self.refuses = False
        self.read_only = False
        self.no_writing = False
        self.session_taken = False
        self.token_s: float | None = None
        self.delay_s = 0.0
        self.answer_lost: Loss | None = None


class Fault(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, tag_field="fault"):
    """One fault. `after_s` counts from when it is asked for; without `for_s` it stays until it is taken away."""

    devices: ClassVar[frozenset[str] | None] = None  # those that can have it; None for all

    after_s: Annotated[float, Meta(ge=0)] = 0.0
    for_s: Annotated[float, Meta(gt=0)] | None = None

    @property
    def name(self) -> str:
        """The word that people ask for it by."""
        return str(self.__struct_config__.tag)

    def apply(self, conditions: Conditions, manners: Manners, obedience: Obedience) -> None:
        """Add what it does to the miner itself, to the way it answers, and to what becomes of orders."""
        self._harm(conditions)
        self._spoil(manners)
        self._bend(obedience)

    def misfit(self, figures: Figures, device: str) -> str | None:
        """Say why this model, or the device that speaks for it, cannot have the fault, or None."""
        if self.devices is not None and device not in self.devices:
            return f"{device} cannot have it: it is for {', '.join(sorted(self.devices))}"
        return self._misfit(figures)

    def _harm(self, conditions: Conditions) -> None:
        """Change nothing about the miner, unless the kind of fault says so."""

    def _spoil(self, manners: Manners) -> None:
        """Let it answer as ever, unless the kind of fault says so."""

    def _bend(self, obedience: Obedience) -> None:
        """Let it obey as ever, unless the kind of fault says so."""

    def _misfit(self, figures: Figures) -> str | None:
        """Fit any model, unless the kind of fault says so."""
