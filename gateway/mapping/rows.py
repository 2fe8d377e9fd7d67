"""Items of lists that may be rows (`gateway.formats.Alike`), where something looks at one of each kind."""

from typing import Any

from gateway.formats import Alike


def item_of(alike: Alike, row: tuple[Any, ...]) -> dict[str, Any]:
    """The item that a row stands for; parts that it has in common with others of its kind are shared with these."""
    texts = {name: row[position] for name, position in alike.texts.items()}
    return _with(alike, row[0], {name: text for name, text in texts.items() if text is not None})


def item_of_kind(alike: Alike, kind: Any) -> dict[str, Any]:
    """An item of a kind that has all its texts, which mean nothing."""
    return _with(alike, kind, dict.fromkeys(alike.texts, "1"))


def _with(alike: Alike, kind: Any, texts: dict[str, str]) -> dict[str, Any]:
    same = {name: value for name, value in kind.item[alike.base].items() if name not in alike.texts}
    return {**kind.item, alike.base: {**same, **texts}}
