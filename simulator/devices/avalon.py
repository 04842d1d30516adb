"""Avalons on TCP 4028: readings as one long text a module, values in square brackets.

A single-module miner has one `MM ID0`; a 741's or 841's controller has `MM ID1` to `MM ID4` and knows no power; the Q
nests its text once more. Ratios of nothing come out as a bare `nan`, and while the program is down something else
answers in plain text.
"""

from typing import ClassVar

from simulator.devices.avalon_orders import AvalonOrders, work_level
from simulator.devices.device import Command, Json, mega
from simulator.devices.shares import pool_row, share_counts
from simulator.identity import Identity
from simulator.moment import BoardMoment, Moment
from simulator.orders import Orders
from simulator.physics import Physics

PROGRAM_DOWN_S = 15.0  # after a boot: nothing mines yet, and the port answers in plain text
WORK_MODES = {"low": 0, "normal": 1, "high": 2}
WORK_WORDS = {"mining": "In Work", "sleeping": "In Idle", "starting": "In Init"}
SOFT_OFF = 4
MODULE_BOARDS = 4
PSU_EFFICIENCY = 0.93
# bits of ECHU and ECMM, as Canaan's cgminer names them (driver-avalon7): power good failed, too hot, no fan
BOARD_LOST, TOO_HOT, FAN_LOST = 2048, 64, 4
NAN, MINUS_NAN = "@nan", "@-nan"  # written without quotes in the end


class Avalon(AvalonOrders):
    """741, 841, 1066, 1166 Pro, 1246, 1346, 1466, 1566, Q."""

    description = "cgminer 4.11.1"

    def __init__(self, physics: Physics, identity: Identity, orders: Orders) -> None:
        super().__init__(physics, identity, orders)
        name = self.figures.name
        self.modular = name in {"741", "841"}
        self.nested = name == "Q"
        self.newest = name in {"1566", "Q"}  # counts times from boot, says ITemp
        self._chip_texts: dict[int, tuple[tuple[int, int], str]] = {}
        spread = identity.dna.encode()
        self._offsets = [(spread[place % len(spread)] * (place + 7)) % 18 - 8 for place in range(160)]

    def version(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `version`; the old controllers know no model of their own."""
        del moment, parameter
        if self.modular:
            return [{"CGMiner": "4.10.0", "API": "3.7"}]
        name = self.figures.name
        return [
            {
                "CGMiner": "4.11.1",
                "API": "3.7",
                "PROD": f"AvalonMiner {name}" if name != "Q" else "Avalon Q",
                "MODEL": self.figures.reported,
                "HWTYPE": "Q_MM1v1_X1" if self.nested else "MM3v2_X3",
                "SWTYPE": "MM319" if self.newest else "MM317",
                "LVERSION": "24110501_14a19a2" if self.newest else "21050601_4ec6bb0",
                "DNA": self.identity.dna,
                "MAC": self.identity.mac.replace(":", ""),
            }
        ]

    def summary(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `summary`: MH/s; without shares the ratios are not numbers."""
        del parameter
        row = {
            "Elapsed": int(moment.elapsed_s),
            "MHS av": mega(moment.hashrate_average_hs),
            "MHS 30s": mega(moment.hashrate_hs),
            "MHS 1m": mega(moment.hashrate_1m_hs),
            "MHS 5m": mega(moment.hashrate_5m_hs),
            "MHS 15m": mega(moment.hashrate_15m_hs),
            "Found Blocks": 0,
            **share_counts(moment),
            "Device Hardware%": MINUS_NAN if self.figures.name == "841" else 0.0,
            "Last getwork": 0,
        }
        if not moment.accepted + moment.rejected:
            row |= {"Device Rejected%": NAN, "Pool Rejected%": NAN, "Pool Stale%": NAN}
        return [row]

    def devs(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `devs`: one row for all."""
        del parameter
        return [
            {
                "ASC": 0,
                "Name": "AV7" if self.modular else "AVALON",
                "ID": 0,
                "Enabled": "Y",
                "Status": "Alive",
                "Temperature": 0.0,
                "MHS av": mega(moment.hashrate_average_hs),
                "MHS 30s": mega(moment.hashrate_hs),
                "MHS 1m": mega(moment.hashrate_1m_hs),
                "MHS 5m": mega(moment.hashrate_5m_hs),
                "MHS 15m": mega(moment.hashrate_15m_hs),
                "Accepted": moment.accepted,
                "Rejected": moment.rejected,
                "Hardware Errors": moment.hardware_errors,
                "Device Elapsed": int(moment.elapsed_s),
                "Last Share Time": self._time(max(pool.last_share_at for pool in moment.pools)),
            }
        ]

    def devdetails(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `devdetails`."""
        del moment, parameter
        return [
            {
                "DEVDETAILS": 0,
                "Name": "AV7" if self.modular else "AVALON",
                "ID": 0,
                "Driver": "avalon7" if self.modular else "avalon",
                "Kernel": "",
                "Model": "",
                "Device Path": "",
            }
        ]

    def pools(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `pools`: on newer models the last share's time counts from boot."""
        del parameter
        return [pool_row(pool, self._time(pool.last_share_at)) for pool in moment.pools]

    def stats(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `stats`: the modules' texts, then the pools' traffic."""
        del parameter
        row: Json = {
            "STATS": 0,
            "ID": "AV70" if self.modular else "AVALON0",
            "Elapsed": int(moment.elapsed_s),
        }
        row |= {"Calls": 0, "Wait": 0.0, "Max": 0.0, "Min": 99999999.0}
        if self.nested:
            row["MM ID0:Summary"] = f"'STATS':{{{self._single(moment)}}}"
            board = moment.boards[0]
            row["HBinfo"] = f"'HB0':{{{self._chips(board) if board.chips else ''}}}"
        elif self.modular:
            modules = [
                moment.boards[first : first + MODULE_BOARDS]
                for first in range(0, len(moment.boards), MODULE_BOARDS)
            ]
            there = [
                (number, boards) for number, boards in enumerate(modules) if any(one.chips for one in boards)
            ]
            row["MM Count"] = len(there)
            for number, boards in there:
                row[f"MM ID{number + 1}"] = self._module(number, boards, moment)
        else:
            row |= {"MM Count": 1, "Smart Speed": 1}
            chips = " ".join(self._chips(board) for board in moment.boards if board.chips)
            row["MM ID0"] = f"{self._single(moment)} {chips}".rstrip()
        row["Nonce Mask"] = 25
        traffic = [
            {
                "STATS": pool.place + 1,
                "ID": f"POOL{pool.place}",
                "Elapsed": int(moment.elapsed_s),
                "Pool Calls": 0,
            }
            | {"Work Diff": pool.difficulty if pool.active else 0.0, "Times Sent": pool.accepted}
            for pool in moment.pools
        ]
        return [row, *traffic]

    def litestats(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `litestats`: the Q's readings without the chips."""
        del parameter
        return [{"MM ID0:Summary": f"'STATS':{{{self._single(moment)}}}"}]

    def answer(self, command: str, parameter: str, moment: Moment) -> Json:
        """Answer one command; `litestats` is known to the Q alone."""
        if command == "ascset":
            return self.ascset(parameter, moment)
        if command == "litestats" and not self.nested:
            return self.refuse(command, moment)
        return super().answer(command, parameter, moment)

    def spoil(self, reply: bytes, command: str) -> bytes:
        """Write what is no number the way C does."""
        del command
        return reply.replace(b'"@nan"', b"nan").replace(b'"@-nan"', b"-nan")

    def _down(self, now: float) -> bool:
        self.physics.advance(now)
        return self.physics.phase == "starting" and now - self.physics.boot_until < PROGRAM_DOWN_S

    def _time(self, at: float) -> int:
        if at <= 0:
            return 0
        return int(at - self.physics.booted_at) if self.newest else int(at)

    def _health(self, moment: Moment) -> tuple[list[int], int]:
        """Return the error bits of each board, and those of the controller."""
        hot = TOO_HOT if "heat" in moment.troubles else 0
        controller = FAN_LOST if "fan" in moment.troubles else 0
        return [hot if board.chips else BOARD_LOST for board in moment.boards], controller

    def _single(self, moment: Moment) -> str:
        """Return the text of a single-module miner, without what each chip says."""
        there = [board for board in moment.boards if board.chips]
        work = WORK_WORDS.get(moment.phase, "In Fault")
        name = self.figures.name
        spd = 0.0 if name == "1066" else moment.hashrate_hs
        inlet = round(moment.inlet_c)
        heat = [f"ITemp[{inlet}]" if self.newest else f"Temp[{inlet}]"]
        if self.nested:
            heat += [f"HBITemp[{there[0].inlet_c:.0f}]", f"HBOTemp[{there[0].outlet_c:.0f}]"] if there else []
        hottest = max((board.chip_max_c for board in there), default=0.0)
        mean = sum(board.chip_avg_c for board in there) / max(1, len(there))
        hashing = moment.hashrate_hs > 0
        errors, controller = self._health(moment)
        clock = there[0].frequency_mhz if there else 0.0
        modes = WORK_MODES[moment.mode]
        parts = [
            f"Ver[{self.figures.reported}-{'24110501_14a19a2' if self.newest else '21050601_4ec6bb0_211fc46'}]",
            f"DNA[{self.identity.dna}]",
            "MEMFREE[1201472.0] NETFAIL[0 0 0 0 0 0 0 0]",
            f"SYSTEMSTATU[Work: {work}, Hash Board: {len(there)}{'' if self.nested else ' '}]",
            f"Elapsed[{int(moment.elapsed_s)}] BOOTBY[0x08.00000000] LW[{moment.accepted * 40}]",
            f"MH[{' '.join(str(board.hardware_errors // 3) for board in moment.boards)}]",
            f"HW[{moment.hardware_errors}] DH[{0.8 if hashing else 0.0:.3f}%]",
            *heat,
            f"TMax[{hottest:.0f}] TAvg[{mean:.0f}]",
            *(f"Fan{place}[{rpm}]" for place, rpm in enumerate(moment.fans_rpm, 1)),
            f"FanR[{100 * moment.fan_duty:.0f}%]",
            self._supply(moment),
            f"GHSspd[{spd / 1e9:.2f}] DHspd[{0.8 if hashing else 0.0:.3f}%]",
            f"GHSmm[{moment.nominal_hashrate_hs / 1e9:.2f}] GHSavg[{moment.hashrate_average_hs / 1e9:.2f}]",
            f"WU[{moment.hashrate_average_hs * 60 / 2**32:.2f}] Freq[{clock:.2f}]",
            f"Led[{int(moment.locating)}]",
            f"MGHS[{' '.join(f'{board.hashrate_hs / 1e9:.2f}' for board in moment.boards)}]",
            f"MTmax[{' '.join(f'{board.chip_max_c:.0f}' for board in moment.boards)}]",
            f"MTavg[{' '.join(f'{board.chip_avg_c:.0f}' for board in moment.boards)}]",
            f"TA[{sum(board.chips for board in there)}] Core[{'A3197S' if self.newest else 'A3201'}] PING[{17 + inlet}]",
            f"POWS[0] SoftOFF[{SOFT_OFF if moment.phase == 'sleeping' else 0}]",
            f"ECHU[{' '.join(map(str, errors))}] ECMM[{controller}] CRC[0 0 0]",
            f"WORKMODE[{modes}] WORKLEVEL[{work_level(moment)}]",
        ]
        if self.newest:
            parts.append(f"MPO[{self._target(moment)}]")
        if name == "1566":
            parts.append(f"WALLPOWER[{moment.power_w:.0f}]")
        return " ".join(parts)

    def _target(self, moment: Moment) -> int:
        return round(self.figures.power_w * moment.power_percent / 100)

    def _supply(self, moment: Moment) -> str:
        """Return PS[error, control V, board V, A, W out, set V, W at the wall]; A10 and A15 leave the last out."""
        out = moment.power_w * PSU_EFFICIENCY
        volts = self.figures.board_voltage_v if moment.hashrate_hs else 0.04
        amperes = out / volts if moment.hashrate_hs else 0.0
        wall = "" if self.figures.name in {"1066", "1566"} else f" {moment.power_w:.0f}"
        setting = self.figures.board_voltage_v * 100
        supplied = out if moment.hashrate_hs else 0.0
        return f"PS[0 1214 {volts * 100:.0f} {amperes:.0f} {supplied:.0f} {setting:.0f}{wall}]"

    def _module(self, number: int, boards: list[BoardMoment], moment: Moment) -> str:
        """Return the text of one module of a controller: four boards and a fan of its own, no power."""
        errors, controller = self._health(moment)
        own = errors[number * MODULE_BOARDS : (number + 1) * MODULE_BOARDS]
        there = [board for board in boards if board.chips]
        rate = sum(board.hashrate_hs for board in boards) / 1e9
        part = rate * 1e9 / moment.hashrate_hs if moment.hashrate_hs else len(boards) / len(moment.boards)
        average = moment.hashrate_average_hs * part / 1e9
        work = moment.accepted * 9
        mistakes = [board.hardware_errors for board in boards]
        present = sum(1 << place for place, board in enumerate(boards) if board.chips)
        chips = " ".join(self._chips(board, place) for place, board in enumerate(boards) if board.chips)
        return (
            f"Ver[{self.figures.name}1706-3162860] DNA[{self.identity.dna[:-1]}{number}] "
            f"Elapsed[{int(moment.elapsed_s)}] MW[{work} {work} {work} {work}] LW[{4 * work}] "
            f"MH[{' '.join(map(str, mistakes))}] HW[{sum(mistakes)}] DH[0.800%] "
            f"Temp[{moment.inlet_c:.0f}] TMax[{max(board.chip_max_c for board in there):.0f}] "
            f"Fan[{moment.fans_rpm[number]}] FanR[{100 * moment.fan_duty:.0f}%] "
            f"Vi[1206 1206 1206 1206] Vo[4431 4431 4431 4431] "
            f"GHSmm[{sum(board.nominal_hashrate_hs for board in boards) / 1e9:.2f}] GHSavg[{average:.2f}] "
            f"GHSspd[{rate:.2f}] WU[{average * 1e9 * 60 / 2**32:.2f}] Freq[{there[0].frequency_mhz:.2f}] "
            f"PG[{present}] Led[{int(moment.locating)}] "
            f"MGHS[{' '.join(f'{board.hashrate_hs / 1e9:.2f}' for board in boards)}] "
            f"TA[{sum(board.chips for board in boards)}] ECHU[{' '.join(map(str, own))}] ECMM[{controller}] "
            f"SoftOFF[{SOFT_OFF if moment.phase == 'sleeping' else 0}] FM[1] CRC[0 0 0 0] {chips}"
        )

    def _chips(self, board: BoardMoment, number: int | None = None) -> str:
        """Return what each chip of a board says; the same text while neither heat nor number change by a whole.

        `number`: the board's within its module, else its own place.
        """
        mean = round(board.chip_avg_c)
        known = self._chip_texts.get(board.place)
        if known is not None and known[0] == (mean, board.chips):
            return known[1]
        place = board.place if number is None else number
        offsets = self._offsets[: board.chips]
        text = (
            f"PVT_T{place}[{' '.join(f'{mean + offset:3}' for offset in offsets)}] "
            f"PVT_V{place}[{' '.join(str(306 + offset) for offset in offsets)}] "
            f"MW{place}[{' '.join(str(620 + 9 * offset) for offset in offsets)}]"
        )
        self._chip_texts[board.place] = ((mean, board.chips), text)
        return text

    commands: ClassVar = {
        "version": Command("VERSION", 22, "CGMiner versions", version),
        "summary": Command("SUMMARY", 11, "Summary", summary),
        "devs": Command("DEVS", 9, "%d ASC(s)", devs),
        "devdetails": Command("DEVDETAILS", 69, "Device Details", devdetails),
        "pools": Command("POOLS", 7, "%d Pool(s)", pools),
        "stats": Command("STATS", 70, "CGMiner stats", stats),
        "litestats": Command("STATS", 70, "CGMiner stats", litestats),
    }
