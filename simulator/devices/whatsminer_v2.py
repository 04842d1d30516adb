"""Whatsminers with API v1 and v2 on TCP 4028: three generations of firmware, told apart by what they send.

The oldest (M20S) breaks its JSON and says `btmineroff`; the middle one joins its five tables; the newest wraps
everything in `Msg` and joins nothing. All show a stale hash rate while asleep: `status` alone tells the truth.
"""

from typing import ClassVar

from simulator.devices.device import Command, Json, mega, percent
from simulator.devices.shares import pool_row, share_counts
from simulator.devices.whatsminer_faults import error_codes
from simulator.devices.whatsminer_v2_orders import WhatsminerV2Orders
from simulator.moment import Moment

MSG = 131
JOINED = frozenset({"summary", "devs", "edevs", "devdetails", "pools"})
MODE_WORDS = {"low": "Low", "normal": "Normal", "high": "High"}
RELEASES = {"old": "20210322.22.REL", "middle": "20240115.10.REL", "new": "20240624.18.REL"}


class WhatsminerV2(WhatsminerV2Orders):
    """`command` or `cmd`, at most 16 client addresses, tables in MH/s, factory figures in GH/s."""

    accepts_cmd = True
    most_addresses: ClassVar[int | None] = 16
    joins: ClassVar[frozenset[str] | None] = JOINED

    @property
    def generation(self) -> str:
        """Which firmware it has: the M20S stayed behind, some later ones were brought up to date."""
        if self.figures.name.startswith(("M20", "M21")):
            return "old"
        return "new" if self.figures.name.startswith("M50") and self.identity.quirk % 2 else "middle"

    @property
    def release(self) -> str:
        """The firmware's version."""
        return RELEASES[self.generation]

    def status(self, now: float, code: int, message: str, letter: str = "S") -> Json:
        """Return the status; tables call themselves cgminer."""
        return {
            "STATUS": letter,
            "When": int(now),
            "Code": code,
            "Msg": message,
            "Description": "cgminer 4.9.2",
        }

    def summary(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `summary`: nearly everything, MH/s, W, °C; asleep it keeps showing the last hash rate."""
        del parameter
        stale = moment.phase == "sleeping"
        rate = moment.held_hashrate_hs if stale else moment.hashrate_hs
        alive = [board for board in moment.boards if board.chips]
        fans = moment.fans_rpm or [0, 0]
        old = self.generation == "old"
        codes = error_codes(moment)
        row: Json = {
            "Elapsed": int(moment.elapsed_s),
            "MHS av": mega(moment.hashrate_average_hs),
            "MHS 5s": mega(rate),
            "MHS 1m": mega(rate if stale else moment.hashrate_1m_hs),
            "MHS 5m": mega(rate if stale else moment.hashrate_5m_hs),
            "MHS 15m": mega(rate if stale else moment.hashrate_15m_hs),
            "HS RT": mega(rate if stale else moment.hashrate_5m_hs),
            "Found Blocks": 0,
            **share_counts(moment),
            "Last getwork": 0,
            "Temperature": round(max((board.outlet_c for board in alive), default=0.0), 1),
            "freq_avg": round(sum(board.frequency_mhz for board in alive) / max(1, len(alive))),
            "Fan Speed In": fans[0],
            "Fan Speed Out": fans[-1],
            "Voltage": round(max((board.voltage_v for board in alive), default=0.0) * 100),
            "Power": round(moment.power_w),
            "Power_RT": round(moment.power_w),
            "Power Rate": round(moment.power_w / (rate / 1e12), 2) if rate else 0.0,
            "Device Hardware%": percent(
                moment.hardware_errors, moment.hashes / self.figures.hashes_per_share
            ),
            "Factory GHS": round(self.figures.hashrate_hs / 1e9),
            "Target MHS": round(moment.nominal_hashrate_hs / 1e6),
            "Target Freq": round(self.figures.frequency_mhz),
            "Uptime": int(moment.uptime_s),
            "Security Mode": 0,
            "Hash Stable": moment.phase == "mining",
            "Hash Deviation%": 0.1,
            "Liquid Cooling": self.figures.cooling != "air",
            "Power Current": round(moment.power_w / 12.2),
            "Power Fanspeed": moment.psu_fan_rpm,
            "Power Mode": MODE_WORDS[moment.mode],
            "Power Limit": round(moment.power_limit_w),
            "Firmware Version": f"'{self.release}'",
            "CB Platform": "ALLWINNER_H3" if old else "ALLWINNER_H616",
            "MAC": self.identity.mac.upper(),
            "Factory Error Code Count": 0,
            "Error Code Count": len(codes) if old else 0,
            "Chip Temp Min": round(min((board.chip_min_c for board in alive), default=0.0), 2),
            "Chip Temp Max": round(max((board.chip_max_c for board in alive), default=0.0), 2),
            "Chip Temp Avg": round(sum(board.chip_avg_c for board in alive) / max(1, len(alive)), 2),
        }
        if old:
            row |= {f"Error Code {number}": code for number, (code, _) in enumerate(codes)}
        else:
            row["Env Temp"] = round(moment.inlet_c, 1)
        return [row]

    def devs(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `devs` and `edevs`: one row a board that is there, MH/s, °C, MHz."""
        del parameter
        fans = moment.fans_rpm or [0, 0]
        rate = moment.hashrate_hs or 1.0
        rows = []
        for board in moment.boards:
            if not board.chips:
                continue
            share = board.hashrate_hs / rate
            rows.append(
                {
                    "ASC": board.place,
                    "Slot": board.place,
                    "ID": board.place,
                    "Name": "SM",
                    "Enabled": "Y",
                    "Status": "Alive",
                    "Temperature": round(board.outlet_c, 1),
                    "Chip Frequency": round(board.frequency_mhz),
                    "Fan Speed In": fans[0],
                    "Fan Speed Out": fans[-1],
                    "MHS av": mega(moment.hashrate_average_hs * share),
                    "MHS 5s": mega(board.hashrate_hs),
                    "MHS 1m": mega(moment.hashrate_1m_hs * share),
                    "MHS 5m": mega(moment.hashrate_5m_hs * share),
                    "MHS 15m": mega(moment.hashrate_15m_hs * share),
                    "HS RT": mega(moment.hashrate_5m_hs * share),
                    "Factory GHS": round(self.figures.hashrate_hs / self.figures.boards / 1e9),
                    "Accepted": moment.accepted // len(moment.boards),
                    "Rejected": moment.rejected // len(moment.boards),
                    "Hardware Errors": board.hardware_errors,
                    "Upfreq Complete": 1 if moment.phase == "mining" else 0,
                    "Effective Chips": board.chips,
                    "PCB SN": board.serial,
                    "Chip Temp Min": round(board.chip_min_c, 2),
                    "Chip Temp Max": round(board.chip_max_c, 2),
                    "Chip Temp Avg": round(board.chip_avg_c, 2),
                    "Device Elapsed": int(moment.elapsed_s),
                }
            )
        return rows

    def devdetails(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `devdetails`: the model, with its revision."""
        del parameter
        return [
            {
                "DEVDETAILS": board.place,
                "Name": "SM",
                "ID": board.place,
                "Driver": "bitmicro",
                "Kernel": "",
                "Model": self.figures.reported,
            }
            for board in moment.boards
            if board.chips
        ]

    def pools(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `pools`: numbered from 1, the last share's time counts from the epoch."""
        del parameter
        return [
            {**pool_row(pool, int(pool.last_share_at), number=pool.place + 1), "Bad Work": 0}
            for pool in moment.pools
        ]

    def answer(self, command: str, parameter: str, moment: Moment) -> Json:
        """Answer one command: tables in cgminer's form, the rest wrapped in `Msg`."""
        content = self._message(command, moment)
        if content is None and self.generation == "new" and command in self.commands:
            table = self.commands[command].build(self, moment, parameter)
            content = table[0] if command == "summary" else table
        if content is None:
            return super().answer(command, parameter, moment)
        return {
            "STATUS": "S",
            "When": int(moment.now),
            "Code": MSG,
            "Msg": content,
            "Description": "" if self.generation != "old" else "whatsminer v1.4.0",
        }

    def spoil(self, reply: bytes, command: str) -> bytes:
        """Send what old firmware sends: an escaped quote in its version, a comma before the end."""
        del command
        if self.generation == "old":
            version = self.release.encode()
            reply = reply.replace(b"'" + version + b"'", b"\\'" + version + b"\\'")
            return reply.replace(b"}]", b",}]")
        return reply

    def _joined(self, command: str, moment: Moment) -> Json:
        if self.generation == "new":
            return self._error(moment.now, *self.refused_words)
        return super()._joined(command, moment)

    def _message(self, command: str, moment: Moment) -> Json | None:
        """Return the content of a command that is answered in `Msg`; None for the tables."""
        old = self.generation == "old"
        asleep = "true" if moment.phase == "sleeping" else "false"
        match command:
            case "status" if old:
                return {"btmineroff": asleep, "Firmware Version": f"'{self.release}'"}
            case "status":
                return {
                    "mineroff": asleep,
                    "mineroff_reason": "",
                    "mineroff_time": "",
                    "FirmwareVersion": self.release,
                    "power_mode": moment.mode,
                    "power_limit_set": str(round(moment.power_limit_w)),
                    "hash_percent": f"{moment.power_percent:.0f}",
                }
            case "get_version" if old:
                return {"api_ver": "whatsminer v1.4.0", "fw_ver": self.release}
            case "get_version":
                return {"api_ver": "2.0.5", "fw_ver": self.release, "platform": "H616", "chip": "K8EC374"}
            case "get_miner_info" if not old:
                return {
                    "hostname": self.identity.hostname,
                    "mac": self.identity.mac.upper(),
                    "ledstat": "blink" if moment.locating else "auto",
                }
            case "get_psu":
                psu = {"name": "P21", "hw_version": "", "sw_version": "102220.009", "model": "P21-12-3600-E"}
                if old:
                    return psu
                return {
                    **psu,
                    "vin": str(round(moment.mains_v * 100)),
                    "iin": str(round(moment.power_w / moment.mains_v * 1000)),
                    "fan_speed": str(moment.psu_fan_rpm),
                    "serial_no": self.identity.psu_serial,
                }
            case "get_error_code":
                codes = error_codes(moment)
                if old:
                    # one code and its time as a pair, however many there are
                    return {"error_code": [str(codes[0][0]), codes[0][1]] if codes else []}
                return {"error_code": [{str(code): since} for code, since in codes]}
            case _:
                return None

    commands: ClassVar = {
        "summary": Command("SUMMARY", 11, "Summary", summary),
        "devs": Command("DEVS", 9, "%d ASC(s)", devs),
        "edevs": Command("DEVS", 9, "%d ASC(s)", devs),
        "devdetails": Command("DEVDETAILS", 69, "Device Details", devdetails),
        "pools": Command("POOLS", 7, "%d Pool(s)", pools),
    }
