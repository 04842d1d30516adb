"""Documents with any JSON in place of some of their values, and the check that no figure in a result is NaN."""

import copy
from math import isfinite
from typing import Any

import msgspec
from hypothesis import strategies as st

ANY_JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(
        [0, -1, 10**30, 10**400, 1e308, -1e308, "", "nan", "1e308", "inf", "-", "5 W", ":", "0:00:05"]
    )
    | st.floats()
    | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=3),
    max_leaves=5,
)


def places(document: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the path of every value in a document."""
    items = (
        document.items()
        if isinstance(document, dict)
        else enumerate(document)
        if isinstance(document, list)
        else ()
    )
    return [(*path, key) for key, _ in items] + [
        place for key, value in items for place in places(value, (*path, key))
    ]


@st.composite
def mutations(draw: st.DrawFn, document: dict[str, Any]) -> dict[str, Any]:
    """Draw the document with up to six of its values replaced by any JSON, or left out."""
    changed = copy.deepcopy(document)
    for path in draw(st.lists(st.sampled_from(places(document)), max_size=6)):
        holder = changed
        try:
            for key in path[:-1]:
                holder = holder[key]
            if isinstance(holder, dict) and not isinstance(path[-1], str):
                continue  # a list stood here, and no JSON has a number for a key
            if isinstance(holder, dict) and draw(st.booleans()):
                holder.pop(path[-1], None)
            else:
                holder[path[-1]] = draw(ANY_JSON)
        except (KeyError, IndexError, TypeError):
            continue  # an earlier change took this place away
    return changed


def finite(value: Any) -> bool:
    """Tell whether every float anywhere in the value is finite."""
    if isinstance(value, float):
        return isfinite(value)
    if isinstance(value, msgspec.Struct):
        return all(finite(getattr(value, name)) for name in value.__struct_fields__)
    if isinstance(value, list | tuple):
        return all(map(finite, value))
    return True
