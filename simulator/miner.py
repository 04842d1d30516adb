"""One simulated miner: a body, the device that speaks for it, and what is kept ready of its replies."""

from simulator.devices.makes import DEVICES
from simulator.faults import Fault
from simulator.identity import identity_of
from simulator.moment import Moment
from simulator.physics import Physics
from simulator.setting import Setting
from simulator.specs import MinerSpec
from simulator.truth import Identified, Truth, truth_of

MOST_KEPT_REPLIES = 16  # a miner is asked a handful of things; whoever asks more gets fresh answers
CLIENT_REMEMBERED_S = 60.0


class SimulatedMiner:
    """`static_s`: how long a reply stands before it is built anew; None for always anew."""

    __slots__ = ("_addresses", "_kept", "device", "device_name", "physics", "spec", "static_s")

    def __init__(
        self, spec: MinerSpec, key: str, device_name: str, physics: Physics, *, static_s: float | None
    ) -> None:
        self.spec = spec
        self.physics = physics
        self.device_name = device_name
        identity = identity_of(key, spec.container, spec.name, physics.figures)
        self.device = DEVICES[device_name](physics, identity)
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

    def reply(self, request: bytes, now: float) -> bytes:
        """Answer one request on the cgminer-style port."""
        if self.static_s is None:
            return self.device.reply(request, now)
        return self._kept_reply(request, now) or self._keep(request, self.device.reply(request, now), now)

    def frame(self, request: bytes, now: float) -> bytes:
        """Answer one frame of the v3 port."""
        if self.static_s is None:
            return self.device.frame(request, now)
        return self._kept_reply(request, now) or self._keep(request, self.device.frame(request, now), now)

    def web(self, path: str, now: float) -> bytes | None:
        """Answer one page; None where there is none."""
        if self.static_s is None:
            return self.device.web(path, now)
        key = path.encode()
        kept = self._kept_reply(key, now)
        if kept is not None:
            return kept
        page = self.device.web(path, now)
        return page if page is None else self._keep(key, page, now)

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
        self.physics.order(setting, now)
        self._kept.clear()

    def reboot(self, now: float) -> None:
        """Restart it at `now`."""
        self.physics.reboot(now)
        self._kept.clear()

    def _kept_reply(self, request: bytes, now: float) -> bytes | None:
        kept = self._kept.get(request)
        return kept[1] if kept is not None and kept[0] > now else None

    def _keep(self, request: bytes, reply: bytes, now: float) -> bytes:
        if len(self._kept) < MOST_KEPT_REPLIES or request in self._kept:
            self._kept[request] = (now + (self.static_s or 0.0), reply)
        return reply
