"""What stands by name at the top of the files: tariffs, profiles, schedules, feeds, and whoever names one of them elsewhere.

A name is given once in all files together; a file may give a profile or schedule that is built in otherwise.
"""

from collections.abc import Collection, Iterable, Iterator

from miners.inventory import fleet, overlaps, pricing, profiles, schedules
from miners.inventory.feeds import feed_of
from miners.inventory.kinds import MISSING, nearest
from miners.inventory.nodes import shortened
from miners.inventory.sections import Entry
from miners.inventory.slugs import slug


class ByName:
    """Tariffs, profiles, schedules and feeds of all files. `…_names`: also those whose entry has a mistake."""

    def __init__(self, tops: list[Entry], found_overlaps: overlaps.Overlaps) -> None:
        """Read them. Mistakes go to the reports of the files."""
        self._tops = tops
        self.tariff_names: set[str] = set()
        self.profile_names = set(profiles.BUILT_IN)
        self.feed_names: set[str] = set()
        self.tariffs = self._tariffs()
        self._written_profiles: dict[str, Entry] = {}
        self.profiles = self._profiles()
        self.schedules, self._schedule_ids = self._schedules(overlaps.Names(found_overlaps, "schedule"))
        self.feeds = self._feeds()

    def check_tariff(self, entry: Entry) -> None:
        """Report each tariff that is named in an entry, or in its `tariff_changes`, and not there."""
        changes = [change for change in entry.values.get("tariff_changes", ()) if change is not MISSING]
        for one in (entry, *changes):
            tariff = one.values.get("tariff")
            if tariff is not None and tariff not in self.tariff_names:
                one.mistake("tariff", _not_there("tariff", tariff, self.tariff_names))
        pricing.check_dates(changes, "tariff")

    def check_schedule(self, entry: Entry) -> None:
        """Report a schedule that is named and not there."""
        schedule = entry.values.get("schedule")
        if schedule is not None and schedule not in self._schedule_ids:
            entry.mistake("schedule", _not_there("schedule", schedule, self._schedule_ids))

    def check_feed(self, entry: Entry) -> None:
        """Warn of a feed that may be a slip of the pen for one that is described."""
        feed = entry.values.get("feed")
        if feed is not None and self.feed_names and feed not in self.feed_names:
            near = nearest(feed, tuple(sorted(self.feed_names)))
            advice = f"; did you mean {shortened(near)}?" if near else ""
            entry.warning("feed", f"{shortened(feed)} is not among the `feeds`, so it has no limit{advice}")

    def schedule_id(self, name: str | None) -> str | None:
        """Return the id of the schedule that is named so, or that has this id; None if there is none."""
        return self._schedule_ids.get(name) if name is not None else None

    def _tariffs(self) -> dict[str, fleet.Tariff]:
        found: dict[str, fleet.Tariff] = {}
        for name, entry in self._entries("tariffs", "tariff", self.tariff_names):
            tariff = pricing.tariff_of(name, entry)
            if tariff is not None:
                found[name] = tariff
        return found

    def _profiles(self) -> dict[str, fleet.Profile]:
        found = dict(profiles.BUILT_IN)
        for name, entry in self._entries("profiles", "profile", self.profile_names):
            self._written_profiles[name] = entry
            profile = profiles.profile_of(name, entry)
            if profile is not None:
                found[name] = profile
        return found

    def doubt_ways(self, containers: Iterable[fleet.Container]) -> None:
        """Warn of makes that stand in the containers and are told in two ways by the profiles."""
        makes = {
            name.lower()
            for container in containers
            for miner in container.miners
            for name in (miner.manufacturer, miner.driver)
            if name is not None
        }
        for name, make, warning in profiles.mixed_ways(self.profiles, self._written_profiles):
            if make in makes:
                self._written_profiles[name].warning("by_make", warning)

    def _schedules(self, names: overlaps.Names) -> tuple[dict[str, fleet.Schedule], dict[str, str]]:
        found: dict[str, fleet.Schedule] = {}
        ids: dict[str, str] = {}
        for name, entry in self._entries("schedules", "schedule", set()):
            identity = entry.values.get("id") or slug(name)
            if "id" not in entry.wrong:
                names.take(name, identity, entry, "id")
            ids[name] = identity
            schedule = schedules.schedule_of(name, entry, self.profile_names)
            if schedule is not None:
                found[identity] = schedule
        for schedule in schedules.BUILT_IN.values():
            if schedule.name not in ids:
                found.setdefault(schedule.id, schedule)
                ids.setdefault(schedule.name, schedule.id)
        return found, {**{identity: identity for identity in ids.values()}, **ids}

    def _feeds(self) -> dict[str, fleet.Feed]:
        found: dict[str, fleet.Feed] = {}
        for name, entry in self._entries("feeds", "feed", self.feed_names):
            feed = feed_of(name, entry)
            if feed is not None:
                found[name] = feed
        return found

    def _entries(self, key: str, what: str, names: set[str]) -> Iterator[tuple[str, Entry]]:
        """Return the entries by name, each name once; add every name to `names`."""
        given: dict[str, Entry] = {}
        for top in self._tops:
            for name, entry in top.values.get(key, {}).items():
                names.add(name)
                if entry is MISSING:
                    continue
                if name in given:
                    place = given[name].report.place(given[name].line)
                    entry.mistake(None, f"is already the name of a {what} ({place})")
                    continue
                given[name] = entry
                yield name, entry


def _not_there(what: str, name: str, there: Collection[str]) -> str:
    near = nearest(name, tuple(sorted(there)))
    advice = f"did you mean {shortened(near)}?" if near else f"write it under `{what}s`"
    return f"there is no {what} {shortened(name)}; {advice}"
