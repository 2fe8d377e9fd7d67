"""A tree in which one place is not as it should be."""

import copy
from collections.abc import Sequence
from random import Random
from typing import Any


def disturbed(tree: Any, chance: Random, odd: Sequence[Any], names: Sequence[str] = ()) -> Any:
    """The tree with one place removed, doubled, put into a list, called by one of `names` or replaced.

    What is given may be changed.
    """
    if not isinstance(tree, dict | list) or not tree or chance.random() < 0.1:
        return copy.deepcopy(chance.choice(odd))
    place = chance.choice(list(tree)) if isinstance(tree, dict) else chance.randrange(len(tree))
    act = chance.random()
    if act < 0.12:
        tree.pop(place)
    elif act < 0.2 and isinstance(tree, list):
        tree.append(copy.deepcopy(tree[place]))
    elif act < 0.2 and names:
        tree[chance.choice(names)] = tree.pop(place)
    elif act < 0.3:
        tree[place] = [tree[place]]
    elif act < 0.38:
        tree[place] = [copy.deepcopy(tree[place]), tree[place]]
    else:
        tree[place] = disturbed(tree[place], chance, odd, names)
    return tree
