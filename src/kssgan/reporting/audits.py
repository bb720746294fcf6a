"""An audit as a page. Private: an audit is made from originals and the map."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from kssgan.reporting._templates import render
from kssgan.reporting._text import number

__all__ = ["audit_page"]


def audit_page(report_json: Mapping[str, Any]) -> str:
    """Show an audit's JSON as HTML: the verdict first, then every figure, none left out.

    Args:
        report_json: ``holds`` (bool) is required, ``statement`` (one sentence) is shown below it. Every
            other entry becomes a table row; a mapping becomes a section, a list of mappings a table, a list
            of sentences one row each.

    Returns:
        A complete HTML document.

    Raises:
        ValueError: ``holds`` is missing: a page without a verdict would look like a good one.
    """
    if "holds" not in report_json:
        raise ValueError("the audit has no 'holds' entry, so there is no verdict to show")
    rest = {
        key: value for key, value in report_json.items() if key not in ("holds", "statement")
    }
    return render(
        "audit.html.j2",
        holds=report_json["holds"] is True,
        statement=str(report_json.get("statement", "")),
        sections=_sections(rest),
    )


def _sections(entries: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Flatten nested mappings into titled sections: plain figures, then tables, then sub-sections."""
    sections: list[dict[str, Any]] = []
    _collect("", entries, sections)
    return sections


def _collect(title: str, entries: Mapping[str, Any], into: list[dict[str, Any]]) -> None:
    plain = [(key, _words(value)) for key, value in entries.items() if _is_plain(value)]
    if plain or not entries:
        into.append({"title": title, "header": [], "rows": plain})
    for key, value in entries.items():
        if _is_plain(value):
            continue
        inner = f"{title} / {key}" if title else str(key)
        if isinstance(value, Mapping):
            _collect(inner, value, into)
        elif isinstance(value[0], str):
            into.append({"title": inner, "header": [""], "rows": [[text] for text in value]})
        else:
            header = list(dict.fromkeys(name for row in value for name in row))
            rows = [
                [_words(row[name]) if name in row else "" for name in header] for row in value
            ]
            into.append({"title": inner, "header": header, "rows": rows})


def _is_plain(value: Any) -> bool:
    if isinstance(value, Mapping):
        return False
    if not _is_list(value) or not value:
        return True
    # Rows of a table, or sentences one below the other.
    return not any(all(isinstance(item, kind) for item in value) for kind in (Mapping, str))


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, str | bytes)


def _words(value: Any) -> str:
    if value is None:
        return "not measured"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int | float):
        return number(value, 4)
    if isinstance(value, Mapping):
        return ", ".join(f"{key}: {_words(inner)}" for key, inner in value.items()) or "none"
    if _is_list(value):
        return ", ".join(_words(item) for item in value) or "none"
    return str(value)
