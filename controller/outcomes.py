"""What follows from a judgement or an outcome: what is remembered, what the operation says, which events are told.

Here it is said when a miner counts as brought to its profile (its reading shows it), when as drifting (it said yes, and
five minutes later still does not show it), and how long it is left alone after a try that failed.
"""

from typing import Final

from controller.desk import Desk
from controller.model import SYSTEM, ResultState
from controller.powers import ordered_ratio
from controller.reconcile import LOOK_AGAIN_S, Judgement, wait_after
from controller.sending import IN_FLIGHT, LOST, Finished
from controller.telling import shown
from controller.watched import Barred, Watched, moment
from controller.wording import worded
from miners.actions import Outcome, Status

TRIES_IN_OPERATION: Final = 3
"""An operation waits for so many tries of a miner that refuses or is lost on the way; the reconciler goes on after it."""

UNREAD_S: Final = 90.0
"""How long an operation waits for the first reading of a miner, or a fresh one."""

_SKIPPED: Final[dict[str, ResultState]] = {
    "unsupported": "unsupported",
    "unreachable": "unreachable",
    "service": "skipped",
    "inactive": "skipped",
}
"""What an operation says at once of a miner that cannot be written to; for all else it waits."""


class Outcomes:
    """Draws the consequences."""

    def __init__(self, desk: Desk) -> None:
        """See Desk."""
        self._desk = desk

    def judged(self, watched: Watched, judgement: Judgement) -> None:
        """Note what a judgement means for a miner's operation, its record, and the record of events."""
        before, watched.judgement = watched.judgement, judgement
        if judgement.verdict == "observed" or watched.wanted.profile is None:
            self._leave(watched, "skipped", worded("nothing is written to it"))
        elif judgement.matches is True:
            self._confirm(watched)
        elif judgement.matches is False and not watched.task:
            self._contradict(watched)
        # What has left finishes, and says itself how.
        if judgement.verdict == "blocked" and watched.task is None:
            if judgement.reason in ("unreachable", "unread", "stale"):
                watched.missed = True
            state = _SKIPPED.get(judgement.reason)
            if state is None and judgement.reason in ("unread", "stale") and self._waited(watched):
                state = "unreachable"
            if state is not None:
                self._leave(watched, state, judgement.detail)
            else:
                self._desk.operations.mark(
                    watched.operation_id, watched.id, "waiting", detail=judgement.detail
                )
        elif judgement.verdict == "nothing" and judgement.reason == "untold":
            self._leave(watched, "unchanged", judgement.detail)
        elif (
            judgement.verdict == "wait" and judgement.reason in ("back_off", "restarts") and not watched.task
        ):
            self._desk.operations.mark(watched.operation_id, watched.id, "waiting", detail=judgement.detail)
        self._drift(watched)
        if before != judgement:
            self._desk.views.touch((watched,))

    def reconsider(self, watched: Watched) -> None:
        """Try soon again what a wrong password or the firmware stood against, where that may have been mended.

        So it is when the inventory leads to the miner in another way or by another password, when it runs another
        firmware, and after a start of the controller, before which anything may have changed.
        """
        record, before = watched.record, watched.barred
        if record.not_before is None or record.last_outcome not in ("auth_failed", "unsupported"):
            return
        now = _as_it_is(watched)
        if before is not None and before.target == now.target:
            other = now.firmware is not None and before.firmware not in (None, now.firmware)
            if not other:
                return
        watched.barred = now
        self._desk.note(watched, attempts=0, not_before=None)

    def _waited(self, watched: Watched) -> bool:
        since = watched.wanted.since
        return since is None or self._desk.clock.now() - since.timestamp() >= UNREAD_S

    def _leave(self, watched: Watched, state: ResultState, detail: str) -> None:
        self._desk.operations.mark(watched.operation_id, watched.id, state, detail=detail)
        watched.operation_id = None

    def _confirm(self, watched: Watched) -> None:
        """Note that a fresh reading shows what is wanted."""
        desk, record, step = self._desk, watched.record, watched.step
        watched.confirmed, watched.missed = True, False
        if watched.task is None:
            late = record.unverified_at is not None or record.last_detail == LOST
            self._leave(
                watched,
                "applied" if late else "unchanged",
                worded("its readings show it now") if late else worded("it shows that already"),
            )
        ratio = None if step is None else ordered_ratio(step)
        if record.unverified_at is not None:
            desk.tell(
                "command",
                "command.confirmed",
                SYSTEM,
                watched=watched,
                params={"profile": watched.wanted.profile},
                after=shown(watched.known.snapshot),
                outcome="applied",
            )
        if watched.drifting:
            watched.drifting = False
            desk.tell(
                "state", "drift.ended", SYSTEM, watched=watched, params={"profile": watched.wanted.profile}
            )
        if (
            record.applied_profile != watched.wanted.profile
            or record.applied_ratio != ratio
            or record.attempts
            or record.unverified_at is not None
        ):
            desk.note(
                watched,
                applied_profile=watched.wanted.profile,
                applied_ratio=ratio,
                applied_at=desk.now,
                attempts=0,
                unverified_at=None,
            )
            desk.views.touch((watched,))

    def _contradict(self, watched: Watched) -> None:
        """Note that a fresh reading shows something else than what is wanted, with no command on its way."""
        desk, record = self._desk, watched.record
        if watched.confirmed:
            watched.confirmed = False
            watched.departed = True
            desk.tell(
                "state",
                "state.departed",
                SYSTEM,
                watched=watched,
                params={"profile": watched.wanted.profile},
                after=shown(watched.known.snapshot),
            )
        if record.applied_profile is not None and record.applied_profile == watched.wanted.profile:
            desk.note(watched, applied_profile=None, applied_ratio=None)

    def _drift(self, watched: Watched) -> None:
        """Tell that a miner does not obey, once it has had its time."""
        unverified_at = watched.record.unverified_at
        if unverified_at is None or watched.drifting or watched.judgement.matches is True:
            return
        if self._desk.clock.now() >= unverified_at.timestamp() + LOOK_AGAIN_S:
            watched.drifting = True
            self._desk.views.touch((watched,))
            self._desk.tell(
                "state",
                "drift.begun",
                SYSTEM,
                watched=watched,
                params={"profile": watched.wanted.profile, "detail": watched.record.last_detail},
                after=shown(watched.known.snapshot),
            )

    def finished(self, finished: Finished) -> None:
        """Note what came of an order."""
        watched, outcome = finished.order.watched, finished.outcome
        if finished.order.errand is not None:
            self._errand_done(finished)
        elif outcome is None:
            self._withheld(finished)
        elif outcome.status in ("applied", "unchanged"):
            self._succeeded(finished, outcome)
        else:
            self._failed(finished, outcome)
        self._desk.views.touch((watched,))
        self._desk.look((watched,))

    def _withheld(self, finished: Finished) -> None:
        watched = finished.order.watched
        if finished.retry_after_s:
            watched.not_before_s = self._desk.clock.now() + finished.retry_after_s
        if (
            finished.commands and watched.record.last_detail == IN_FLIGHT
        ):  # an earlier action of it, which was proved
            cool = moment(self._desk.clock.now() + self._desk.settings.cool_down_s)
            self._desk.note(watched, last_detail=finished.withheld, not_before=cool)
        self._desk.operations.mark(
            watched.operation_id, watched.id, "waiting", detail=finished.withheld or ""
        )

    def _succeeded(self, finished: Finished, outcome: Outcome) -> None:
        desk, watched = self._desk, finished.order.watched
        watched.departed = watched.missed = False
        changes: dict[str, object] = {
            "attempts": 0,
            "last_outcome": outcome.status,
            "last_detail": outcome.detail,
            "unverified_at": None,
        }
        if finished.commands:
            changes["not_before"] = moment(desk.clock.now() + desk.settings.cool_down_s)
        self._mark(finished, outcome.status, outcome.detail)
        if watched.operation_id == finished.order.operation_id:
            watched.operation_id = None
        desk.note(watched, **changes)

    def _failed(self, finished: Finished, outcome: Outcome) -> None:
        desk, watched = self._desk, finished.order.watched
        if finished.order.profile != watched.wanted.profile:
            self._mark(finished, outcome.status, outcome.detail)
            return
        attempts = watched.record.attempts + 1
        wait_s = wait_after(
            outcome.status, attempts, retries=desk.settings.retries, give_up_s=desk.settings.give_up_s
        )
        not_before = moment(desk.clock.now() + wait_s)
        unverified = outcome.status == "accepted_unverified"
        if outcome.status in ("auth_failed", "unsupported"):
            watched.barred = _as_it_is(watched)
        desk.note(
            watched,
            attempts=attempts,
            last_outcome=outcome.status,
            last_detail=outcome.detail,
            not_before=not_before,
            unverified_at=(watched.record.unverified_at or desk.now) if unverified else None,
        )
        final = outcome.status not in ("refused", "unreachable") or attempts >= TRIES_IN_OPERATION
        self._mark(finished, outcome.status if final else "waiting", outcome.detail)
        if final and watched.operation_id == finished.order.operation_id:
            watched.operation_id = None

    def _errand_done(self, finished: Finished) -> None:
        watched, outcome = finished.order.watched, finished.outcome
        if outcome is None and finished.retry_after_s:
            watched.not_before_s = self._desk.clock.now() + finished.retry_after_s
            self._mark(finished, "waiting", finished.withheld or "")
            return
        watched.errand = None
        if outcome is None:
            self._mark(finished, "skipped", finished.withheld or "")
            return
        kept = finished.remembered
        if (
            kept is not None and watched.record.last_detail == IN_FLIGHT
        ):  # what came of its order stands as it was
            cool = moment(self._desk.clock.now() + self._desk.settings.cool_down_s)
            self._desk.note(
                watched,
                last_outcome=kept.last_outcome,
                last_detail=kept.last_detail,
                not_before=max(kept.not_before or cool, cool),
            )
        if (
            finished.commands
        ):  # it may begin anew, and is not to be taken for one that somebody changed by hand
            watched.confirmed = False
        self._mark(finished, outcome.status, outcome.detail)

    def errand_blocked(self, watched: Watched, against: Judgement) -> None:
        """Say why a deed is not done: one without an intention does not wait for better times."""
        errand = watched.errand
        if errand is None:
            return
        watched.errand = None
        state: ResultState = (
            "unreachable" if against.reason in ("unreachable", "unread", "stale") else "skipped"
        )
        self._desk.operations.mark(errand.operation_id, watched.id, state, detail=against.detail)

    def _mark(self, finished: Finished, state: ResultState | Status, detail: str) -> None:
        operation_id, miner = finished.order.operation_id, finished.order.watched.id
        running = self._desk.operations.get(operation_id)
        found = None if running is None else running.results.get(miner)
        if found is None:
            return
        self._desk.operations.mark(
            operation_id,
            miner,
            state,
            detail=detail,
            attempts=found.attempts + 1,
            duration_s=finished.duration_s,
            power_before_w=finished.power_before_w,
            power_after_w=finished.power_after_w,
        )


def _as_it_is(watched: Watched) -> Barred:
    """Return by what an order to a miner may fail for good."""
    snapshot = watched.known.snapshot
    told = () if snapshot is None else (snapshot.identity.firmware, snapshot.identity.firmware_version)
    return Barred(watched.known.target, " ".join(part for part in told if part) or None)
