import asyncio
import json
from collections.abc import Mapping
from typing import Any

import pytest

from miners.ask import REFUSED_FOR_S, TcpLink, ask_all, failed, status_code
from miners.driver import Memory
from miners.errors import AuthFailed, Malformed, PollError, Refused, TimedOut, Unsupported
from miners.model import Target
from tests.replay.hostile import HOSTILE, hostile_server, say
from tests.replay.server import CODE_14, ReplayServer, WebReplayServer

OK: list[dict[str, Any]] = [{"STATUS": "S", "Code": 11}]
SUMMARY = {"STATUS": OK, "SUMMARY": [{"Elapsed": 5}], "id": 1}
STATS = b'{"STATUS":[{"STATUS":"S"}],"STATS":[{"Type":"Antminer S9"}{"fan3":5880}],"id":1}'
READ_STATS = {"STATUS": [{"STATUS": "S"}], "STATS": [{"Type": "Antminer S9"}, {"fan3": 5880}], "id": 1}
POOLS = {"STATUS": OK, "POOLS": [{"URL": "stratum+tcp://pool:3333"}], "id": 1}
DENIED = {"STATUS": [{"STATUS": "E", "Code": 45, "Msg": "Access denied"}], "id": 1}
BOOTING = {"STATUS": [{"STATUS": "E", "Code": 8, "Msg": "No ASCs"}], "id": 1}
REPLIES = {"summary": SUMMARY, "stats": STATS, "pools": POOLS}


def _link(
    port: int | None = None,
    *,
    time_s: float = 5.0,
    now: float = 1000.0,
    record: list[tuple[str, bytes]] | None = None,
    **ports: int | None,
) -> TcpLink:
    given: Mapping[str, Any] = {"web_port": None, "v3_port": None, **ports}
    target = Target(container="c", miner="m", address="127.0.0.1", port=port, **given)
    return TcpLink(target, now=now, deadline=asyncio.get_running_loop().time() + time_s, record=record)


async def test_ask_returns_the_reply_whatever_its_status_says() -> None:
    async with ReplayServer({**REPLIES, "devs": DENIED, "ascset:0,help": SUMMARY}) as server:
        link = _link(server.port)
        assert await link.ask("summary") == SUMMARY
        assert await link.ask("stats") == READ_STATS
        assert await link.ask("devs") == DENIED
        assert await link.ask("nothing") == json.loads(CODE_14)
        assert await link.ask("ascset", "0,help") == SUMMARY
        assert await link.ask("stats", new_api=True) == READ_STATS
        assert server.asked[-2:] == ["ascset:0,help", "stats?new_api"]
        assert not link.truncated


async def test_joined_sections_come_as_if_asked_singly_and_failed_ones_do_not() -> None:
    async with ReplayServer({**REPLIES, "devs": DENIED}, joins=True) as server:
        link = _link(server.port)
        assert await link.ask_joined(["summary", "stats", "devs", "nothing", "pools"]) == {
            "summary": SUMMARY,
            "stats": READ_STATS,
            "pools": POOLS,
        }
        assert server.connections == 1


async def test_firmware_that_does_not_join_is_told_from_one_that_answers_the_first() -> None:
    async with ReplayServer(REPLIES, joins=False) as server:
        with pytest.raises(Unsupported, match=f"^127.0.0.1:{server.port} does not join commands .code 14."):
            await _link(server.port).ask_joined(["summary", "stats"])
    async with ReplayServer(
        {"summary+stats": SUMMARY}, joins=False, default=json.dumps(SUMMARY).encode()
    ) as server:
        assert await _link(server.port).ask_joined(["summary", "stats"]) == {"summary": SUMMARY}


async def test_a_cut_joined_reply_gives_its_whole_sections_and_says_so() -> None:
    whole = json.dumps({"summary": [SUMMARY], "pools": [POOLS]}).encode()
    async with hostile_server(say(whole[:-60])) as port:
        link = _link(port)
        replies = await link.ask_joined(["summary", "pools"])
    assert link.truncated
    assert replies["summary"] == SUMMARY


async def test_v3_and_web_questions_go_to_their_own_ports() -> None:
    v3 = {"get.miner.status:summary": {"code": 0, "msg": {"summary": {}}}}
    record: list[tuple[str, bytes]] = []
    async with ReplayServer(v3, v3=True) as frames, WebReplayServer({"stats": b'{"a":nan}'}) as web:
        link = _link(v3_port=frames.port, web_port=web.port, record=record)
        assert await link.frame("get.miner.status", "summary") == v3["get.miner.status:summary"]
        assert (await link.frame("set.miner.mode"))["code"] == -2
        assert await link.web("/cgi-bin/stats.cgi") == {"a": None}
        with pytest.raises(Unsupported):
            await link.web("/cgi-bin/none.cgi")
    assert [question for question, _ in record] == [
        "get.miner.status summary",
        "set.miner.mode",
        "/cgi-bin/stats.cgi",
    ]
    assert record[-1] == ("/cgi-bin/stats.cgi", b'{"a":nan}')


async def test_the_record_holds_the_bytes_as_they_came() -> None:
    record: list[tuple[str, bytes]] = []
    async with ReplayServer({"stats": STATS}) as server:
        await _link(server.port, record=record).ask("stats")
    async with hostile_server(HOSTILE["a line of text"]) as port:
        with pytest.raises(Malformed):
            await _link(port, record=record).ask("summary")
    assert record == [("stats", STATS), ("summary", b"Socket connect failed: Connection refused\n")]


async def test_a_port_that_is_not_given_is_not_asked() -> None:
    link = _link()
    for question in (link.ask("summary"), link.frame("get.device.info"), link.web("/")):
        with pytest.raises(Unsupported, match="port is not given"):
            await question


async def test_a_question_longer_than_miners_read_is_not_asked() -> None:
    async with ReplayServer(REPLIES) as server:
        with pytest.raises(Unsupported, match="longer than the 4095"):
            await _link(server.port).ask("x" * 4090)
        assert server.connections == 0


async def test_when_the_time_is_over_nothing_more_is_asked() -> None:
    async with ReplayServer(REPLIES) as server:
        with pytest.raises(TimedOut, match="no time was left"):
            await _link(server.port, time_s=-1).ask("summary")
        assert server.connections == 0


@pytest.mark.parametrize("name", HOSTILE)
async def test_the_hostile_end_in_a_poll_error_that_names_them(name: str) -> None:
    async with hostile_server(HOSTILE[name]) as port:
        with pytest.raises(PollError, match=f"^127.0.0.1:{port} ") as caught:
            await _link(port, time_s=0.5).ask("summary")
        assert str(caught.value).isprintable()
        with pytest.raises(PollError):
            await ask_all(_link(port, time_s=0.5), Memory(), ["summary", "stats"])


async def test_what_trickles_too_slowly_to_mean_anything_timed_out() -> None:
    for beginning in (b'{"STATUS":[{"STA', b"ready"):
        async with hostile_server(say(beginning, then_hang=True)) as port:
            with pytest.raises(TimedOut, match="had not finished answering summary in time"):
                await _link(port, time_s=0.3).ask("summary")


async def test_a_large_broken_reply_is_read_all_the_same() -> None:
    large = {"STATS": [{f"MM ID{index}": "x" * 100 for index in range(400)}]}
    async with hostile_server(say(json.dumps(large).encode()[:-1] + b',"y":nan}')) as port:
        assert await _link(port).ask("stats") == {**large, "y": None}


async def test_a_list_is_no_reply_but_may_be_a_page() -> None:
    async with hostile_server(say(b'[{"a":1}]\0')) as port:
        with pytest.raises(Malformed, match="a list where an object belongs"):
            await _link(port).ask("summary")
    async with WebReplayServer({"blink": [{"a": 1}]}, scheme="none") as web:
        assert await _link(web_port=web.port).web("/cgi-bin/blink.cgi") == [{"a": 1}]


COMMANDS = ["summary", "stats", "devs", "pools"]


async def test_all_in_one_connection_where_the_firmware_joins() -> None:
    memory = Memory()
    async with ReplayServer({**REPLIES, "devs": SUMMARY}, joins=True) as server:
        for _ in range(3):
            replies = await ask_all(_link(server.port), memory, COMMANDS)
        assert server.asked == ["summary+stats+devs+pools"] * 3
    assert list(replies) == COMMANDS
    assert not memory.no_join


async def test_that_it_does_not_join_and_what_it_refuses_is_remembered() -> None:
    memory = Memory()
    async with ReplayServer({**REPLIES, "devs": DENIED}) as server:
        for _ in range(2):
            link = _link(server.port)
            assert list(await ask_all(link, memory, COMMANDS)) == ["summary", "stats", "pools"]
            assert not link.truncated
        assert server.asked == [
            "summary+stats+devs+pools",
            "summary",
            "stats",
            "devs",
            "pools",
            "summary",
            "stats",
            "pools",
        ]
        assert memory.no_join
        server.asked.clear()
        await ask_all(_link(server.port, now=1000.0 + REFUSED_FOR_S), memory, COMMANDS)
        assert server.asked == COMMANDS


async def test_a_section_that_is_missing_is_asked_singly_and_if_refused_not_for_an_hour() -> None:
    memory = Memory()
    async with ReplayServer({**REPLIES, "get_psu": SUMMARY}, joins=["summary", "pools"]) as server:
        wanted = ["summary", "pools", "get_psu", "nothing"]
        assert list(await ask_all(_link(server.port), memory, wanted)) == ["summary", "pools", "get_psu"]
        assert server.asked == ["summary+pools+get_psu+nothing", "get_psu", "nothing"]
        server.asked.clear()
        await ask_all(_link(server.port), memory, wanted)
        assert server.asked == ["summary+pools+get_psu", "get_psu"]
    assert not memory.no_join


async def test_an_error_that_passes_is_asked_again() -> None:
    memory = Memory(no_join=True)
    async with ReplayServer({"summary": SUMMARY, "devs": BOOTING}) as server:
        for _ in range(2):
            assert list(await ask_all(_link(server.port), memory, ["summary", "devs"])) == ["summary"]
        assert server.asked == ["summary", "devs"] * 2


async def test_a_firmware_that_hangs_up_on_a_join_is_believed_the_third_time() -> None:
    memory = Memory()
    async with ReplayServer(REPLIES, default=b"", nul=False) as server:
        for polls in range(1, 5):
            link = _link(server.port)
            assert await ask_all(link, memory, ["summary", "pools"]) == {"summary": SUMMARY, "pools": POOLS}
            assert memory.no_join == (polls >= 3)
        assert server.asked.count("summary+pools") == 3


async def test_what_came_before_a_time_out_is_kept_and_marked() -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if b"summary" in await reader.read(100):
            writer.write(json.dumps(SUMMARY).encode() + b"\0")
        else:
            await reader.read()

    async with hostile_server(answer) as port:
        link = _link(port, time_s=0.5)
        assert await ask_all(link, Memory(no_join=True), ["summary", "pools", "devs"]) == {"summary": SUMMARY}
        assert link.truncated
        link = _link(port, time_s=0.3)
        with pytest.raises(TimedOut):
            await ask_all(link, Memory(no_join=True), ["pools", "summary"])


async def test_what_is_broken_beyond_repair_leaves_the_rest() -> None:
    async with ReplayServer({**REPLIES, "stats": b"Socket connect failed"}) as server:
        link = _link(server.port)
        assert list(await ask_all(link, Memory(no_join=True), ["stats", "summary"])) == ["summary"]
        assert link.truncated


async def test_nothing_at_all_raises_the_first_reason() -> None:
    async with ReplayServer({}) as server:
        memory = Memory()
        for _ in range(2):
            with pytest.raises(Unsupported, match="answers none of summary, stats, devs, pools"):
                await ask_all(_link(server.port), memory, COMMANDS)
        assert server.asked == ["summary+stats+devs+pools", *COMMANDS] * 2
    with pytest.raises(Refused):
        await ask_all(_link(server.port), Memory(), COMMANDS)
    async with hostile_server(HOSTILE["a line of text"]) as port:
        with pytest.raises(Malformed, match="Socket connect failed"):
            await ask_all(_link(port), Memory(), COMMANDS)


async def test_a_password_that_is_wrong_is_auth_failed() -> None:
    async with WebReplayServer({}, password="other") as web:
        with pytest.raises(AuthFailed):
            await _link(web_port=web.port).web("/cgi-bin/stats.cgi")


@pytest.mark.parametrize(
    ("reply", "is_failed", "code"),
    [
        (DENIED, True, 45),
        ({"STATUS": [{"STATUS": "F", "Code": "14"}]}, True, 14),
        ({"STATUS": "E", "Code": 14, "Msg": "invalid cmd"}, True, 14),
        ({"STATUS": "S", "Code": 131, "Msg": {}}, False, 131),
        ({"STATUS": {"STATUS": "E", "Code": 1}}, True, 1),
        (SUMMARY, False, 11),
        ({"STATUS": [], "SUMMARY": []}, False, None),
        ({"STATUS": [["E"]], "Code": 14}, False, None),
        ({"STATUS": [{"STATUS": "E", "Code": "٣"}]}, True, None),
        ({"STATUS": None}, False, None),
        ({}, False, None),
    ],
)
def test_status_in_every_form(reply: dict[str, Any], is_failed: bool, code: int | None) -> None:
    assert failed(reply) == is_failed
    assert status_code(reply) == code
