"""The page as text: template, style and scripts put together, and the policy under which nothing else runs."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from importlib import resources

from dialora.report.examples import embed_json
from dialora.report.palette import COLORS, GREY

STYLES = ("page.css", "conversation.css", "summaries.css")
"""Behind the report's own style."""
SCRIPTS = ("requests.js", "source.js", "conversation.js", "evidence.js", "summaries.js", "download.js", "page.js")
"""Behind dom.js, in the order in which they are joined: one script, whose names are seen by none but itself."""
EXAMPLES = {"a WhatsApp chat": "chat.txt", "a call in captions": "call.vtt", "lines with names": "shop.txt"}
"""Conversations to try, by what they are called."""
NUM_SYSTEMS = 4


@dataclass(frozen=True, slots=True)
class Page:
    """An HTML document, and the value of its Content-Security-Policy header."""

    html: str
    policy: str


@cache
def load_page() -> Page:
    """Return the page, which is always the same."""
    from jinja2 import Environment, PackageLoader, StrictUndefined
    from markupsafe import Markup

    from dialora.report.html import read_asset

    scripts = "\n\n".join([read_asset("dom.js"), *(_read("templates", name) for name in SCRIPTS)])
    script = f'\n(() => {{\n"use strict";\n\n{scripts}\n}})();\n'
    style = (
        "\n" + "\n\n".join([read_asset("report.css"), _name_colors(), *(_read("templates", s) for s in STYLES)]) + "\n"
    )
    environment = Environment(
        loader=PackageLoader("dialora.serving.pages"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    html = environment.get_template("page.html.j2").render(
        style=Markup(style),
        script=Markup(script),
        examples=list(EXAMPLES),
        examples_json=Markup(embed_json([_read("examples", name) for name in EXAMPLES.values()])),
    )
    return Page(html, _build_policy(script, style))


def _build_policy(script: str, style: str) -> str:
    allowed = {
        "default-src": "'none'",
        "script-src": _hash(script),
        "style-src": _hash(style),
        "connect-src": "'self'",
        "img-src": "data:",
        "base-uri": "'none'",
        "form-action": "'none'",
        "frame-ancestors": "'none'",
    }
    return "; ".join(f"{name} {value}" for name, value in allowed.items())


def _name_colors() -> str:
    """Return the systems' colours, the same as in reports: grey is what had no training."""
    rules = [f".system-{at} {{ --c: {color}; }}" for at, color in enumerate(COLORS[:NUM_SYSTEMS])]
    return "\n".join([*rules, f".system-untrained {{ --c: {GREY}; }}"])


def _hash(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _read(folder: str, name: str) -> str:
    return (resources.files("dialora.serving.pages") / folder / name).read_text(encoding="utf-8").strip()


__all__ = ["Page", "load_page"]
