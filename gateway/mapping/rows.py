"""Items of lists that may be rows (`gateway.formats.Alike`), where something looks at one of each kind."""

from typing import Any

from gateway.formats import Alike


def item_of(alike: Alike, row: tuple[Any, ...]) -> dict[str, Any]:
    """The item that a row stands for; parts that it has in common with others of its kind are shared with these."""
    texts = {name: row[position] for name, position in alike.texts.items()}
    return _with(alike, row[0].item, {name: text for name, text in texts.items() if text is not None})


def with_all_texts(alike: Alike, item: dict[str, Any]) -> dict[str, Any]:
    """The item of a kind with all the texts that one may have, which mean nothing."""
    return _with(alike, item, dict.fromkeys(alike.texts, "1"))


def _with(alike: Alike, item: dict[str, Any], texts: dict[str, str]) -> dict[str, Any]:
    same = {name: value for name, value in item[alike.base].items() if name not in alike.texts}
    return {**item, alike.base: {**same, **texts}}
