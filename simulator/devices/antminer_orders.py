"""What an Antminer's new firmware can be told on the web: its whole configuration, a restart, and the light.

Source: `docs/protocols.md`, section 2. The configuration is replaced by what is posted, pools too; whoever leaves out
what it must have is refused with M001, and nothing changes.
"""

from collections.abc import Mapping
from typing import Any, ClassVar, NamedTuple

import orjson

from simulator.devices.device import Device, Json
from simulator.moment import Moment
from simulator.pools import PoolAccount
from simulator.setting import Change

SET_CONFIGURATION, REBOOT = "/cgi-bin/set_miner_conf.cgi", "/cgi-bin/reboot.cgi"
BLINK, BLINK_STATUS = "/cgi-bin/blink.cgi", "/cgi-bin/get_blink_status.cgi"
WORK_MODES: Mapping[str, str] = {"normal": "0", "high": "2", "low": "3"}
ASLEEP_MODE = "1"
MODES_BY_NUMBER: Mapping[str, str] = {number: mode for mode, number in WORK_MODES.items()}
WANTED_KEYS = ("pools", "miner-mode", "bitmain-fan-ctrl", "bitmain-fan-pwm")
POOL_KEYS = ("url", "user", "pass")
MOST_POOLS = 3


class Posted(NamedTuple):
    """A configuration that was posted. `mode` is the work mode's number; `passwords`: the pools' own, by place."""

    mode: str
    pools: tuple[PoolAccount, ...]
    passwords: tuple[str, ...]
    rest: Mapping[str, Any]


class WebOrders(Device):
    """The writing pages that every maker's web has: the restart, which the web server answers to GET as to POST, and the light."""

    default_password: ClassVar[str | None] = "root"  # noqa: S105  # the maker's well-known one
    pressed: ClassVar[frozenset[str]] = frozenset({REBOOT})
    writing_pages: ClassVar[frozenset[str]] = frozenset({REBOOT, BLINK})

    def press(self, path: str, now: float) -> bytes | None:
        """Answer one GET that changes something; a firmware that has dropped writing has no such page."""
        self.physics.advance(now)
        if path not in self.pressed or self._dropped(path, now):
            return None
        return self._restart(now)

    def post(self, path: str, body: bytes, now: float) -> bytes | None:
        """Answer one POST; a firmware that has dropped writing has no such pages."""
        self.physics.advance(now)
        if path not in self.writing_pages or self._dropped(path, now):
            return None
        return self._take(path, body, now)

    def blink_status(self, moment: Moment) -> bytes:
        """Say whether the light blinks."""
        return orjson.dumps({"blink": moment.locating, "code": "B000" if moment.locating else "B100"})

    def _take(self, path: str, body: bytes, now: float) -> bytes:
        """Do what was posted to one of the writing pages."""
        return self._restart(now) if path == REBOOT else self._blink(body, now)

    def _dropped(self, path: str, now: float) -> bool:
        if self.orders.obedience.no_writing:
            self.orders.refuse(path, {}, "404", now)
            return True
        return False

    def _restart(self, now: float) -> bytes:
        if not self.orders.obey(REBOOT, {}, Change(reboots=True), now):
            return refusal("refused")
        return b""

    def _blink(self, body: bytes, now: float) -> bytes:
        document = read_object(body)
        wanted = None if document is None else document.get("blink")
        on = {"true": True, "false": False}.get(str(wanted).lower())
        if on is None:
            self.orders.refuse(BLINK, {}, "blink is neither true nor false", now)
            return refusal("blink is neither true nor false")
        if not self.orders.obey(BLINK, {"blink": on}, Change({"locating": on}), now):
            return refusal("refused")
        return orjson.dumps({"code": "B000" if on else "B100"})


class AntminerOrders(WebOrders):
    """The configuration besides. What is configured and that the body does not know stays here as it was posted."""

    writing_pages: ClassVar[frozenset[str]] = WebOrders.writing_pages | {SET_CONFIGURATION}
    _kept: Mapping[str, Any] = {}
    _pool_passwords: tuple[str, ...] = ("x",) * MOST_POOLS

    def _take(self, path: str, body: bytes, now: float) -> bytes:
        return self._configure(body, now) if path == SET_CONFIGURATION else super()._take(path, body, now)

    def configured(self, defaults: Json) -> Json:
        """Return a configuration in which what was posted stands in the place of the defaults."""
        return {key: self._kept.get(key, value) for key, value in defaults.items()}

    def pool_rows(self, moment: Moment) -> list[Json]:
        """Return the pools as they are configured."""
        return [
            {"url": pool.url, "user": pool.user, "pass": self._pool_passwords[place]}
            for place, pool in enumerate(moment.pools)
        ]

    def _configure(self, body: bytes, now: float) -> bytes:
        posted = read_configuration(body)
        if isinstance(posted, str):
            self.orders.refuse(SET_CONFIGURATION, {}, f"M001 {posted}", now)
            return refusal(posted)
        obedience = self.orders.obedience
        if not (obedience.refuses or obedience.disobeys):
            self._kept, self._pool_passwords = posted.rest, posted.passwords
        fields: Json = {"asleep": posted.mode == ASLEEP_MODE}
        if posted.mode in MODES_BY_NUMBER:
            fields["mode"] = MODES_BY_NUMBER[posted.mode]
        shown = {
            "miner-mode": posted.mode,
            "pools": [{"url": pool.url, "user": pool.user} for pool in posted.pools],
        }
        change = Change(fields, pools=posted.pools, restarts=True)
        if not self.orders.obey(SET_CONFIGURATION, shown, change, now):
            return refusal("refused")
        return orjson.dumps({"stats": "success", "code": "M000", "msg": "OK!"})


def read_object(body: bytes) -> Json | None:
    """Return the JSON object in a body; None where there is none."""
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    return document if isinstance(document, dict) else None


def read_configuration(body: bytes) -> Posted | str:
    """Return the configuration in a body, or why the firmware does not take it."""
    document = read_object(body)
    if document is None:
        return "no JSON object"
    missing = [key for key in WANTED_KEYS if key not in document]
    if missing:
        return f"missing {', '.join(missing)}"
    mode = str(document["miner-mode"])
    if mode != ASLEEP_MODE and mode not in MODES_BY_NUMBER:
        return f"no such miner-mode: {mode[:20]}"
    pools = document["pools"]
    if not isinstance(pools, list) or not 1 <= len(pools) <= MOST_POOLS:
        return "one to three pools are wanted"
    if not all(
        isinstance(pool, dict) and all(isinstance(pool.get(key), str) for key in POOL_KEYS) for pool in pools
    ):
        return "a pool wants url, user and pass"
    if not pools[0]["url"]:
        return "the first pool has no url"
    rows = pools + [pools[0]] * (MOST_POOLS - len(pools))
    return Posted(
        mode,
        tuple(PoolAccount(pool["url"], pool["user"]) for pool in rows),
        tuple(pool["pass"] for pool in rows),
        {key: value for key, value in document.items() if key not in {"pools", "miner-mode"}},
    )


def refusal(words: str) -> bytes:
    """Return the answer to what is not done."""
    return orjson.dumps({"stats": "error", "code": "M001", "msg": words})
