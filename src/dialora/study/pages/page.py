"""The rater's page as text: template, style and scripts put together."""

from __future__ import annotations

from importlib import resources
from typing import Any

from dialora.report.examples import embed_json

STYLES = ("rater.css", "item.css")
SCRIPTS = (
    "widgets.js",
    "memory.js",
    "clock.js",
    "ledger.js",
    "dialogue.js",
    "pair.js",
    "marks.js",
    "rating.js",
    "chrome.js",
    "practice.js",
    "ending.js",
    "page.js",
    "start.js",
)
"""Behind dom.js, in the order in which they are joined: one script, whose names are seen by none but itself."""


def build_page(title: str, nonce: str, data: dict[str, Any] | None = None, *, memory: str = "") -> str:
    """Return the page as HTML; style and script carry `nonce`, which the page's own policy asks for.

    Without `data` the page fetches `{its path}/sheet` and posts to `{its path}/events`, and keeps what is not yet
    acknowledged in the browser under `memory`, which names the study and the sheet. `data` is {"study": id,
    "sheets": {number: sheet}}, each sheet as the server would give it: the page then works from a file, keeps what the
    rater does in the browser and gives it back as a file of ratings.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from dialora.printable import clean
    from dialora.report.html import read_asset

    environment = Environment(
        loader=PackageLoader("dialora.study.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    script = "\n\n".join([read_asset("dom.js"), *(_read_asset(name) for name in SCRIPTS)])
    return environment.get_template("rater.html.j2").render(
        title=clean(title),
        nonce=nonce,
        style=Markup("\n\n".join(_read_asset(name) for name in STYLES)),
        script=Markup(f'(() => {{\n"use strict";\n\n{script}\n}})();'),
        memory=memory,
        data_json=None if data is None else Markup(embed_json(data)),
    )


def _read_asset(name: str) -> str:
    return (resources.files("dialora.study.pages") / "templates" / name).read_text(encoding="utf-8").strip()


__all__ = ["build_page"]
