"""What a person sees: nothing turned into a picture, no maker named twice, no secret in raw replies."""

import io
from datetime import UTC, datetime

import pytest
from rich.console import Console

from hashyard_terminal import failure_line, found_table, hash_rate, print_reading, redacted
from miners.model import Identity, PollFailure, Pool, Snapshot


def snapshot(**more: object) -> Snapshot:
    identity = Identity(
        manufacturer="AntMiner", model="Antminer S19", mac="02:49:60:AB:47:3F", hostname=":ab: [red]"
    )
    return Snapshot(
        container="",
        miner="m",
        address="10.1.7.16",
        taken_at=datetime.now(UTC),
        duration_s=0.1,
        driver="antminer",
        state="mining",
        identity=identity,
        **more,  # type: ignore[arg-type]
    )


def shown(reading: Snapshot) -> str:
    out = io.StringIO()
    print_reading(Console(file=out, width=200, emoji=False), reading)
    return out.getvalue()


def test_what_a_miner_says_is_shown_as_it_says_it() -> None:
    text = shown(snapshot(pools=(Pool(0, "stratum+tcp://[bold]x", "[link=y]user"),)))
    assert "02:49:60:AB:47:3F, :ab: [red]" in text
    assert "stratum+tcp://[bold]x" in text
    assert "[link=y]user" in text


def test_a_maker_is_named_once_and_what_is_absent_is_a_dash() -> None:
    text = shown(snapshot())
    assert "miner" in text
    assert "AntMiner" not in text
    assert "Antminer S19" in text
    assert "– now, – average, – nominal" in text


def test_a_scan_shows_what_could_not_be_read_as_well() -> None:
    failure = PollFailure(
        container="",
        miner="m",
        address="10.1.7.17",
        taken_at=datetime.now(UTC),
        duration_s=1,
        reason="auth",
        detail="10.1.7.17:80 wants\nanother password",
    )
    out = io.StringIO()
    Console(file=out, width=200, emoji=False).print(found_table([snapshot(), failure]))
    assert "auth: 10.1.7.17:80 wants" in out.getvalue()
    assert failure_line(failure) == "10.1.7.17:80 wants another password"


def test_raw_replies_hide_secrets_and_show_control_bytes() -> None:
    text = redacted(b'{"User":"me","Password" : "a\\"b","url":"x"}\x00\x1b[2J\xff')
    assert '"User":"<hidden>"' in text
    assert '"Password" : "<hidden>"' in text
    assert '"url":"x"' in text
    assert "a\\" not in text
    assert "\x1b" not in text
    assert "\x00" not in text


@pytest.mark.parametrize("end", ['"me', '"me\\', '"me\\"again'])
def test_raw_replies_that_are_cut_within_a_secret_hide_it_too(end: str) -> None:
    assert redacted(b'{"Status":"Alive","User":' + end.encode()) == '{"Status":"Alive","User":"<hidden>"'


def test_who_is_named_in_a_pools_address_is_hidden() -> None:
    reply = b'{"URL":"stratum+tcp://me.1:secret@pool.example:3333","Stratum URL":"pool.example"}'
    assert redacted(reply) == (
        '{"URL":"stratum+tcp://<hidden>@pool.example:3333","Stratum URL":"pool.example"}'
    )


def test_hash_rates_have_three_to_four_figures() -> None:
    rates = [None, 0, 950e3, 9.5e9, 110e12, 24.1e15, 1.02e18]
    assert [hash_rate(rate) for rate in rates] == [
        "–",
        "0 H/s",
        "950.00 kH/s",
        "9.50 GH/s",
        "110.00 TH/s",
        "24.10 PH/s",
        "1.02 EH/s",
    ]
