"""Profiles, schedules and feeds as people write them, in files and through the API: what is taken, and what each mistake gives."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from miners.errors import InventoryError
from miners.inventory import coverage, plain, profiles, schedules
from miners.inventory.check import check_report
from miners.inventory.fleet import CredentialsReference, Inventory, Miner, Profile, Ramp, Schedule, Window
from miners.inventory.hours import DAY_END
from miners.inventory.load import load

EVERY_DAY = tuple(range(7))


def inventory_of(tmp_path: Path, content: str) -> Inventory:
    file = tmp_path / "targets.yml"
    file.write_text(content, encoding="utf-8")
    return load([file])


def mistakes_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str) -> list[str]:
    monkeypatch.chdir(tmp_path)
    Path("targets.yml").write_text(content, encoding="utf-8")
    with pytest.raises(InventoryError) as caught:
        load([Path("targets.yml")])
    return list(caught.value.mistakes)


def test_what_is_there_without_being_written(tmp_path: Path) -> None:
    inventory = inventory_of(tmp_path, "containers:\n- {name: A, schedule: default}\n- {name: B}\n")
    assert {name: one.target_percent for name, one in inventory.profiles.items()} == {
        "overclock": 115.0,
        "normal": 100.0,
        "underclock": 75.0,
        "curtail": 0.0,
    }
    assert inventory.schedules == {
        "default": Schedule(
            id="default",
            name="default",
            windows=(
                Window(EVERY_DAY, 0, 360, "overclock"),
                Window(EVERY_DAY, 360, 720, "normal"),
                Window(EVERY_DAY, 720, 1080, "underclock"),
                Window(EVERY_DAY, 1080, 1440, "curtail"),
            ),
        )
    }
    assert [one.schedule for one in inventory.containers] == ["default", None]
    assert [one.ramp for one in inventory.containers] == [Ramp(), Ramp()]


def test_a_file_may_give_the_built_in_ones_otherwise(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path,
        "profiles: {overclock: {target_percent: 108}}\nschedules: {default: {otherwise: overclock}}\ncontainers: []\n",
    )
    assert inventory.profiles["overclock"].target_percent == 108.0
    assert inventory.profiles["normal"].target_percent == 100.0
    assert inventory.schedules["default"].windows == ()
    assert inventory.schedules["default"].otherwise == "overclock"


@pytest.mark.parametrize("named", ["Ночь и день", "noch-i-den"])
def test_a_schedule_is_named_by_name_or_id_whatever_the_file(tmp_path: Path, named: str) -> None:
    hand, managed = tmp_path / "targets.yml", tmp_path / "managed.yml"
    hand.write_text(
        f"defaults: {{schedule: {named}}}\ncontainers: [{{name: A}}, {{name: B, schedule: default}}]\n"
    )
    managed.write_text("schedules: {Ночь и день: {otherwise: normal}}\n")
    inventory = load([hand], managed=managed)
    assert [one.schedule for one in inventory.containers] == ["noch-i-den", "default"]
    assert inventory.schedules["noch-i-den"].name == "Ночь и день"


@pytest.mark.parametrize(
    ("written", "days"),
    [
        ("mon", (0,)),
        ("[sun, mon]", (0, 6)),
        ("fri-mon", (0, 4, 5, 6)),
        ("weekdays", (0, 1, 2, 3, 4)),
        ("weekend", (5, 6)),
        ("every day", EVERY_DAY),
        ("[weekend, wed]", (2, 5, 6)),
    ],
)
def test_days(tmp_path: Path, written: str, days: tuple[int, ...]) -> None:
    inventory = inventory_of(
        tmp_path,
        "schedules:\n  s:\n    otherwise: normal\n"
        f"    windows: [{{days: {written}, from: 06:00, to: 07:00, profile: curtail}}]\ncontainers: []\n",
    )
    assert inventory.schedules["s"].windows == (Window(days, 360, 420, "curtail"),)


@pytest.mark.parametrize("quote", ["", "'", '"'])
def test_times_and_dates_with_and_without_quotes(tmp_path: Path, quote: str) -> None:
    q = quote
    inventory = inventory_of(
        tmp_path,
        f"schedules:\n  s:\n    windows: [{{from: {q}06:00{q}, to: {q}06:00{q}, profile: normal}}]\n"
        f"    exceptions: [{{date: {q}2028-02-29{q}, windows: [{{from: {q}00:00{q}, to: {q}24:00{q}, profile: curtail}}]}}]\n"
        "containers: []\n",
    )
    schedule = inventory.schedules["s"]
    assert schedule.windows == (Window(EVERY_DAY, 360, 360, "normal"),)
    assert [one.date for one in schedule.exceptions] == ["2028-02-29"]


# The inside of a schedule, and what it must give after `targets.yml:LINE: schedules.s`.
WRONG: dict[str, list[str]] = {
    "{}": [
        ": no profile holds 00:00–24:00 every day: add a window, or write `otherwise` with the profile for the gaps"
    ],
    "{otherwise: nromal}": [".otherwise: there is no profile nromal; did you mean normal?"],
    "{otherwise: zzz}": [
        ".otherwise: there is no profile zzz; there are curtail, normal, overclock, underclock"
    ],
    "{windows: [{from: 00:00, to: 24:00, profile: curtial}]}": [
        ".windows[0].profile: there is no profile curtial; did you mean curtail?"
    ],
    "{windows: [{days: weekdays, from: 06:00, to: 22:00, profile: normal}]}": [
        (
            ".windows: no profile holds 00:00–06:00 on Mon, Tue, Wed, Thu, Fri; 22:00–24:00 on Mon, Tue, Wed, Thu, Fri; "
            "00:00–24:00 on Sat, Sun: add a window, or write `otherwise` with the profile for the gaps"
        )
    ],
    "{windows: [{days: mon, from: 12:00, to: 06:00, profile: normal}], otherwise: normal, exceptions: [{date: 2026-12-31, windows: [{from: 22:00, to: 06:00, profile: normal}]}]}": [
        (
            ".exceptions[0].windows[0].to: an exception holds from 00:00 to 24:00 of its date, and it would run over "
            "midnight"
        )
    ],
    "{windows: [{from: 00:00, to: 24:00, profile: normal}], exceptions: [{date: 2026-12-31}, {dates: [2027-01-01, 2026-12-31], windows: [{from: 06:00, to: 24:00, profile: normal}]}]}": [
        (
            ".exceptions[0]: no profile holds 00:00–24:00 on 2026-12-31: add a window, or write `otherwise` with the "
            "profile for the gaps"
        ),
        (
            ".exceptions[1].windows: no profile holds 00:00–06:00 on 2027-01-01: add a window, or write `otherwise` with "
            "the profile for the gaps"
        ),
        ".exceptions[1]: 2026-12-31 is an exception already, in exceptions[0]",
    ],
    "{otherwise: normal, exceptions: [{date: 2026-12-31, windows: [{from: 06:00, to: 12:00, profile: normal}, {from: 11:00, to: 13:00, profile: curtail}]}]}": [
        ".exceptions[0].windows[1]: 11:00–12:00 on 2026-12-31 is in windows[0] and windows[1]"
    ],
    "{otherwise: normal, windows: [{days: mon, from: 20:00, to: 06:30, profile: normal}, {days: wed, from: 01:00, to: 02:00, profile: normal}, {days: sun, from: 00:00, to: 01:00, profile: normal}, {days: [tue, wed], from: 06:00, to: 08:00, profile: curtail}]}": [
        ".windows[3]: 06:00–06:30 on Tue is in windows[0] and windows[3]"
    ],
    "{otherwise: normal, windows: [{days: sun, from: 22:00, to: 02:00, profile: normal}, {days: every day, from: 01:00, to: 23:00, profile: curtail}]}": [
        ".windows[1]: 01:00–02:00 on Mon; 22:00–23:00 on Sun are in windows[0] and windows[1]"
    ],
    "{otherwise: normal, windows: [{from: 360, to: 720, profile: normal}]}": [
        (
            ".windows[0].from: 360 is a number and not a time of day such as 06:00 (24:00 is the day's end): write "
            '"06:00", in quotes; without them some writers of YAML make a number of it'
        ),
        (
            ".windows[0].to: 720 is a number and not a time of day such as 06:00 (24:00 is the day's end): write "
            '"12:00", in quotes; without them some writers of YAML make a number of it'
        ),
    ],
    "{otherwise: normal, windows: [{from: 6, to: -1, profile: normal}]}": [
        (
            ".windows[0].from: 6 is a number and not a time of day such as 06:00 (24:00 is the day's end): write "
            '"06:00", in quotes; without them some writers of YAML make a number of it'
        ),
        (
            ".windows[0].to: -1 is a number and not a time of day such as 06:00 (24:00 is the day's end): write "
            '"06:00", in quotes; without them some writers of YAML make a number of it'
        ),
    ],
    "{otherwise: normal, windows: [{from: 6:00, to: 24:01, profile: normal}]}": [
        ".windows[0].from: 6:00 is not a time of day such as 06:00 (24:00 is the day's end)",
        ".windows[0].to: 24:01 is not a time of day such as 06:00 (24:00 is the day's end)",
    ],
    "{otherwise: normal, windows: [{from: 24:00, to: 06:00, profile: normal}, {from: [], to: {}, profile: normal}]}": [
        ".windows[0].from: 24:00 is the end of a day: a window begins at 00:00 of the next",
        ".windows[1].from: a list is not a time of day such as 06:00 (24:00 is the day's end)",
        ".windows[1].to: a mapping is not a time of day such as 06:00 (24:00 is the day's end)",
    ],
    "{otherwise: normal, windows: [{days: on, from: 00:00, to: 24:00, profile: normal}, {days: [off, true, 1], from: 00:00, to: 24:00, profile: off}]}": [
        (
            ".windows[0].days: on is not a day such as mon, or days such as mon-fri, weekdays, weekend or every day"
        ),
        (
            ".windows[1].days[0]: off is not a day such as mon, or days such as mon-fri, weekdays, weekend or every day"
        ),
        (
            ".windows[1].days[1]: true is not a day such as mon, or days such as mon-fri, weekdays, weekend or every day"
        ),
        (
            ".windows[1].days[2]: 1 is not a day such as mon, or days such as mon-fri, weekdays, weekend or every day"
        ),
    ],
    "{otherwise: normal, windows: [{days: [], from: 00:00, to: 24:00, profile: normal}]}": [
        ".windows[0].days: names no day: leave the key out for every day"
    ],
    "{otherwise: normal, exceptions: [{date: 2026-02-29}, {date: 31.12.2026}, {dates: []}, {date: 2026-12-31, dates: [2026-12-30]}, {}]}": [
        ".exceptions[0].date: 2026-02-29 is not in the calendar",
        ".exceptions[1].date: 31.12.2026 is not a date such as 2026-12-31",
        ".exceptions[2].dates: names no date: give one such as 2026-12-31",
        ".exceptions[3].dates: stands beside date; only one of them is taken",
        ".exceptions[4]: date or dates is missing",
    ],
    "{otherwise: normal, exceptions: [{date: 2026-12-31, windows: [{days: mon, from: 00:00, to: 06:00, profile: normal}]}]}": [
        ".exceptions[0].windows[0].days: unknown key; an exception is for its dates: leave days out"
    ],
    "{otherwise: normal, windws: [], timezone: UTC}": [
        ".windws: unknown key; did you mean windows?",
        ".timezone: unknown key; the time zone is the container's",
    ],
    "{otherwise: normal, windows: [{begin: 00:00, from: 00:00, to: 01:00}]}": [
        ".windows[0].begin: unknown key; did you mean from?",
        ".windows[0]: profile is missing: give a name",
    ],
}


@pytest.mark.parametrize("inside", WRONG)
def test_a_wrong_schedule(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str) -> None:
    content = f"schedules:\n  s: {inside}\ncontainers: [{{name: A, schedule: s}}]\n"
    assert mistakes_of(tmp_path, monkeypatch, content) == [
        f"targets.yml:2: schedules.s{text}" for text in WRONG[inside]
    ]


def test_too_many_windows_and_dates(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    windows = ", ".join(["{from: 00:00, to: 01:00, profile: normal}"] * 501)
    dates = ", ".join(
        f"20{year:02}-{month:02}-{day:02}"
        for year in range(4)
        for month in range(1, 13)
        for day in range(1, 29)
    )
    content = (
        f"schedules:\n  s:\n    otherwise: normal\n    windows: [{windows}]\n"
        f"    exceptions:\n      - dates: [{dates}]\n      - {{date: 2030-01-01, windows: [{windows}]}}\ncontainers: []\n"
    )
    assert mistakes_of(tmp_path, monkeypatch, content) == [
        "targets.yml:4: schedules.s.windows: are 501, more than 500",
        "targets.yml:5: schedules.s.exceptions: name 1344 dates, more than 1000",
        "targets.yml:7: schedules.s.exceptions[1].windows: are 501, more than 500",
    ]


def test_names_and_ids_of_schedules_are_given_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("a.yml").write_text(
        "schedules:\n  A 1: {otherwise: normal}\n  a-1: {otherwise: normal}\nprofiles: {p: {target_percent: 1}}\n"
    )
    Path("b.yml").write_text(
        "schedules:\n  A 1: {otherwise: normal}\nprofiles: {p: {target_percent: 1}}\nfeeds: {f: {}}\n"
    )
    with pytest.raises(InventoryError) as caught:
        load([Path("a.yml"), Path("b.yml")])
    assert list(caught.value.mistakes) == [
        (
            "a.yml:3: schedules.a-1: a-1 has the id a-1 in URLs, and so has A 1 (a.yml:2): "
            "give one of them another `id:`"
        ),
        "b.yml:2: schedules.A 1: is already the name of a schedule (a.yml:2)",
        "b.yml:3: profiles.p: is already the name of a profile (a.yml:4)",
    ]


# The inside of a profile, and what it must give after `targets.yml:2: profiles.p`.
WRONG_PROFILES: dict[str, list[str]] = {
    "{}": [": target_percent is missing: give a percentage from 0 to 200"],
    "75": [": 75 is not a profile: a mapping with target_percent"],
    "{target: 75}": [
        ".target: unknown key; did you mean target_percent?",
        ": target_percent is missing: give a percentage from 0 to 200",
    ],
    "{target_percent: 250}": [".target_percent: 250 is not a percentage from 0 to 200"],
    "{target_percent: -1}": [".target_percent: -1 is not a percentage from 0 to 200"],
    "{target_percent: .nan}": [".target_percent: .nan is not a percentage from 0 to 200"],
    "{target_percent: 75 %}": [".target_percent: 75 % is not a percentage from 0 to 200"],
    "{target_percent: 0, by_make: {luxos: {preset: a}}}": [
        ".by_make: goes with a target above 0: at 0 every make is put to sleep in its own way"
    ],
    "{target_percent: 75, by_make: {luxor: {preset: a}}}": [
        ".by_make: luxor is not a make or driver; did you mean luxos?"
    ],
    "{target_percent: 75, by_make: {luxos: {}}}": [
        ".by_make.luxos: mode or preset or power_limit_w or power_percent is missing"
    ],
    "{target_percent: 75, by_make: {luxos: {preset: a, mode: low}}}": [
        ".by_make.luxos.preset: stands beside mode; only one of them is taken"
    ],
    "{target_percent: 75, by_make: {bitmain: {mode: low}, AntMiner: {mode: low}}}": [
        ".by_make.antminer: is given twice, first in line 2"
    ],
    "{target_percent: 75, by_make: {avalon: {work_mode: eco}}}": [
        ".by_make.avalon.work_mode: unknown key; did you mean mode?",
        ".by_make.avalon: mode or preset or power_limit_w or power_percent is missing",
    ],
    "{target_percent: 75, by_make: {avalon: {mode: eco}, whatsminer: {mode: sleep}}}": [
        ".by_make.avalon.mode: eco is written low here, for every make",
        ".by_make.whatsminer.mode: sleep is no mode: a profile with target_percent 0 sleeps",
    ],
    "{target_percent: 75, by_make: {whatsminer: {power_percent: 0}}}": [
        ".by_make.whatsminer.power_percent: 0 is not a percentage from 1 to 200"
    ],
    "{target_percent: 75, by_make: {whatsminer: {power_limit_w: 3 kW}}}": [
        ".by_make.whatsminer.power_limit_w: 3 kW is not a number of watts (1–1000000)"
    ],
}


@pytest.mark.parametrize("inside", WRONG_PROFILES)
def test_a_wrong_profile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, inside: str) -> None:
    content = f"profiles:\n  p: {inside}\ncontainers: []\n"
    assert mistakes_of(tmp_path, monkeypatch, content) == [
        f"targets.yml:2: profiles.p{text}" for text in WRONG_PROFILES[inside]
    ]


def test_a_profile_whose_entry_is_wrong_is_not_missed_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "profiles:\n  p: {target_percent: x}\nschedules:\n  s: {otherwise: p}\ncontainers: []\n"
    assert mistakes_of(tmp_path, monkeypatch, content) == [
        "targets.yml:2: profiles.p.target_percent: x is not a percentage from 0 to 200"
    ]


def test_what_is_worth_a_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("targets.yml").write_text(
        "profiles:\n  curtail: {target_percent: 30}\n"
        "feeds:\n  feeder 1: {power_limit: 5 kW}\n"
        "containers:\n"
        "  - {name: A, control: enforce, feed: feeder 1, miners: [{address: a, nominal_power_w: 3000}]}\n"
        "  - {name: B, schedule: default, control: enforce, feed: feeder 1, miners: [{address: b, nominal_power_w: 3000}]}\n"
        "  - {name: C, feed: feder 1}\n"
    )
    assert load([Path("targets.yml")]).warnings == (
        (
            "targets.yml:2: profiles.curtail.target_percent: curtail is what stops miners everywhere, and 30 does not "
            "stop them"
        ),
        (
            "targets.yml:4: feeds.feeder 1.power_limit: the miners' nominal power is 6 kW, more than the limit of 5 kW"
        ),
        "targets.yml:6: containers[0].control: enforce does nothing without a schedule",
        (
            "targets.yml:8: containers[2].feed: feder 1 is not among the `feeds`, so it has no limit; "
            "did you mean feeder 1?"
        ),
    )


def test_a_make_that_is_told_in_two_ways_is_worth_a_look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("targets.yml").write_text(
        "profiles:\n"
        "  overclock: {target_percent: 115, by_make: {whatsminer: {mode: high}, luxos: {preset: a}}}\n"
        "  normal: {target_percent: 100, by_make: {whatsminer: {power_percent: 100}, luxos: {preset: b}}}\n"
        "  underclock: {target_percent: 75, by_make: {whatsminer: {mode: low}, luxos: {preset: c}}}\n"
        "containers: [{name: C, miners: [{address: a, manufacturer: Whatsminer}]}]\n"
    )
    assert load([Path("targets.yml")]).warnings == (
        (
            "targets.yml:2: profiles.overclock.by_make: whatsminer is told by mode here and otherwise in normal, and one "
            "does not undo the other: tell whatsminer in one way in all of them, with by_make"
        ),
    )


def test_a_target_alone_mixes_with_the_modes_that_are_built_in_where_there_are_whatsminers(
    tmp_path: Path,
) -> None:
    text = "profiles: {half: {target_percent: 50}}\ncontainers: [{name: C, miners: [{address: a, manufacturer: %s}]}]\n"
    (warning,) = inventory_of(tmp_path, text % "Whatsminer").warnings
    assert (
        "whatsminer is told by power_percent here and otherwise in overclock, normal, underclock" in warning
    )
    assert inventory_of(tmp_path, text % "AntMiner").warnings == ()


def test_the_built_in_profiles_tell_each_make_in_one_way() -> None:
    assert profiles.mixed_ways(profiles.BUILT_IN, profiles.BUILT_IN) == []


def test_the_check_says_which_schedules_there_are(tmp_path: Path) -> None:
    file = tmp_path / "targets.yml"
    file.write_text(
        "profiles: {night: {target_percent: 60}}\nschedules: {Ночь: {otherwise: night}}\n"
        "feeds: {f: {power_limit: 2 MW}}\ndefaults: {temperature_limits: {chip_max: 95}}\n"
        "containers: [{name: C, schedule: Ночь, control: enforce, miners: [{address: a}]}]\n"
    )
    text, code = check_report([file])
    assert code == 0
    assert text.splitlines() == [
        "1 container, 1 miner: make not given 1",
        "  C (c): 1 miner, every 30 s, UTC, enforce, schedule noch, make not given × 1",
        "profile night: 60 %",
        "schedule Ночь (noch): 0 windows, otherwise night",
        "feed f: 2000 kW",
    ]


def test_a_gateway_of_a_container_holds_for_its_miners(tmp_path: Path) -> None:
    inventory = inventory_of(
        tmp_path,
        "defaults: {gateway: 'https://gate.example/farm', gateway_credentials: HASHYARD_MINER_G}\n"
        "containers:\n- {name: A, gateway: 'http://[fd00::5]:8080', miners: [{address: a}, {address: b, gateway: 'http://c'}]}\n"
        "- {name: B, miners: [{address: d, gateway_credentials: 'file:g'}]}\n",
    )

    def gate(miner: Miner) -> tuple[str | None, CredentialsReference | None]:
        return miner.gateway, miner.gateway_credentials

    variable = CredentialsReference(environment="HASHYARD_MINER_G")
    assert [gate(miner) for container in inventory.containers for miner in container.miners] == [
        ("http://[fd00::5]:8080", variable),
        ("http://c", variable),
        ("https://gate.example/farm", CredentialsReference(file="g")),
    ]


WINDOW: dict[str, Any] = {"days": ["mon"], "from": "06:00", "to": "07:00", "profile": "normal"}


def test_a_schedule_as_plain_data() -> None:
    data = {
        "id": None,
        "windows": [{"days": ["mon", "sun"], "from": "06:00", "to": "24:00", "profile": "normal"}],
        "otherwise": "curtail",
        "exceptions": [{"date": "2026-12-31", "windows": []}],
    }
    schedule, mistakes = plain.read_schedule("Смена", data, profiles.BUILT_IN)
    assert mistakes == []
    assert schedule is not None
    assert (schedule.id, schedule.name, schedule.otherwise) == ("smena", "Смена", "curtail")
    assert schedule.windows == (Window((0, 6), 360, 1440, "normal"),)


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("s", {"otherwise": "normal"}, []),
        (
            "",
            {"otherwise": "normal"},
            [("/name", '"" is empty or has spaces around it: give a name')],
        ),
        (None, {"otherwise": "normal"}, [("/name", "is empty: give a name, or leave the key out")]),
        (
            "s",
            {"windows": [{**WINDOW, "from": 360}], "otherwise": None},
            [
                (
                    "/windows/0/from",
                    (
                        "360 is a number and not a time of day such as 06:00 (24:00 is the day's end): write "
                        '"06:00", in quotes; without them some writers of YAML make a number of it'
                    ),
                )
            ],
        ),
        (
            "s",
            {"windows": [WINDOW, {**WINDOW, "from": "06:30", "days": ["mon", "tue"]}], "otherwise": "normal"},
            [("/windows/1", "06:30–07:00 on Mon is in windows[0] and windows[1]")],
        ),
        (
            "s",
            {"otherwise": "normal", "exceptions": [{"date": "2026-12-31"}, {"date": "2026-12-31"}]},
            [("/exceptions/1", "2026-12-31 is an exception already, in exceptions[0]")],
        ),
        (
            "s",
            {"otherwise": "normal", "a/b~c": 1},
            [("/a~1b~0c", "unknown key; known here: id, windows, otherwise, exceptions")],
        ),
        ("s", [], [("", "a list is not a schedule: a mapping with windows, or otherwise")]),
        ("s", None, [("", "is empty: give a schedule: a mapping with windows, or otherwise")]),
    ],
)
def test_mistakes_in_a_schedule_of_plain_data(name: Any, data: Any, expected: list[tuple[str, str]]) -> None:
    assert plain.schedule_mistakes(name, data, profiles.BUILT_IN) == expected


def test_a_profile_as_plain_data() -> None:
    data = {"target_percent": 80, "by_make": {"whatsminer": {"power_percent": 78.5}}}
    found, mistakes = plain.read_profile("night", data)
    assert mistakes == []
    assert found is not None
    assert (found.name, found.target_percent) == ("night", 80.0)
    assert found.by_make == {"whatsminer": {"power_percent": 78.5}}


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({"target_percent": True}, [("/target_percent", "true is not a percentage from 0 to 200")]),
        (
            {"target_percent": "75"},
            [
                (
                    "/target_percent",
                    '"75" is a text here: leave the quotes out to make it a percentage from 0 to 200',
                )
            ],
        ),
        (
            {"target_percent": 10**40},
            [("/target_percent", "a number that is far too large is not a percentage from 0 to 200")],
        ),
        ({"target_percent": float("inf")}, [("/target_percent", ".inf is not a percentage from 0 to 200")]),
        (
            {"target_percent": 75, "by_make": {"luxor": {"mode": "low"}, "avalon": {"mode": 1}}},
            [
                ("/by_make", '"luxor" is not a make or driver; did you mean luxos?'),
                ("/by_make/avalon/mode", "1 is not a work mode: low, normal, high"),
            ],
        ),
    ],
)
def test_mistakes_in_a_profile_of_plain_data(data: Any, expected: list[tuple[str, str]]) -> None:
    assert plain.profile_mistakes("p", data) == expected


TIMES = st.one_of(
    st.integers(0, 23).map(lambda hour: f"{hour:02}:00"), st.sampled_from(["24:00", "06:30", "x"])
)
WINDOWS = st.fixed_dictionaries(
    {"from": TIMES, "to": TIMES, "profile": st.sampled_from(["normal", "curtail", "none"])},
    optional={"days": st.lists(st.sampled_from(["mon", "tue", "sun", "weekend", "day"]), max_size=3)},
)
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=300)
@given(
    st.one_of(
        ANYTHING,
        st.fixed_dictionaries(
            {},
            optional={
                "windows": st.lists(WINDOWS, max_size=5) | ANYTHING,
                "otherwise": st.sampled_from(["normal", "none"]) | ANYTHING,
                "exceptions": st.lists(
                    st.fixed_dictionaries(
                        {"date": st.sampled_from(["2026-12-31", "2028-02-29", "2027-02-29"])},
                        optional={"windows": st.lists(WINDOWS, max_size=3)},
                    ),
                    max_size=3,
                ),
                "id": ANYTHING,
            },
        ),
    )
)
def test_any_data_is_a_schedule_or_has_mistakes_with_places(data: Any) -> None:
    schedule, mistakes = plain.read_schedule("s", data, profiles.BUILT_IN)
    assert (schedule is None) == bool(mistakes)
    for path, text in mistakes:
        assert path == "" or path.startswith("/")
        assert len(text.splitlines()) == 1
    if schedule is not None and schedule.otherwise is None:
        assert coverage.gaps(schedule.windows) == []


@settings(max_examples=200)
@given(ANYTHING | st.fixed_dictionaries({"target_percent": ANYTHING, "by_make": ANYTHING}))
def test_any_data_is_a_profile_or_has_mistakes(data: Any) -> None:
    profile, mistakes = plain.read_profile("p", data)
    assert (profile is None) == bool(mistakes)
    assert profile is None or isinstance(profile, Profile)


@given(
    st.lists(
        st.builds(
            Window,
            st.lists(st.integers(0, 6), min_size=1, max_size=7, unique=True).map(tuple),
            st.integers(0, 1439),
            st.integers(0, 1440),
            st.just("normal"),
        ),
        max_size=6,
    )
)
def test_gaps_are_the_minutes_that_no_window_holds(windows: list[Window]) -> None:
    held = set()
    for window in windows:
        length = (window.to_minute - window.from_minute) % DAY_END or DAY_END
        for day in window.days:
            begin = day * DAY_END + window.from_minute
            held |= {minute % (7 * DAY_END) for minute in range(begin, begin + length)}
    found = [
        day * DAY_END + minute for day, begin, end in coverage.gaps(windows) for minute in range(begin, end)
    ]
    assert len(found) == len(set(found))
    assert set(found) == set(range(7 * DAY_END)) - held


def test_the_built_in_schedule_is_right_by_its_own_rules() -> None:
    for schedule in schedules.BUILT_IN.values():
        assert coverage.gaps(schedule.windows) == []
        assert {window.profile for window in schedule.windows} <= profiles.BUILT_IN.keys()
