"""Elphapex (Scrypt): pages on the web in the maker's own form; the larger models answer on TCP 4028 as Antminers do.

Chips' temperatures are strings in thousandths of a degree, the clock counts in kHz, rates in MH/s. One command at a
time on 4028; the DG-Home1 keeps that port closed.
"""

from typing import Any, ClassVar

import orjson

from simulator.devices.antminer import AntminerOld, chip_map
from simulator.devices.antminer_orders import BLINK_STATUS, WebOrders, read_object, refusal
from simulator.devices.antminer_web import health, sensors
from simulator.devices.device import PROFILE_MODES, Json, percent
from simulator.identity import Identity
from simulator.moment import BoardMoment, Moment
from simulator.orders import Orders
from simulator.physics import Physics
from simulator.setting import MODE_POWER, Change

HOME_SLOTS = 4  # a DG-Home1 shows four slots and has a board in the last one
SLEEP_MODE, NORMAL_MODE = "-1000", 0
SET_WORK_MODE = "/cgi-bin/luci/setworkmode.cgi"


class Elphapex(WebOrders, AntminerOld):
    """DG1, DG1+, DG-Home1. The restart and the light are the Antminer's, from whose pages these were made."""

    answers_web = True
    writing_pages: ClassVar[frozenset[str]] = WebOrders.writing_pages | {SET_WORK_MODE}
    realm = "elphapex Configuration"
    description = "cgminer 1.0.0"
    program_version = "1.0.0"
    joins: ClassVar[frozenset[str] | None] = frozenset()
    terminator: ClassVar[bytes] = b""

    def __init__(self, physics: Physics, identity: Identity, orders: Orders) -> None:
        super().__init__(physics, identity, orders)
        self.home = self.figures.name == "DG-Home1"
        self.answers_rpc = not self.home
        self.firmware = f"{self.figures.reported}_V1.0.5"
        self.compile_time = "Wed Feb 26 11:19:53 CST 2025"

    def spoil(self, reply: bytes, command: str) -> bytes:
        """Send good JSON."""
        del command
        return reply

    def web(self, path: str, now: float) -> bytes | None:
        """Answer one page."""
        moment = self.observe(now)
        if path == BLINK_STATUS:
            return self.blink_status(moment)
        name = path.removeprefix("/cgi-bin/").removesuffix(".cgi")
        pages: dict[str, Any] = {
            "get_system_info": self._system_info,
            "summary": self._summary_page,
            "stats": self._stats_page,
            "pools": self._pools_page,
            "get_miner_conf": self._configuration,
            "get_power": self._power_page,
        }
        if path != f"/cgi-bin/{name}.cgi" or name not in pages:
            return None
        return orjson.dumps(pages[name](moment))

    def profile_change(self, profile: str) -> Change:
        """Return a share of the power: it has no modes but asleep and awake."""
        return Change({"power_percent": 100 * MODE_POWER[PROFILE_MODES[profile]]})

    def _take(self, path: str, body: bytes, now: float) -> bytes:
        return self._set_work_mode(body, now) if path == SET_WORK_MODE else super()._take(path, body, now)

    def _set_work_mode(self, body: bytes, now: float) -> bytes:
        """Take the work mode, which is asleep or awake and nothing else."""
        document = read_object(body)
        mode = None if document is None else document.get("workmode")
        if mode not in {SLEEP_MODE, str(NORMAL_MODE)}:
            self.orders.refuse(SET_WORK_MODE, {}, "no such work mode", now)
            return refusal("no such work mode")
        change = Change({"asleep": mode == SLEEP_MODE})
        if not self.orders.obey(SET_WORK_MODE, {"workmode": mode}, change, now):
            return refusal("refused")
        return orjson.dumps({"stats": "success", "code": "M000", "msg": "OK!"})

    def _page(self, name: str, moment: Moment, content: Json) -> Json:
        return {
            "STATUS": {
                "STATUS": "S",
                "when": int(moment.uptime_s),
                "timestamp": int(moment.now),
                "Msg": name,
                "api_version": "1.0.0",
            },
            "INFO": {
                "miner_version": self.firmware,
                "CompileTime": "",
                "dev_sn": self.identity.serial,
                "type": self.figures.reported,
                "hw_version": f"{self.figures.reported}_HW_V1.0",
            },
            **content,
        }

    def _rates(self, moment: Moment) -> Json:
        return {
            "rate_5s": self.rate(moment.hashrate_hs),
            "rate_15m": self.rate(moment.hashrate_15m_hs),
            "rate_30m": self.rate(moment.hashrate_30m_hs),
            "rate_avg": self.rate(moment.hashrate_average_hs),
            "rate_ideal": self.rate(moment.nominal_hashrate_hs),
            "rate_unit": "MH/s",
        }

    def _stats_page(self, moment: Moment) -> Json:
        slots: list[Json] = []
        if self.home:
            slots += [self._slot(place, None) for place in range(HOME_SLOTS - 1)]
        for board in moment.boards:
            slots.append(self._slot(len(slots), board if board.chips else None))
        row = {
            "elapsed": int(moment.elapsed_s),
            **self._rates(moment),
            "chain_num": len(slots),
            "fan_num": len(moment.fans_rpm),
            "fan": [str(rpm) for rpm in moment.fans_rpm],
            "hwp_total": percent(moment.hardware_errors, moment.hashes / self.figures.hashes_per_share),
            "chain": slots,
        }
        return self._page("stats", moment, {"STATS": [row]})

    def _slot(self, index: int, board: BoardMoment | None) -> Json:
        if board is None:
            return {
                "index": index,
                "freq_avg": 0,
                "rate_ideal": 0,
                "rate_real": 0,
                "rate_15m": 0,
                "asic_num": 0,
                "asic": "",
                "temp_pic": [0, 0, 0, 0],
                "temp_pcb": [0, 0, 0, 0],
                "temp_chip": ["", "", "", ""],
                "hw": 0,
                "sn": "",
            }
        low, high = board.chip_min_c, board.chip_max_c
        pcb = sensors(board.inlet_c, board.outlet_c)
        return {
            "index": index,
            "freq_avg": round(board.frequency_mhz * 1000),
            "rate_ideal": self.rate(board.nominal_hashrate_hs),
            "rate_real": self.rate(board.hashrate_hs),
            "rate_15m": self.rate(board.hashrate_hs),
            "asic_num": board.chips,
            "asic": chip_map(board.chips, board.expected_chips).strip(),
            "temp_pic": pcb,
            "temp_pcb": pcb,
            "temp_chip": [f"{celsius * 1000:.0f}" for celsius in (low, low + 2, high - 1, high)],
            "hw": board.hardware_errors,
            "eeprom_loaded": True,
            "sn": board.serial,
        }

    def _summary_page(self, moment: Moment) -> Json:
        row = {
            "elapsed": int(moment.elapsed_s),
            **self._rates(moment),
            "hw_all": moment.hardware_errors,
            "bestshare": 0,
            "status": health(moment),
        }
        return self._page("summary", moment, {"SUMMARY": [row]})

    def _pools_page(self, moment: Moment) -> Json:
        rows = []
        for pool in moment.pools:
            since = int(max(0.0, moment.now - pool.last_share_at)) if pool.last_share_at else None
            rows.append(
                {
                    "index": pool.place,
                    "url": pool.url,
                    "user": pool.user,
                    "status": "Alive" if pool.alive else "Unreachable",
                    "priority": pool.place,
                    "accepted": pool.accepted,
                    "rejected": pool.rejected,
                    "stale": pool.stale,
                    "diff": str(pool.difficulty) if pool.active else "",
                    "lstime": ""
                    if since is None
                    else f"{since // 3600:02}:{since // 60 % 60:02}:{since % 60:02}",
                }
            )
        total = moment.accepted + moment.rejected
        return self._page(
            "pools",
            moment,
            {
                "Device Total Rejected": moment.rejected,
                "Device Total Work": total,
                "Device Rejected%": percent(moment.rejected, total),
                "POOLS": rows,
            },
        )

    def _system_info(self, moment: Moment) -> Json:
        del moment
        return {
            "minertype": self.figures.reported,
            "Algorithm": "Scrypt",
            "nettype": "DHCP",
            "netdevice": "eth0",
            "macaddr": self.identity.mac,
            "hostname": self.identity.hostname,
            "ipaddress": "192.0.2.1",
            "system_mode": "GNU/Linux",
            "system_kernel_version": "4.4.194",
            "system_filesystem_version": self.firmware,
            "firmware_type": "Release",
        }

    def _configuration(self, moment: Moment) -> Json:
        return {
            "algo": "ltc",
            "pools": [{"url": pool.url, "user": pool.user, "pass": "x"} for pool in moment.pools],
            "fc-fan-ctrl": False,
            "fc-fan-pwm": f"{100 * moment.fan_duty:.0f}",
            "fc-freq": f"{self.figures.frequency_mhz:.0f}",
            "fc-freq-level": "100",
            "fc-voltage": f"{self.figures.board_voltage_v * 100:.0f}",
            "fc-work-mode": SLEEP_MODE if moment.phase == "sleeping" else NORMAL_MODE,
        }

    def _power_page(self, moment: Moment) -> Json:
        return {
            "power_output": f"{moment.power_w:.0f}",
            "power_sn": self.identity.psu_serial,
            "power_temp": f"{moment.psu_c * 10:.0f}",
        }
