"""Whatsminer API v2 told: tokens, sealed commands and answers, every code of refusal, and what the body then does.

The client's side here is written with libpass, apart from the simulator's own md5crypt.
"""

import base64
import hashlib
import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from hypothesis import given
from hypothesis import strategies as st
from passlib.hash import md5_crypt

from simulator.clock import ManualClock
from simulator.devices.whatsminer_cipher import NotBase64Error, md5crypt, seal, unseal
from simulator.miner import SimulatedMiner
from tests.unit.simulator.ordering import control, rpc, running

PASSWORD = "farm"


def crypt(password: str, salt: str) -> str:
    return str(md5_crypt.using(salt=salt).hash(password)).split("$")[3]


class Client:
    """Whoever writes to a miner from one address with one password."""

    def __init__(self, miner: SimulatedMiner, *, password: str = PASSWORD, source: str = "127.0.0.1") -> None:
        self.miner, self.password, self.source = miner, password, source
        self.key = self.sign = ""

    async def ask(self, request: dict[str, Any]) -> Any:
        return await rpc(self.miner, request, source=self.source)

    async def log_in(self) -> Any:
        answer = await self.ask({"cmd": "get_token"})
        if answer["STATUS"] == "S":
            given = answer["Msg"]
            self.key = crypt(self.password, given["salt"])
            self.sign = crypt(self.key + given["time"], given["newsalt"])
        return answer

    async def tell(self, command: str, **parameters: Any) -> tuple[int, bool]:
        """Return the code of the answer, and whether it came sealed."""
        asked = json.dumps({"cmd": command, "token": self.sign, **parameters}).encode()
        answer = await self.ask(
            {"enc": 1, "data": self._cipher(asked + b"\0" * (-len(asked) % 16), seal=True)}
        )
        sealed = "enc" in answer
        if sealed:
            opened = self._cipher(base64.b64decode(answer["enc"]), seal=False)
            answer = json.loads(opened.rstrip(b"\0"))
        return answer["Code"] if "Code" in answer else answer["STATUS"][0]["Code"], sealed

    def _cipher(self, data: bytes, *, seal: bool) -> Any:
        cipher = Cipher(algorithms.AES(hashlib.sha256(self.key.encode()).digest()), modes.ECB())
        if not seal:
            decryptor = cipher.decryptor()
            return decryptor.update(data) + decryptor.finalize()
        encryptor = cipher.encryptor()
        return base64.b64encode(encryptor.update(data) + encryptor.finalize()).decode()


@given(
    password=st.text(max_size=40).filter(lambda text: "\0" not in text),
    salt=st.from_regex(r"[./0-9A-Za-z]{1,8}", fullmatch=True),
)
def test_md5crypt_is_what_libpass_makes(password: str, salt: str) -> None:
    assert md5crypt(password, salt) == crypt(password, salt)


def test_md5crypt_of_the_published_example() -> None:
    # `openssl passwd -1 -salt xxxxxxxx password`, from the manual of OpenSSL
    assert md5crypt("password", "xxxxxxxx") == "UYCIxa628.9qXjpQCjM4a."


@given(key=st.text(max_size=20), text=st.binary(min_size=1, max_size=200).filter(lambda text: text[-1]))
def test_what_is_sealed_opens(key: str, text: bytes) -> None:
    assert unseal(key, seal(key, text)) == text


@pytest.mark.parametrize("data", ["", "?", "AAAA", "QUJD\x00"])
def test_what_is_not_base64_or_no_block_is_refused(data: str) -> None:
    with pytest.raises(NotBase64Error):
        unseal("key", data)


@pytest.mark.parametrize("model", ["M20S", "M30S+", "M50"])
async def test_sleeping_waking_and_how_it_reads(model: str) -> None:
    clock = ManualClock()
    async with running(model, "127.67.2.1", clock=clock, password=PASSWORD) as (_, miner):
        client = Client(miner)
        await client.log_in()
        assert await client.tell("power_off", respbefore="true") == (131, True)
        answer = (await client.ask({"cmd": "status"}))["Msg"]
        assert answer.get("mineroff", answer.get("btmineroff")) == "true"
        assert miner.truth(clock.now()).power_w < 100
        assert await client.tell("power_on") == (131, True)
        clock.advance(1_200)
        assert miner.truth(clock.now()).state == "mining"
        assert [(one.command, one.obeyed) for one in miner.received] == [
            ("power_off", True),
            ("power_on", True),
        ]
        assert miner.received[0].parameters == {"respbefore": "true"}
        assert client.sign not in str(miner.received)
        assert [one.command for one in miner.orders.sessions] == ["get_token"]


@pytest.mark.parametrize(
    ("command", "parameters", "share", "restarts"),
    [
        ("set_low_power", {}, 0.75, True),
        ("set_high_power", {}, 1.15, True),
        ("adjust_power_limit", {"power_limit": "2720"}, 0.8, True),
        ("set_power_pct", {"percent": "60"}, 0.6, False),
    ],
)
async def test_power_follows(command: str, parameters: dict[str, str], share: float, restarts: bool) -> None:
    clock = ManualClock()
    async with running("M30S+", "127.67.2.2", clock=clock, password=PASSWORD) as (fleet, miner):
        client = Client(miner)
        await client.log_in()
        assert await client.tell(command, **parameters) == (131, True)
        assert (miner.truth(clock.now()).hashrate_hs == 0) is restarts
        clock.advance(1_500)
        assert fleet.power_w("c") == pytest.approx(share * 3_400, rel=0.06)


async def test_the_same_limit_again_restarts_mining_again() -> None:
    clock = ManualClock()
    async with running("M30S+", "127.67.2.3", clock=clock, password=PASSWORD) as (_, miner):
        client = Client(miner)
        await client.log_in()
        for _ in range(2):
            await client.tell("adjust_power_limit", power_limit="3000")
            assert miner.truth(clock.now()).state == "starting"
            clock.advance(1_000)
            assert miner.truth(clock.now()).state == "mining"
            await client.log_in()
        row = (await client.ask({"cmd": "summary"}))["SUMMARY"][0]
        assert row["Power Limit"] == 3_000


@pytest.mark.parametrize(
    ("command", "parameters"),
    [
        ("adjust_power_limit", {"power_limit": "99999"}),
        ("adjust_power_limit", {"power_limit": "much"}),
        ("adjust_power_limit", {}),
        ("set_power_pct", {"percent": "101"}),
        ("set_led", {"colour": "red"}),
    ],
)
async def test_bad_figures_fail_with_132(command: str, parameters: dict[str, str]) -> None:
    async with running("M30S+", "127.67.2.4", password=PASSWORD) as (fleet, miner):
        client = Client(miner)
        await client.log_in()
        assert await client.tell(command, **parameters) == (132, False)
        assert miner.truth(fleet.now()).state == "mining"
        assert [one.accepted for one in miner.received] == [False]


async def test_a_token_lives_thirty_minutes_and_belongs_to_an_address() -> None:
    clock = ManualClock()
    async with running("M30S+", "127.67.2.5", clock=clock, password=PASSWORD) as (_, miner):
        client = Client(miner)
        await client.log_in()
        clock.advance(1_799)
        assert await client.tell("set_led", param="auto") == (131, True)
        thief = Client(miner, source="127.0.9.2")
        thief.key, thief.sign = client.key, client.sign
        assert await thief.tell("power_off") == (135, False)
        clock.advance(1)
        assert await client.tell("power_off") == (135, False)
        await client.log_in()
        assert await client.tell("power_off") == (131, True)


async def test_thirty_two_tokens_an_address_and_no_more_until_they_lapse() -> None:
    clock = ManualClock()
    async with running("M30S+", "127.67.2.6", clock=clock, password=PASSWORD) as (_, miner):
        client = Client(miner)
        codes = [(await client.ask({"cmd": "get_token"}))["Code"] for _ in range(33)]
        assert codes == [134] * 32 + [136]
        assert (await Client(miner, source="127.0.9.3").ask({"cmd": "get_token"}))["Code"] == 134
        clock.advance(1_800)
        assert (await client.ask({"cmd": "get_token"}))["Code"] == 134


async def test_wrong_and_default_passwords_bad_base64_and_plain_commands() -> None:
    async with running("M30S+", "127.67.2.7", password=PASSWORD) as (_, miner):
        wrong = Client(miner, password="admin")
        await wrong.log_in()
        assert await wrong.tell("power_off") == (23, False)
        answer = await wrong.ask({"enc": 1, "data": "not base64!"})
        assert answer["Code"] == 137
        assert (await wrong.ask({"cmd": "power_off"}))["Code"] == 45
        client = Client(miner)
        await client.log_in()
        client.sign = "forged"
        assert await client.tell("power_off") == (135, False)
        await client.log_in()
        assert await client.tell("no_such_command") == (14, False)
        assert not any(one.accepted for one in miner.received)
    async with running("M30S+", "127.67.2.7") as (_, miner):
        fresh = Client(miner, password="admin")
        assert (await fresh.log_in())["Code"] == 134
        assert await fresh.tell("power_off") == (45, False)


async def test_firmware_without_writing_api_switched_off_refusals_and_lapsing() -> None:
    async with running("M30S+", "127.67.2.8", password=PASSWORD) as (fleet, miner):
        client = Client(miner)

        async def have(**fault: Any) -> None:
            miner.remove_faults(None, fleet.now())
            answer = await control(fleet, "/miners/c/a1/faults", method="POST", body=fault)
            assert "faults" in answer

        await client.log_in()
        await have(fault="read_only")
        assert (await client.log_in())["Code"] == 45
        assert await client.tell("power_off") == (45, False)
        await have(fault="no_writing")
        assert (await client.log_in())["STATUS"][0]["Code"] == 14
        assert await client.tell("power_off") == (14, False)
        await have(fault="refuses")
        assert await client.tell("power_off") == (132, False)
        await have(fault="lapsing")
        await client.log_in()
        assert await client.tell("power_off") == (135, False)
        await have(fault="disobeys")
        await client.log_in()
        assert await client.tell("power_off") == (131, True)
        assert miner.truth(fleet.now()).state == "mining"


async def test_the_light_is_shown() -> None:
    async with running("M30S+", "127.67.2.9", password=PASSWORD) as (_, miner):
        client = Client(miner)
        await client.log_in()
        await client.tell("set_led", color="red", period=60, duration=20, start=0)
        assert (await client.ask({"cmd": "get_miner_info"}))["Msg"]["ledstat"] == "blink"
        await client.tell("set_led", param="auto")
        assert (await client.ask({"cmd": "get_miner_info"}))["Msg"]["ledstat"] == "auto"
