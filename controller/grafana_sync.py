"""Bringing Grafana in line by itself: shortly after people, clients or their tokens change, and each hour.

While Grafana is away, or falls silent on the way, it is tried each minute; each three minutes while it does not let the
controller in. One at a time, whoever asks. The work blocks and runs in a thread; what it needs of the database it asks of the
event loop. What was made in Grafana is remembered in the settings of the database, beside the marks that it bears there.
"""

import asyncio
import secrets
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import TimeoutError as TooLate
from datetime import datetime, timedelta
from typing import Any, Final, Literal, TypeAlias, TypeVar

import msgspec
import structlog

from controller.api.signing_in import sum_of
from controller.gateway.proxy import TOKEN_PREFIX
from controller.grafana_wish import (
    Bring,
    GrafanaMemory,
    GrafanaOutcome,
    GrafanaWish,
    all_users,
    read_wish,
    wished_person,
)
from controller.model import SYSTEM, Actor, Event, GatewayToken, GrafanaLink, User, new_id
from controller.storage.faults import NotKept, Refusal, StorageAway
from controller.storage.storage import Storage
from miners.clock import Clock

SOON: Final = timedelta(seconds=5)
"""After a change: several changes in a row are one."""

EVERY: Final = timedelta(hours=1)

WHILE_AWAY: Final = timedelta(minutes=1)
"""Both may be started at once, and Grafana take longer."""

GATEWAY_PATH: Final = "/gateway"
MEMORY: Final = "grafana.made"
"""The setting in which what was made is remembered."""

ADDRESSES: Final = "grafana.addresses"
"""The setting that has the address under which each person stands in Grafana, by id, as it was the last time."""

WHILE_SHUT_OUT: Final = timedelta(minutes=3)
"""Five wrong passwords within five minutes, and Grafana takes the right one from nobody; a person may have tried as well."""

_TICK_S: Final = 1.0
_DATABASE_S: Final = 60.0
_MOST_LINES: Final = 50
"""Of what was done, so many lines stand in the record."""

_OWN_KINDS: Final = ("client.gateway_token_created", "client.gateway_token_revoked")

State: TypeAlias = Literal["ok", "away", "failed", "unknown", "none"]
Standing: TypeAlias = Literal["known", "soon", "away", "failed", "none"]
T = TypeVar("T")

_log = structlog.get_logger(__name__)


class GrafanaSeen(msgspec.Struct, frozen=True, kw_only=True):
    """How it was the last time. `state` none: nobody has set it up; unknown: not tried yet. `outcome`: of the last time."""

    state: State
    at: datetime | None = None
    outcome: GrafanaOutcome | None = None

    @property
    def reason(self) -> str | None:
        """Why it is not well, in the words of what failed first."""
        if self.outcome is None or self.state == "ok":
            return None
        return self.outcome.away or next(iter(self.outcome.failed), None)


class GrafanaSync:
    """Knows when Grafana is to be brought in line, has it done, and says how it was."""

    def __init__(self, storage: Storage, clock: Clock, now: Callable[[], datetime]) -> None:
        """Nothing is done before `set_up`."""
        self._storage, self._clock, self._now = storage, clock, now
        self._bring: Bring | None = None
        self._gateway = ""
        self._pages: str | None = None
        self._one_at_a_time = asyncio.Lock()
        self._due_at: datetime | None = None
        self._ending = False
        self._seen = GrafanaSeen(state="none")
        self._told: tuple[str, ...] = ()

    def set_up(self, bring: Bring, gateway: str, pages: str | None = None) -> None:
        """Have it done by this function. `gateway`: where Grafana's server reaches the query gateway; `pages`: people, the pages."""
        self._bring, self._gateway, self._pages = bring, gateway, pages
        self._seen = GrafanaSeen(state="unknown")
        self._due_at = self._now() + SOON

    @property
    def seen(self) -> GrafanaSeen:
        """How it was the last time."""
        return self._seen

    async def standing(self, user: User) -> Standing:
        """Return how somebody stands in Grafana; known: under the address that is vouched for now, or nobody set it up.

        Raises StorageAway.
        """
        if self._bring is None:
            return "known"
        addresses = await self._storage.settings.get(ADDRESSES)
        if isinstance(addresses, dict) and addresses.get(user.id) == wished_person(user).address:
            return "known"
        if self._seen.state == "away":
            return "away"
        link = (await self._storage.people.grafana.of([user.id])).get(user.id)
        return "soon" if link is None or link.state == "linked" else link.state

    async def keep(self) -> None:
        """Bring Grafana in line whenever that is due, until cancelled."""
        if self._bring is None:
            await asyncio.Event().wait()
        listening = asyncio.create_task(self._listen(), name="changes that Grafana is to follow")
        try:
            while True:
                await self._clock.sleep(_TICK_S)
                if self._due_at is not None and self._now() >= self._due_at:
                    try:
                        await self.bring_in_line(SYSTEM)
                    except Exception:  # noqa: BLE001  # it is tried again; the controller has other work
                        _log.exception("Grafana could not be brought in line")
                        self._due_at = self._now() + EVERY
        finally:
            self._ending = True
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)

    async def bring_in_line(self, actor: Actor) -> GrafanaOutcome | None:
        """Do it now, and say what came of it; None where nobody has set it up. Raises StorageAway."""
        bring = self._bring
        if bring is None:
            return None
        async with self._one_at_a_time:
            self._due_at = self._now() + EVERY
            memory = _memory(await self._storage.settings.get(MEMORY))
            wish = await read_wish(self._storage, self._gateway, self._pages, memory, self._now())
            desk = _Desk(self._storage, self._now, asyncio.get_running_loop())
            outcome = await asyncio.to_thread(bring, wish, desk, lambda: self._ending)
            await self._keep(wish, outcome, actor)
        return outcome

    async def _keep(self, wish: GrafanaWish, outcome: GrafanaOutcome, actor: Actor) -> None:
        """Remember what was made, and say how it was: on pages, in the log and in the record."""
        now = self._now()
        before = self._seen.outcome.away if self._seen.outcome else None
        self._seen = GrafanaSeen(
            state="away" if outcome.away else "failed" if outcome.failed else "ok", at=now, outcome=outcome
        )
        if outcome.shut_out:
            self._due_at = now + WHILE_SHUT_OUT
        elif outcome.away or outcome.silent:
            self._due_at = now + WHILE_AWAY
        if outcome.away:
            if outcome.away != before:
                _log.warning("Grafana is away", reason=outcome.away)
            return
        await self._storage.settings.put(MEMORY, msgspec.to_builtins(outcome.memory))
        addresses = {one.id: one.address for one in wish.people if outcome.people.get(one.id) == ""}
        await self._storage.settings.put(ADDRESSES, addresses)
        await self._storage.people.grafana.put(await self._links(outcome, now))
        failed = tuple(outcome.failed)
        if failed:
            _log.warning("Grafana is not in line", failed=list(failed[:_MOST_LINES]))
        if outcome.done or failed != self._told:
            params = {
                "done": list(outcome.done[:_MOST_LINES]),
                "failed": list(failed[:_MOST_LINES]),
                "count": len(outcome.done),
                "faults": len(failed),
            }
            event = Event(
                id=new_id("evt"),
                at=now,
                category="people",
                kind="grafana.brought_in_line",
                actor=actor,
                params=params,
                outcome="failed" if failed else "ok",
            )
            await self._storage.events.add(event)
        self._told = failed

    async def _links(self, outcome: GrafanaOutcome, now: datetime) -> list[GrafanaLink]:
        """Return what became of everybody; who is to have no access has none."""
        nobody = {user.id: None for user in await all_users(self._storage) if user.id not in outcome.people}
        why: Mapping[str, str | None] = {**nobody, **outcome.people, **outcome.clients}
        return [
            GrafanaLink(
                owner_id=owner,
                state="none" if words is None else "failed" if words else "linked",
                detail=words or "",
                at=now,
            )
            for owner, words in why.items()
        ]

    async def _listen(self) -> None:
        with self._storage.events.subscribe() as news:
            async for event in news:
                if event.category == "people" and not _is_own(event):
                    soon = self._now() + SOON
                    self._due_at = soon if self._due_at is None else min(soon, self._due_at)


def _is_own(event: Event) -> bool:
    """Return whether it came of bringing Grafana in line."""
    return event.kind.startswith("grafana.") or (event.actor == SYSTEM and event.kind in _OWN_KINDS)


def _memory(kept: Any) -> GrafanaMemory:
    """Return what is remembered; nothing of another form: what is in Grafana bears its marks all the same."""
    try:
        return msgspec.convert(kept, GrafanaMemory)
    except msgspec.ValidationError:
        return GrafanaMemory()


class _Desk:
    """Makes and revokes tokens of the gateway from the thread, remembers those it made, and writes them into the record."""

    def __init__(
        self, storage: Storage, now: Callable[[], datetime], loop: asyncio.AbstractEventLoop
    ) -> None:
        self._storage, self._now, self._loop = storage, now, loop

    def make(self, client_id: str) -> tuple[str, str]:
        return self._wait(self._make(client_id))

    def revoke(self, client_id: str, token_id: str) -> None:
        self._wait(self._revoke(client_id, token_id))

    def _wait(self, work: Coroutine[Any, Any, T]) -> T:
        future = asyncio.run_coroutine_threadsafe(work, self._loop)
        try:
            return future.result(_DATABASE_S)
        except TooLate:
            future.cancel()
            raise RuntimeError("the database takes too long") from None
        except (StorageAway, Refusal, NotKept) as error:
            raise RuntimeError(str(error)) from None

    async def _make(self, client_id: str) -> tuple[str, str]:
        text = TOKEN_PREFIX + secrets.token_urlsafe(32)
        token = GatewayToken(id=new_id("gwt"), client_id=client_id, created_at=self._now())
        # Remembered first: a token that nobody knows of would stay for ever.
        await self._storage.settings.change(MEMORY, lambda kept: _with_token(kept, client_id, token.id))
        await self._storage.gateway_tokens.add(token, sum_of(text))
        await self._record("client.gateway_token_created", client_id, token.id)
        return token.id, text

    async def _revoke(self, client_id: str, token_id: str) -> None:
        if await self._storage.gateway_tokens.end(client_id, token_id):
            await self._record("client.gateway_token_revoked", client_id, token_id)

    async def _record(self, kind: str, client_id: str, token_id: str) -> None:
        client = await self._storage.people.clients.get(client_id)
        slug = client.slug if client is not None else None
        event = Event(
            id=new_id("evt"),
            at=self._now(),
            category="people",
            kind=kind,
            actor=SYSTEM,
            params={"client": client_id, "slug": slug or client_id, "token": token_id},
            client=slug,
            outcome="ok",
        )
        await self._storage.events.add(event)


def _with_token(kept: Any, client_id: str, token_id: str) -> dict[str, Any]:
    memory = _memory(kept)
    tokens = {**memory.tokens, client_id: [*memory.tokens.get(client_id, ()), token_id]}
    return {"people": dict(memory.people), "tokens": {client: list(ids) for client, ids in tokens.items()}}
