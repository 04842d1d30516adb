"""Who is told is read from variables and files; each thing wrong or half given is one line with what helps, without secrets."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stack.alertmanager_config import Receivers, Ways, rendered
from stack.receivers import VARIABLES, ReceiversWrong, notices, read_receivers
from tests.alert_rules import CONFIG

TOKEN = "123456:planted-planted-planted-planted"
PASSWORD = "planted \"pass' {{ word"
HOOK = "https://user:planted@hooks.example.com/a?b=c"
DOCUMENT = CONFIG.parents[1] / "docs" / "alerting.md"


@pytest.fixture
def whole(tmp_path: Path) -> dict[str, str]:
    """Everything set rightly."""

    def file(name: str, text: str) -> str:
        path = tmp_path / name
        path.write_text(text + "\n", encoding="utf-8")
        return str(path)

    return {
        "HASHYARD_ALERT_EMAIL_TO": "shift@example.com, Second <second@example.com>",
        "HASHYARD_ALERT_EMAIL_SMARTHOST": "mail.example.com:587",
        "HASHYARD_ALERT_EMAIL_FROM": "Hashyard <hashyard@example.com>",
        "HASHYARD_ALERT_EMAIL_USER": "hashyard",
        "HASHYARD_ALERT_EMAIL_PASSWORD_FILE": file("password", PASSWORD),
        "HASHYARD_ALERT_EMAIL_REQUIRE_TLS": "yes",
        "HASHYARD_ALERT_TELEGRAM_TOKEN_FILE": file("token", TOKEN),
        "HASHYARD_ALERT_TELEGRAM_CHAT_ID": "-1001234567890",
        "HASHYARD_ALERT_WEBHOOK_URL_FILE": file("hook", HOOK),
        "HASHYARD_ALERT_PAGER_EMAIL_TO": "night@example.com",
        "HASHYARD_ALERT_PAGER_TELEGRAM_CHAT_ID": "42",
        "HASHYARD_ALERT_PAGER_WEBHOOK_URL_FILE": file("pager", "http://[::1]:8080/page"),
        "HASHYARD_ALERT_DEAD_MANS_SWITCH_URL_FILE": file("beat", "https://beat.example.com/planted"),
        "HASHYARD_CONTROLLER_URL": "https://farm.example.com/",
        "HASHYARD_GRAFANA_URL": "http://10.1.0.5:3000/grafana",
    }


def mistakes(environment: dict[str, str]) -> list[str]:
    with pytest.raises(ReceiversWrong) as found:
        read_receivers(environment)
    return str(found.value).splitlines()


def test_everything_is_read(whole: dict[str, str]) -> None:
    assert set(whole) == set(VARIABLES)
    found = read_receivers(whole)
    assert found.people == Ways(
        email_to="shift@example.com, Second <second@example.com>",
        telegram_chat_id=-1001234567890,
        webhook_url=HOOK,
    )
    assert found.pager == Ways(
        email_to="night@example.com", telegram_chat_id=42, webhook_url="http://[::1]:8080/page"
    )
    assert found.mail is not None
    assert (found.mail.smarthost, found.mail.sender) == (
        "mail.example.com:587",
        "Hashyard <hashyard@example.com>",
    )
    assert (found.mail.user, found.mail.password, found.mail.require_tls) == ("hashyard", PASSWORD, True)
    assert found.telegram_token == TOKEN
    assert found.dead_mans_switch_url == "https://beat.example.com/planted"
    assert (found.controller_url, found.grafana_url) == (
        "https://farm.example.com",
        "http://10.1.0.5:3000/grafana",
    )
    assert notices(found) == []


@pytest.mark.parametrize("blank", ["", "  "])
def test_what_is_empty_is_not_set(blank: str) -> None:
    assert read_receivers(dict.fromkeys(VARIABLES, blank)) == Receivers() == read_receivers({})


def test_it_is_said_when_nobody_would_notice() -> None:
    nobody, unwatched = notices(Receivers())
    assert nobody.startswith("Nobody is told of alerts: set HASHYARD_ALERT_EMAIL_TO")
    assert unwatched.startswith("Nobody notices when the alerts themselves stop")
    only_pager = Receivers(pager=Ways(telegram_chat_id=1), telegram_token=TOKEN, dead_mans_switch_url=HOOK)
    assert [one.partition(",")[0] for one in notices(only_pager)] == ["Only critical alerts are told"]


@pytest.mark.parametrize(
    ("taken", "line"),
    [
        (
            "HASHYARD_ALERT_EMAIL_SMARTHOST",
            (
                "HASHYARD_ALERT_EMAIL_TO is set and HASHYARD_ALERT_EMAIL_SMARTHOST is not: set it to the mail server, as in "
                "mail.example.com:587"
            ),
        ),
        (
            "HASHYARD_ALERT_EMAIL_FROM",
            (
                "HASHYARD_ALERT_EMAIL_TO is set and HASHYARD_ALERT_EMAIL_FROM is not: set it to the address from which the "
                "mail comes"
            ),
        ),
        (
            "HASHYARD_ALERT_EMAIL_USER",
            (
                "HASHYARD_ALERT_EMAIL_PASSWORD_FILE is set and HASHYARD_ALERT_EMAIL_USER is not: set it to the name that "
                "the password belongs to"
            ),
        ),
        (
            "HASHYARD_ALERT_EMAIL_PASSWORD_FILE",
            (
                "HASHYARD_ALERT_EMAIL_USER is set and HASHYARD_ALERT_EMAIL_PASSWORD_FILE is not: set it to the file with its "
                "password"
            ),
        ),
        (
            "HASHYARD_ALERT_TELEGRAM_TOKEN_FILE",
            (
                "HASHYARD_ALERT_TELEGRAM_CHAT_ID is set and HASHYARD_ALERT_TELEGRAM_TOKEN_FILE is not: set it to the file with "
                "the token of the bot that writes there"
            ),
        ),
    ],
)
def test_what_is_half_given_is_one_line(whole: dict[str, str], taken: str, line: str) -> None:
    del whole[taken]
    assert mistakes(whole) == [line]


def test_a_mail_server_or_a_bot_with_nobody_to_write_to_is_said(whole: dict[str, str]) -> None:
    for name in list(whole):
        if name.endswith(("EMAIL_TO", "CHAT_ID")):
            del whole[name]
    assert mistakes(whole) == [
        "HASHYARD_ALERT_EMAIL_SMARTHOST is set and nobody has a mail address: set HASHYARD_ALERT_EMAIL_TO, or take it away",
        (
            "HASHYARD_ALERT_TELEGRAM_TOKEN_FILE is set and there is no chat to write to: set HASHYARD_ALERT_TELEGRAM_CHAT_ID, "
            "or take it away"
        ),
    ]


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("EMAIL_TO", "shift", "holds 'shift', which is not a mail address"),
        ("EMAIL_TO", "a@example.com, b@", "holds ' b@', which is not a mail address"),
        ("EMAIL_TO", "{{ x }}@example.com", "which is not a mail address"),
        ("EMAIL_TO", ",", "holds no mail address"),
        ("PAGER_EMAIL_TO", "a@example.com\nBcc: b@example.com", "which is not a mail address"),
        ("EMAIL_FROM", "a@example.com, b@example.com", "which is not a mail address"),
        ("EMAIL_SMARTHOST", "mail.example.com", "which is not HOST:PORT"),
        ("EMAIL_SMARTHOST", "mail.example.com:0", "which is not HOST:PORT"),
        ("EMAIL_SMARTHOST", "mail.example.com:65536", "which is not HOST:PORT"),
        ("EMAIL_SMARTHOST", "smtp://mail.example.com:25", "which is not HOST:PORT"),
        ("EMAIL_USER", "a\x07", "holds signs that cannot be printed"),
        ("EMAIL_REQUIRE_TLS", "perhaps", "is 'perhaps': say yes or no"),
        ("TELEGRAM_CHAT_ID", "@channel", "is '@channel', which is not the number of a chat"),
        ("TELEGRAM_CHAT_ID", "0", "is '0', which is not the number of a chat"),
        ("PAGER_TELEGRAM_CHAT_ID", "9223372036854775808", "which is not the number of a chat"),
    ],
)
def test_a_wrong_value_is_one_line_naming_variable_value_and_remedy(
    whole: dict[str, str], name: str, value: str, said: str
) -> None:
    (line,) = mistakes(whole | {f"HASHYARD_ALERT_{name}": value})
    assert line.startswith(f"HASHYARD_ALERT_{name} ")
    assert said in line
    assert re.search(r": \S", line)


@pytest.mark.parametrize("name", ["HASHYARD_CONTROLLER_URL", "HASHYARD_GRAFANA_URL"])
@pytest.mark.parametrize(
    "value",
    [
        "farm.example.com",
        "ftp://farm.example.com",
        "https://user:planted@farm.example.com",
        "https://farm.example.com/?a=b",
        'https://farm.example.com/"><b>',
        "https://farm.example.com/{{ end }}",
    ],
)
def test_an_address_for_links_is_plain(whole: dict[str, str], name: str, value: str) -> None:
    (line,) = mistakes(whole | {name: value})
    assert line.startswith(f"{name} is not an address to put before links: give it as in https://")
    assert "planted" not in line


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "does not exist: make it"),
        (b"", "is empty: "),
        (b"\n\n", "is empty: "),
        (b"planted\nplanted\n", "holds more than one line"),
        (b"planted\xff", "is not UTF-8 text"),
        (b"planted" * 1000, "is larger than 4096 bytes"),
    ],
)
@pytest.mark.parametrize("name", [name for name in VARIABLES if name.endswith("_FILE")])
def test_a_wrong_secret_file_is_one_line_without_what_is_in_it(
    whole: dict[str, str], tmp_path: Path, name: str, content: bytes | None, said: str
) -> None:
    path = tmp_path / "planted-path"
    if content is not None:
        path.write_bytes(content)
    (line,) = mistakes(whole | {name: str(path)})
    assert line.startswith(f"{name} names a file that {said}")
    assert "planted" not in line


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("TELEGRAM_TOKEN_FILE", "planted", "does not hold the token of a bot"),
        ("WEBHOOK_URL_FILE", "planted", "does not hold a URL"),
        ("PAGER_WEBHOOK_URL_FILE", "https://", "does not hold a URL"),
        ("PAGER_WEBHOOK_URL_FILE", "https://planted/{{ x }}", "does not hold a URL"),
        ("DEAD_MANS_SWITCH_URL_FILE", "https://planted/ planted", "does not hold a URL"),
    ],
)
def test_a_secret_that_cannot_be_one_is_said_without_it(
    whole: dict[str, str], tmp_path: Path, name: str, content: str, said: str
) -> None:
    path = tmp_path / "wrong"
    path.write_text(content, encoding="utf-8")
    (line,) = mistakes(whole | {f"HASHYARD_ALERT_{name}": str(path)})
    assert line.startswith(f"HASHYARD_ALERT_{name} names a file that {said}: ")
    assert "planted" not in line


def test_what_is_no_file_is_not_waited_for(whole: dict[str, str], tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (pipe, tmp_path):
        (line,) = mistakes(whole | {"HASHYARD_ALERT_WEBHOOK_URL_FILE": str(path)})
        assert line.startswith("HASHYARD_ALERT_WEBHOOK_URL_FILE names a file that is not a regular file: ")


def test_the_secret_itself_in_place_of_its_file_is_not_repeated(whole: dict[str, str]) -> None:
    (line,) = mistakes(whole | {"HASHYARD_ALERT_TELEGRAM_TOKEN_FILE": TOKEN})
    assert line.startswith("HASHYARD_ALERT_TELEGRAM_TOKEN_FILE names a file that does not exist")
    assert "planted" not in line


def test_a_secret_given_by_value_is_refused_with_the_variable_for_its_file() -> None:
    assert mistakes({"HASHYARD_ALERT_TELEGRAM_TOKEN": TOKEN}) == [
        (
            "HASHYARD_ALERT_TELEGRAM_TOKEN is not read: it is secret: write it into a file, and name that with "
            "HASHYARD_ALERT_TELEGRAM_TOKEN_FILE"
        )
    ]


def test_a_misspelt_variable_is_not_passed_over() -> None:
    assert mistakes({"HASHYARD_ALERT_EMAIL_SMARTHOSTS": "x", "HASHYARD_ALERT_SIREN": "x"}) == [
        "HASHYARD_ALERT_EMAIL_SMARTHOSTS is not read: did you mean HASHYARD_ALERT_EMAIL_SMARTHOST?",
        "HASHYARD_ALERT_SIREN is not read: docs/alerting.md lists those that there are",
    ]


def test_every_mistake_is_said_at_once(whole: dict[str, str]) -> None:
    wrong = {
        "HASHYARD_ALERT_EMAIL_TO": "x",
        "HASHYARD_ALERT_TELEGRAM_CHAT_ID": "x",
        "HASHYARD_GRAFANA_URL": "x",
    }
    assert [line.split()[0] for line in mistakes(whole | wrong)] == list(wrong)


def test_a_password_is_not_sent_unencrypted_but_on_this_machine(whole: dict[str, str]) -> None:
    plain = whole | {"HASHYARD_ALERT_EMAIL_REQUIRE_TLS": "no"}
    (line,) = mistakes(plain)
    assert line.startswith("HASHYARD_ALERT_EMAIL_REQUIRE_TLS is no, and a password is never sent unencrypted")
    found = read_receivers(plain | {"HASHYARD_ALERT_EMAIL_SMARTHOST": "127.0.0.1:25"})
    assert found.mail is not None
    assert found.mail.require_tls is False


@given(
    st.dictionaries(
        st.sampled_from([name for name in VARIABLES if not name.endswith("_FILE")]), st.text(max_size=60)
    )
)
def test_whatever_is_given_comes_to_a_configuration_or_to_lines(environment: dict[str, str]) -> None:
    try:
        receivers = read_receivers(environment)
    except ReceiversWrong as error:
        lines = str(error).splitlines()
        assert all(line.startswith("HASHYARD_") for line in lines)
    else:
        assert rendered(CONFIG.read_text(encoding="utf-8"), receivers)


def test_the_page_on_alerting_names_every_variable() -> None:
    named = set(
        re.findall(
            r"`(HASHYARD_(?:ALERT_[A-Z_]+|CONTROLLER_URL|GRAFANA_URL))`", DOCUMENT.read_text(encoding="utf-8")
        )
    )
    assert named == set(VARIABLES)
