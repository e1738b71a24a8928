"""GET /runbooks and /runbooks/{name}: the runbooks as pages.

A runbook is the operator's own text, but HTML in it is escaped anyway; the page loads nothing from other hosts.
"""

from __future__ import annotations

from html import escape
from urllib.parse import quote

from markdown_it import MarkdownIt
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from bot.core.incidents.runbook import Runbook
from bot.web.http import Refusal, edge_of

_MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable("table")
_STYLE = """
:root{color-scheme:light dark}
body{font:16px/1.55 system-ui,sans-serif;max-width:46rem;margin:0 auto;padding:2rem 1rem;color:CanvasText;background:Canvas}
h1{font-size:1.6rem;line-height:1.25;margin:.3em 0}h2{font-size:1.15rem;margin-top:1.8em;border-bottom:1px solid #8884;
padding-bottom:.2em}code{font:.9em ui-monospace,monospace;background:#8882;padding:.1em .3em;border-radius:3px}
pre{background:#8882;padding:.8rem 1rem;border-radius:6px;overflow:auto}pre code{background:none;padding:0}
a{color:#0b6bcb}li{margin:.25em 0}.where{color:#888;font-size:.9rem}table{border-collapse:collapse}td,th{border:1px solid
#8884;padding:.3em .6em}@media (prefers-color-scheme:dark){a{color:#6db3ff}}
"""


async def list_runbooks(request: Request) -> Response:
    """All runbooks by title."""
    books = sorted(edge_of(request).services.runbooks, key=lambda book: book.title)
    items = "".join(f'<li><a href="/runbooks/{quote(b.name, safe="")}">{escape(b.title)}</a></li>' for b in books)
    return _page("Runbooks", f"<h1>Runbooks</h1><ul>{items}</ul>")


async def show_runbook(request: Request) -> Response:
    """One runbook."""
    name = request.path_params["name"]
    book = edge_of(request).services.runbook(name)
    if book is None:
        raise Refusal(404, f"name: there is no runbook {name!r}; /runbooks lists them")
    return _page(book.title, f'<p class="where"><a href="/runbooks">Runbooks</a></p>{_body(book)}')


def _body(book: Runbook) -> str:
    heading = "" if book.body.lstrip().startswith("# ") else f"<h1>{escape(book.title)}</h1>"
    return heading + str(_MARKDOWN.render(book.body))


def _page(title: str, body: str) -> Response:
    return HTMLResponse(
        f'<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f"<title>{escape(title)} · Windsock</title><style>{_STYLE}</style><body>{body}</body></html>",
        headers={"Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'"},
    )
