"""What the controller would have ordered in the past: the schedule of each enforced container, told to simulated miners.

The controller's own pure functions say which profile held when and how a make is brought to it; nothing is sent, the
simulated body takes the change at its time. What it comes to is told as the figures that the controller's page shows.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from controller.figures import CommandCounts, ContainerFigures, FleetFigures, MinerFigures
from controller.model import Step
from controller.powers import ordered_ratio
from controller.profiles import step_for
from controller.schedule import next_change, pieces
from miners.actions import (
    Action,
    SetMode,
    SetPowerLimit,
    SetPowerPercent,
    SetPreset,
    Sleep,
    Wake,
    action_name,
)
from miners.inventory.fleet import Container, Inventory, Miner
from miners.writers import WRITERS
from simulator.devices.avalon_orders import NO_SOFT_OFF, AvalonOrders
from simulator.miner import SimulatedMiner
from simulator.setting import Change

STAGGER_S = 3.0
"""Between two miners of a container: power must not step."""
CONFIRMED_AFTER_S = 45.0
"""From the command to the reading that shows it, about."""


class Order(msgspec.Struct, frozen=True, gc=False):
    """What one miner was ordered from `since` on. `told`: when its command left; unix seconds both.

    `obeyed`: whether it did so; the present fleet's Avalons that know no sleep do not, and are told all the same.
    """

    since: float
    told: float
    profile: str
    step: Step
    obeyed: bool

    @property
    def ratio(self) -> float:
        """Share of nominal power, 0 for asleep."""
        return ordered_ratio(self.step)

    @property
    def confirmed(self) -> float:
        """When a reading showed it, unix seconds."""
        return self.told + CONFIRMED_AFTER_S


class OrderBook:
    """The orders of one miner, oldest first. `at` wants times that do not go back."""

    def __init__(self, orders: list[Order]) -> None:
        self._orders = orders
        self._now = -1
        self._applied: Order | None = None

    def __iter__(self) -> Any:
        """Go through all of them."""
        return iter(self._orders)

    def at(self, now: float) -> tuple[Order | None, Order | None]:
        """Return the order in force at `now` (unix seconds), and the latest that was confirmed by then."""
        orders = self._orders
        while self._now + 1 < len(orders) and orders[self._now + 1].since <= now:
            if self._now >= 0 and orders[self._now].obeyed:
                self._applied = orders[self._now]
            self._now += 1
        if self._now < 0:
            return None, None
        order = orders[self._now]
        return order, order if order.obeyed and order.confirmed <= now else self._applied


def order_books(
    inventory: Inventory,
    nominal_w: Mapping[tuple[str, str], float | None],
    drivers: Mapping[tuple[str, str], str | None],
    miners: Mapping[tuple[str, str], SimulatedMiner],
    begin: float,
    end: float,
) -> dict[tuple[str, str], OrderBook]:
    """Return the orders from `begin` to `end` (unix seconds) of each miner that has any, by container and miner.

    `nominal_w`: what 100 percent is for a miner; `drivers`: what reads it, as far as either is known; `miners`: who obeys.
    """
    books = {}
    for container in inventory.containers:
        schedule = inventory.schedules.get(container.schedule) if container.schedule is not None else None
        if container.control != "enforce" or schedule is None:
            continue
        zone = container.timezone
        course = pieces(schedule, zone, _moment(begin), _moment(end))
        for place, miner in enumerate(container.miners):
            key = container.name, miner.name
            orders = []
            for piece in course:
                step = _step(inventory, piece.profile, miner, nominal_w.get(key), drivers.get(key))
                if step.problem is None:
                    since = piece.begin.timestamp()
                    obeyed = obeys(miners[key], step)
                    orders.append(Order(since, since + place * STAGGER_S, piece.profile, step, obeyed))
            if orders:
                books[key] = OrderBook(orders)
    return books


def _step(
    inventory: Inventory, profile: str, miner: Miner, nominal_w: float | None, driver: str | None
) -> Step:
    name = driver or miner.driver
    return step_for(
        inventory.profiles[profile],
        name,
        miner.manufacturer,
        nominal_w,
        WRITERS.get(name) if name is not None else None,
        None,
        standby_power_w=miner.standby_power_w,
    )


def obeys(miner: SimulatedMiner, step: Step) -> bool:
    """Return whether a simulated miner does what a step says, as far as its make and its faults let it."""
    obedience = miner.orders.obedience
    if obedience.disobeys or obedience.refuses or obedience.no_writing or obedience.read_only:
        return False
    sleepless = isinstance(miner.device, AvalonOrders) and miner.device.figures.name in NO_SOFT_OFF
    return not (sleepless and Sleep() in step.actions)


def tell(miner: SimulatedMiner, book: OrderBook, now: float) -> None:
    """Let a miner do as ordered, each time when its command leaves. `now`: unix seconds, not before its latest time."""
    delay_s = miner.orders.obedience.delay_s
    for order in book:
        if order.obeyed:
            fields: dict[str, Any] = {}
            for action in order.step.actions:
                fields.update(_fields(action))
            miner.physics.order(Change(fields), now, at=max(now, order.told + delay_s))


def _fields(action: Action) -> dict[str, Any]:
    """Return what of a simulated miner's setting an action changes."""
    match action:
        case Sleep():
            return {"asleep": True}
        case Wake():
            return {"asleep": False}
        case SetMode(mode=mode):
            return {"mode": mode, "asleep": False}
        case SetPowerPercent(percent=percent):
            return {"power_percent": percent}
        case SetPowerLimit(watts=watts):
            return {"power_limit_w": watts}
        case SetPreset(preset=preset):
            return {"preset": preset}
        case _:
            return {}


class ControllerPast:
    """The figures of the controller's page at moments of the past, oldest first."""

    def __init__(
        self, inventory: Inventory, books: Mapping[tuple[str, str], OrderBook], begin: float
    ) -> None:
        """`begin`: commands are counted from then on (unix seconds)."""
        self._inventory = inventory
        self._books = books
        self._commands = CommandCounts()
        self._kept: dict[tuple[str, str], tuple[object, MinerFigures]] = {}
        self._outcomes = sorted(
            (
                (order.confirmed, container, miner, order)
                for (container, miner), book in books.items()
                for order in book
                if order.confirmed > begin
            ),
            key=lambda outcome: outcome[0],
            reverse=True,
        )
        self._clients = {container.name: container.client for container in inventory.containers}

    def figures(self, now: float) -> FleetFigures:
        """Return everything on the page at `now`, unix seconds."""
        while self._outcomes and self._outcomes[-1][0] <= now:
            confirmed, container, _, order = self._outcomes.pop()
            for action in order.step.actions:
                self._commands.count(
                    self._clients[container],
                    container,
                    action_name(action),
                    "applied",
                    confirmed - order.told,
                )
        containers = [self._container(container, now) for container in self._inventory.containers]
        miners = [
            self._miner(container, miner, now)
            for container in self._inventory.containers
            for miner in container.miners
            if miner.active
        ]
        return FleetFigures(version="", miners=miners, containers=containers, commands=self._commands)

    def _miner(self, container: Container, miner: Miner, now: float) -> MinerFigures:
        key = container.name, miner.name
        book = self._books.get(key)
        orders = (None, None) if book is None else book.at(now)
        kept = self._kept.get(key)
        if kept is not None and kept[0] == orders:
            return kept[1]
        order, applied = orders
        figures = MinerFigures(
            client=container.client,
            container=container.name,
            miner=miner.name,
            desired_ratio=None if order is None else order.ratio,
            applied_ratio=None if applied is None else applied.ratio,
            desired_since=None if order is None else order.since,
            desired_hashrate_hs=None if order is None else order.step.hashrate_hs,
            desired_profile=None if order is None else order.profile,
            applied_profile=None if applied is None else applied.profile,
            power_target_w=None if order is None else order.step.power_w,
            control=container.control,
            drifting=None if order is None else False,
        )
        self._kept[key] = (orders, figures)
        return figures

    def _container(self, container: Container, now: float) -> ContainerFigures:
        schedule = self._inventory.schedules.get(container.schedule or "")
        change = None if schedule is None else next_change(schedule, container.timezone, _moment(now))
        targets = [
            order.step.power_w
            for miner in container.miners
            if (book := self._books.get((container.name, miner.name))) is not None
            if (order := book.at(now)[0]) is not None and order.step.power_w is not None
        ]
        return ContainerFigures(
            client=container.client,
            container=container.name,
            control=container.control,
            miners=_active(container.miners),
            next_change=None if change is None else change[0].timestamp(),
            power_target_w=sum(targets) if targets else None,
        )


def _active(miners: Iterable[Miner]) -> int:
    return sum(miner.active for miner in miners)


def _moment(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
