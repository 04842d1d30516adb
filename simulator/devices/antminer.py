"""Antminers with the maker's firmware, on TCP 4028: the old program that joins, and the new one that does not.

Old (S9, T9, S17, L3+): numbers as strings, `}{` between the objects of `stats`, chains that need not begin at 1.
New ("cgminer 1.0.0": S19 and later, L7, L9): one command at a time, code 14 for a join, and pages on the web.
"""

from functools import lru_cache
from typing import Any, ClassVar

from simulator.devices.antminer_web import AntminerPages, sensors
from simulator.devices.device import Command, Json, RpcDevice, ago, suffixed
from simulator.devices.shares import pool_row, share_counts
from simulator.moment import BoardMoment, Moment

SLEEPING_MODE = 254
S9_SLOTS, SLOTS = 16, 4
S9_FAN_PLACES, S9_FAN_SLOTS = (3, 6), 8


class _Antminer(RpcDevice):
    """What both generations say in the same way."""

    compile_time = "Fri Nov 17 17:37:49 CST 2017"
    firmware = "16.8.1.3"
    program = "BMMiner"
    program_version = "2.0.0"

    @property
    def unit(self) -> str:
        """The unit of every rate: GH, and MH for the Scrypt models but the L9."""
        return "MH" if self.figures.scrypt and self.figures.name != "L9" else "GH"

    def rate(self, hashrate_hs: float) -> float:
        """Return a hash rate in the device's unit, with two places."""
        return round(hashrate_hs / (1e6 if self.unit == "MH" else 1e9), 2)

    def identity_row(self) -> Json:
        """Return the first object of `stats`, which is nearly that of `version`."""
        return {
            self.program: self.program_version,
            "Miner": self.firmware,
            "CompileTime": self.compile_time,
            "Type": self.figures.reported,
        }

    def version(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `version`."""
        del moment, parameter
        row = self.identity_row()
        return [{self.program: row.pop(self.program), "API": "3.1", **row}]

    def summary(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `summary`: rates in the device's unit whatever their name says, Total MH in MH."""
        del parameter
        return [
            {
                "Elapsed": int(moment.elapsed_s),
                "GHS 5s": self.rate(moment.hashrate_hs),
                "GHS av": self.rate(moment.hashrate_average_hs),
                "GHS 30m": self.rate(moment.hashrate_30m_hs),
                "Found Blocks": 0,
                **share_counts(moment),
                "Last getwork": int(moment.now),
            }
        ]

    def pools(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `pools`: the last share's time is how long ago it was."""
        del parameter
        return [
            {**pool_row(pool, ago(moment.now, pool.last_share_at)), "Diff": suffixed(pool.difficulty)}
            for pool in moment.pools
        ]

    def devs(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `devs`: one row for all boards, and of little use."""
        del parameter
        return [
            {
                "ASC": 0,
                "Name": "BTM_SOC",
                "ID": 0,
                "Enabled": "Y",
                "Status": "Alive",
                "Temperature": 0.0,
                "MHS av": round(moment.hashrate_average_hs / 1e6, 2),
                "MHS 5s": round(moment.hashrate_hs / 1e6, 2),
                "Accepted": moment.accepted,
                "Rejected": moment.rejected,
                "Hardware Errors": moment.hardware_errors,
                "Device Elapsed": int(moment.elapsed_s),
            }
        ]


class AntminerOld(_Antminer):
    """cgminer 4.x or bmminer: S9, T9, S17, L3+."""

    description = "bmminer 1.0.0"

    def stats(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `stats`: identity, then everything in one flat object with numbered keys."""
        del parameter
        nine = self.figures.first_board > 1
        slots = range(1, (S9_SLOTS if nine else SLOTS) + 1)
        boards = {board.number: board for board in moment.boards if board.chips}
        row: Json = {
            "STATS": 0,
            "ID": "BC50",
            "Elapsed": int(moment.elapsed_s),
            "Calls": 0,
            "Wait": 0.0,
            "Max": 0.0,
            "Min": 99999999.0,
            "GHS 5s": f"{self.rate(moment.hashrate_hs):.2f}",
            "GHS av": self.rate(moment.hashrate_average_hs),
            "miner_count": len(boards),
            "frequency": f"{self.figures.frequency_mhz:.0f}",
            "fan_num": len(moment.fans_rpm),
        }
        if self.unit != "GH":
            row["rate_unit"] = self.unit
        if self.figures.name.startswith("S17"):
            row["Mode"] = SLEEPING_MODE if moment.phase == "sleeping" else 0
        fan_places = S9_FAN_PLACES if nine else tuple(range(1, len(moment.fans_rpm) + 1))
        speeds = dict(zip(fan_places, moment.fans_rpm, strict=True))
        for place in range(1, (S9_FAN_SLOTS if nine else len(speeds)) + 1):
            row[f"fan{place}"] = speeds.get(place, 0)
        row["temp_num"] = len(boards)
        for number in slots:
            board = boards.get(number)
            row[f"temp{number}"] = round(board.outlet_c) if board else 0
            row[f"temp2_{number}"] = round(board.chip_max_c) if board else 0
            row[f"freq_avg{number}"] = board.frequency_mhz if board else 0.0
            row[f"chain_rateideal{number}"] = self.rate(board.nominal_hashrate_hs) if board else 0.0
            row[f"chain_acn{number}"] = board.chips if board else 0
            row[f"chain_acs{number}"] = chip_map(board.chips, board.expected_chips) if board else ""
            row[f"chain_hw{number}"] = board.hardware_errors if board else 0
            row[f"chain_rate{number}"] = f"{self.rate(board.hashrate_hs):.2f}" if board else ""
        row |= {
            "total_rateideal": self.rate(moment.nominal_hashrate_hs),
            "total_rate": self.rate(moment.hashrate_hs),
            "total_acn": sum(board.chips for board in boards.values()),
            "temp_max": round(max((board.outlet_c for board in boards.values()), default=0)),
            "Device Hardware%": 0.0,
            "no_matching_work": moment.hardware_errors,
            "miner_version": self.firmware,
            "miner_id": self.identity.dna,
        }
        return [self.identity_row(), row]

    def summary(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `summary`: the rate now is a string, and there is none for 30 minutes."""
        (row,) = super().summary(moment, parameter)
        del row["GHS 30m"]
        row["GHS 5s"] = f"{row['GHS 5s']:.2f}"
        return [row]

    def spoil(self, reply: bytes, command: str) -> bytes:
        """Leave out the comma between the objects of `stats`; some put a line's end into the name."""
        if "stats" in command.split("+"):
            reply = reply.replace(b'},{"STATS":0', b'}{"STATS":0')
            if self.identity.quirk % 3 == 1:
                name = self.figures.reported.encode()
                reply = reply.replace(b'"Type":"' + name + b'"', b'"Type":"' + name + b'\n"')
        return reply

    commands: ClassVar = {
        "version": Command("VERSION", 22, "BMMiner versions", _Antminer.version),
        "summary": Command("SUMMARY", 11, "Summary", summary),
        "stats": Command("STATS", 70, "BMMiner stats", stats),
        "pools": Command("POOLS", 7, "%d Pool(s)", _Antminer.pools),
        "devs": Command("DEVS", 9, "%d ASC(s)", _Antminer.devs),
    }


class AntminerNew(AntminerPages, _Antminer):
    """The maker's "cgminer 1.0.0": S19 and later, L7, L9. Pages on the web, and no joined commands."""

    description = "cgminer 1.0.0"
    firmware = "50.1.0.2"
    compile_time = "Tue Dec  6 16:12:30 CST 2022"
    program_version = "1.0.0"
    joins: ClassVar[frozenset[str] | None] = frozenset()
    refused_words: ClassVar[tuple[int, str]] = (14, "invalid cmd")
    denied: ClassVar[frozenset[str]] = frozenset({"devs", "devdetails"})
    terminator: ClassVar[bytes] = b""

    def stats(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `stats`; with `new_api` the object of the web page."""
        if parameter == "new_api":
            return [self.readings(moment)]
        boards = {board.number: board for board in moment.boards if board.chips}
        slots = range(1, max(SLOTS, self.figures.boards) + 1)
        nine = self.figures.name == "L9"
        row: Json = {
            "STATS": 0,
            "ID": "BTM_SOC0",
            "Elapsed": int(moment.elapsed_s),
            "Calls": 0,
            "Wait": 0,
            "Max": 0,
            "Min": 99999999,
            "GHS 5s": self.rate(moment.hashrate_hs),
            "GHS av": self.rate(moment.hashrate_average_hs),
            "rate_30m": self.rate(moment.hashrate_30m_hs),
            "Mode": 2,
            "miner_count": len(boards),
            "frequency": round(self.figures.frequency_mhz),
            "fan_num": len(moment.fans_rpm),
            **{f"fan{place}": rpm for place, rpm in enumerate(moment.fans_rpm, 1)},
            "fan_pwm": round(100 * moment.fan_duty),
            "temp_num": len(boards),
        }
        if not nine:
            row["rate_unit"] = self.unit
        for number in slots:
            board = boards.get(number)
            if board is None and nine:
                continue
            row |= _chain_l9(number, board) if nine and board else _temperatures(number, board)
            row[f"freq{number}"] = round(board.frequency_mhz) if board else 0
            row[f"chain_acn{number}"] = board.chips if board else 0
            row[f"chain_acs{number}"] = chip_map(board.chips, board.expected_chips) if board else ""
            row[f"chain_hw{number}"] = board.hardware_errors if board else 0
            rate = self.rate(board.hashrate_hs) if board else 0.0
            row[f"chain_rate{number}"] = rate if nine else f"{rate:.2f}" if board else ""
        row |= {
            "temp_max": round(max((board.chip_max_c for board in boards.values()), default=0)),
            "no_matching_work": moment.hardware_errors,
            "total rate": self.rate(moment.hashrate_average_hs),
            "total_acn": sum(board.chips for board in boards.values()),
            "total_freqavg": round(self.figures.frequency_mhz * self.physics.clock),
            "total_rateideal": self.rate(moment.nominal_hashrate_hs),
            "miner_version": self.firmware,
            "miner_id": self.identity.dna,
        }
        return [self.identity_row(), row]

    commands: ClassVar = {
        "version": Command("VERSION", 22, "CGMiner versions", _Antminer.version),
        "summary": Command("SUMMARY", 11, "Summary", _Antminer.summary),
        "stats": Command("STATS", 70, "CGMiner stats", stats),
        "pools": Command("POOLS", 7, "%d Pool(s)", _Antminer.pools),
    }


@lru_cache(maxsize=4096)
def chip_map(chips: int, expected: int) -> str:
    """Return the map of a board's chips, eight to a group: `o` for good, `x` for bad."""
    marks = "o" * chips + "x" * (expected - chips)
    return "".join(f" {marks[start : start + 8]}" for start in range(0, expected, 8))


def _joined(values: tuple[int, ...]) -> str:
    return "-".join(map(str, values))


def _temperatures(number: int, board: BoardMoment | None) -> Json:
    if board is None:
        nothing = "0-0-0-0"
        return {f"temp_{kind}{number}": nothing for kind in ("pcb", "chip", "pic")}
    return {
        f"temp{number}": round(board.outlet_c),
        f"temp2_{number}": round(board.chip_max_c),
        f"temp_pcb{number}": _joined(sensors(board.inlet_c, board.outlet_c)),
        f"temp_chip{number}": _joined(sensors(board.chip_min_c, board.chip_max_c)),
        f"temp_pic{number}": _joined(sensors(board.inlet_c - 10, board.outlet_c - 10)),
    }


def _chain_l9(number: int, board: BoardMoment) -> dict[str, Any]:
    """Return an L9's temperatures: inlet and outlet apart, as strings."""
    return {
        f"temp{number}": round(board.outlet_c),
        f"temp2_{number}": round(board.chip_max_c),
        f"temp_in_pcb_{number}": f"{board.inlet_c:.0f}",
        f"temp_out_pcb_{number}": f"{board.outlet_c:.0f}",
        f"temp_in_chip_{number}": f"{board.chip_min_c:.0f}",
        f"temp_out_chip_{number}": f"{board.chip_max_c:.0f}",
        f"CHAIN AVG HASHRATE{number}": f"{board.hashrate_hs / 1e6:.2f} MH/s",
    }
