"""Queries grown from PromQL's grammar: of every type, with every kind of matcher, modifier and operator that there is."""

from hypothesis import strategies as st

from tests.unit.controller.gateway.two_clients import BEGIN, COUNTER, END, GAUGES, HIDDEN, WITHOUT_CLIENT

Text = st.SearchStrategy[str]

_LABELS = ("client", "container", "miner", "class", "source", "algorithm", "__name__", "nothing")
_VALUES = ("acme", "borealis", "C 1", "C 9", "planted", "a0", "hashing", "", "SHA-256")
_PATTERNS = (".*", ".+", "acme|borealis", "C .", "borealis", "(a|p).*", "", "a[0-9]", "[^x]*", "measured|")
_FUNCTIONS = (
    "abs",
    "ceil",
    "floor",
    "round",
    "sort",
    "sort_desc",
    "timestamp",
    "sgn",
    "exp",
    "hour",
    "deriv_of",
)
_OVER_TIME = (
    "rate", "increase", "delta", "irate", "idelta", "changes", "resets", "deriv", "sum_over_time", "avg_over_time",
    "max_over_time", "min_over_time", "count_over_time", "last_over_time", "present_over_time", "stddev_over_time",
)  # fmt: skip
_AGGREGATIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
_WITH_NUMBER = ("topk", "bottomk", "quantile")


def quoted(text: str) -> Text:
    """One way of writing a text."""
    plain = text.replace("\\", "\\\\")
    return st.sampled_from(
        (f'"{plain}"', f"'{plain}'", f"`{text}`", '"' + "".join(f"\\x{ord(one):02x}" for one in text) + '"')
    )


@st.composite
def matchers(draw: st.DrawFn, *, named: bool) -> str:
    """Conditions between braces, with commas and space as one likes."""
    found = []
    for _ in range(draw(st.integers(0, 3))):
        label = draw(st.sampled_from(_LABELS if not named else _LABELS[:-2] + _LABELS[-1:]))
        operator = draw(st.sampled_from(("=", "!=", "=~", "!~")))
        value = draw(st.sampled_from(_PATTERNS if "~" in operator else _VALUES))
        found.append(f"{label}{draw(st.sampled_from(('', ' ')))}{operator}{draw(quoted(value))}")
    return draw(st.sampled_from((",", " , ", ",\n # , client='borealis'\n"))).join(found)


@st.composite
def selectors(draw: st.DrawFn) -> str:
    """A selector, with its name before or within the braces, fixed or not."""
    way = draw(st.sampled_from(("name", "name", "name", "braces", "pattern")))
    name = draw(
        st.sampled_from((*GAUGES[:6], COUNTER, COUNTER, *HIDDEN[:2], *WITHOUT_CLIENT, "no_such_series"))
    )
    more = draw(matchers(named=way == "name"))
    if way == "name":
        return f"{name}{{{more}}}" if more or draw(st.booleans()) else name
    first = (
        f"__name__={draw(quoted(name))}"
        if way == "braces"
        else f"__name__=~{draw(quoted(draw(st.sampled_from(('miner.*', '.*energy.*', '.+', 'up|c.*', 'hash.*')))))}"
    )
    return f"{{{first}{',' if more else ''}{more}}}"


def moments() -> Text:
    """What may stand behind a selector: offset, @, both, neither."""
    offset = st.sampled_from(("", "", "", " offset 5m", " offset -3m", " offset 1h"))
    at = st.sampled_from(("", "", "", " @ start()", " @ end()", f" @ {END - 1800}", f" @ {BEGIN + 600}.5"))
    return st.builds(lambda one, other: one + other, at, offset)


@st.composite
def _parted(draw: st.DrawFn, inner: Text, words: tuple[str, ...]) -> str:
    name = draw(st.sampled_from(words))
    labels = ", ".join(draw(st.lists(st.sampled_from(_LABELS[:6]), max_size=3, unique=True)))
    by = draw(st.sampled_from(("", f" by ({labels})", f" without ({labels})")))
    number = ""
    if name in _WITH_NUMBER:
        number = draw(
            st.sampled_from(("2", "0.5", "1 + 1", "scalar(vector(2))"))
            | inner.map(lambda vector: f"scalar({vector})")
        )
        number += ", "
    if name == "count_values":
        number = f'"{draw(st.sampled_from(("client", "value")))}", '
    vector = draw(inner)
    return f"{name}{by} ({number}{vector})" if draw(st.booleans()) else f"{name}({number}{vector}){by}"


@st.composite
def _joined(draw: st.DrawFn, inner: Text) -> str:
    operator = draw(
        st.sampled_from(
            ("+", "-", "*", "/", "%", "^", "==", "!=", ">", "<=", "> bool", "and", "or", "unless")
        )
    )
    labels = ", ".join(draw(st.lists(st.sampled_from(_LABELS[:4]), max_size=3, unique=True)))
    matching = draw(st.sampled_from(("", "", f"on ({labels})", f"ignoring ({labels})")))
    group = ""
    if matching and operator not in ("and", "or", "unless"):
        group = draw(st.sampled_from(("", "group_left ()", "group_right (source)")))
    number = draw(st.sampled_from((None, None, "2", "-1.5", "Inf", "0x10")))
    if number is not None and operator not in ("and", "or", "unless"):
        return f"{draw(inner)} {operator} {number}"
    return f"{draw(inner)} {operator} {matching} {group} {draw(inner)}"


@st.composite
def _ranged(draw: st.DrawFn, inner: Text) -> str:
    function = draw(st.sampled_from(_OVER_TIME))
    if draw(st.booleans()):
        what = f"{draw(selectors())}[{draw(st.sampled_from(('5m', '90s', '1h', '1h30m', '400d')))}]"
    else:
        step = draw(st.sampled_from(("5m", "1m", "")))
        what = f"({draw(inner)})[{draw(st.sampled_from(('20m', '1h')))}:{step}]"
    return f"{function}({what}{draw(moments())})"


def _wrapped(inner: Text) -> Text:
    return st.one_of(
        _parted(inner, (*_AGGREGATIONS, *_WITH_NUMBER, "count_values")),
        _joined(inner),
        _ranged(inner),
        st.builds(lambda name, one: f"{name}({one})", st.sampled_from(_FUNCTIONS), inner),
        st.builds(lambda one: f"-({one})", inner),
        st.builds(lambda one: f"vector(scalar({one}))", inner),
        st.builds(lambda one: f"histogram_quantile(0.9, {one})", inner),
        st.builds(lambda one: f"clamp_max({one}, scalar({one}))", inner),
        st.builds(
            lambda one, label: f'label_replace({one}, "{label}", "$1-borealis", "container", "(.*)")',
            inner,
            st.sampled_from(("client", "x")),
        ),
        st.builds(lambda one: f'label_join({one}, "client", "-", "container", "miner")', inner),
        st.builds(lambda one: f"({one}) # {{client='borealis'}}\n", inner),
        st.builds(lambda one: f"info({one})", inner),
    )


def queries() -> Text:
    """A query that gives a vector, as most panels ask."""
    leaf = st.builds(lambda one, when: one + when, selectors(), moments())
    return st.recursive(leaf | st.sampled_from(("vector(1)", "vector(time())")), _wrapped, max_leaves=5)
