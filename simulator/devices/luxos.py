"""LuxOS on Antminers: joins everything, knows its watts and presets, and lets one session write at a time."""

from typing import ClassVar

from simulator.devices.device import Command, Json, ago
from simulator.devices.luxos_orders import COMMANDS, SESSION_COMMANDS, SESSION_SHOWN, LuxosOrders
from simulator.devices.shares import pool_row, share_counts
from simulator.moment import Moment
from simulator.presets import presets_of

RELEASE = "2025.2.3.101500"


class Luxos(LuxosOrders):
    """One board a row in `devs`, exhaust left and intake right in `temps`."""

    description = f"LUXminer {RELEASE}-1f0c93ab"
    terminator: ClassVar[bytes] = b""

    def version(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `version`."""
        del moment, parameter
        return [
            {
                "API": "3.7",
                "LUXminer": f"{RELEASE}-1f0c93ab",
                "Miner": RELEASE,
                "CompileTime": "Tue Apr  8 22:05:35 UTC 2025",
                "Type": self.figures.reported,
            }
        ]

    def summary(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `summary`: windows in GH/s."""
        del parameter
        return [
            {
                "Elapsed": int(moment.elapsed_s),
                "GHS 5s": _giga(moment.hashrate_hs),
                "GHS 1m": _giga(moment.hashrate_1m_hs),
                "GHS 5m": _giga(moment.hashrate_5m_hs),
                "GHS 15m": _giga(moment.hashrate_15m_hs),
                "GHS 30m": _giga(moment.hashrate_30m_hs),
                "GHS 24h": _giga(moment.hashrate_average_hs),
                "GHS av": _giga(moment.hashrate_average_hs),
                "Found Blocks": 0,
                **share_counts(moment),
                "Last getwork": int(moment.now),
            }
        ]

    def devs(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `devs`: one row a board, rates in MH/s."""
        del parameter
        scale = 1e6
        rate = moment.hashrate_hs or 1.0
        return [
            {
                "ASC": board.place,
                "ID": board.place,
                "Name": "",
                "Board": "BHB56900",
                "Connector": f"J{7 + board.place}",
                "SerialNumber": board.serial,
                "Enabled": "Y",
                "Status": "Alive" if board.chips else "Dead",
                "Temperature": round(board.outlet_c, 1),
                "MHS 5s": board.hashrate_hs / scale,
                "MHS 1m": board.hashrate_hs / rate * moment.hashrate_1m_hs / scale,
                "MHS 5m": board.hashrate_hs / rate * moment.hashrate_5m_hs / scale,
                "MHS 15m": board.hashrate_hs / rate * moment.hashrate_15m_hs / scale,
                "MHS 30m": board.hashrate_hs / rate * moment.hashrate_30m_hs / scale,
                "MHS av": board.hashrate_hs / rate * moment.hashrate_average_hs / scale,
                "Nominal MHS": board.nominal_hashrate_hs / scale,
                "Hardware Errors": board.hardware_errors,
                "Accepted": moment.accepted // len(moment.boards),
                "Rejected": moment.rejected // len(moment.boards),
                "Profile": moment.preset,
                "IsRamping": moment.phase == "starting",
                "Device Elapsed": int(moment.elapsed_s),
                "Last Share Time": int(moment.pools[0].last_share_at),
            }
            for board in moment.boards
        ]

    def pools(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `pools`: the last share's time is how long ago it was, with two digits an hour."""
        del parameter
        return [
            {**pool_row(pool, ago(moment.now, pool.last_share_at).rjust(8, "0")), "GROUP": 0}
            for pool in moment.pools
        ]

    def stats(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `stats` in the Antminer's shape, for older readers."""
        del parameter
        row: Json = {
            "STATS": 0,
            "ID": "BTM_SOC0",
            "Elapsed": int(moment.elapsed_s),
            "GHS 5s": _giga(moment.hashrate_hs),
            "GHS av": _giga(moment.hashrate_average_hs),
            "rate_30m": _giga(moment.hashrate_30m_hs),
            "rate_unit": "GH",
            "miner_count": len(moment.boards),
            "frequency": round(self.figures.frequency_mhz),
            "fan_num": len(moment.fans_rpm),
            **{f"fan{place}": rpm for place, rpm in enumerate(moment.fans_rpm, 1)},
            "total_rateideal": _giga(moment.nominal_hashrate_hs),
            "miner_version": RELEASE,
        }
        for board in moment.boards:
            number = board.place + 1
            row[f"chain_acn{number}"] = board.chips
            row[f"chain_rate{number}"] = f"{_giga(board.hashrate_hs):.2f}"
            row[f"chain_hw{number}"] = board.hardware_errors
            row[f"freq{number}"] = board.frequency_mhz
            row[f"temp{number}"] = round(board.outlet_c, 1)
        identity = {
            "Miner": RELEASE,
            "CompileTime": "Tue Apr  8 22:05:35 UTC 2025",
            "Type": self.figures.reported,
        }
        return [identity, row]

    def temps(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `temps`: left is exhaust, right is intake, °C."""
        del parameter
        return [
            {
                "ID": board.place,
                "TEMP": board.place,
                "TopLeft": round(board.outlet_c, 1),
                "BottomLeft": round(board.outlet_c - 0.5, 1),
                "TopRight": round(moment.inlet_c + 4.0, 1),
                "BottomRight": round(moment.inlet_c + 3.5, 1),
            }
            for board in moment.boards
            if board.chips
        ]

    def fans(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `fans`: rpm, and the duty in percent."""
        del parameter
        duty = round(100 * moment.fan_duty)
        return [
            {"FAN": f"FAN{place + 1}", "ID": place, "RPM": rpm, "Speed": duty}
            for place, rpm in enumerate(moment.fans_rpm)
        ]

    def power(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `power`: watts at the wall."""
        del parameter
        return [{"PSU": True, "Watts": round(moment.power_w)}]

    def config(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `config`: who it is, which preset it runs, whether it is curtailed."""
        del parameter
        trouble = moment.phase in {"protected", "stopped"}
        return [
            {
                "ASC Count": len(moment.boards),
                "Pool Count": len(moment.pools),
                "OS": "LuxOS",
                "Model": self.figures.reported,
                "MACAddr": self.identity.mac,
                "SerialNumber": self.identity.serial,
                "Hostname": self.identity.hostname,
                "Profile": moment.preset,
                "ProfileStep": "0",
                "CurtailMode": "Sleep" if moment.phase == "sleeping" else "None",
                "SystemStatus": "Fault" if trouble else "Normal",
                "NameplateTHS": round(self.figures.hashrate_hs / 1e12, 1),
                "IsAtmEnabled": self.atm_enabled,
                "IsTuning": False,
                "ImmersionMode": self.figures.cooling == "immersion",
                "PSULabel": "APW121215f",
                "RedLed": "blink" if moment.locating else "auto",
            }
        ]

    def profiles(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `profiles`: presets every 25 MHz around the default, with hash rate (TH/s) and watts."""
        del moment, parameter
        return [
            {
                "Profile Name": preset.name,
                "Step": str(preset.step),
                "Frequency": preset.mhz,
                "Hashrate": round(self.figures.hashrate_hs * preset.clock / 1e12, 1),
                "Watts": round(self.figures.power_w * preset.power),
                "Voltage": round(self.figures.board_voltage_v * (0.82 + 0.18 * preset.clock), 2),
                "IsDynamic": True,
                "IsTuned": not preset.step,
            }
            for preset in presets_of(self.figures)
        ]

    def events(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `events`: what went wrong, one row each."""
        del parameter
        codes = {
            "board": ("BOARD_LOST", "BOARD"),
            "fan": ("FAN_FAILURE", "MINER"),
            "heat": ("OVERHEAT_PROTECTION", "MINER"),
        }
        found = [codes[trouble] for trouble in moment.troubles if trouble in codes]
        return [{"Code": code, "Description": code.lower(), "Target": target} for code, target in found]

    def session(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `session`: the one that is open, empty if none is."""
        del parameter
        return [{"SessionID": self.session_shown(moment.now)}]

    def answer(self, command: str, parameter: str, moment: Moment) -> Json:
        """Answer one command; those that write want the one session."""
        if command in COMMANDS or command in SESSION_COMMANDS:
            return self.take(command, parameter, moment.now)
        return super().answer(command, parameter, moment)

    commands: ClassVar = {
        "version": Command("VERSION", 22, "LUXminer versions", version),
        "summary": Command("SUMMARY", 11, "Summary", summary),
        "devs": Command("DEVS", 9, "%d ASC(s)", devs),
        "pools": Command("POOLS", 7, "%d Pool(s)", pools),
        "stats": Command("STATS", 70, "LUXminer stats", stats),
        "temps": Command("TEMPS", 201, "%d Temp(s)", temps),
        "fans": Command("FANS", 202, "%d Fan(s)", fans),
        "power": Command("POWER", 311, "Power usage", power),
        "config": Command("CONFIG", 33, "LUXminer config", config),
        "profiles": Command("PROFILES", 323, "List profiles", profiles),
        "events": Command("EVENTS", 357, "Miner Events", events),
        "session": Command("SESSION", SESSION_SHOWN, "Session information", session),
    }


def _giga(hashrate_hs: float) -> float:
    return round(hashrate_hs / 1e9, 2)
