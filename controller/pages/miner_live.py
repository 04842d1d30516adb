"""What stands at each place of a miner's page: texts made by one function for the first HTML and for the stream. Pure.

A reading that is too old, or of before the miner fell silent, keeps its figures here; the page dims and dates them by the
state of the place `fresh`. All places are there whatever the miner reports, so that what it begins to report appears.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final, TypeAlias, TypeVar

from controller.deeds import MinerView
from controller.pages.event_words import outcome_words
from controller.pages.formats import isolated, plain
from controller.pages.formats import sentence as as_sentence
from controller.pages.language import Words
from controller.pages.live_state import LiveState
from controller.pages.miner_boards import board_rows, missing_boards, pool_rows
from controller.pages.miner_page import MinerShown, failure_of
from controller.pages.state_marks import mark_path
from controller.pages.state_words import state_word
from controller.pages.trouble import is_words
from miners.model import Board, FailureReason, Pool, Psu

DASH: Final = "–"

Told: TypeAlias = Callable[[datetime], str]
Texts: TypeAlias = dict[str, str]
V = TypeVar("V")
N = TypeVar("N")


def miner_state(miner: MinerShown, view: MinerView, words: Words, *, clock: Told, ago: Told) -> LiveState:
    """Return the places of a miner's page, `m.ID.…`. `clock`, `ago`: write a moment, and how long ago it was."""
    reading, detail = miner.reading, miner.detail
    places = _Places(miner, view, words, clock, ago)
    texts = {
        **places.head(),
        **places.figures(),
        **places.profile(),
        **places.boards(),
        **places.cooling(),
        **places.pools(),
    }
    lost = missing_boards(reading)
    shown = {*lost, *(board.index for board in (reading.boards if reading is not None else ()))}
    pools = len(reading.pools) if reading is not None else 0
    hidden = {name: not texts[name] for name in ("why", "lacking", "doubt", "order")}
    hidden |= {"boards": not shown, "no-boards": bool(shown), "pools": not pools, "no-pools": bool(pools)}
    hidden |= {f"board.{index}": index not in shown for index in board_rows(reading)}
    hidden |= {f"pool.{at}": at >= pools for at in range(pool_rows(reading))}
    states = {
        "fresh": miner.freshness,
        "mark": detail.state,
        "why": "alarm" if miner.freshness == "failed" else "plain",
        **{f"board.{index}": "lost" if index in lost else "there" for index in board_rows(reading)},
    }
    return LiveState(
        texts=_keyed(detail.id, texts),
        paths=_keyed(detail.id, {"mark": mark_path(detail.state, current=miner.current)}),
        states=_keyed(detail.id, states),
        hidden=_keyed(detail.id, hidden),
    )


def _keyed(miner_id: str, values: Mapping[str, V]) -> dict[str, V]:
    return {f"m.{miner_id}.{name}": value for name, value in values.items()}


class _Places:
    """The texts, a group for each part of the page."""

    def __init__(self, miner: MinerShown, view: MinerView, words: Words, clock: Told, ago: Told) -> None:
        self.miner, self.view, self.words, self.clock, self.ago = miner, view, words, clock, ago
        self.detail, self.shown, self.reading = miner.detail, miner.figures, miner.reading
        self.gettext, self.formats = words.gettext, words.formats
        self.nothing = self.gettext("not reported") if miner.known else self.gettext("not known")

    def head(self) -> Texts:
        """Return what it is, why it is not known, and when it was read."""
        read_at = self.miner.read_at
        return {
            "state": self._state(),
            "why": " ".join(self._why()),
            "faults": self._faults(),
            "read": self.gettext("never")
            if read_at is None
            else self.gettext("%(time)s ago", time=self.ago(read_at)),
            "read.note": "" if read_at is None else self.gettext("at %(time)s", time=self.clock(read_at)),
        }

    def _state(self) -> str:
        detail = self.detail
        if self.miner.freshness == "stale" and detail.taken_at is not None:
            state = state_word(self.words, detail.state)
            return self.gettext(
                "not known now, was %(state)s %(time)s ago", state=state, time=self.ago(detail.taken_at)
            )
        if self.miner.freshness == "never":
            return self.gettext("not read yet")
        return is_words(self.view, self.words, self.clock)

    def _why(self) -> list[str]:
        """Return the sentences on why there are no figures of now."""
        freshness, detail, gettext = self.miner.freshness, self.detail, self.gettext
        if freshness == "inactive":
            return [gettext("Disabled in the inventory: it is neither read nor commanded.")]
        if freshness == "never":
            return [gettext("It has not been read since the controller started. Reload in a minute.")]
        if freshness == "stale" and detail.taken_at is not None:
            ago = self.ago(detail.taken_at)
            return [gettext("Last read %(time)s ago: what is shown is from then, not of now.", time=ago)]
        if freshness != "failed" or detail.failure is None:
            return []
        failure, since = failure_of(detail), detail.failure.since
        told = (
            as_sentence(plain(self.words.told(failure.detail)))
            if failure is not None
            else _failure_words(self.words, detail.failure.reason)
        )
        found = [told]
        if since is not None:
            found.append(
                gettext("So since %(time)s (%(long)s).", time=self.clock(since), long=self.ago(since))
            )
        if detail.taken_at is not None:
            found.append(gettext("Last tried %(time)s ago.", time=self.ago(detail.taken_at)))
        return [*found, self._left()]

    def _left(self) -> str:
        """Return what is left of a miner that does not answer."""
        last_seen, gettext = self.detail.last_seen, self.gettext
        if last_seen is None:
            return gettext(
                "It has not answered since the controller started. Is it powered, and is the address right?"
            )
        if self.reading is not None:
            return gettext("Shown below is its last reading, %(time)s old.", time=self.ago(last_seen))
        return gettext(
            "It last answered %(time)s ago. Its last figures are not shown.", time=self.ago(last_seen)
        )

    def _faults(self) -> str:
        if not self.miner.known:
            return self.gettext("Not known: there is no reading to show.")
        if not self.shown.faults:
            return self.gettext("It reports none.")
        found = []
        for fault in self.shown.faults:
            told = isolated(f"{plain(fault.code)} {plain(fault.text or '')}".strip())
            if fault.since is not None:
                told = self.gettext("%(fault)s since %(time)s", fault=told, time=self.clock(fault.since))
            found.append(told)
        return " · ".join(found)

    def figures(self) -> Texts:
        """Return the large figures, each with what stands beneath it."""
        shown, gettext, formats = self.shown, self.gettext, self.formats
        nominal = shown.nominal_hashrate_hs
        if shown.performance_ratio is not None and nominal is not None:
            of_nominal = gettext(
                "%(share)s of %(nominal)s",
                share=formats.percent(shown.performance_ratio),
                nominal=formats.hash_rate(nominal),
            )
        elif nominal is not None:
            of_nominal = gettext("nominal %(rate)s", rate=formats.hash_rate(nominal))
        else:
            of_nominal = gettext("nominal not known")
        rate_note = of_nominal if shown.hashrate_hs is not None else f"{self.nothing}; {of_nominal}"
        sources = {
            "measured": gettext("measured by the miner"),
            "estimated": gettext("estimated from the model"),
        }
        source = sources.get(shown.power_source or "", gettext("source not known"))
        other = shown.algorithm if shown.algorithm != "SHA-256" else None
        inlet = self.nothing if shown.inlet_c is None else self._unit("°C")(shown.inlet_c)
        return {
            "hashrate": self._or_dash(shown.hashrate_hs, formats.hash_rate),
            "hashrate.note": rate_note,
            "power": self._or_dash(shown.power_w, formats.watts),
            "power.note": self.nothing if shown.power_w is None else source,
            "efficiency": self._or_dash(shown.efficiency_j_per_th, self._unit("J/TH", 1)),
            "efficiency.note": ""
            if shown.efficiency_j_per_th is not None
            else plain(other)
            if other
            else self.nothing,
            "chip": self._or_dash(shown.chip_max_c, self._unit("°C")),
            "chip.note": gettext("inlet %(temperature)s", temperature=inlet)
            if shown.chip_max_c is not None
            else f"{self.nothing}; {gettext('inlet %(temperature)s', temperature=inlet)}",
            "uptime": self._uptime(),
        }

    def _uptime(self) -> str:
        if self.shown.uptime_s is None:
            return self._absent()
        up = self.formats.duration(self.shown.uptime_s)
        mining = self.reading.mining_s if self.reading is not None else None
        if mining is None:
            return up
        return self.gettext("%(up)s, mining %(mining)s", up=up, mining=self.formats.duration(mining))

    def profile(self) -> Texts:
        """Return what it is ordered to do, and whether it does."""
        profile, gettext = self.detail.profile, self.gettext
        order = ""
        if profile.last_outcome:
            order = outcome_words(profile.last_outcome, self.words)
            if profile.last_detail:
                told = plain(self.words.told(profile.last_detail))
                order = gettext("%(outcome)s: %(detail)s", outcome=order, detail=told)
        return {
            "profile": plain(profile.desired) if profile.desired else gettext("none"),
            "profile.note": self._runs(),
            "wanted": self._wanted(),
            "applied": plain(profile.applied) if profile.applied else gettext("none yet"),
            "order": order,
            "doubt": plain(self.words.told(profile.doubt)) if profile.doubt else "",
            "says": self._says(),
        }

    def _runs(self) -> str:
        profile, gettext = self.detail.profile, self.gettext
        if not profile.desired:
            return gettext("nothing is ordered")
        if self.view.container.control == "observe":
            return gettext("only watched: it would run this")
        if not self.miner.current:
            return gettext("whether it runs is not known now")
        if profile.matches is None:
            return gettext("ordered; it cannot be told from the reading")
        return gettext("ordered, and read back") if profile.matches else gettext("ordered, and not read back")

    def _wanted(self) -> str:
        profile, gettext = self.detail.profile, self.gettext
        if not profile.desired:
            return gettext("nothing")
        name = plain(profile.desired)
        by = {
            "schedule": gettext("%(profile)s, by the schedule", profile=name),
            "override": gettext("%(profile)s, by an override", profile=name),
        }.get(profile.source, gettext("%(profile)s, by default", profile=name))
        if profile.since is None:
            return by
        return gettext("%(profile)s since %(time)s", profile=by, time=self.clock(profile.since))

    def _says(self) -> str:
        """Return how the firmware itself calls what it does."""
        reading, gettext = self.reading, self.gettext
        if reading is None:
            return self._absent()
        found = [isolated(plain(reading.profile))] if reading.profile else []
        if reading.power_mode:
            found.append(gettext("mode %(mode)s", mode=plain(reading.power_mode)))
        if reading.power_percent is not None:
            share = self.formats.percent(reading.power_percent / 100)
            found.append(gettext("%(share)s of nominal power", share=share))
        return ", ".join(found) or self._absent()

    def boards(self) -> Texts:
        """Return the table of boards: a text for each row and column, whether or not it is seen."""
        reading, size = self.reading, self.miner.board_unit[0]
        there = {board.index: board for board in reading.boards} if reading is not None else {}
        texts = {"boards.unit": self.miner.board_unit[1], "lacking": self._lacking()}
        lost = missing_boards(reading)
        for index in board_rows(reading):
            name = str(index) if index not in lost else self.gettext("%(board)s lost", board=str(index))
            texts[f"board.{index}.name"] = name
            board = there.get(index, Board(index))
            for column, text in self._board(board, size).items():
                texts[f"board.{index}.{column}"] = text
        return texts

    def _board(self, board: Board, size: float) -> Texts:
        formats = self.formats
        chips = DASH if board.chips is None else formats.whole(board.chips)
        if board.expected_chips is not None:
            chips = f"{chips}/{formats.whole(board.expected_chips)}"
        return {
            "rate": self._or_dash(board.hashrate_hs, lambda rate: formats.figure(rate / size)),
            "chips": chips,
            "chip": self._or_dash(board.chip_max_c, formats.whole),
            "board": self._or_dash(board.board_c, formats.whole),
            "clock": self._or_dash(board.frequency_hz, lambda rate: formats.whole(rate / 1e6)),
            "volts": self._or_dash(board.voltage_v, formats.figure),
            "errors": self._or_dash(board.hardware_errors, formats.whole),
        }

    def _lacking(self) -> str:
        reading = self.reading
        if reading is None or not self.miner.missing_boards:
            return ""
        return self.gettext(
            "%(there)s of %(expected)s boards found",
            there=len(reading.boards),
            expected=reading.expected_boards,
        )

    def cooling(self) -> Texts:
        """Return fans, air, supply and limit."""
        reading, gettext = self.reading, self.gettext
        if reading is None:
            return dict.fromkeys(("fans", "air", "hottest", "supply", "limit"), self._absent())
        air = reading.temperatures_c
        degrees = self._unit("°C")
        fans = " · ".join(self.formats.whole(fan.speed_rpm) for fan in reading.fans)
        fans = f"{fans} {self.formats.unit_name('rpm')}" if fans else self._absent()
        if reading.fan_duty_ratio is not None:
            duty = self.formats.percent(reading.fan_duty_ratio)
            fans = gettext("%(fans)s, driven at %(duty)s", fans=fans, duty=duty)
        return {
            "fans": fans,
            "air": self._absent()
            if air.inlet is None and air.outlet is None
            else gettext(
                "in %(inlet)s, out %(outlet)s",
                inlet=self._or_dash(air.inlet, degrees),
                outlet=self._or_dash(air.outlet, degrees),
            ),
            "hottest": self._absent() if air.board_max is None else degrees(air.board_max),
            "supply": self._supply(reading.psu),
            "limit": self._absent()
            if reading.power_limit_w is None
            else self.formats.watts(reading.power_limit_w),
        }

    def _supply(self, psu: Psu | None) -> str:
        if psu is None:
            return self._absent()
        gettext, unit = self.gettext, self._unit
        parts = (
            isolated(plain(psu.model)) if psu.model else None,
            gettext("in %(voltage)s", voltage=unit("V")(psu.input_v)) if psu.input_v is not None else None,
            unit("A", 1)(psu.input_a) if psu.input_a is not None else None,
            gettext("out %(voltage)s", voltage=unit("V", 1)(psu.output_v))
            if psu.output_v is not None
            else None,
            unit("°C")(psu.temperature_c) if psu.temperature_c is not None else None,
            gettext("fan %(speed)s", speed=unit("rpm")(psu.fan_rpm)) if psu.fan_rpm is not None else None,
        )
        return ", ".join(part for part in parts if part) or self._absent()

    def pools(self) -> Texts:
        """Return the table of pools."""
        found = self.reading.pools if self.reading is not None else ()
        texts: Texts = {}
        for at in range(pool_rows(self.reading)):
            pool = found[at] if at < len(found) else Pool(at)
            texts |= {f"pool.{at}.{column}": text for column, text in self._pool(pool).items()}
        return texts

    def _pool(self, pool: Pool) -> Texts:
        gettext, formats = self.gettext, self.formats
        used = None
        if pool.active is not None or pool.alive is not None:
            used = gettext("in use") if pool.active else gettext("spare")
        alive = None if pool.alive is None else gettext("alive") if pool.alive else gettext("dead")
        shares = (pool.accepted or 0) + (pool.rejected or 0)
        rejected = self._or_dash(pool.rejected, formats.whole)
        if pool.rejected and pool.accepted is not None:
            rejected = f"{rejected} ({formats.percent(pool.rejected / shares, 2)})"
        last = pool.last_share_at
        return {
            "url": plain(pool.url) if pool.url else DASH,
            "user": plain(pool.user) if pool.user else DASH,
            "state": ", ".join(part for part in (used, alive) if part) or DASH,
            "accepted": self._or_dash(pool.accepted, formats.whole),
            "rejected": rejected,
            "share": DASH if last is None else gettext("%(time)s ago", time=self.ago(last)),
        }

    def _absent(self) -> str:
        return f"{DASH} {self.nothing}"

    def _or_dash(self, value: N | None, written: Callable[[N], str]) -> str:
        return DASH if value is None else written(value)

    def _unit(self, unit: str, digits: int = 0) -> Callable[[float], str]:
        return lambda value: self.formats.of(value, unit, digits)


def _failure_words(words: Words, reason: str) -> str:
    """Return why it does not answer, for those who are not given the miner's own words."""
    known: Mapping[FailureReason, str] = {
        "auth": words.gettext("It answers and refuses the password."),
        "malformed": words.gettext("It answers what cannot be read."),
        "unsupported": words.gettext("It answers and is no miner that is known."),
        "refused": words.gettext("It refuses the connection."),
        "timeout": words.gettext("No answer in time."),
        "unreachable": words.gettext("No way to it."),
    }
    return next((text for kind, text in known.items() if kind == reason), words.gettext("No way to it."))
