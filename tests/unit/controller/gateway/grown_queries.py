"""Queries grown from PromQL's grammar: of every type, with every kind of matcher, modifier and operator that there is."""

from hypothesis import strategies as st

from tests.unit.controller.gateway.two_clients import BEGIN, COUNTER, END, GAUGES, HIDDEN, WITHOUT_CLIENT

Text = st.SearchStrategy[str]

_LABELS = ("client", "container", "miner", "class", "source", "algorithm", "__name__", "nothing")
_VALUES = ("acme", "borealis", "C 1", "C 9", "planted", "a0", "hashing", "", "SHA-256")
_PATTERNS = (".*", ".+", "acme|borealis", "C .", "borealis", "(a|p).*", "", "a[0-9]", "[^x]*", "measured|")
_FUNCTIONS = (
    "abs", "absent", "acos", "acosh", "asin", "asinh", "atan", "atanh", "ceil", "cos", "cosh", "day_of_month", "day_of_week",
    "day_of_year", "days_in_month", "deg", "exp", "floor", "histogram_count", "histogram_sum", "hour", "ln", "log10", "log2",
    "minute", "month", "no_such_function", "rad", "round", "sgn", "sin", "sinh", "sort", "sort_desc", "sqrt", "tan", "tanh",
    "timestamp", "year",
)  # fmt: skip
_WITH_ONE_NUMBER = ("clamp_max", "clamp_min", "round")
_OVER_TIME = (
    "absent_over_time", "avg_over_time", "changes", "count_over_time", "delta", "deriv", "idelta", "increase", "irate",
    "last_over_time", "mad_over_time", "max_over_time", "min_over_time", "present_over_time", "rate", "resets",
    "stddev_over_time", "stdvar_over_time", "sum_over_time",
)  # fmt: skip
_NUMBERS = (
    "2",
    "-1.5",
    "1e3",
    ".5",
    "0x1F",
    "Inf",
    "-Inf",
    "NaN",
    "time()",
    "pi()",
    "scalar(vector(2))",
    "+3",
)
_AGGREGATIONS = ("sum", "avg", "min", "max", "count", "group", "stddev", "stdvar")
_WITH_NUMBER = ("topk", "bottomk", "quantile", "limitk")


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
    between = st.sampled_from((",", ",", " , ", ",\n # , client='borealis'\n", " or "))
    return draw(between).join(found) + (draw(st.sampled_from(("", "", ","))) if found else "")


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
    offset = st.sampled_from(("", "", "", " offset 5m", " offset -3m", " offset 1h", " OFFSET 1m30s"))
    at = st.sampled_from(("", "", "", " @ start()", " @ end()", f" @ {END - 1800}", f" @ {BEGIN + 600}.5"))
    return st.builds(
        lambda one, other, turned: other + one if turned else one + other, at, offset, st.booleans()
    )


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
            (
                "+",
                "-",
                "*",
                "/",
                "%",
                "^",
                "atan2",
                "==",
                "!=",
                ">",
                "<",
                ">=",
                "<=",
                "> bool",
                "== bool",
                "and",
                "or",
                "unless",
                "AND",
                "fill",
            )
        )
    )
    labels = ", ".join(draw(st.lists(st.sampled_from(_LABELS[:4]), max_size=3, unique=True)))
    matching = draw(st.sampled_from(("", "", f"on ({labels})", f"ignoring ({labels})")))
    group = ""
    sets = operator.lower() in ("and", "or", "unless")
    if matching and not sets:
        group = draw(
            st.sampled_from(
                ("", "group_left ()", "group_left", "group_right (source)", "group_left (client, class)")
            )
        )
    number = draw(st.sampled_from((None, None, *_NUMBERS)))
    if number is not None and not sets:
        turned = draw(st.booleans())
        return f"{number} {operator} {draw(inner)}" if turned else f"{draw(inner)} {operator} {number}"
    return f"{draw(inner)} {operator} {matching} {group} {draw(inner)}"


@st.composite
def _ranged(draw: st.DrawFn, inner: Text) -> str:
    function = draw(st.sampled_from(_OVER_TIME))
    if draw(st.booleans()):
        what = f"{draw(selectors())}[{draw(st.sampled_from(('5m', '90s', '1h', '1h30m', '400d')))}]"
    else:
        step = draw(st.sampled_from(("5m", "1m", "")))
        what = f"({draw(inner)})[{draw(st.sampled_from(('20m', '1h')))}:{step}]"
    what += draw(moments())
    number = draw(st.sampled_from(_NUMBERS) | inner.map(lambda vector: f"scalar({vector})"))
    given = draw(
        st.sampled_from(
            (
                f"{function}({what})",
                f"{function}({what})",
                f"{function}({what})",
                f"quantile_over_time({number}, {what})",
                f"predict_linear({what}, {number})",
                f"double_exponential_smoothing({what}, 0.5, 0.5)",
            )
        )
    )
    return str(given)


def _wrapped(inner: Text) -> Text:
    return st.one_of(
        _parted(inner, (*_AGGREGATIONS, *_WITH_NUMBER, "count_values")),
        _joined(inner),
        _ranged(inner),
        st.builds(lambda name, one: f"{name}({one})", st.sampled_from(_FUNCTIONS), inner),
        st.builds(
            lambda name, one, number: f"{name}({one}, {number})",
            st.sampled_from(_WITH_ONE_NUMBER),
            inner,
            st.sampled_from(_NUMBERS),
        ),
        st.builds(lambda one, other: f"clamp({one}, 1, scalar({other}))", inner, inner),
        st.builds(lambda one, sign: f"{sign}({one})", inner, st.sampled_from(("-", "+", "- -"))),
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
        st.builds(lambda one, other: f"sum(info({one}, {{{other}}}))", inner, matchers(named=True)),
        st.builds(
            lambda one, label: f'sort_by_label({one}, "{label}")', inner, st.sampled_from(("client", "miner"))
        ),
        st.builds(lambda one: f'(\n\t{one} # "\n)', inner),
    )


def queries() -> Text:
    """A query that gives a vector, as most panels ask."""
    leaf = st.builds(lambda one, when: one + when, selectors(), moments())
    return st.recursive(leaf | st.sampled_from(("vector(1)", "vector(time())")), _wrapped, max_leaves=5)
