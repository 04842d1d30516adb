"""One simulated miner: a body, the device that speaks for it, the orders it took, and what is kept ready of its replies."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import msgspec

from simulator.devices.makes import DEVICES
from simulator.fault import Fault
from simulator.identity import identity_of
from simulator.moment import Moment
from simulator.orders import Orders, Received
from simulator.physics import Physics
from simulator.setting import Change, Setting
from simulator.specs import MinerSpec
from simulator.truth import Identified, Truth, truth_of

MOST_KEPT_REPLIES = 16  # a miner is asked a handful of things; whoever asks more gets fresh answers
CLIENT_REMEMBERED_S = 60.0


class SimulatedMiner:
    """`static_s`: how long a reply stands before it is built anew; None for always anew."""

    __slots__ = ("_addresses", "_kept", "device", "device_name", "orders", "physics", "spec", "static_s")

    def __init__(
        self,
        spec: MinerSpec,
        key: str,
        device_name: str,
        physics: Physics,
        *,
        static_s: float | None,
        password: str | None = None,
    ) -> None:
        """`password`: what its pages and its writing want; None for the maker's own."""
        self.spec = spec
        self.physics = physics
        self.device_name = device_name
        identity = identity_of(key, spec.container, spec.name, physics.figures)
        kind = DEVICES[device_name]
        self.orders = Orders(spec.container, spec.name, physics, password or kind.default_password)
        self.device = kind(physics, identity, self.orders)
        self.static_s = static_s
        self._kept: dict[bytes, tuple[float, bytes]] = {}
        self._addresses: dict[str, float] = {}

    @property
    def ports(self) -> dict[str, int]:
        """The ports that its make has open: `rpc`, `web` and `v3`, as far as the inventory names them."""
        device, spec = self.device, self.spec
        wanted = {
            "rpc": spec.port if device.answers_rpc else None,
            "web": spec.web_port if device.answers_web else None,
            "v3": spec.v3_port if device.answers_v3 else None,
        }
        return {role: port for role, port in wanted.items() if port is not None}

    def at(self, now: float) -> Moment:
        """Return what its sensors show at a time, seconds since the epoch, not before the last one asked for."""
        return self.device.observe(now)

    def truth(self, now: float) -> Truth:
        """Return the truth at a time, seconds since the epoch."""
        self.physics.advance(now)
        spec = self.spec
        return truth_of(Identified(spec.container, spec.name, spec.address, self.device_name), self.physics)

    @property
    def received(self) -> list[Received]:
        """The commands that change something, as they came in, each accepted or refused."""
        return self.orders.received

    def reply(self, request: bytes, now: float, source: str = "") -> bytes:
        """Answer one request on the cgminer-style port. This and the next four raise NoAnswerError for an answer lost."""
        return self._kept_reply(request, now) or self._answer(self.device.reply, request, now, source) or b""

    def frame(self, request: bytes, now: float, source: str = "") -> bytes:
        """Answer one frame of the v3 port."""
        return self._kept_reply(request, now) or self._answer(self.device.frame, request, now, source) or b""

    def web(self, path: str, now: float, source: str = "") -> bytes | None:
        """Answer one GET of a page; None where there is none."""

        def page(key: bytes, then: float) -> bytes | None:
            return self.device.web(key.decode(), then)

        key = path.encode()
        return self._kept_reply(key, now) or self._answer(page, key, now, source)

    def press(self, path: str, now: float, source: str = "") -> bytes | None:
        """Answer one GET that changes something; None where there is no such page."""
        self.orders.source = source
        with self.afresh():
            return self.device.press(path, now)

    def post(self, path: str, body: bytes, now: float, source: str = "") -> bytes | None:
        """Answer one POST; None where there is no such page."""
        self.orders.source = source
        with self.afresh():
            return self.device.post(path, body, now)

    @contextmanager
    def afresh(self) -> Iterator[None]:
        """Forget what is kept of its replies once something was done to it."""
        try:
            yield
        finally:
            self._kept.clear()

    def admits(self, address: str, now: float) -> bool:
        """Whether it still talks to a client of this address: some talk to a limited number of them (`now`: any clock)."""
        most = self.device.most_addresses
        if most is None:
            return True
        known = self._addresses
        if address not in known and len(known) >= most:
            for other in [other for other, seen in known.items() if now - seen > CLIENT_REMEMBERED_S]:
                del known[other]
            if len(known) >= most:
                return False
        known[address] = now
        return True

    def add_faults(self, faults: tuple[Fault, ...], now: float) -> None:
        """Give it faults from `now` on."""
        self.physics.add_faults(faults, now)
        self._kept.clear()

    def remove_faults(self, name: str | None, now: float) -> int:
        """Take away the faults of one name, or all; return how many there were."""
        self._kept.clear()
        return self.physics.remove_faults(name, now)

    def order(self, setting: Setting, now: float) -> None:
        """Let it do as told from `now` on."""
        self.physics.order(Change(msgspec.structs.asdict(setting)), now)
        self._kept.clear()

    def reboot(self, now: float) -> None:
        """Restart it at `now`."""
        self.physics.order(Change(reboots=True), now)
        self._kept.clear()

    def _kept_reply(self, request: bytes, now: float) -> bytes | None:
        kept = self._kept.get(request)
        return kept[1] if kept is not None and kept[0] > now else None

    def _answer(
        self, build: Callable[[bytes, float], bytes | None], request: bytes, now: float, source: str
    ) -> bytes | None:
        orders = self.orders
        orders.source = source
        before = orders.count
        try:
            reply = build(request, now)
        finally:
            ordered = orders.count != before
            if ordered:
                self._kept.clear()
        if reply is None or self.static_s is None or ordered:
            return reply
        if len(self._kept) < MOST_KEPT_REPLIES or request in self._kept:
            # no longer than until something happens to it by itself
            self._kept[request] = (min(now + self.static_s, self.physics.next_due()), reply)
        return reply
