"""VNish on Antminers: the old Antminer form with what each board draws, and a pool row for the firmware's own fee."""

from typing import ClassVar

from simulator.devices.antminer import AntminerOld
from simulator.devices.device import Command, Json
from simulator.devices.shares import pool_row
from simulator.moment import Moment


class Vnish(AntminerOld):
    """Reads like an Antminer of the old kind, its chains counted from 1, and joins."""

    description = "cgminer 4.11.1"
    firmware = "uart_trans.1.3"
    program = "CGMiner"
    program_version = "4.11.1"
    release = "1.2.6"

    def identity_row(self) -> Json:
        """Return who it is; the firmware's name stands behind the model."""
        row = super().identity_row()
        row["Type"] = f"{self.figures.reported} (Vnish {self.release})"
        return row

    def vnish_stats(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `stats` with each chain's voltage (mV) and consumption (W), and the miner's state in words."""
        identity, row = super().stats(moment, parameter)
        alive = [board for board in moment.boards if board.chips]
        drawn = max(0.0, moment.power_w - self.figures.standby_w)
        chips = sum(board.chips for board in alive) or 1
        for board in alive:
            row[f"chain_vol{board.number}"] = round(board.voltage_v * 1000)
            share = board.chips / chips if moment.phase == "mining" else 0.0
            row[f"chain_consumption{board.number}"] = round(drawn * share)
        words = {"sleeping": "stopped", "protected": "failure", "stopped": "failure"}
        row["state"] = words.get(moment.phase, moment.phase)
        row["fan_pwm"] = round(100 * moment.fan_duty)
        return [identity, row]

    def vnish_pools(self, moment: Moment, parameter: str) -> list[Json]:
        """Build `pools`: the last row is the developers' fee, not the owner's."""
        rows = self.pools(moment, parameter)
        fee = pool_row(moment.pools[-1], "0", number=len(rows))
        nothing = {"Accepted": moment.accepted // 50, "Rejected": 0, "Stale": 0, "Stratum Active": False}
        return [
            *rows,
            {**fee, **nothing, "URL": "DevFee", "User": "DevFee", "Status": "Alive", "Priority": 999},
        ]

    def spoil(self, reply: bytes, command: str) -> bytes:
        """Send good JSON: this firmware has mended it."""
        del command
        return reply

    commands: ClassVar = {
        **AntminerOld.commands,
        "stats": Command("STATS", 70, "CGMiner stats", vnish_stats),
        "pools": Command("POOLS", 7, "%d Pool(s)", vnish_pools),
    }
