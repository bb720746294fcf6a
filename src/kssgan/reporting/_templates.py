"""The Jinja2 environment: templates inside this room, every value escaped, every name required."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from typing import TYPE_CHECKING, Any

from kssgan.reporting._text import count, number, printable, share

if TYPE_CHECKING:
    import jinja2

__all__ = ["render", "stream"]


@cache
def _environment() -> jinja2.Environment:
    import jinja2

    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("kssgan.reporting", "templates"),
        autoescape=True,  # for every template, whatever its file is called
        undefined=jinja2.StrictUndefined,  # a misspelt name must not become an empty cell
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(count=count, number=number, printable=printable, share=share)
    return environment


def render(template: str, **values: Any) -> str:
    """The whole page as one string."""
    return _environment().get_template(template).render(**values)


def stream(template: str, **values: Any) -> Iterator[str]:
    """The page in pieces; iterables among the values are read as the page grows."""
    return _environment().get_template(template).generate(**values)
