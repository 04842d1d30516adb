"""What a report's address means: every period, every filter, every mistake named; and where its rows lead."""

from datetime import date
from urllib.parse import parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from controller.accounting.model import BYS, Money
from controller.pages.language import words
from controller.pages.money_words import amount, period_words, signed_percent
from controller.pages.report_page import (
    Asked,
    Choices,
    asked,
    inside,
    last_of_month,
    month_before,
    months_offered,
)
from tests.unit.controller.pages.sample_reports import row

EN, RU = words("en"), words("ru")
CHOICES = Choices(
    today=date(2026, 11, 22),
    containers={"container-1": "Container 1", "container-7": "Container 7"},
    clients={"acme": "Acme"},
)


def read(query: str) -> Asked:
    return asked(MultiDict(parse_qsl(query, keep_blank_values=True)), CHOICES, EN)


def wrong(query: str) -> list[tuple[str, str]]:
    return [(one.name, one.why) for one in read(query).wrong]


def test_without_a_word_it_is_this_month_by_container() -> None:
    found = read("")
    assert (found.wish.begins, found.wish.ends) == (date(2026, 11, 1), date(2026, 11, 30))
    assert (found.wish.by, found.month, found.wrong) == ("container", "2026-11", ())


def test_a_container_is_found_by_its_name_as_dashboards_have_it() -> None:
    for asked_for in (
        "container=Container+7",
        "container=container-7",
        "container=Container+7&container=container-7",
    ):
        found = read(asked_for)
        assert (found.wish.containers, found.wrong) == (("container-7",), ())
    assert wrong("container=Container+8") == [("container", "there is no such container")]


def test_a_month_and_a_free_period() -> None:
    assert read("month=2028-02").wish.ends == date(2028, 2, 29)
    found = read("from=2026-10-05&to=2026-10-07&month=2026-09")
    assert (found.wish.begins, found.wish.ends, found.month) == (date(2026, 10, 5), date(2026, 10, 7), None)
    assert read("from=2026-10-05").wish.ends == date(2026, 10, 5)


@pytest.mark.parametrize(
    ("query", "name", "why"),
    [
        ("month=2026-13", "month", "it is no month such as 2026-10"),
        ("month=october", "month", "it is no month such as 2026-10"),
        ("from=2026-02-30", "from", "it is no date such as 2026-10-31"),
        ("from=2026-10-07&to=2026-10-05", "to", "it is before the first day, so both are exchanged"),
        ("from=2001-01-01&to=2026-01-01", "from", "a report holds ten years at most"),
        ("by=mood", "by", "nothing is added up by this"),
        ("container=container-9", "container", "there is no such container"),
        ("client=nobody", "client", "there is no such client"),
        ("miner=container-9.a1", "miner", "there is no such miner"),
        ("basis=guess", "basis", "it is readings or meter"),
        ("page=0", "page", "it is a number from 1"),
    ],
)
def test_what_cannot_be_used_is_named_and_the_rest_is_used(query: str, name: str, why: str) -> None:
    assert wrong(f"{query}&container=container-1") == [(name, why)]
    assert read(f"{query}&container=container-1").wish.containers == ("container-1",)


@given(st.text(max_size=40), st.text(max_size=40), st.text(max_size=40))
def test_any_address_is_a_report(first: str, second: str, third: str) -> None:
    given_ = MultiDict([("from", first), ("to", second), ("month", third), ("by", first), ("page", second)])
    found = asked(given_, CHOICES, EN)
    assert found.wish.begins <= found.wish.ends
    assert read(urlsplit(found.address()).query).wish == found.wish


def test_an_address_leads_back_to_the_same_report() -> None:
    for query in (
        "month=2026-10&by=miner&container=container-1&container=container-7",
        "from=2026-10-01&to=2026-10-09&by=day&client=acme&basis=meter&miner=container-1.a1",
    ):
        found = read(query)
        assert read(urlsplit(found.address()).query).wish == found.wish


def leads(query: str, key: str) -> dict[str, str]:
    address = inside(read(query), row(key), BYS)
    assert address is not None
    return dict(parse_qsl(urlsplit(address).query))


def test_each_row_leads_to_what_it_is_made_of() -> None:
    assert leads("month=2026-10&by=client", "acme") == {
        "month": "2026-10",
        "by": "container",
        "client": "acme",
    }
    assert leads("month=2026-10&client=acme", "container-1") == {
        "month": "2026-10", "by": "day", "container": "container-1", "client": "acme",
    }  # fmt: skip
    assert leads("month=2026-10&by=day&container=container-1", "2026-10-03") == {
        "from": "2026-10-03", "to": "2026-10-03", "by": "miner", "container": "container-1",
    }  # fmt: skip
    assert leads("month=2026-10&by=miner", "container-1.a1") == {
        "month": "2026-10", "by": "day", "miner": "container-1.a1",
    }  # fmt: skip
    assert leads("from=2026-09-15&to=2026-11-10&by=month", "2026-09") == {
        "from": "2026-09-15", "to": "2026-09-30", "by": "day",
    }  # fmt: skip
    assert inside(read("by=day&miner=container-1.a1"), row("2026-11-03"), BYS) is None
    assert inside(read("by=client"), row(""), BYS) is None


def test_months_follow_each_other() -> None:
    assert month_before("2026-01") == "2025-12"
    assert month_before("2026-12", -1) == "2027-01"
    assert last_of_month(date(2026, 2, 10)) == date(2026, 2, 28)
    offered = months_offered(date(2026, 11, 22), "2020-01", EN)
    assert (offered[0], offered[-1]) == (("2026-11", "November 2026"), ("2020-01", "January 2020"))
    assert len(offered) == 25


def test_money_and_periods_are_written_by_the_language() -> None:
    assert amount(Money("RUB", "2062886.40"), RU) == "2\u00a0062\u00a0886,40\u00a0₽"
    assert amount(Money("USD", "-0.50"), EN) == "\u2212$0.50"
    assert amount(Money("JPY", "1200"), EN) == "¥1,200"
    assert period_words(date(2026, 10, 1), date(2026, 10, 31), RU) == "октябрь 2026"
    assert period_words(date(2026, 10, 3), date(2026, 10, 3), EN) == "3 Oct 2026"
    assert signed_percent(-0.0049, EN) == "\u22120.5\u00a0%"
    assert signed_percent(0.0001, EN) == "0.0\u00a0%"
