import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from miners.inventory.fleet import Container, Miner, Origin
from miners.inventory.slugs import MAX_SLUG, SLUG_PATTERN, miner_id, slug


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Контейнер 1", "konteiner-1"),
        ("КОНТЕЙНЕР №1", "konteiner-no1"),
        ("Щёлково, ул. Объездная", "shchelkovo-ul-obieezdnaia"),
        ("Қостанай", "kostanai"),
        ("Київ", "kiiv"),
        ("a3-12", "a3-12"),
        ("A3_12", "a3-12"),
        ("  --Zürich--  ", "zurich"),
        ("Straße", "strasse"),
        ("10.1.7.10", "10-1-7-10"),
        ("容器 1", "u5bb9-u5668-1"),
        ("№", "no"),
        ("!!", "u21-u21"),
        ("", "unnamed"),
    ],
)
def test_slug(name: str, expected: str) -> None:
    assert slug(name) == expected


@given(st.text())
def test_every_name_has_a_slug(name: str) -> None:
    found = slug(name)
    assert re.search(SLUG_PATTERN, found)
    assert len(found) <= MAX_SLUG
    assert slug(found) == found


def test_miner_id() -> None:
    origin = Origin("targets.yml", 1)
    container = Container(name="Контейнер 1", id="konteiner-1", origin=origin)
    miner = Miner(name="A3 12", container="Контейнер 1", address="10.0.0.1", origin=origin)
    assert miner_id(container, miner) == "konteiner-1.a3-12"
