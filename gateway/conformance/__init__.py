"""Whether a resource is what R4 and its profiles say: every finding with its rule, its place and a hint.

`Validator(definitions, terminology).validate(resource, profiles)` compiles each type and profile at first use into
Python closures; a profile compiles to its differences from the base type, which is always checked as well.
Findings are `Issue`s with rules `conformance.*`; nothing raises, whatever the tree.
"""

from gateway.conformance.validator import Validator

__all__ = ["Validator"]
