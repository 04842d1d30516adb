"""The texts in which an Avalon packs its readings, and its name for itself."""

import pytest

from miners.drivers.avalon_text import model_and_build, modules, read_keys
from tests.unit.miners.avalon_modules import A851


@pytest.mark.parametrize(
    ("version", "model", "build"),
    [
        ("7211706-3162860", "721", "1706-3162860"),
        ("9211809-b1a2c3d", "921", "1809-b1a2c3d"),
        ("1026-30-20032101_5a4e3ea", "1026-30", "20032101_5a4e3ea"),
        ("1126Pro-S-64-21010701_4ec6bb0", "1126Pro-S-64", "21010701_4ec6bb0"),
        ("1246-83-21072802_4ec6bb0_211fc46", "1246-83", "21072802_4ec6bb0_211fc46"),
        ("Q-25052801_14a19a2", "Q", "25052801_14a19a2"),
        ("Mini3-25021401_56abae7", "Mini3", "25021401_56abae7"),
        ("whatever", None, "whatever"),
        ("", None, None),
    ],
)
def test_what_a_version_tells(version: str, model: str | None, build: str | None) -> None:
    assert model_and_build(version) == (model, build)


def test_values_hold_spaces_and_keys_too() -> None:
    keys = read_keys("'STATS':{A[] B[1 2] Nonce Mask[25] C[--freq 1:2 --level 4 ] D[unfinis")
    assert keys == {"A": "", "B": "1 2", "Nonce Mask": "25", "C": "--freq 1:2 --level 4 "}


def test_hostile_texts_stay_small() -> None:
    assert len(modules([{f"MM ID{number}": A851 for number in range(99)} for _ in range(5)])) == 40
    assert len(read_keys("a[1]" * 100_000)) == 1
    assert len(read_keys("".join(f"k{number}[1]" for number in range(50_000)))) == 1000
