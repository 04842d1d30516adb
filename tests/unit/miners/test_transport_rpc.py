import asyncio
import errno
import socket
import tracemalloc
from collections.abc import AsyncIterator

import pytest

from miners.errors import Malformed, PollError, Refused, TimedOut, Unreachable
from miners.repair import MAX_BYTES, parse_reply
from miners.transport.exchange import connection_error
from miners.transport.rpc import ask_bytes
from tests.replay.hostile import HOSTILE, hostile_server, say


@pytest.fixture(autouse=True)
async def _nothing_is_left() -> AsyncIterator[None]:
    yield
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not others


async def _ask(port: int, *, time_s: float = 5.0, connect_s: float = 3.0) -> tuple[bytes, bool]:
    deadline = asyncio.get_running_loop().time() + time_s
    return await ask_bytes(
        "127.0.0.1", port, b'{"command":"summary"}', connect_timeout_s=connect_s, deadline=deadline
    )


REPLY = b'{"STATUS":[{"STATUS":"S"}],"SUMMARY":[{"MHS av":1.5,"Type":"a}\\""}],"id":1}'


@pytest.mark.parametrize(
    "parts",
    [
        (REPLY + b"\0",),
        (REPLY,),
        (REPLY[:20], REPLY[20:], b"\0"),
        (REPLY + b"\0", b"more that is not read"),
    ],
)
async def test_reads_until_nul_or_the_end(parts: tuple[bytes, ...]) -> None:
    async with hostile_server(say(*parts)) as port:
        assert await _ask(port) == (REPLY, False)


@pytest.mark.parametrize("parts", [(REPLY + b"\n",), (REPLY,), (REPLY[:60], REPLY[60:])])
async def test_a_socket_kept_open_without_nul_ends_when_the_reply_is_whole(parts: tuple[bytes, ...]) -> None:
    async with hostile_server(say(*parts, then_hang=True)) as port:
        raw, cut = await _ask(port, time_s=60.0)
    assert (raw.strip(), cut) == (REPLY, False)


async def test_a_pause_after_a_brace_within_the_reply_does_not_end_it() -> None:
    async def pause(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(100)
        writer.write(b'{"a":[{"b":1}')
        await asyncio.sleep(0.5)
        writer.write(b',{"b":2}]}\0')

    async with hostile_server(pause) as port:
        assert await _ask(port) == (b'{"a":[{"b":1},{"b":2}]}', False)


async def test_what_came_before_the_end_of_the_connection_is_kept() -> None:
    async def reset(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(b'{"a":1,"b":')
        await reader.read(100)
        await asyncio.sleep(0.05)
        writer.transport.abort()

    for behave in (say(b'{"a":1,"b":'), reset):
        async with hostile_server(behave) as port:
            raw, cut = await _ask(port)
        assert not cut
        assert parse_reply(raw) == ({"a": 1}, True)


async def test_what_came_before_the_deadline_is_kept_and_marked() -> None:
    async with hostile_server(say(b'{"a":1,"b":2', then_hang=True)) as port:
        assert await _ask(port, time_s=0.3) == (b'{"a":1,"b":2', True)


@pytest.mark.parametrize("name", HOSTILE)
async def test_the_hostile_end_within_the_deadline_in_a_poll_error(name: str) -> None:
    loop = asyncio.get_running_loop()
    async with hostile_server(HOSTILE[name]) as port:
        began = loop.time()
        with pytest.raises(PollError) as caught:
            parse_reply((await _ask(port, time_s=0.5))[0])
        # Generous: what is shown is that it ends, and by itself.
        assert loop.time() - began < 10
    assert str(caught.value).isprintable()


async def test_memory_stays_near_the_ceiling_whatever_comes() -> None:
    for name in ("10 MiB of letters", "as fast as it can, for ever"):
        async with hostile_server(HOSTILE[name]) as port:
            tracemalloc.start()
            with pytest.raises(Malformed, match=f"127.0.0.1:{port} sent more than 1 MiB"):
                await _ask(port)
            peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
            # The server's own buffers are in here too: it shares the process.
            assert peak < 4 * MAX_BYTES


async def test_silencesays_which_miner_and_what_to_check() -> None:
    async with hostile_server(HOSTILE["never answers"]) as port:
        with pytest.raises(TimedOut, match=f"^127.0.0.1:{port} took the question and did not answer in time"):
            await _ask(port, time_s=0.2)
    async with hostile_server(HOSTILE["closes when asked"]) as port:
        with pytest.raises(Malformed, match=f"^127.0.0.1:{port} closed the connection without an answer"):
            await _ask(port)
    with pytest.raises(
        Refused, match=f"^127.0.0.1:{port} refuses the connection: is the miner's API switched on"
    ):
        await _ask(port)


async def test_a_connection_that_is_never_accepted_times_out() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as listening:
        port = listening.getsockname()[1]
        waiting = []
        # Fills the queue of connections that nobody accepts; the kernel then leaves the next one without an answer.
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(("127.0.0.1", port))
            waiting.append(filler)
        with pytest.raises(TimedOut, match="did not answer to a connection in time"):
            await _ask(port, connect_s=0.2)
        for filler in waiting:
            filler.close()


@pytest.mark.parametrize(
    "address",
    ["no-such-miner.invalid", "x" * 300, "10.1.7.300", "miner\0", ""],
)
async def test_an_address_that_cannot_be_reached_is_a_poll_error(address: str) -> None:
    loop = asyncio.get_running_loop()
    with pytest.raises(PollError):
        await ask_bytes(address, 1, b"{}", connect_timeout_s=2.0, deadline=loop.time() + 2.0)


async def test_cancelling_closes_the_connection_and_stays_a_cancellation() -> None:
    closed = asyncio.Event()

    async def watch(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        closed.set()

    async with hostile_server(watch) as port:
        asking = asyncio.create_task(_ask(port, time_s=60.0))
        await asyncio.sleep(0.1)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        await asyncio.wait_for(closed.wait(), 60)


async def test_a_thousand_questions_at_once_are_each_answered() -> None:
    async with hostile_server(say(REPLY + b"\0")) as port:
        limit = asyncio.Semaphore(100)

        async def one() -> tuple[bytes, bool]:
            async with limit:
                return await _ask(port, time_s=60.0, connect_s=60.0)

        assert set(await asyncio.gather(*(one() for _ in range(1000)))) == {(REPLY, False)}


@pytest.mark.parametrize(
    ("error", "kind", "words"),
    [
        (OSError(errno.EMFILE, "Too many open files"), Unreachable, "no file descriptor is left here; raise the limit"),
        (OSError(errno.EHOSTUNREACH, "No route"), Unreachable, "no route"),
        (OSError(errno.ENETUNREACH, "Network"), Unreachable, "no route"),
        (OSError(errno.EPERM, "Operation not permitted"), Unreachable, "firewall"),
        (OSError(errno.ETIMEDOUT, "timed out"), TimedOut, "in time"),
        (ConnectionRefusedError(errno.ECONNREFUSED, "refused"), Refused, "refuses the connection"),
        (OSError("Multiple exceptions: [Errno 111] ('::1'), [Errno 111] ('127.0.0.1')"), Refused, "refuses"),
        (socket.gaierror(-2, "Name or service not known"), Unreachable, "the name is not known"),
        (ConnectionResetError(errno.ECONNRESET, "reset"), Malformed, "without an answer"),
        (OSError("something\nnew"), Unreachable, "cannot be reached: something new"),
    ],
)  # fmt: skip
def test_errors_of_the_system_become_ours(error: OSError, kind: type[PollError], words: str) -> None:
    ours = connection_error(error, "10.1.7.10", 4028)
    assert type(ours) is kind
    assert words in str(ours)
    assert str(ours).startswith("10.1.7.10:4028")
