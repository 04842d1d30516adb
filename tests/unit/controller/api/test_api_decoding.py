"""Decoding, counted limits and cursors, from many made-up values."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from controller.api.decoding import decode_body, decode_query
from controller.api.gate import Gate, network_of
from controller.api.lockout import Lockout, ShutOut
from controller.api.paging import from_cursor, page_of, to_cursor
from controller.api.passwords import check_new, one_time_password
from controller.api.problems import Problem
from controller.api.rates import Rates
from controller.api.route import ListQuery
from controller.settings import Settings

BEGIN = datetime(2026, 3, 2, tzinfo=UTC)


class Inner(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    count: Annotated[int, msgspec.Meta(ge=0, le=9)]


class Outer(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=3)]
    kind: Literal["a", "b"] | None = None
    inner: Inner | None = None
    many: tuple[Inner, ...] = ()
    by_name: dict[str, Inner] = {}


T = TypeVar("T")


@pytest.mark.parametrize(
    ("raw", "said"),
    [(b"", "there is no body: send JSON, {} if there is nothing to say"), (b"{", "the body is not JSON")],
)
def test_a_body_that_is_none_is_told_from_one_that_is_wrong(raw: bytes, said: str) -> None:
    with pytest.raises(Problem) as raised:
        decode_body(raw, Outer)
    assert raised.value.detail == said


def tried(work: Callable[[], T]) -> T | Problem:
    """Return what it gives, or how it refuses."""
    try:
        return work()
    except Problem as problem:
        return problem


SCALARS = st.none() | st.booleans() | st.integers(-2, 12) | st.sampled_from(["", "a", "abcd", "a\0"])
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["count", "name", "x"]), inner, max_size=3)
    ),
    max_leaves=8,
)
BODIES = st.dictionaries(
    st.sampled_from(["name", "kind", "inner", "many", "by_name", "else"]), VALUES, max_size=6
)


@given(BODIES)
def test_a_body_is_taken_exactly_when_it_fits_and_every_mistake_is_real(body: dict[str, Any]) -> None:
    raw = msgspec.json.encode(body)
    found = tried(lambda: decode_body(raw, Outer))
    if not isinstance(found, Problem):
        assert msgspec.json.decode(raw, type=Outer) == found
        return
    assert found.status == 422
    assert found.mistakes
    assert len({mistake.at for mistake in found.mistakes}) == len(found.mistakes)
    for mistake in found.mistakes:
        assert mistake.code in {"missing", "unknown", "type", "range", "length", "choice", "text"}, mistake
    # There are no more mistakes than those: without the fields that they name, the body fits.
    wrong = {mistake.at.split("/")[1] for mistake in found.mistakes}
    mended = {key: value for key, value in body.items() if key not in wrong}
    decode_body(msgspec.json.encode(mended | ({"name": "a"} if "name" in wrong else {})), Outer)


@given(st.binary(max_size=200))
def test_no_bytes_break_it(raw: bytes) -> None:
    found = tried(lambda: decode_body(raw, Outer))
    assert isinstance(found, Outer) or found.status in {400, 422}


@given(st.lists(st.tuples(st.sampled_from(["limit", "cursor", "q"]), st.text(max_size=8)), max_size=4))
def test_no_query_breaks_it(pairs: list[tuple[str, str]]) -> None:
    found = tried(lambda: decode_query(MultiDict(pairs), ListQuery))
    if isinstance(found, Problem):
        assert found.status == 400
        assert all(mistake.at.startswith("?") for mistake in found.mistakes)
    else:
        assert 1 <= found.limit <= 500


@given(st.text(max_size=50), st.sampled_from(["users", "events"]))
def test_a_cursor_leads_back_in_its_own_list_only(position: str, kind: str) -> None:
    cursor = to_cursor(kind, position)
    assert from_cursor(kind, cursor) == position
    with pytest.raises(Problem):
        from_cursor("miners", cursor)


@given(st.text(max_size=60))
def test_no_made_up_cursor_is_taken(text: str) -> None:
    with pytest.raises(Problem):
        from_cursor("users", text)


@given(st.lists(st.integers(0, 50), unique=True, max_size=30), st.integers(1, 7))
def test_pages_of_a_list_are_the_list(items: list[int], limit: int) -> None:
    found: list[int] = []
    cursor: str | None = None
    while True:
        page = page_of(items, ListQuery(limit=limit, cursor=cursor), "numbers", str)
        assert page.total == len(items)
        found += page.items
        cursor = page.next
        if cursor is None:
            break
    assert found == items


def test_what_leaves_between_two_pages_hides_nothing_that_stays() -> None:
    first = page_of(list("abcdef"), ListQuery(limit=2), "letters", str)
    second = page_of(list("acdef"), ListQuery(limit=2, cursor=first.next), "letters", str)
    assert list(second.items) == ["c", "d"]
    moved = page_of(list("xabcdef"), ListQuery(limit=2, cursor=first.next), "letters", str)
    assert list(moved.items) == ["c", "d"]


@given(st.lists(st.floats(0, 90), max_size=60))
def test_no_minute_has_many_more_requests_than_allowed(gaps: list[float]) -> None:
    now = BEGIN
    rates = Rates(lambda: now, 5)
    passed: list[datetime] = []
    for gap in gaps:
        now += timedelta(seconds=gap)
        refused = tried(lambda: rates.count("tok"))
        if refused is None:
            passed.append(now)
        else:
            assert 1 <= int(refused.headers["Retry-After"]) <= 60
    for at in passed:
        assert sum(at <= other < at + timedelta(seconds=60) for other in passed) <= 10


def test_guesses_at_the_same_time_count_each() -> None:
    lockout = Lockout(lambda: BEGIN)
    for _ in range(10):
        lockout.begin("anna", "203.0.113.9")
    with pytest.raises(ShutOut):
        lockout.begin("anna", "203.0.113.9")
    lockout.begin("anna", "198.51.100.1")


def test_strangers_do_not_fill_the_memory() -> None:
    lockout = Lockout(lambda: BEGIN)
    for number in range(12_000):
        lockout.begin(f"name{number}", f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(lockout._names) <= 10_000
    assert len(lockout._addresses) <= 10_000


@pytest.mark.parametrize(
    ("peer", "forwarded", "caller"),
    [
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "1.1.1.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "1.1.1.1, 203.0.113.9, 10.0.0.7", "203.0.113.9"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("127.0.0.1", "", "127.0.0.1"),
        ("203.0.113.8", "1.1.1.1", "203.0.113.8"),
        ("127.0.0.1", "10.0.0.7", "10.0.0.7"),
    ],
)
def test_the_caller_is_the_last_that_no_proxy_of_ours_has_written(
    tmp_path: Any, peer: str, forwarded: str, caller: str
) -> None:
    settings = Settings(targets=(tmp_path,), data=tmp_path, trusted_proxies=("127.0.0.1", "10.0.0.0/8"))
    assert Gate(settings).caller(peer, {"X-Forwarded-For": forwarded}) == caller


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::/64"),
        ("2001:db8::ffff:1", "2001:db8::/64"),
        ("::ffff:203.0.113.9", "203.0.113.9"),
        ("local", "local"),
    ],
)
def test_one_household_is_one_caller(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize(
    "password",
    [
        "passwordpassword",
        "PasswordPassword",
        "aaaaaaaaaaaa",
        "abababababab",
        "987654321098",
        "anna.winter1",
        "administrator",
    ],
)
def test_a_password_that_others_try_first_is_refused(password: str) -> None:
    with pytest.raises(Problem, match="try first"):
        check_new(password, "anna.winter", "/new")


def test_a_one_time_password_can_be_read_and_is_taken() -> None:
    made = {one_time_password() for _ in range(100)}
    assert len(made) == 100
    for password in made:
        assert len(password) == 23
        check_new(password, "anna", "/new")
