"""The notices that all pages carry above their content: sources away, an inventory that is wrong, control that is stopped.

One line of each kind at most, the gravest first. A client is told what concerns his figures, without the operator's reasons.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec

from controller.api.control_shapes import holds_seen, running_in
from controller.api.fleet_routes import sources
from controller.api.route import Call
from controller.history import History
from controller.pages.container_page import done_of
from controller.pages.deed_links import deed_link
from controller.pages.event_words import action_words, actor_words
from controller.pages.formats import cut, plain
from controller.pages.language import Words
from controller.pages.page_paths import operation_path
from controller.pages.zones import reading_zone
from controller.process import Part, Process

Kind: TypeAlias = Literal[
    "source", "storage", "doubt", "inventory", "hold", "operation", "prometheus", "override", "password"
]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)
"""In the order in which they stand on the page."""

HEALTH: Final = "/settings/health"
_MOST: Final = 160


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """One line above the content. `text`: in the reader's language. `link`: (path, words) of what can be done."""

    kind: Kind
    text: str
    alarm: bool = False
    link: tuple[str, str] | None = None


def notices_of(call: Call[Any, Any], words: Words) -> tuple[Notice, ...]:
    """Return the notices for the reader, the gravest first."""
    if call.asker is None:
        return ()
    found = (_MADE[kind](call, words) for kind in KINDS)
    return tuple(one for one in found if one is not None)


def _source(call: Call[Any, Any], words: Words) -> Notice | None:
    source = sources(call)
    if source.exporter == "ok" or source.since is None:
        return None
    since = words.formats.clock(source.since, call.now, reading_zone(call))
    views = (view for one in call.containers() for view in call.deeds.views(one.id) if view.miner.active)
    some_new = any(not view.stale for view in views)
    if call.person.role == "client":
        text = words.gettext("No new readings since %(time)s. Older figures are dimmed.", time=since)
        return Notice(kind="source", text=text, alarm=True)
    if some_new:
        text = words.gettext(
            "The exporter is away since %(time)s. Hashyard itself reads the containers that it controls; figures of the "
            "others are from then.",
            time=since,
        )
    elif source.exporter == "stale":
        text = words.gettext(
            "No new readings since %(time)s: the exporter answers, and has read no miner. Figures are from then.",
            time=since,
        )
    else:
        text = words.gettext(
            "No readings since %(time)s: the exporter does not answer. Figures are from then.", time=since
        )
    return Notice(kind="source", text=text, alarm=True, link=_health(call, words))


def _storage(call: Call[Any, Any], words: Words) -> Notice | None:
    part = _part(call, "database")
    if part is None or part.state == "ok" or call.person.role == "client":
        return None
    text = words.gettext("The database does not take anything: reading goes on, changes are refused.")
    return Notice(kind="storage", text=text, alarm=True, link=_health(call, words))


def _doubt(call: Call[Any, Any], words: Words) -> Notice | None:
    if not call.person.sees_all:
        return None
    doubts = call.deeds.doubts()
    if not doubts:
        return None
    text = words.gettext(
        "No miner is commanded now: %(reason)s", reason=cut(plain(words.told(doubts[0])), _MOST)
    )
    return Notice(kind="doubt", text=text, alarm=True, link=_health(call, words))


def _inventory(call: Call[Any, Any], words: Words) -> Notice | None:
    process = call.services.get(Process)
    if process is None or not call.person.sees_all or process.store.last_error is None:
        return None
    mistakes = process.store.last_error.mistakes
    since = words.formats.clock(process.store.last_good_at, call.now, reading_zone(call))
    files = {_file_of(mistake) for mistake in mistakes}
    if len(files) == 1:
        text = words.ngettext(
            "%(file)s has %(num)s mistake; the fleet of %(time)s is in use.",
            "%(file)s has %(num)s mistakes; the fleet of %(time)s is in use.",
            len(mistakes),
            file=files.pop(),
            time=since,
        )
    else:
        text = words.ngettext(
            "The inventory has %(num)s mistake; the fleet of %(time)s is in use.",
            "The inventory has %(num)s mistakes; the fleet of %(time)s is in use.",
            len(mistakes),
            time=since,
        )
    return Notice(kind="inventory", text=text, alarm=True, link=_health(call, words))


def _hold(call: Call[Any, Any], words: Words) -> Notice | None:
    if call.person.role == "client":
        return None
    holds = holds_seen(call)
    if not holds:
        return None
    everywhere = next((hold for hold in holds if hold.container is None), None)
    names = {container.id: container.name for container in call.containers()}
    link = None
    if call.person.role == "administrator":
        held = [hold.container for hold in holds if hold.container is not None]
        target = () if everywhere is not None else held
        link = (deed_link("release", containers=target), words.gettext("Release"))
    if everywhere is not None:
        text = words.gettext(
            "Nothing is commanded anywhere: %(reason)s", reason=cut(plain(everywhere.reason), _MOST)
        )
    elif len(holds) == 1:
        text = words.gettext(
            "Nothing is commanded in %(container)s: %(reason)s",
            container=plain(names.get(holds[0].container or "", holds[0].container or "")),
            reason=cut(plain(holds[0].reason), _MOST),
        )
    else:
        text = words.ngettext(
            "Nothing is commanded in %(num)s container.",
            "Nothing is commanded in %(num)s containers.",
            len(holds),
        )
    return Notice(kind="hold", text=text, link=link)


def _operation(call: Call[Any, Any], words: Words) -> Notice | None:
    ids = {id_ for one in call.containers() if (id_ := running_in(call, one.id)) is not None}
    running = [found for id_ in sorted(ids) if (found := call.deeds.operation(id_)) is not None]
    running = [one for one in running if one.ended_at is None]
    if not running:
        return None
    if len(running) > 1:
        text = words.ngettext(
            "%(num)s operation is running.", "%(num)s operations are running.", len(running)
        )
        return Notice(kind="operation", text=text, link=("/operations", words.gettext("Watch them")))
    [one] = running
    if not call.person.sees_all or not one.total:  # its counts are of containers that are not theirs too
        text = words.gettext("Running: %(what)s.", what=action_words({"action": one.action}, words))
    else:
        text = words.ngettext(
            "Running: %(what)s, %(done)s of %(num)s miner done.",
            "Running: %(what)s, %(done)s of %(num)s miners done.",
            one.total,
            what=action_words({"action": one.action}, words),
            done=done_of(one),
        )
    return Notice(kind="operation", text=text, link=(operation_path(one.id), words.gettext("Watch it")))


def _prometheus(call: Call[Any, Any], words: Words) -> Notice | None:
    history = call.services.get(History)
    if history is None or not history.configured or history.state != "away" or call.person.role == "client":
        return None
    text = words.gettext("Prometheus does not answer: there is no history, and alerts are not known.")
    return Notice(kind="prometheus", text=text, link=_health(call, words))


def _override(call: Call[Any, Any], words: Words) -> Notice | None:
    if call.person.role == "client":
        return None
    own = {container.id for container in call.containers()}
    endless = [
        one
        for one in call.deeds.overrides()
        if one.ends == "manual"
        and one.ended_at is None
        and one.starts_at <= call.now
        and (call.person.sees_all or own & {*one.containers, *(id_.partition(".")[0] for id_ in one.miners)})
    ]
    if not endless:
        return None
    link = ("/schedule", words.gettext("Look at it"))
    if len(endless) == 1 and call.person.sees_all:
        [one] = endless
        text = words.gettext(
            "The override to %(profile)s by %(person)s has no end: %(reason)s",
            profile=plain(one.profile),
            person=actor_words(one.created_by, words),
            reason=cut(plain(one.reason), _MOST),
        )
        return Notice(kind="override", text=text, link=link)
    text = words.ngettext("%(num)s override has no end.", "%(num)s overrides have no end.", len(endless))
    return Notice(kind="override", text=text, link=link)


def _password(call: Call[Any, Any], words: Words) -> Notice | None:
    if not call.person.user.password_change_needed:
        return None
    return Notice(
        kind="password",
        text=words.gettext("The first password is still in use. Whoever has seen it can sign in."),
        link=("/password", words.gettext("Change the password")),
    )


_MADE: Final[dict[Kind, Callable[[Call[Any, Any], Words], Notice | None]]] = {
    "source": _source,
    "storage": _storage,
    "doubt": _doubt,
    "inventory": _inventory,
    "hold": _hold,
    "operation": _operation,
    "prometheus": _prometheus,
    "override": _override,
    "password": _password,
}


def _health(call: Call[Any, Any], words: Words) -> tuple[str, str] | None:
    return (HEALTH, words.gettext("Health")) if call.person.role == "administrator" else None


def _part(call: Call[Any, Any], name: str) -> Part | None:
    process = call.services.get(Process)
    parts: Sequence[Part] = () if process is None else process.parts()
    return next((part for part in parts if part.name == name), None)


def _file_of(mistake: str) -> str:
    """Return the name of the file of a mistake, which stands before its line; without the folders above it."""
    return plain(mistake.partition(":")[0].rpartition("/")[2])
