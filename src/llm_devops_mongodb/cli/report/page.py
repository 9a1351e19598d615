"""The page: a template filled with what a recording holds, which is taken to be hostile."""

from __future__ import annotations

import base64
import hashlib
import json
from importlib.resources import files
from typing import TYPE_CHECKING, Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from llm_devops_mongodb.cli.report.content import Content

if TYPE_CHECKING:
    from llm_devops_mongodb.simulation.cassette import Recording

_PACKAGE = "llm_devops_mongodb.cli.report"
_HARMLESS = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


def page_of(recording: Recording) -> str:
    """Return the page of a recording.

    Raises:
        Refusal: An interaction cannot be read.
    """
    content = Content.of(recording)
    style, script = _asset("page.css"), _asset("page.js")
    environment = Environment(
        loader=PackageLoader(_PACKAGE, ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("page.html").render(
        content=content,
        policy=f"default-src 'none'; style-src {_hash_of(style)}; script-src {_hash_of(script)}; "
        "base-uri 'none'; form-action 'none'",
        style=Markup(style),  # noqa: S704  # our own, and it must be the bytes that the policy names
        script=Markup(script),  # noqa: S704  # likewise
        data=_embedded(content.data),
    )


def _asset(name: str) -> str:
    return files(_PACKAGE).joinpath(name).read_text(encoding="utf-8")


def _hash_of(text: str) -> str:
    return f"'sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}'"


def _embedded(data: Any) -> Markup:
    """Return data as JSON that no parser of HTML can leave: without any character that begins a tag or an entity."""
    text = json.dumps(data, separators=(",", ":"))
    for character, escape in _HARMLESS.items():
        text = text.replace(character, escape)
    return Markup(text)  # noqa: S704  # no character of markup is left in it
