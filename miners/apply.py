"""Doing one action on one miner, and proving it: read, check, send, read back until it shows.

`applied` is only said of what the miner's own state shows. Whatever goes wrong becomes an Outcome: data, no crash. A
command whose answer is lost is not repeated: the read-back decides. Time is that of the handed Clock; the time-outs of
sockets run on the event loop's.
"""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final

import msgspec
import structlog

from miners.actions import Action, Locate, Outcome, Reboot, Status
from miners.client import read_miner
from miners.clock import Clock
from miners.driver import Memory
from miners.errors import HashyardError, PollError
from miners.hand import TcpHand
from miners.model import FailureReason, Identity, PollFailure, Snapshot, Target
from miners.proof import another_device, confided_by, describe, holds, objection, one_line
from miners.writers import WRITERS
from miners.writing import Ability, Preset, Session, WriteError, Writer

GATEWAY: Final = "token_gateway"

FIRST_LOOK_S: Final = 0.5
"""A miner that obeys at once is found out with one reading; the slow ones cost a few more."""
GROWTH: Final = 1.7
LONGEST_WAIT_S: Final = 15.0

_STATUS: Final[Mapping[FailureReason, Status]] = {
    "refused": "unreachable",
    "unreachable": "unreachable",
    "timeout": "unreachable",
    "malformed": "unreachable",
    "auth": "auth_failed",
    "unsupported": "unsupported",
}

_log = structlog.get_logger(__name__)


class Applied(msgspec.Struct, frozen=True, gc=False, kw_only=True):
    """An Outcome with the readings it rests on: the last before the command, and the last after it."""

    outcome: Outcome
    before: Snapshot | None = None
    after: Snapshot | None = None


def writer_for(target: Target, driver: str | None) -> Writer | None:
    """Return how a miner is commanded: through its gateway, else by the writer of the driver that reads it, if any."""
    name = GATEWAY if target.gateway else driver
    return None if name is None else WRITERS.get(name)


async def presets_of(target: Target, writer: Writer, clock: Clock) -> tuple[Preset, ...]:
    """Return the presets that a miner has; none where the make has none. Raises a PollError or a WriteError."""
    if writer.presets is None:
        return ()
    return await writer.presets(TcpHand(target, now=clock.now()))


async def apply(
    target: Target,
    action: Action,
    *,
    writer: Writer | None = None,
    session: Session,
    memory: Memory,
    clock: Clock,
    before: Snapshot | None = None,
    expected: Identity | None = None,
    on_sent: Callable[[], Awaitable[None]] | None = None,
) -> Applied:
    """Do one action on one miner now and read it back until it shows; return what came of it.

    `before`: a reading that the caller vouches for as fresh; without it the miner is read first. `unchanged` is said of a
    reading of our own alone, for the settings in another may have been kept from an earlier one. `writer`: None to take
    that of the driver which reads the miner. `expected`: who must stand at the address; another MAC or serial number, and
    nothing is sent. `on_sent` is awaited just before the command leaves; if it fails, nothing is sent. `session` and
    `memory` are this miner's own, from command to command. Raises nothing but what cancels the task.
    """
    command = _Command(target, action, session, memory, clock, before)
    try:
        return await command.run(writer, expected, on_sent)
    except Exception as error:  # noqa: BLE001  # a mistake of ours over one reading must not end the control of a fleet
        return command.stumble(error)


class _Command:
    """One action on its way."""

    def __init__(
        self,
        target: Target,
        action: Action,
        session: Session,
        memory: Memory,
        clock: Clock,
        before: Snapshot | None,
    ) -> None:
        self._target = target
        self._action = action
        self._session = session
        self._memory = memory
        self._clock = clock
        self._before = before
        self._after: Snapshot | None = None
        self._began = clock.now()
        self._sent = False
        # To be told of its light costs some makes a question of its own.
        self._lights = isinstance(action, Locate | Reboot)

    async def run(
        self,
        writer: Writer | None,
        expected: Identity | None,
        on_sent: Callable[[], Awaitable[None]] | None,
    ) -> Applied:
        if writer is None and self._target.gateway:
            writer = WRITERS.get(GATEWAY)
        if writer is not None and (wrong := objection(writer, self._action)) is not None:
            return self._end(wrong.status, str(wrong))
        handed_in = self._before is not None
        before = self._before or await self._look()
        if isinstance(before, Applied):
            return before
        if writer is None:
            writer = WRITERS.get(before.driver)
            if writer is None:
                return self._end("unsupported", _only_read(before.driver))
            if (wrong := objection(writer, self._action)) is not None:
                return self._end(wrong.status, str(wrong))
        if (other := another_device(expected, before.identity)) is not None:
            return self._end("refused", self._stands_there(other))
        if handed_in and self._holds_already(writer, before):
            # What it shows of its settings may be minutes old: only a look of our own says that nothing is to be done.
            looked = await self._look()
            if isinstance(looked, Applied):
                return looked
            if (other := another_device(before.identity, looked.identity)) is not None:
                return self._end("refused", self._stands_there(other))
            before = looked
        if self._holds_already(writer, before):
            return self._end("unchanged", f"it shows that already ({self._shown(before)}): nothing was sent")
        if on_sent is not None:
            try:
                await on_sent()
            except Exception as error:  # noqa: BLE001  # without the record of the intent nothing may leave, whatever failed
                reason = str(error) if isinstance(error, HashyardError) else type(error).__name__
                return self._end("refused", f"nothing was sent, for it could not be recorded: {reason}")
        return await self._send(writer, before)

    async def _look(self) -> Snapshot | Applied:
        """Read the miner, its settings too; return the reading, or the end of the command where there is none."""
        self._memory.forget_settings(light=self._lights)
        reading = await read_miner(self._target, self._memory)
        if isinstance(reading, PollFailure):
            return self._end(_STATUS[reading.reason], f"nothing was sent: {reading.detail}")
        self._before = reading
        return reading

    def _holds_already(self, writer: Writer, before: Snapshot) -> bool:
        return not isinstance(self._action, Reboot) and bool(holds(writer, self._action, before, None))

    def _stands_there(self, other: str) -> str:
        return (
            f"another miner stands at {self._target.address} ({other}): nothing was sent; "
            "correct the inventory, or confirm the new device"
        )

    def stumble(self, error: Exception) -> Applied:
        """End a command over which we stumbled ourselves."""
        self._tell(error)
        words = f"Hashyard stumbled ({type(error).__name__}); see its log"
        if self._sent:
            return self._end("accepted_unverified", f"the command has left, then {words}", sent=True)
        return self._end("refused", f"nothing was sent: {words}")

    def _tell(self, error: Exception) -> None:
        """Log where we stumbled, and nothing of what was held there: that may be a secret."""
        _log.warning(
            "command stumbled",
            address=self._target.address,
            container=self._target.container,
            miner=self._target.miner,
            error=type(error).__name__,
            place=_place(error),
        )

    async def _send(self, writer: Writer, before: Snapshot) -> Applied:
        # What stands there decides what may be written: the writer is told the model that was read.
        target = msgspec.structs.replace(self._target, model=before.identity.model or self._target.model)
        hand = TcpHand(target, now=self._clock.now())
        words, lost = "", None
        try:
            words = await writer.send(hand, self._session, self._action)
        except WriteError as error:
            return self._end(error.status, str(error), sent=hand.left)
        except PollError as error:
            if not hand.left:
                return self._end(_STATUS[error.reason], f"nothing was sent: {error}")
            lost = str(error)
        except Exception as error:  # noqa: BLE001  # a writer that stumbles over one answer may have sent its command
            self._tell(error)
            lost = f"the answer could not be understood ({type(error).__name__})"
            if not hand.left:
                return self._end("unreachable", f"nothing was sent: {lost}")
        else:
            # The password is right: reading need not stay away from the web for having had another one.
            self._memory.refused = None
        return await self._read_back(writer, before, words, lost)

    async def _read_back(self, writer: Writer, before: Snapshot, words: str, lost: str | None) -> Applied:
        """Read until the action shows or its time is over. `lost`: why there was no answer, None if there was."""
        self._sent = True
        ability = writer.abilities[type(self._action)]
        pinned = msgspec.structs.replace(self._target, driver=before.driver)
        told = self._clock.now()
        waited, wait, was_away = 0.0, FIRST_LOOK_S, False
        failure: PollFailure | None = None
        while True:
            left = ability.within_s - max(self._clock.now() - told, waited)
            if left > 0:
                pause = min(max(wait, ability.shows_after_s - waited), left)
                await self._clock.sleep(pause)
                waited += pause
                wait = min(wait * GROWTH, LONGEST_WAIT_S)
            self._memory.forget_settings(light=self._lights)
            reading = await read_miner(pinned, self._memory)
            if isinstance(reading, PollFailure):
                failure, was_away = reading, True
            else:
                failure, self._after = None, reading
                if (other := another_device(before.identity, reading.identity)) is not None:
                    return self._end(
                        "accepted_unverified",
                        f"another miner answers at {self._target.address} since the command ({other}): look there",
                        sent=True,
                    )
                if holds(writer, self._action, reading, before, was_away=was_away):
                    return self._end("applied", self._proven(reading, words, lost, told), sent=True)
            if max(self._clock.now() - told, waited) >= ability.within_s:
                return self._unproven(ability, writer, before, failure, words, lost)

    def _proven(self, reading: Snapshot, words: str, lost: str | None, told: float) -> str:
        answer = "no answer came" if lost is not None else _said(words)
        took = max(self._clock.now() - told, 0.0)
        return f"{answer}; it shows {self._shown(reading)}, {took:.0f} s after the command"

    def _unproven(
        self,
        ability: Ability,
        writer: Writer,
        before: Snapshot,
        failure: PollFailure | None,
        words: str,
        lost: str | None,
    ) -> Applied:
        """End a command that does not show: what the miner shows instead, and what to do."""
        span = f"{ability.within_s:.0f} s"
        if failure is not None:
            instead = f"it could not be read after {span}: {failure.detail}"
            advice = "look whether it comes back"
        else:
            after = self._after or before
            tells = holds(writer, self._action, after, before) is not None
            instead = f"after {span} it shows {self._shown(after)}"
            advice = (
                "it may take longer, or not obey: look at the miner before trying again"
                if tells
                else "its readings do not tell whether it was done: look at the miner"
            )
        if lost is not None:
            return self._end(
                "unreachable",
                f"the command has left and no answer came ({lost}); {instead}; it was not repeated: {advice}",
                sent=True,
            )
        return self._end("accepted_unverified", f"{_said(words)}, but {instead}; {advice}", sent=True)

    def _shown(self, snapshot: Snapshot) -> str:
        return describe(self._action, snapshot)

    def _end(self, status: Status, detail: str, *, sent: bool = False) -> Applied:
        return Applied(
            outcome=Outcome(
                action=self._action,
                status=status,
                detail=one_line(detail, self._secrets()),
                duration_s=max(self._clock.now() - self._began, 0.0),
                sent=sent,
            ),
            before=self._before,
            after=self._after,
        )

    def _secrets(self) -> list[str]:
        """Return what a miner may have been told in confidence, and repeat: passwords and tokens."""
        found = [*confided_by(self._target.credentials), *confided_by(self._target.gateway_credentials)]
        # A Whatsminer's token is more than a text; its sign is what goes over the line.
        token = getattr(self._session.token, "sign", self._session.token)
        return [*found, token] if isinstance(token, str) else found


def _place(error: BaseException) -> str:
    """Return the line at which an error arose."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return "" if trace is None else f"{trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}"


def _said(words: str) -> str:
    return f'the miner said yes ("{words}")' if words else "the miner said yes"


def _only_read(driver: str) -> str:
    can = ", ".join(WRITERS)
    return f"miners read by {driver} cannot be commanded, only read; those that can: {can}"
