"""The model table: names as devices report them find their row, and nothing else does."""

import pytest

from miners.models import all_models, find_model, manufacturer_name


@pytest.mark.parametrize(
    ("manufacturer", "name", "model", "hashrate", "power", "boards", "chips"),
    [
        ("AntMiner", "Antminer S19 Pro", "S19 Pro 110T", 110e12, 3250, 3, 114),
        ("AntMiner", "Antminer S9", "S9 13.5T", 13.5e12, 1323, 3, 63),
        ("AntMiner", "Antminer L9", "L9 16G", 16e9, 3360, 3, 110),
        ("Avalon", "1246-83", "Avalon 1246", 90e12, 3420, 3, 120),
        ("Avalon", "Q", "Avalon Q 90T", 90e12, 1674, 1, 160),
        ("Elphapex", "DG-Home1", "DG Home 1 2.1G", 2.1e9, 630, 1, 120),
        # A revision takes boards and chips from its own row, nominal figures from the family's.
        ("Whatsminer", "M30S+_VE40", "M30S+ VE40", 100e12, 3400, 3, 156),
        # An unknown revision hits the family alone.
        ("Whatsminer", "M30S+_VX99", "M30S+ 100T", 100e12, 3400, 3, None),
    ],
)
def test_reported_names_find_their_row(
    manufacturer: str,
    name: str,
    model: str,
    hashrate: float,
    power: float,
    boards: int,
    chips: int | None,
) -> None:
    facts = find_model(manufacturer, name)
    assert facts is not None
    assert (facts.model, facts.nominal_hashrate_hs, facts.nominal_power_w) == (model, hashrate, power)
    assert (facts.boards, facts.chips_per_board) == (boards, chips)


@pytest.mark.parametrize(
    ("manufacturer", "name"),
    [
        ("AntMiner", "Antminer S21 Foo"),
        ("AntMiner", "x" * 10_000),
        ("AntMiner", ""),
        (None, "Antminer S9"),
        ("AntMiner", None),
        ("Nobody", "Antminer S9"),
        ("Whatsminer", "Antminer S9"),
        ("Avalon", "Avalon"),
        ("Avalon", "AvalonMiner 12466"),
    ],
)
def test_unknown_names_hit_nothing(manufacturer: str | None, name: str | None) -> None:
    assert find_model(manufacturer, name) is None


@pytest.mark.parametrize(
    ("manufacturer", "name", "model"),
    [
        ("Avalon", "741", "AvalonMiner 741"),
        ("Avalon", "A841", "AvalonMiner 841"),
        ("Avalon", "1126Pro-S-64", "Avalon 1126 Pro"),
        ("Avalon", "1166Pro-68", "Avalon 1166 Pro"),
        ("Avalon", "AvalonMiner 1166Pro", "Avalon 1166 Pro"),
        ("Avalon", "AvalonMiner1166Pro-S-81", "Avalon 1166 Pro"),
        ("Avalon", "Avalon A1166", "Avalon 1166"),
        ("Avalon", "Avalon-1246", "Avalon 1246"),
        ("Avalon", "CANAAN AvalonMiner 1066 ", "Avalon 1066"),
        ("Avalon", "Avalon A15Pro", "Avalon A15 Pro 218T"),
        ("Avalon", "15-194", "Avalon A15 194T"),
        ("Avalon", "Avalon Q", "Avalon Q 90T"),
        ("Avalon", " Avalon Q ", "Avalon Q 90T"),
        ("Avalon", "Avalon Nano3s", "Avalon Nano 3S 6T"),
        ("Avalon", "AvalonNano3", "Avalon Nano 3 4T"),
        ("Avalon", "AvalonMini 3", "Avalon Mini 3 37.5T"),
        ("Whatsminer", "M30S++ VH40", "M30S++ VH40"),
        ("Whatsminer", "m30s++_vh40", "M30S++ VH40"),
        ("Whatsminer", "WhatsMiner M21S_V60", "M21S V60"),
    ],
)
def test_names_are_written_in_many_ways(manufacturer: str, name: str, model: str) -> None:
    facts = find_model(manufacturer, name)
    assert facts is not None
    assert facts.model == model


@pytest.mark.parametrize(
    ("written", "spelling"),
    [("Elhapex", "Elphapex"), ("ANTMINER", "AntMiner"), (" bitmain ", "AntMiner"), ("MicroBT", "Whatsminer")],
)
def test_manufacturers_are_known_in_any_spelling(written: str, spelling: str) -> None:
    assert manufacturer_name(written) == spelling
    assert manufacturer_name("Acme") is None


def test_the_table_is_whole_and_sane() -> None:
    models = all_models()
    assert len(models) == 748
    for facts in models:
        assert facts.sources
        assert all(facts.sources)
        if facts.nominal_power_w is not None and facts.nominal_hashrate_hs and facts.algorithm == "SHA-256":
            assert 5 < facts.nominal_power_w / facts.nominal_hashrate_hs * 1e12 < 300, facts
