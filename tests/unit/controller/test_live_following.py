"""The live fleet behind a real exporter: its deltas, its absence, its return, leases and polls on demand."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from structlog.testing import capture_logs

from controller import follow
from controller.exporter_client import (
    ITEMS_A_PAGE,
    ExporterAway,
    ExporterClient,
    LeaseBusy,
    MinerName,
    NotPolled,
)
from controller.live import Live
from miners.clock import SystemClock
from miners.driver import Memory
from miners.inventory.load import load
from miners.model import PollFailure, Reading, Target
from tests.unit.controller.exporter_site import ExporterSite, until
from tests.unit.controller.small_fleet import answer, failure, target

TOKEN = "0123456789abcdef0123456789abcdef"


class Watcher:
    """A live fleet, and what it reads by itself."""

    def __init__(self) -> None:
        self.reads: Counter[str] = Counter()
        self.client: ExporterClient
        self.live: Live

    async def read(self, to: Target, memory: Memory) -> Reading:
        assert isinstance(memory, Memory)
        self.reads[to.miner] += 1
        return answer(to, driver="luxos")

    @asynccontextmanager
    async def watching(
        self, file: Path, *urls: str, token: str | None = None, follow_s: float = 0.05
    ) -> AsyncIterator[Live]:
        self.client = ExporterClient(urls, token)
        await self.client.open()
        self.live = Live(SystemClock(), self.client, reader=self.read, follow_s=follow_s, work_s=0.05)
        await self.live.apply(load([file]), target)
        await self.live.start()
        try:
            yield self.live
        finally:
            await self.live.stop()
            await self.client.close()

    def all_read(self) -> bool:
        return all(known.reading is not None for known in self.live.all().values())


@pytest.fixture
def site(tmp_path: Path) -> ExporterSite:
    return ExporterSite(tmp_path)


async def test_readings_come_from_the_exporter_and_none_is_read_twice(site: ExporterSite) -> None:
    watcher = Watcher()
    async with site.running(), watcher.watching(site.file, site.url) as live:
        await until(watcher.all_read)
        known = live.known("konteiner-1.a")
        assert known is not None
        assert known.snapshot is not None
        assert known.snapshot.driver == "antminer"
        assert not known.stale
        assert (live.source().state, live.source().reason) == ("ok", None)
        assert live.answering() == {site.url: True}
        version = live.version
        site.answers["a"] = lambda to: answer(to, state="sleeping")
        while known.snapshot.state != "sleeping":
            version = await live.changed(version, 10)
        site.answers["a"] = lambda _: failure(known.container, at=time.time())
        await until(lambda: isinstance(known.reading, PollFailure))
        assert known.snapshot.state == "sleeping"
        assert known.failing_since is not None
        assert not watcher.reads


async def test_it_is_known_how_the_exporter_keeps_up_as_long_as_it_answers(site: ExporterSite) -> None:
    watcher = Watcher()
    async with AsyncExitStack() as stack:
        async with site.running():
            live = await stack.enter_async_context(watcher.watching(site.file, site.url))
            await until(lambda: live.exporters()[0].work is not None)
            [seen] = live.exporters()
            assert seen.work is not None
            assert seen.work.interval_s == min(one.interval_s for one in live.inventory.containers)
            assert seen.work.waiting == 0
            assert seen.work.lag_s is not None
            assert seen.clock_ahead_s == pytest.approx(0, abs=5)  # one machine, one clock
        await until(lambda: live.exporters()[0].state == "away")
        assert live.exporters()[0].work is live.exporters()[0].clock_ahead_s is None


async def test_the_exporter_is_asked_as_often_as_it_reads(site: ExporterSite) -> None:
    async with site.running(), Watcher().watching(site.file, site.url, follow_s=60.0) as live:
        known = live.known("konteiner-1.a")
        assert known is not None
        await until(lambda: known.reading is not None)
        first = known.read_at
        await until(lambda: known.read_at > first)


async def test_a_miner_taken_out_and_put_in_again_is_followed(site: ExporterSite) -> None:
    watcher = Watcher()
    text = site.file.read_text(encoding="utf-8")
    async with site.running() as exporter, watcher.watching(site.file, site.url) as live:
        await until(watcher.all_read)
        site.file.write_text(text.replace("      - {name: b, address: 127.9.1.2}\n", ""), encoding="utf-8")
        assert await exporter.reload() is None
        await live.apply(load([site.file]), target)
        assert live.known("konteiner-1.b") is None
        site.file.write_text(text.replace("127.9.1.2", "127.9.1.22"), encoding="utf-8")
        await live.apply(load([site.file]), target)
        known = live.known("konteiner-1.b")
        assert known is not None
        assert known.reading is None
        assert await exporter.reload() is None
        await until(lambda: known.reading is not None)
        assert known.reading is not None
        assert known.reading.address == "127.9.1.22"


async def test_while_the_exporter_is_away_enforced_miners_are_read_by_us_until_it_returns(
    site: ExporterSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(follow, "AWAY_AFTER_S", 0.2)
    watcher = Watcher()
    with capture_logs() as logs:
        async with AsyncExitStack() as stack:
            async with site.running():
                live = await stack.enter_async_context(watcher.watching(site.file, site.url))
                await until(watcher.all_read)
            c, a = live.known("two.c"), live.known("konteiner-1.a")
            assert a is not None
            assert c is not None
            await until(lambda: watcher.reads["a"] > 0 and watcher.reads["b"] > 0)
            assert live.source().state == "away"
            assert str(live.source().reason).startswith(site.url)
            assert live.answering() == {site.url: False}
            await until(lambda: c.stale)
            assert not a.stale
            assert a.snapshot is not None
            assert a.snapshot.driver == "luxos"
            async with live.leased(["konteiner-1.a"]) as whole:
                assert whole is False
                reads = watcher.reads["a"]
                await asyncio.sleep(1.3)
                assert watcher.reads["a"] == reads
            async with site.running():
                await until(lambda: live.source().state == "ok" and not c.stale)
                await until(lambda: a.snapshot is not None and a.snapshot.driver == "antminer")
                await until(lambda: a.by == 0)
                before = watcher.reads.copy()
                await asyncio.sleep(1.3)
                assert watcher.reads == before
    assert "c" not in watcher.reads
    events = [entry["event"] for entry in logs if "exporter" in entry["event"]]
    assert [event for event in events if event == "the exporter is away"] == ["the exporter is away"]
    assert events.count("the exporter answers") == 2


async def test_without_an_exporter_every_miner_is_read_by_us(site: ExporterSite) -> None:
    watcher = Watcher()
    async with watcher.watching(site.file) as live:
        await until(watcher.all_read)
        assert set(watcher.reads) == {"a", "b", "c"}
        assert live.source().state == "ok"
        async with live.leased(["two.c"]) as whole:
            assert whole is True
        assert (await live.read("two.c")).miner == "c"
        with pytest.raises(NotPolled, match="start one, and name it with --exporter"):
            await watcher.client.poll("two", "c")


async def test_shards_are_merged_and_each_miner_is_leased_where_it_is_polled(
    site: ExporterSite, tmp_path: Path
) -> None:
    (tmp_path / "other").mkdir()
    other = ExporterSite(tmp_path / "other")
    text = site.file.read_text(encoding="utf-8")
    names = [f"container {at}" for at in range(6)]
    text += "".join(
        f"  - {{name: {name}, miners: [{{name: x{at}, address: 127.9.3.{at}}}]}}\n"
        for at, name in enumerate(names)
    )
    for one in (site, other):
        one.file.write_text(text, encoding="utf-8")
    watcher = Watcher()
    async with site.running(shard=(1, 2)) as first, other.running(shard=(2, 2)) as second:
        assert first.polling.fleet.containers
        assert second.polling.fleet.containers
        async with watcher.watching(site.file, site.url, other.url) as live:
            await until(watcher.all_read)
            async with live.leased(live.all()) as whole:
                assert whole is True
                assert first.polling.poller.leased + second.polling.poller.leased == len(live.all())
                assert min(first.polling.poller.leased, second.polling.poller.leased) > 0
            assert first.polling.poller.leased + second.polling.poller.leased == 0
            for known in live.all().values():
                reading = await watcher.client.poll(known.container.name, known.miner.name)
                assert reading.miner == known.miner.name


async def test_a_lease_keeps_the_exporter_away_is_renewed_and_given_back(site: ExporterSite) -> None:
    watcher = Watcher()
    async with site.running() as exporter, watcher.watching(site.file, site.url) as live:
        await until(watcher.all_read)
        async with live.leased(["konteiner-1.a", "konteiner-1.b"], seconds=2.0) as whole:
            assert whole is True
            polls = site.polls.copy()
            # Once a second, so for twice as long as a lease.
            await until(lambda: site.polls["c"] >= polls["c"] + 4)
            # Between two leases the exporter may come in once: it has them back within milliseconds.
            assert site.polls["a"] - polls["a"] <= 2
            await until(lambda: exporter.polling.poller.leased == 2)
        assert exporter.polling.poller.leased == 0
        await until(lambda: site.polls["a"] > polls["a"] + 3)
        async with live.leased(["konteiner-1.a", "konteiner-1.b"]):
            with pytest.raises(LeaseBusy, match="leased already") as busy:
                async with live.leased(["konteiner-1.a"]):
                    raise AssertionError("two have it")
            assert busy.value.retry_after_s > 0
            with pytest.raises(LeaseBusy, match="it is polled again when the lease ends"):
                await watcher.client.poll("Контейнер 1", "a")
        assert exporter.polling.poller.leased == 0


async def test_a_busy_miner_gives_back_what_was_leased_before_it(tmp_path: Path) -> None:
    count = 510  # more than one lease may hold
    text = (
        "networks: [127.0.0.0/8]\ndefaults: {interval: 1s}\ncontainers:\n"
        f"  - {{name: one, miners: [{{name: 'm{{n}}', addresses: 127.9.4.1-127.9.5.{count - 256}}}]}}\n"
    )
    site = ExporterSite(tmp_path, text)
    watcher = Watcher()
    async with site.running() as exporter, watcher.watching(site.file, site.url) as live:
        await until(watcher.all_read)
        assert len(live.all()) == count > ITEMS_A_PAGE
        last = list(live.all())[-1]
        async with live.leased([last]):
            with pytest.raises(LeaseBusy):
                async with live.leased(live.all()):
                    raise AssertionError("one of them is held by somebody else")
            assert exporter.polling.poller.leased == 1
        async with live.leased(live.all()) as whole:
            assert whole is True
            assert exporter.polling.poller.leased == count


async def test_miners_that_the_exporter_does_not_poll_need_no_lease(site: ExporterSite) -> None:
    watcher = Watcher()
    async with site.running() as exporter, watcher.watching(site.file, site.url):
        await until(watcher.all_read)
        names = [MinerName("Контейнер 1", "a"), MinerName("two", "unheard of"), MinerName("nowhere", "x")]
        async with watcher.client.lease(names) as whole:
            assert whole is True
            assert exporter.polling.poller.leased == 1
        async with watcher.client.lease(names[1:]) as whole:
            assert whole is True
        with pytest.raises(NotPolled, match="no miner of that name"):
            await watcher.client.poll("two", "unheard of")


async def test_the_token_is_sent_and_a_wrong_one_is_explained(site: ExporterSite, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text(TOKEN)
    async with site.running(token_file=file):
        right = Watcher()
        async with right.watching(site.file, site.url, token=TOKEN):
            await until(right.all_read)
        wrong = Watcher()
        with capture_logs() as logs:
            async with wrong.watching(site.file, site.url, token="f" * 32) as live:
                await until(lambda: "refuses us (401)" in (live.source().reason or ""))
                assert not wrong.all_read()
                with pytest.raises(ExporterAway, match="--exporter-token-file"):
                    await wrong.client.poll("two", "c")
        assert "f" * 32 not in str(logs)
        assert len([entry for entry in logs if entry["event"] == "the exporter is away"]) == 1


async def test_an_exporter_that_starts_anew_is_followed_from_its_beginning(site: ExporterSite) -> None:
    watcher = Watcher()
    async with AsyncExitStack() as stack:
        async with site.running():
            live = await stack.enter_async_context(watcher.watching(site.file, site.url))
            await until(watcher.all_read)
            await asyncio.sleep(1.1)
        site.answers["a"] = lambda to: answer(to, power_w=1234.0)
        async with site.running():
            known = live.known("konteiner-1.a")
            assert known is not None
            await until(lambda: known.snapshot is not None and known.snapshot.power_w == 1234.0)


@asynccontextmanager
async def stranger(handler: Callable[[web.Request], Any]) -> AsyncIterator[str]:
    """Serve something that is no exporter."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("status", "body", "said"),
    [
        (200, b"<html>", "not as an exporter does"),
        (200, b'{"as_of": "yesterday", "cursor": "", "items": []}', "not as an exporter does"),
        (200, b'{"cursor": 7}', "not as an exporter does"),
        (200, b"\xff\xfe", "not as an exporter does"),
        (302, b"", "answers 302"),
        (404, b"nothing here", "answers 404"),
        (500, b'{"detail": "broken"}', "answers 500: broken"),
        (503, b"", "answers 503"),
    ],
)
async def test_what_is_no_exporter_is_away(site: ExporterSite, status: int, body: bytes, said: str) -> None:
    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, headers={"Location": "/elsewhere"})

    watcher = Watcher()
    async with stranger(handler) as url, watcher.watching(site.file, url) as live:
        await until(lambda: said in (live.source().reason or ""))
        names = [MinerName("two", "c")]
        if status != 404:
            async with watcher.client.lease(names) as whole:
                assert whole is False


async def test_readings_that_cannot_be_understood_harm_no_other(site: ExporterSite) -> None:
    async def handler(_: web.Request) -> web.Response:
        strange = '{"kind": "hologram"}, {"kind": "snapshot", "container": 7}, null'
        good = (
            '{"kind": "poll_failure", "container": "two", "miner": "c", "address": "127.9.2.1", "taken_at": '
            '"2030-01-01T00:00:00Z", "duration_s": 1, "reason": "timeout", "detail": "x", "new_field": 1}'
        )
        text = f'{{"as_of": "2030-01-01T00:00:09Z", "cursor": "x-1", "items": [{strange}, {good}]}}'
        return web.Response(text=text, content_type="application/json")

    watcher = Watcher()
    with capture_logs() as logs:
        async with stranger(handler) as url, watcher.watching(site.file, url) as live:
            known = live.known("two.c")
            assert known is not None
            await until(lambda: known.reading is not None)
            # The exporter's clock is years ahead: what counts is that the reading was nine seconds old.
            assert 8.5 < SystemClock().now() - known.read_at < 69
            # And with polls every second, one that has read nothing for nine has stopped.
            await until(lambda: live.source().state == "stale")
            assert "answers, and has read no miner for" in str(live.source().reason)
    assert any(entry.get("readings") == 3 for entry in logs)
