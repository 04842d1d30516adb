import asyncio
import json

import aiohttp

from tests.replay.server import ReplayServer, WebReplayServer


async def _talk(port: int, request: bytes) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    reply = await reader.read()
    writer.close()
    await writer.wait_closed()
    return reply


async def test_single_joined_and_unknown_questions_on_the_miner_port() -> None:
    replies = {"summary": {"SUMMARY": [{"x": 1}]}, "stats": b'{"STATS":[{}{}]}', "ascset:0,help": {"h": 1}}
    async with ReplayServer(replies, joins=True) as server:
        assert await _talk(server.port, b'{"command":"summary"}') == b'{"SUMMARY": [{"x": 1}]}\0'
        assert await _talk(server.port, b'{"cmd":"ascset","parameter":"0,help"}') == b'{"h": 1}\0'
        assert b'"stats":[{"STATS":[{}{}]}]' in await _talk(server.port, b'{"command":"summary+stats"}')
        assert b'"Code":14' in await _talk(server.port, b'{"command":"devs"}')
        assert server.asked == ["summary", "ascset:0,help", "summary+stats", "devs"]
    async with ReplayServer(replies, joins=False, nul=False) as server:
        assert b'"Code":14' in await _talk(server.port, b'{"command":"summary+stats"}')
        assert (await _talk(server.port, b'{"command":"summary"}')).endswith(b"}")
    async with ReplayServer(replies, joins={"summary"}) as server:
        assert b"stats" not in await _talk(server.port, b'{"command":"summary+stats"}')


async def test_v3_frames_joined_inside_status() -> None:
    replies = {
        "get.miner.status:summary": {"code": 0, "msg": {"summary": {"elapsed": 5}}},
        "get_miner_status_pools": {"code": 0, "msg": {"pools": []}},
    }
    request = b'{"cmd":"get.miner.status","param":"summary+pools"}'
    async with ReplayServer(replies, v3=True) as server:
        reply = await _talk(server.port, len(request).to_bytes(4, "little") + request)
    assert int.from_bytes(reply[:4], "little") == len(reply) - 4
    assert json.loads(reply[4:])["msg"] == {"summary": {"elapsed": 5}, "pools": []}


async def test_web_wants_the_right_digest() -> None:
    async with WebReplayServer({"get_system_info": {"minertype": "x"}}) as server:
        url = f"http://127.0.0.1:{server.port}/cgi-bin/get_system_info.cgi"
        for password, status in (("root", 200), ("wrong", 401)):
            digest = aiohttp.DigestAuthMiddleware("root", password)
            async with aiohttp.ClientSession(middlewares=(digest,)) as session, session.get(url) as reply:
                assert reply.status == status
        assert server.asked == ["/cgi-bin/get_system_info.cgi"]


async def test_a_slow_server_ends_with_its_test() -> None:
    async with ReplayServer({"summary": {}}, delay_s=3600.0) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(b'{"command":"summary"}')
        while not server.asked:  # noqa: ASYNC110  # the server shows what it was asked, it signals nothing
            await asyncio.sleep(0.001)
    assert await reader.read() == b""
    writer.close()
