"""The pages that an Antminer's new firmware serves below /cgi-bin/ to whoever knows root's password."""

import orjson

from simulator.devices.antminer_orders import ASLEEP_MODE, WORK_MODES, AntminerOrders
from simulator.devices.device import Json, ago, percent, suffixed
from simulator.moment import BoardMoment, Moment, Trouble

# what the status page complains of: which of its four lines, its code and words
COMPLAINTS: dict[Trouble, tuple[str, int, str]] = {
    "board": ("rate", 1, "hash board lost"),
    "chips": ("rate", 2, "chips lost"),
    "rate": ("rate", 3, "low hash rate"),
    "pools": ("network", 1, "all pools dead"),
    "fan": ("fans", 1, "fan lost"),
    "heat": ("temp", 1, "over max temp"),
}


class AntminerPages(AntminerOrders):
    """The reading pages: system, summary, stats, pools, configuration."""

    answers_web = True
    realm = "antMiner Configuration"
    firmware: str
    compile_time: str

    def web(self, path: str, now: float) -> bytes | None:
        """Answer one page; the S19's configuration has a key without a value."""
        moment = self.observe(now)
        match path:
            case "/cgi-bin/get_system_info.cgi":
                return orjson.dumps(self.system_info())
            case "/cgi-bin/summary.cgi":
                return orjson.dumps(self._page("summary", {"SUMMARY": [self.page_summary(moment)]}, now))
            case "/cgi-bin/stats.cgi":
                return orjson.dumps(self._page("stats", {"STATS": [self.readings(moment)]}, now))
            case "/cgi-bin/pools.cgi":
                return orjson.dumps(self._page("pools", self.page_pools(moment), now))
            case "/cgi-bin/get_miner_conf.cgi":
                page = orjson.dumps(self.configuration(moment))
                if self.figures.name == "S19":
                    page = page.replace(b'"bitmain-freq-level":"100"', b'"bitmain-freq-level" : ')
                return page
            case "/cgi-bin/get_blink_status.cgi":
                return self.blink_status(moment)
            case _:
                return None

    def scaled(self, hashrate_hs: float) -> float:
        """Return a hash rate in the pages' unit: GH/s, for Scrypt MH/s."""
        return round(hashrate_hs / (1e6 if self.figures.scrypt else 1e9), 2)

    def readings(self, moment: Moment) -> Json:
        """Return the readings of the stats page, boards counted from 0."""
        nonces = moment.hashes / self.figures.hashes_per_share
        return {
            "elapsed": int(moment.elapsed_s),
            "rate_5s": self.scaled(moment.hashrate_hs),
            "rate_30m": self.scaled(moment.hashrate_30m_hs),
            "rate_avg": self.scaled(moment.hashrate_average_hs),
            "rate_ideal": self.scaled(moment.nominal_hashrate_hs),
            "rate_unit": "MH/s" if self.figures.scrypt else "GH/s",
            "chain_num": self.figures.boards,
            "fan_num": len(moment.fans_rpm),
            "fan": moment.fans_rpm,
            "hwp_total": percent(moment.hardware_errors, nonces),
            "miner-mode": int(self.work_mode(moment)),
            "freq-level": 100,
            "chain": [self._chain(board) for board in moment.boards if board.chips],
        }

    def work_mode(self, moment: Moment) -> str:
        """Return the configured work mode: asleep is one of them."""
        return ASLEEP_MODE if moment.phase == "sleeping" else WORK_MODES[moment.mode]

    def system_info(self) -> Json:
        """Return who it is."""
        return {
            "minertype": self.figures.reported,
            "nettype": "DHCP",
            "netdevice": "eth0",
            "macaddr": self.identity.mac.upper(),
            "hostname": self.identity.hostname,
            "ipaddress": "192.0.2.1",
            "netmask": "255.255.255.0",
            "gateway": "",
            "dnsservers": "",
            "system_mode": "GNU/Linux",
            "system_kernel_version": "Linux 4.9.113 #1 SMP PREEMPT",
            "system_filesystem_version": self.compile_time,
            "firmware_type": "Release",
            "serinum": self.identity.serial,
        }

    def page_summary(self, moment: Moment) -> Json:
        """Return the summary page: rates, and four lines of health."""
        return {
            "elapsed": int(moment.elapsed_s),
            "rate_5s": self.scaled(moment.hashrate_hs),
            "rate_30m": self.scaled(moment.hashrate_30m_hs),
            "rate_avg": self.scaled(moment.hashrate_average_hs),
            "rate_ideal": self.scaled(moment.nominal_hashrate_hs),
            "rate_unit": "MH/s" if self.figures.scrypt else "GH/s",
            "hw_all": moment.hardware_errors,
            "bestshare": int(moment.accepted * moment.difficulty * 0.7),
            "status": health(moment),
        }

    def page_pools(self, moment: Moment) -> Json:
        """Return the pools page."""
        rejected = sum(pool.rejected for pool in moment.pools)
        return {
            "Device Total Rejected": rejected,
            "Device Total Work": moment.accepted + rejected,
            "Device Rejected%": percent(rejected, moment.accepted + rejected),
            "POOLS": [
                {
                    "index": pool.place,
                    "url": pool.url,
                    "user": pool.user,
                    "status": "Alive" if pool.alive else "Unreachable",
                    "priority": pool.place,
                    "getworks": pool.accepted // 3,
                    "accepted": pool.accepted,
                    "rejected": pool.rejected,
                    "stale": pool.stale,
                    "diff": suffixed(pool.difficulty) if pool.active else "",
                    "diff1": 0,
                    "diffa": pool.accepted * pool.difficulty,
                    "diffr": pool.rejected * pool.difficulty,
                    "diffs": pool.stale * pool.difficulty,
                    "lsdiff": pool.difficulty if pool.last_share_at else 0,
                    "lstime": ago(moment.now, pool.last_share_at),
                }
                for pool in moment.pools
            ],
        }

    def configuration(self, moment: Moment) -> Json:
        """Return the configuration that a writer reads, changes and sends back whole."""
        configured = {
            "pools": self.pool_rows(moment),
            "api-listen": True,
            "api-network": True,
            "api-groups": "A:stats:pools:summary:version",
            "api-allow": "A:0/0,W:*",
            "bitmain-fan-ctrl": False,
            "bitmain-fan-pwm": "100",
            "bitmain-use-vil": True,
            "bitmain-freq": f"{self.figures.frequency_mhz:.0f}",
            "bitmain-voltage": f"{self.figures.board_voltage_v * 100:.0f}",
            "bitmain-ccdelay": "0",
            "bitmain-pwth": "0",
            "bitmain-work-mode": "",
            "bitmain-freq-level": "100",
        }
        # the work mode is posted as `miner-mode` and read under this name
        return self.configured(configured) | {"bitmain-work-mode": self.work_mode(moment)}

    def _page(self, name: str, content: Json, now: float) -> Json:
        return {
            "STATUS": {"STATUS": "S", "when": int(now), "Msg": name, "api_version": "1.0.0"},
            "INFO": {
                "miner_version": self.firmware,
                "CompileTime": self.compile_time,
                "type": self.figures.reported,
            },
            **content,
        }

    def _chain(self, board: BoardMoment) -> Json:
        pcb = sensors(board.inlet_c, board.outlet_c)
        return {
            "index": board.place,
            "freq_avg": round(board.frequency_mhz),
            "rate_ideal": self.scaled(board.nominal_hashrate_hs),
            "rate_real": self.scaled(board.hashrate_hs),
            "asic_num": board.chips,
            "asic": "o" * board.chips + "x" * (board.expected_chips - board.chips),
            "temp_pic": [value - 10 for value in pcb],
            "temp_pcb": pcb,
            "temp_chip": sensors(board.chip_min_c, board.chip_max_c),
            "hw": board.hardware_errors,
            "eeprom_loaded": True,
            "sn": board.serial,
        }


def sensors(first: float, last: float) -> tuple[int, int, int, int]:
    """Return four sensors of a board: two where the air comes in, two where it leaves."""
    return (round(first), round(first + 2), round(last - 1), round(last))


def health(moment: Moment) -> list[Json]:
    """Return the status page's four lines: what is well, and the gravest that is not."""
    lines: dict[str, Json] = {
        kind: {"type": kind, "status": "s", "code": 0, "msg": ""}
        for kind in ("rate", "network", "fans", "temp")
    }
    for trouble in reversed(moment.troubles):
        kind, code, words = COMPLAINTS[trouble]
        lines[kind] = {"type": kind, "status": "e", "code": code, "msg": words}
    return list(lines.values())
