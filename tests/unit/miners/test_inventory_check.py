from pathlib import Path

import pytest

from miners.inventory.check import check_report

ROOT = Path(__file__).parents[3]


def test_the_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert check_report([Path("targets.yml")]) == (
        (
            "3 containers, 224 miners (1 not active): Whatsminer 219, AntMiner 3, Avalon 1, Elphapex 1\n"
            "  Контейнер 1 (konteiner-1): 189 miners, every 30 s, Europe/Moscow, observe, schedule dear-mornings, "
            "client north, Whatsminer M50S × 189\n"
            "  Container 2 (container-2): 5 miners (1 not active), every 15 s, Europe/Moscow, observe, "
            "AntMiner S19 Pro × 1; AntMiner S21 × 1; AntMiner L7 × 1; Avalon 1246 × 1; Elphapex DG1+ × 1\n"
            "  Tank 3 (tank-3): 30 miners, every 30 s, Asia/Almaty, observe, Whatsminer M56S × 30\n"
            "tariff day and night: USD\n"
            "schedule dear mornings (dear-mornings): 2 windows, otherwise normal\n"
            "feed feeder 1: 1200 kW"
        ),
        0,
    )


def test_mistakes_end_with_their_number(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("targets.yml").write_text("continers: []\ndefaults: {port: 0}\n")
    assert check_report([Path("targets.yml")]) == (
        (
            "targets.yml:1: continers: unknown key; did you mean containers?\n"
            "targets.yml:2: defaults.port: 0 is not a TCP port (1–65535)\n"
            "2 mistakes; nothing of it is used"
        ),
        2,
    )


def test_warnings_and_many_models(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    miners = "".join(f"      - {{address: m{n}, model: Q{n}, manufacturer: avalon}}\n" for n in range(8))
    Path("targets.yml").write_text(f"containers:\n  - name: C\n    miners:\n{miners}")
    text, code = check_report([Path("targets.yml")])
    assert code == 0
    assert text.splitlines()[1].endswith("Avalon Q5 × 1; 2 models more")
    assert "8 warnings:" in text
    assert (
        "targets.yml:5: containers[0].miners[1].model: Q1 is not a Avalon of the model table, so its nominal figures are "
        "not known" in text
    )


def test_an_empty_fleet(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("targets.yml").write_text("containers: []\n")
    assert check_report([Path("targets.yml")]) == (
        "0 containers, 0 miners: none\n1 warning:\ntargets.yml:1: the inventory names no miner, so none is read",
        0,
    )
