"""A generic cgminer, in the manner of Braiins OS on Antminers: devs, temps, fans and the tuner's own status."""

from typing import ClassVar

from simulator.devices.device import Command, Json, RpcDevice, mega
from simulator.devices.shares import pool_row, share_counts
from simulator.moment import Moment

RELEASE = "boser-openwrt 0.1.0-26ba61b9"


class Cgminer(RpcDevice):
    """Rates in MH/s, one row a board, joins everything, ends replies with a NUL."""

    description = f"BOSer {RELEASE}"

    def version(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `version`."""
        del moment, parameter
        return [{"API": "3.7", "BOSer": RELEASE}]

    def summary(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `summary`."""
        del parameter
        return [
            {
                "Elapsed": int(moment.elapsed_s),
                "MHS 5s": mega(moment.hashrate_hs),
                "MHS 1m": mega(moment.hashrate_1m_hs),
                "MHS 5m": mega(moment.hashrate_5m_hs),
                "MHS 15m": mega(moment.hashrate_15m_hs),
                "MHS 24h": mega(moment.hashrate_average_hs),
                "MHS av": mega(moment.hashrate_average_hs),
                "Found Blocks": 0,
                **share_counts(moment),
                "Last getwork": int(moment.now),
            }
        ]

    def devs(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `devs`: one row a board that is there."""
        del parameter
        return [
            {
                "ASC": board.place,
                "ID": board.place + 1,
                "Name": "BOS",
                "Enabled": "Y",
                "Status": "Alive" if board.hashrate_hs else "Dead",
                "Temperature": round(board.outlet_c, 1),
                "MHS 5s": mega(board.hashrate_hs),
                "MHS 1m": mega(board.hashrate_hs),
                "MHS 5m": mega(board.hashrate_hs),
                "MHS 15m": mega(board.hashrate_hs),
                "MHS av": mega(board.hashrate_hs),
                "Nominal MHS": mega(board.nominal_hashrate_hs),
                "Hardware Errors": board.hardware_errors,
                "Accepted": moment.accepted // len(moment.boards),
                "Rejected": moment.rejected // len(moment.boards),
                "Device Elapsed": int(moment.elapsed_s),
            }
            for board in moment.boards
            if board.chips
        ]

    def devdetails(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `devdetails`: chips, clock in MHz, voltage."""
        del parameter
        return [
            {
                "DEVDETAILS": board.place,
                "ID": board.place + 1,
                "Name": "BOS",
                "Driver": "",
                "Kernel": "",
                "Model": self.figures.reported,
                "Chips": board.chips,
                "Frequency": round(board.frequency_mhz),
                "Voltage": board.voltage_v,
            }
            for board in moment.boards
            if board.chips
        ]

    def pools(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `pools`: the last share's time counts from the epoch."""
        del parameter
        return [pool_row(pool, int(pool.last_share_at)) for pool in moment.pools]

    def temps(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `temps`: board and hottest chip, °C."""
        del parameter
        return [
            {
                "Board": round(board.outlet_c, 1),
                "Chip": round(board.chip_max_c, 1),
                "ID": board.place + 1,
                "TEMP": board.place,
            }
            for board in moment.boards
            if board.chips
        ]

    def fans(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `fans`: rpm, and the duty in percent."""
        del parameter
        duty = round(100 * moment.fan_duty)
        return [
            {"FAN": place, "ID": place, "RPM": rpm, "Speed": duty}
            for place, rpm in enumerate(moment.fans_rpm)
        ]

    def tunerstatus(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `tunerstatus`: what the tuner thinks it draws (W), and its limit."""
        del parameter
        return [
            {
                "ApproximateChainPowerConsumption": round(max(0.0, moment.power_w - self.figures.standby_w)),
                "ApproximateMinerPowerConsumption": round(moment.power_w),
                "PowerLimit": round(moment.power_limit_w),
                "DynamicPowerScaling": "Disabled",
                "TunerMode": "PowerTarget",
                "TunerRunning": True,
                "TunerChainStatus": [
                    {"HashchainIndex": board.place + 1, "Status": "Stable"}
                    for board in moment.boards
                    if board.chips
                ],
            }
        ]

    commands: ClassVar = {
        "version": Command("VERSION", 22, "BOSer versions", version),
        "summary": Command("SUMMARY", 11, "Summary", summary),
        "devs": Command("DEVS", 9, "%d ASC(s)", devs),
        "devdetails": Command("DEVDETAILS", 69, "Device Details", devdetails),
        "pools": Command("POOLS", 7, "%d Pool(s)", pools),
        "temps": Command("TEMPS", 201, "%d Temp(s)", temps),
        "fans": Command("FANS", 202, "%d Fan(s)", fans),
        "tunerstatus": Command("TUNERSTATUS", 200, "Tuner Status", tunerstatus),
    }
