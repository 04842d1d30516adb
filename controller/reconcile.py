"""What is to be done about one miner now: wanted, the step to it, what it shows, what stands against writing.

Pure: a Situation in, a Judgement out. It is asked when the miner's turn comes and again immediately before a command
leaves, so whatever has come up in between (a hold, a service mark, a doubt) still stops it.
"""

from datetime import UTC, datetime, timedelta
from typing import Final, Literal, TypeAlias
from zoneinfo import ZoneInfo

import msgspec

from controller.model import Hold, MinerRecord, ServiceMark, Step, Wanted
from controller.profiles import next_action, shows
from controller.safety import held, in_service
from controller.wording import worded, worded_many
from miners.actions import Action, Sleep, Status
from miners.inventory.fleet import Container, Miner
from miners.model import PollFailure, Reading, Snapshot
from miners.writing import Ability, Writer

LOOK_AGAIN_S: Final = 300.0
"""A command that was accepted and does not show is looked at again after so long; only then is it repeated."""

BACK_OFF_S: Final = (30.0, 60.0, 120.0, 300.0, 600.0)
"""How long to wait after the first failed try in a row, the second, and so on; the last holds for those after."""

LONG_S: Final = 6 * 3600.0
"""What a wrong password or a missing ability is worth trying again after, where nothing has changed."""

LONGEST_PROOF_S: Final = 1800.0
"""No make takes longer than this until its readings show what it was told."""

Verdict: TypeAlias = Literal["nothing", "observed", "matches", "wait", "blocked", "send"]
Reason: TypeAlias = Literal[
    "",
    "inactive",
    "observed",
    "unread",
    "unreachable",
    "stale",
    "unsupported",
    "service",
    "held",
    "doubt",
    "busy",
    "settling",
    "back_off",
    "restarts",
    "presets",
    "interlock",
    "untold",
]


class Judgement(msgspec.Struct, frozen=True):
    """What is to be done. `matches`: whether the miner shows what is wanted, None where that cannot be told.

    `detail`: why nothing is sent, one line. `until`: when to look again (clock's seconds), None: when something
    changes. `action`, `ability`: what is to be sent, and what the make's table says of it.
    """

    verdict: Verdict
    reason: Reason = ""
    detail: str = ""
    matches: bool | None = None
    until: float | None = None
    action: Action | None = None
    ability: Ability | None = None


NOTHING: Final = Judgement("nothing")


class Situation(msgspec.Struct, frozen=True, kw_only=True):
    """All that the decision looks at.

    `now`: the clock's seconds. `snapshot`: the last good reading. `stale`: the reading says nothing about now.
    `settled_at`: readings taken before then are from before the last command. `needs_presets`: the step waits for the
    presets that the miner has. `doubts`: what stands against writing to it, everywhere and here, a line each. `busy`:
    something is being written to it.
    """

    now: float
    container: Container
    miner: Miner
    wanted: Wanted
    step: Step | None
    writer: Writer | None
    reading: Reading | None
    snapshot: Snapshot | None
    read_at: float
    stale: bool
    record: MinerRecord
    settled_at: float = 0.0
    needs_presets: bool = False
    service: ServiceMark | None = None
    holds: tuple[Hold, ...] = ()
    doubts: tuple[str, ...] = ()
    busy: bool = False
    emergency: bool = False
    restarts_a_day: int


def judge(case: Situation) -> Judgement:
    """Return what is to be done about a miner now."""
    if case.wanted.profile is None or not case.miner.active:
        return Judgement("nothing", "" if case.miner.active else "inactive")
    matches = _matches(case)
    if case.container.control != "enforce":
        return Judgement("observed", matches=matches)
    against = standing_against(case)
    if against is not None:
        return msgspec.structs.replace(against, matches=matches)
    step, snapshot, writer = case.step, case.snapshot, case.writer
    if step is None or step.problem is not None or snapshot is None or writer is None:
        if case.needs_presets:
            return Judgement("wait", "presets", worded("the miner is being asked for its presets"), matches)
        why = (
            worded("its driver is not known")
            if step is None
            else step.problem or worded("nothing is known that writes to it")
        )
        return Judgement("blocked", "unsupported", why, matches)
    if matches is True:
        return Judgement("matches", matches=True)
    if case.busy:
        return Judgement("wait", "busy", worded("a command is on its way"), matches)
    if case.read_at < case.settled_at:
        return Judgement("wait", "settling", worded("not read since the last command"), matches)
    action = next_action(step, snapshot, writer)
    if action is None:
        return Judgement("matches", matches=matches)
    ability = writer.abilities.get(type(action))
    if matches is None and case.record.last_outcome in ("applied", "unchanged", "accepted_unverified"):
        # Its readings cannot tell, and it has taken the command: saying it again would prove no more.
        return Judgement("nothing", "untold", worded("its readings cannot tell whether it obeys"), None)
    waits = _waits(case, action, ability)
    if waits is not None:
        return msgspec.structs.replace(waits, matches=matches)
    return Judgement("send", matches=matches, action=action, ability=ability)


def standing_against(case: Situation) -> Judgement | None:
    """Return what stands against writing anything at all to a miner now, None if nothing does."""
    if case.container.control != "enforce":
        return Judgement("blocked", "observed", worded("its container is only observed"))
    if not case.miner.active:
        return Judgement("blocked", "inactive", worded("it is switched off in the inventory (active: false)"))
    marked = in_service(case.service)
    if marked is not None:
        return Judgement("blocked", "service", marked)
    stopped = held(case.holds, case.container.id)
    if stopped is not None:
        return Judgement("blocked", "held", stopped)
    if case.doubts:
        return Judgement("blocked", "doubt", case.doubts[0])
    if isinstance(case.reading, PollFailure):
        return Judgement(
            "blocked", "unreachable", worded("it does not answer: %(detail)s", detail=case.reading.detail)
        )
    if case.reading is None or case.snapshot is None:
        return Judgement("blocked", "unread", worded("it has not been read yet"))
    if case.stale:
        return Judgement("blocked", "stale", worded("its reading is too old to act upon"))
    return None


def _matches(case: Situation) -> bool | None:
    if case.step is None or case.writer is None or not isinstance(case.reading, Snapshot):
        return None
    if case.stale or case.read_at < case.settled_at:
        return None
    return shows(case.step, case.reading, case.writer)


def _waits(case: Situation, action: Action, ability: Ability | None) -> Judgement | None:
    """Return why a command that is due has to wait, None if it has not."""
    record = case.record
    not_before = record.not_before.timestamp() if record.not_before is not None else 0.0
    if case.now < not_before and not (case.emergency and isinstance(action, Sleep) and not record.attempts):
        why = record.last_detail or worded("it was commanded a moment ago")
        return Judgement("wait", "back_off", why, until=not_before)
    spent = restarts_spent(case, action, ability)
    if spent is not None:
        return Judgement("wait", "restarts", spent, until=_midnight(case.container, case.now))
    return None


def restarts_spent(case: Situation, action: Action, ability: Ability | None) -> str | None:
    """Return why an action that restarts a miner's mining has to wait for tomorrow, None if it has not."""
    if ability is None or not ability.restarts_mining or isinstance(action, Sleep):
        return None
    if restarts_today(case.record, case.container, case.now) < case.restarts_a_day:
        return None
    return worded_many(
        "its mining was restarted %(num)s times today, which is as often as is allowed",
        "its mining was restarted %(num)s times today, which is as often as is allowed",
        case.restarts_a_day,
    )


def day_of(container: Container, now: float) -> str:
    """Return the date that it is in a container."""
    return datetime.fromtimestamp(now, ZoneInfo(container.timezone)).date().isoformat()


def restarts_today(record: MinerRecord, container: Container, now: float) -> int:
    """Return how often commands have restarted a miner's mining on the present day of its container."""
    return record.restarts if record.restarts_on == day_of(container, now) else 0


def wait_after(status: Status, attempts: int, *, retries: int, give_up_s: float) -> float:
    """Return how many seconds to leave a miner alone after its `attempts`-th failed try in a row.

    After `retries` of them only one more is made every `give_up_s` seconds.
    """
    if status in ("auth_failed", "unsupported"):
        return LONG_S
    wait = BACK_OFF_S[min(attempts, len(BACK_OFF_S)) - 1]
    if attempts >= retries:
        wait = max(wait, give_up_s)
    return max(wait, LOOK_AGAIN_S) if status == "accepted_unverified" else wait


def within_reach(record: MinerRecord, now: float, *, give_up_s: float, cool_down_s: float) -> MinerRecord:
    """Return what is remembered of a miner with no time in it that cannot be, seen from now.

    Where the clock was set back a long way since it was written, a pause of minutes would else last until the old time
    comes again.
    """
    hopeless = record.last_outcome in ("auth_failed", "unsupported")
    longest = LONG_S if hopeless else max(BACK_OFF_S[-1], LONGEST_PROOF_S, give_up_s, cool_down_s)
    if record.not_before is not None and record.not_before.timestamp() > now + longest:
        record = msgspec.structs.replace(record, not_before=datetime.fromtimestamp(now + longest, UTC))
    if record.unverified_at is not None and record.unverified_at.timestamp() > now:
        record = msgspec.structs.replace(record, unverified_at=datetime.fromtimestamp(now, UTC))
    return record


def _midnight(container: Container, now: float) -> float:
    there = datetime.fromtimestamp(now, ZoneInfo(container.timezone))
    tomorrow = (there + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
    return tomorrow.timestamp()
