"""The landing page: what this exporter polls and where the rest is. One page of plain HTML, without scripts."""

from collections.abc import Iterable
from html import escape
from urllib.parse import urlencode

from exporter.exposition import clean
from exporter.fleet import ContainerState

_PATHS = (
    ("/metrics", "every series: all containers, and the exporter itself"),
    ("/metrics/own", "the exporter's own series"),
    ("/sd", "targets for Prometheus' HTTP service discovery, one a container"),
    ("/api/v1/fleet", "the live state as JSON"),
    ("/-/healthy", "whether the process runs"),
    ("/-/ready", "whether its figures can be relied on yet"),
)

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;margin:2rem auto;max-width:60rem;padding:0 1rem;color:#222}"
    "table{border-collapse:collapse;margin:1rem 0}th,td{text-align:left;padding:.25rem 1.5rem .25rem 0;"
    "border-bottom:1px solid #ccc}td.n,th.n{text-align:right}.bad{color:#a00}"
)


def page(containers: Iterable[ContainerState], version: str, state: str, refused: str | None) -> str:
    """Return the page. `state`: a sentence on readiness; `refused`: why the inventory on disk is not in use."""
    rows = []
    total = up = 0
    for live in containers:
        answering, miners = live.answering(), len(live.miners)
        total, up = total + miners, up + answering
        link = "/metrics?" + urlencode({"container": live.container.name})
        rows.append(
            f'<tr><td><a href="{escape(link)}">{escape(clean(live.container.name))}</a></td>'
            f"<td>{escape(clean(live.container.location))}</td>"
            f'<td class="n">{answering}</td><td class="n">{miners}</td></tr>'
        )
    problem = (
        ""
        if refused is None
        else "<h2>The inventory on disk was refused; the last good one is in use</h2>"
        f'<pre class="bad">{escape(refused)}</pre>'
    )
    paths = "".join(f'<li><a href="{path}">{path}</a> – {words}</li>' for path, words in _PATHS)
    return (
        '<!DOCTYPE html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><title>Hashyard exporter</title>'
        f"<style>{_STYLE}</style></head><body><h1>Hashyard exporter</h1>"
        f"<p>Version {escape(version)}. {escape(state)} {up} of {total} miners answer.</p>{problem}"
        '<table><thead><tr><th>Container</th><th>Location</th><th class="n">Answering</th>'
        f'<th class="n">Miners</th></tr></thead><tbody>{"".join(rows)}</tbody></table><ul>{paths}</ul></body></html>'
    )
