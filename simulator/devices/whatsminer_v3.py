"""Whatsminers with API v3 on TCP 4433: JSON in frames, readings free to ask, hash rates in TH/s and keys with hyphens."""

from collections.abc import Callable, Mapping
from typing import Any, ClassVar

import orjson

from simulator.devices.device import Json
from simulator.devices.whatsminer_faults import error_codes
from simulator.devices.whatsminer_v3_orders import BAD_PARAMETER, INVALID_COMMAND, OK, WhatsminerV3Orders
from simulator.moment import Moment

MODE_NUMBERS = {"low": "0", "normal": "1", "high": "2"}


class WhatsminerV3(WhatsminerV3Orders):
    """Nothing on 4028: the frames' port alone."""

    answers_v3 = True
    most_addresses: ClassVar[int | None] = 16

    def frame(self, request: bytes, now: float) -> bytes:
        """Answer one framed request."""
        moment = self.observe(now)
        try:
            asked = orjson.loads(request)
        except orjson.JSONDecodeError:
            return self._answer("", moment, BAD_PARAMETER, "invalid json")
        command = asked.get("cmd") if isinstance(asked, dict) else None
        if not isinstance(command, str):
            return self._answer("", moment, INVALID_COMMAND, "invalid command")
        if command.startswith("set."):
            return self._answer(command, moment, *self.set(asked, moment))
        parts = self.questions.get(command)
        if parts is None:
            return self._answer(command, moment, INVALID_COMMAND, "invalid command")
        parameter = asked.get("param")
        if parameter is None and command == "get.device.info":
            # the whole, in which the codes stand only if there are any
            wanted = [name for name in parts if name != "error-code" or moment.troubles]
        elif isinstance(parameter, str):
            wanted = parameter.split("+")
        else:
            return self._answer(command, moment, BAD_PARAMETER, "invalid param")
        if not all(name in parts for name in wanted):
            return self._answer(command, moment, BAD_PARAMETER, "invalid param")
        if parameter is not None and "salt" in wanted:
            self.orders.session("salt", moment.now)
        return self._answer(command, moment, OK, {name: parts[name](self, moment) for name in wanted})

    def _summary(self, moment: Moment) -> Json:
        alive = [board for board in moment.boards if board.chips]
        fans = moment.fans_rpm or [0, 0]
        rate = moment.hashrate_hs
        return {
            "elapsed": int(moment.elapsed_s),
            "bootup-time": int(moment.uptime_s),
            "freq-avg": round(sum(board.frequency_mhz for board in alive) / max(1, len(alive))),
            "target-freq": round(self.figures.frequency_mhz),
            "factory-hash": _tera(self.figures.hashrate_hs),
            "hash-realtime": _tera(rate),
            "hash-1min": _tera(moment.hashrate_1m_hs),
            "hash-15min": _tera(moment.hashrate_15m_hs),
            "hash-average": _tera(moment.hashrate_average_hs),
            "power-rate": round(moment.power_w / (rate / 1e12), 2) if rate else 0.0,
            "power-realtime": round(moment.power_w, 1),
            "power-5min": round(moment.power_w, 1),
            "power-limit": round(moment.power_limit_w),
            "environment-temperature": round(moment.inlet_c, 1),
            "board-temperature": [round(board.outlet_c, 1) for board in alive],
            "chip-temp-min": round(min((board.chip_min_c for board in alive), default=0.0), 1),
            "chip-temp-avg": round(sum(board.chip_avg_c for board in alive) / max(1, len(alive)), 1),
            "chip-temp-max": round(max((board.chip_max_c for board in alive), default=0.0), 1),
            "fan-speed-in": fans[0],
            "fan-speed-out": fans[-1],
            "up-freq-finish": 1 if moment.phase == "mining" else 0,
        }

    def _pools(self, moment: Moment) -> list[Json]:
        return [
            {
                "id": pool.place + 1,
                "url": pool.url,
                "account": pool.user,
                "status": "alive" if pool.alive else "dead",
                "stratum-active": pool.active,
                "pool-priority": pool.place,
            }
            for pool in moment.pools
        ]

    def _edevs(self, moment: Moment) -> list[Json]:
        rate = moment.hashrate_hs or 1.0
        return [
            {
                "id": board.place,
                "slot": board.place,
                "status": "alive",
                "hash-realtime": _tera(board.hashrate_hs),
                "hash-average": _tera(moment.hashrate_average_hs * board.hashrate_hs / rate),
                "factory-hash": _tera(self.figures.hashrate_hs / self.figures.boards),
                "freq": board.frequency_mhz,
                "effective-chips": board.chips,
                "chip-temp-min": round(board.chip_min_c, 1),
                "chip-temp-avg": round(board.chip_avg_c, 1),
                "chip-temp-max": round(board.chip_max_c, 1),
            }
            for board in moment.boards
            if board.chips
        ]

    def _miner(self, moment: Moment) -> Json:
        return {
            "type": self.figures.reported,
            "hash-board": "K40",
            "miner-sn": self.identity.serial,
            "working": "false" if moment.phase == "sleeping" else "true",
            "fast-boot": "disable",
            "board-num": str(self.figures.boards),
            "hash-percent": f"{moment.power_percent - 100:.0f}",
            **{f"pcbsn{place}": serial for place, serial in enumerate(self.identity.board_serials)},
            "pool-strategy": "FAILOVER",
        }

    def _system(self, moment: Moment) -> Json:
        return {
            "api": "3.0.2",
            "platform": "H616",
            "fwversion": "20250320.14.Rel",
            "control-board-version": "CB6V9",
            "apiswitch": "0" if self.orders.obedience.read_only else "1",
            "ledstatus": "blink" if moment.locating else "auto",
        }

    def _network(self, moment: Moment) -> Json:
        del moment
        return {
            "ip": "192.0.2.1",
            "proto": "dhcp",
            "netmask": "255.255.255.0",
            "mac": self.identity.mac.upper(),
            "hostname": self.identity.hostname,
        }

    def _power(self, moment: Moment) -> Json:
        return {
            "type": "P230A",
            "model": "P230A",
            "mode": MODE_NUMBERS[moment.mode],
            "hwversion": "RT0100",
            "swversion": "230224.220429",
            "sn": self.identity.psu_serial,
            "vendor": "1",
            "vin": round(moment.mains_v, 1),
            "iin": round(moment.power_w / moment.mains_v, 2),
            "pin": round(moment.power_w),
            "fanspeed": moment.psu_fan_rpm,
            "temp0": round(moment.psu_c, 1),
        }

    def _salt(self, moment: Moment) -> str:
        del moment
        return self.salt()

    def _error_codes(self, moment: Moment) -> list[Json]:
        return [{str(code): since, "reason": f"code {code}"} for code, since in error_codes(moment)]

    def _answer(self, command: str, moment: Moment, code: int, message: Any) -> bytes:
        return orjson.dumps({"code": code, "when": int(moment.now), "msg": message, "desc": command})

    questions: ClassVar[Mapping[str, Mapping[str, Callable[[Any, Moment], Any]]]] = {
        "get.miner.status": {"summary": _summary, "pools": _pools, "edevs": _edevs},
        "get.device.info": {
            "network": _network,
            "miner": _miner,
            "system": _system,
            "power": _power,
            "salt": _salt,
            "error-code": _error_codes,
        },
    }


def _tera(hashrate_hs: float) -> float:
    return round(hashrate_hs / 1e12, 3)
