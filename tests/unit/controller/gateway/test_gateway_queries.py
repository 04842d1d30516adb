"""Queries cut to a client: every way around that people know is refused, or finds his own series alone."""

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from controller.gateway import promql, syntax
from controller.gateway.promql import (
    DENIED,
    NotShown,
    Refused,
    TooMuch,
    Unprovable,
    Unreadable,
    confined,
    confined_selector,
    everything_of,
)
from controller.gateway.syntax import quoted, read, walk, write
from tests.unit.grafana import dashboard_files

NO_HIDDEN = f'__name__!~"{DENIED}"'

WRITTEN = {
    # what was asked: what is sent
    "a": '{__name__="a",client="acme"}',
    'a{b="c"}': '{__name__="a",b="c",client="acme"}',
    'a{b="c",}': '{__name__="a",b="c",client="acme"}',
    '{"a","b"!="c"}': '{__name__="a",b!="c",client="acme"}',
    # another client's name beside one's own leaves nothing
    'a{client="borealis"}': '{__name__="a",client="borealis",client="acme"}',
    'a{client=~".+"}': '{__name__="a",client=~".+",client="acme"}',
    'a{client!="acme"}': '{__name__="a",client!="acme",client="acme"}',
    'a{client=""}': '{__name__="a",client="",client="acme"}',
    'a{client="acme"}': '{__name__="a",client="acme",client="acme"}',
    # names that are not fixed leave out what is hidden
    '{__name__=~"a.*"}': f'{{__name__=~"a.*",client="acme",{NO_HIDDEN}}}',
    '{__name__!="a",b="c"}': f'{{__name__!="a",b="c",client="acme",{NO_HIDDEN}}}',
    '{__name__!=""}': f'{{__name__!="",client="acme",{NO_HIDDEN}}}',  # Grafana's own for all there is
    '{b="c"}': f'{{b="c",client="acme",{NO_HIDDEN}}}',
    # times
    "a offset 5m": '{__name__="a",client="acme"} offset 300s',
    "a offset -90s": '{__name__="a",client="acme"} offset -90s',
    "a @ 1609746000.5": '{__name__="a",client="acme"} @ 1609746000.500',
    "a @ start() offset 1h": '{__name__="a",client="acme"} @ start() offset 3600s',
    "rate(a[5m] @ end())": 'rate({__name__="a",client="acme"}[300s] @ end())',
    "max_over_time(a[1500ms])": 'max_over_time({__name__="a",client="acme"}[1500ms])',
    "max_over_time((a)[1h:1m] offset 1w)": 'max_over_time(({__name__="a",client="acme"})[3600s:60s] offset 604800s)',
    # operators and functions
    "a + on (x) group_left (y) b": '{__name__="a",client="acme"} + on (x) group_left (y) {__name__="b",client="acme"}',
    "a > bool ignoring (x) b": '{__name__="a",client="acme"} > bool ignoring (x) {__name__="b",client="acme"}',
    "a and on () b or c": '{__name__="a",client="acme"} and on () {__name__="b",client="acme"} or '
    '{__name__="c",client="acme"}',
    "-a ^ 2": '- {__name__="a",client="acme"} ^ 2.0',
    "SUM(a) BY (client)": 'sum by (client) ({__name__="a",client="acme"})',
    "topk without (x) (5, a)": 'topk without (x) (5.0, {__name__="a",client="acme"})',
    'count_values("client", a)': 'count_values("client", {__name__="a",client="acme"})',
    'label_replace(a, "client", "$1", "x", "(.*)")': 'label_replace({__name__="a",client="acme"}, "client", "$1", "x", "(.*)")',
    'label_join(a, "client", "-", "x", "y")': 'label_join({__name__="a",client="acme"}, "client", "-", "x", "y")',
    'absent(a{client="borealis"})': 'absent({__name__="a",client="borealis",client="acme"})',
    # comments, escapes, quotation marks
    'a # {client="borealis"}\n{b="c"}': '{__name__="a",b="c",client="acme"}',
    'a{b="# no comment"}': '{__name__="a",b="# no comment",client="acme"}',
    'a{b="}, {c"}': '{__name__="a",b="}, {c",client="acme"}',
    r'a{b="\"} or b{c=\""}': r'{__name__="a",b="\"} or b{c=\"",client="acme"}',
    r"a{b='\'} or b{c=\''}": """{__name__="a",b="'} or b{c='",client="acme"}""",
    r'a{b="\x41\u00e9\U0001F600\101"}': '{__name__="a",b="Aé😀A",client="acme"}',
    r'a{b=~"k\\-1|k\\.2"}': r'{__name__="a",b=~"k\\-1|k\\.2",client="acme"}',
    'a{b=`raw\\n"x\n`}': r'{__name__="a",b="raw\\n\"x\x0a",client="acme"}',
    # words that are keywords elsewhere
    "a == bool b": '{__name__="a",client="acme"} == bool {__name__="b",client="acme"}',
    "offset offset 5m": '{__name__="offset",client="acme"} offset 300s',
    # no series at all
    "1 + 1": "1.0 + 1.0",
    "vector(time())": "vector(time())",
    '"text"': '"text"',
    "- Inf": "-Inf",
}  # fmt: skip

REFUSED: dict[str, type[Refused]] = {
    # a series in a parameter of an aggregation
    'quantile(scalar(a{client="borealis"}), a)': Unreadable,
    "topk(scalar(b), a)": Unreadable,
    "bottomk by (x) (scalar(sum(b)), a)": Unreadable,
    "topk(sum(max_over_time(b[5m])) + 1, a)": Unreadable,
    "limitk(scalar(b), a)": Unreadable,
    "max_over_time(quantile(scalar(b), a)[1h:1m])": Unreadable,
    # what looks series up by itself, or joins conditions by or
    "info(a)": Unreadable,
    'info(a, {client="borealis"})': Unreadable,
    'a{client="acme" or client="borealis"}': Unreadable,
    "rate(info(a)[5m:1m])": Unreadable,
    "a[5m:]": Unreadable,
    # no PromQL
    "": Unreadable,
    " ": Unreadable,
    "# a": Unreadable,
    "a{": Unreadable,
    "a)": Unreadable,
    'a{b="c}': Unreadable,
    "a{b=c}": Unreadable,
    "a;b": Unreadable,
    "sum(a[5m])": Unreadable,
    "no_such_function(a)": Unreadable,
    'a{b="c"}{d="e"}': Unreadable,
    'a{__name__="b"}': Unreadable,
    'a{__name__=~"up|b"}': Unreadable,
    "bool": Unreadable,
    "{}": Unreadable,
    '{b=""}': Unreadable,
    '{b!~"c"}': Unreadable,
    r'a{b="\z"}': Unreadable,
    r'a{b="\'"}': Unreadable,
    r'a{b="\ud800"}': Unreadable,
    r'a{b="\xff"}': Unreadable,
    'a{b="\x00"}': Unreadable,
    'a{b="\ud800"}': Unreadable,
    'a{b="\n"}': Unreadable,
    "\ufeffa": Unreadable,
    "a\u00a0+\u00a0b": Unreadable,
    "а": Unreadable,  # a letter of Cyrillic
    'sum by ("x.y") (a)': Unreadable,
    'a{"x.y"="z"}': Unreadable,
    "a @ -1e15": Unreadable,
    "a @ 1e300": Unreadable,
    "a + fill (0) b": Unreadable,
    # hidden names
    "hashyard_controller_drift": NotShown,
    "container_energy_price_per_kilowatt_hour": NotShown,
    "sum(container:energy_cost:increase1h)": NotShown,
    "fleet:miners:sum": NotShown,
    "up": NotShown,
    "a or up": NotShown,
    '{__name__="up"}': NotShown,
    '{"hashyard_controller_drift"}': NotShown,
    r'{__name__="\x75p"}': NotShown,
    "ALERTS": NotShown,
    "miner_info": NotShown,
    "prometheus_tsdb_head_series": NotShown,
    # too much
    "a" * 17_000: TooMuch,
    "(" * 31 + "a" + ")" * 31: TooMuch,
    "+".join(["a"] * 500): TooMuch,
    "-" * 5000 + "a": TooMuch,
    " and ".join(["a"] * 500): TooMuch,
    "max_over_time(a[1h:100ms])": TooMuch,
    "max_over_time(max_over_time(a[1h:10s])[1h:10s])": TooMuch,
    "rate(a[401d])": TooMuch,
    "a offset 401d": TooMuch,
    "a offset -401d": TooMuch,
    "max_over_time(a[1h:1m] offset 2y)": TooMuch,
    " + ".join(["a"] * 61): TooMuch,
}


OF_PROM_LABEL_PROXY = {
    # what its README says of `-label client` with the value acme; where it leaks, REFUSED says what we do
    "up_to_date": 'up_to_date{client="acme"}',
    'a{job="x"}': 'a{job="x",client="acme"}',
    'sum by (job) (rate(a{code=~"5.."}[5m])) / sum by (job) (rate(a[5m]))': 'sum by (job) (rate(a{code=~"5..",client="acme"}[5m]))'
    ' / sum by (job) (rate(a{client="acme"}[5m]))',
    "max_over_time(deriv(a[1m])[5m:30s])": 'max_over_time(deriv(a{client="acme"}[1m])[5m:30s])',
    "a or vector(0)": 'a{client="acme"} or vector(0)',
    "absent(a)": 'absent(a{client="acme"})',
    "1": "1",
}  # fmt: skip


@pytest.mark.parametrize(("asked", "proxied"), OF_PROM_LABEL_PROXY.items())
def test_what_prom_label_proxy_does_right_is_the_same_here(asked: str, proxied: str) -> None:
    assert read(confined(asked, "acme")) == read(proxied)


@pytest.mark.parametrize(("asked", "sent"), WRITTEN.items())
def test_what_is_sent_for_a_query(asked: str, sent: str) -> None:
    assert confined(asked, "acme") == sent


@pytest.mark.parametrize(("asked", "kind"), REFUSED.items(), ids=lambda one: str(one)[:40])
def test_what_is_refused(asked: str, kind: type[Refused]) -> None:
    with pytest.raises(kind) as refused:
        confined(asked, "acme")
    assert type(refused.value) is kind
    assert 10 < len(str(refused.value)) < 300
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("asked", ["a", "1", 'a{client="acme"}'])
def test_a_token_without_a_client_sees_nothing(asked: str) -> None:
    with pytest.raises(Unprovable, match="no client"):
        confined(asked, "")
    with pytest.raises(Unprovable, match="no client"):
        everything_of("")


@pytest.mark.parametrize("slug", ["acme", 'a"} or {b="', "a\\", "a\nb", "клиент", "$1", ".*"])
def test_a_name_of_a_client_is_a_text_whatever_it_holds(slug: str) -> None:
    [selector] = [node for node in walk(read(confined("a", slug))) if node.kind == "selector"]
    assert selector.matchers[-1] == syntax.Matcher("client", "=", slug)


def test_selectors_alone_are_taken_for_lists() -> None:
    assert confined_selector('a{b="c"}', "acme") == '{__name__="a",b="c",client="acme"}'
    assert everything_of("acme") == f'{{client="acme",{NO_HIDDEN}}}'
    for wrong in ("a[5m]", "sum(a)", "a offset 5m", "a @ 5", "a or b", "1", '"a"', "(a)", "-a", ""):
        with pytest.raises(Unreadable):
            confined_selector(wrong, "acme")
    with pytest.raises(NotShown):
        confined_selector("up", "acme")


def test_what_comes_out_otherwise_than_it_was_meant_is_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = promql.write
    for spoilt in (
        lambda node: whole(node).replace(',client="acme"', ""),
        lambda node: whole(node).replace('client="acme"', 'client=~"acme"'),
        lambda node: whole(node).replace("300s", "600s"),
        lambda node: f"{whole(node)} or b",
        lambda node: whole(node).replace('__name__="a"', '__name__="b"'),
    ):
        monkeypatch.setattr(promql, "write", spoilt)
        with pytest.raises(Unprovable):
            confined("rate(a[5m])", "acme")


def test_a_regular_expression_of_a_stranger_is_not_worked_out_here() -> None:
    """The parser would take minutes for these, and end the process for a deeper one."""
    heavy = ",".join(f'b{at}=~"(a{{100}}){{100}}|(\\\\pL{{90}}){{9}}"' for at in range(300))
    began = time.process_time()
    confined(f"a{{{heavy}}}", "acme")
    assert time.process_time() - began < 5


@pytest.mark.parametrize(
    "asked",
    [one for one in dashboard_files.ASKED if one.uid == "hashyard-client"],
    ids=str,
)
def test_the_clients_dashboard_passes(asked: dashboard_files.Asked) -> None:
    def value(match: object) -> str:
        name = match[1] or match[2]  # type: ignore[index]
        return dashboard_files._DURATIONS.get(name, r"(Container\\-1|Контейнер 2)")

    query = dashboard_files._VARIABLE.sub(value, asked.expression)
    again = read(confined(query, "acme"))
    asked_for = [node for node in walk(read(query)) if node.kind == "selector"]
    cut = [node for node in walk(again) if node.kind == "selector"]
    assert [node.matchers[-1] for node in cut] == [syntax.Matcher("client", "=", "acme")] * len(asked_for)


@given(st.text())
def test_any_text_is_read_back_as_it_was(text: str) -> None:
    try:
        read(quoted(text))
    except Unreadable:
        assert "\0" in text or not text.isprintable()
        return
    assert read(quoted(text)).own == (text,)


@given(st.text(alphabet="ab{}()[],=!~\"'`\\#\n :5m@+-|") | st.text())
def test_whatever_is_sent_is_refused_in_words_or_cut(text: str) -> None:
    try:
        sent = confined(text, "acme")
    except Refused:
        return
    again = read(sent)
    assert write(again) == sent
    assert all(
        syntax.Matcher("client", "=", "acme") in node.matchers
        for node in walk(again)
        if node.kind == "selector"
    )
