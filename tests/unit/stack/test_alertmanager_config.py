"""alertmanager.yml as it stands and filled in is right by amtool's judgement, and what is filled in stands where it should."""

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from stack.alertmanager_config import MailServer, Receivers, TemplateWrong, Ways, rendered
from tests.alert_rules import CONFIG, MESSAGES

TEMPLATE = CONFIG.read_text(encoding="utf-8")
MAIL = MailServer(
    smarthost="mail.example.com:587", sender="hashyard@example.com", user="hashyard", password='p"w: {{ #'
)
TOKEN = "123456:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
EVERYTHING = Receivers(
    people=Ways(
        email_to="a@example.com, b@example.com", telegram_chat_id=-100_123, webhook_url="https://a.example/x"
    ),
    pager=Ways(email_to="c@example.com", telegram_chat_id=7, webhook_url="https://b.example/?key=%7B"),
    mail=MAIL,
    telegram_token=TOKEN,
    dead_mans_switch_url="https://c.example/beat",
    controller_url="https://farm.example.com",
    grafana_url="https://farm.example.com/grafana",
)


def check(amtool: Path, config: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([amtool, "check-config", config], capture_output=True, text=True, check=False)


def filled_in(receivers: Receivers) -> tuple[dict[str, Any], dict[str, dict[str, Any]]]:
    config = yaml.safe_load(rendered(TEMPLATE, receivers, templates=MESSAGES))
    return config, {one["name"]: one for one in config["receivers"]}


def test_amtool_accepts_the_file_as_it_stands(amtool: Path) -> None:
    done = check(amtool, CONFIG)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "receivers",
    [
        Receivers(),
        EVERYTHING,
        Receivers(people=Ways(email_to="a@example.com"), mail=MAIL),
        Receivers(pager=Ways(telegram_chat_id=1), telegram_token=TOKEN),
        Receivers(people=Ways(webhook_url="http://127.0.0.1:1/x")),
        Receivers(dead_mans_switch_url="https://c.example/beat"),
    ],
    ids=["nobody", "everything", "mail", "telegram", "webhook", "dead man's switch"],
)
def test_amtool_accepts_what_is_filled_in(amtool: Path, tmp_path: Path, receivers: Receivers) -> None:
    config = tmp_path / "alertmanager.yml"
    config.write_text(rendered(TEMPLATE, receivers, templates=MESSAGES), encoding="utf-8")
    done = check(amtool, config)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 templates" in done.stdout


def test_nothing_but_receivers_mail_and_the_place_of_the_messages_is_changed() -> None:
    config, _ = filled_in(EVERYTHING)
    original = yaml.safe_load(TEMPLATE)
    assert set(config) - set(original) == {"global"}
    assert config["templates"] == [MESSAGES]
    for key in ("route", "inhibit_rules"):
        assert config[key] == original[key]
    assert [one["name"] for one in config["receivers"]] == [one["name"] for one in original["receivers"]]


def test_without_receivers_nobody_is_told() -> None:
    assert yaml.safe_load(rendered(TEMPLATE, Receivers())) == yaml.safe_load(TEMPLATE)


def test_each_receiver_has_its_own_ways() -> None:
    config, receivers = filled_in(EVERYTHING)
    people, pager = receivers["people"], receivers["pager"]
    assert [one["to"] for one in people["email_configs"]] == ["a@example.com, b@example.com"]
    assert [one["to"] for one in pager["email_configs"]] == ["c@example.com"]
    assert [(one["chat_id"], one["bot_token"]) for one in people["telegram_configs"]] == [(-100_123, TOKEN)]
    assert [(one["chat_id"], one["bot_token"]) for one in pager["telegram_configs"]] == [(7, TOKEN)]
    assert [one["url"] for one in people["webhook_configs"]] == ["https://a.example/x"]
    assert [one["url"] for one in pager["webhook_configs"]] == ["https://b.example/?key=%7B"]
    assert receivers["dead-mans-switch"] == {
        "name": "dead-mans-switch",
        "webhook_configs": [{"url": "https://c.example/beat", "send_resolved": False}],
    }
    assert config["global"] == {
        "smtp_smarthost": MAIL.smarthost,
        "smtp_from": MAIL.sender,
        "smtp_require_tls": True,
        "smtp_auth_username": MAIL.user,
        "smtp_auth_password": MAIL.password,
    }


def test_people_hear_that_an_alert_has_ended() -> None:
    _, receivers = filled_in(EVERYTHING)
    ways = [
        way
        for name in ("people", "pager")
        for kind in receivers[name]
        if kind != "name"
        for way in receivers[name][kind]
    ]
    assert len(ways) == 6
    assert all(way["send_resolved"] is True for way in ways)


def test_the_text_says_that_it_holds_secrets() -> None:
    assert rendered(TEMPLATE, EVERYTHING).splitlines()[0].endswith("Holds secrets.")


def test_secrets_are_not_printed_with_the_receivers() -> None:
    shown = f"{EVERYTHING!r} {EVERYTHING}"
    for secret in (MAIL.password, TOKEN, "a.example/x", "b.example", "c.example/beat"):
        assert secret is not None
        assert secret not in shown


@pytest.mark.parametrize(
    ("receivers", "said"),
    [
        (Receivers(people=Ways(email_to="a@example.com")), "there is a mail address and no mail server"),
        (Receivers(pager=Ways(telegram_chat_id=1)), "there is a Telegram chat and no token of a bot"),
    ],
)
def test_half_a_receiver_is_refused(receivers: Receivers, said: str) -> None:
    with pytest.raises(ValueError, match=f"^{said}$"):
        rendered(TEMPLATE, receivers)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ("receivers: [", "alertmanager.yml is not YAML: "),
        ("[]", "alertmanager.yml has no list of receivers with names"),
        ("receivers: [people]", "alertmanager.yml has no list of receivers with names"),
        ("receivers: [{name: people}]", "alertmanager.yml has no receiver pager, dead-mans-switch"),
    ],
)
def test_another_file_in_its_place_is_refused_in_one_line(template: str, said: str) -> None:
    with pytest.raises(TemplateWrong) as found:
        rendered(template, EVERYTHING)
    assert str(found.value).startswith(said)
    assert "\n" not in str(found.value)
