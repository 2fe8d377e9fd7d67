"""Fast functions of a plan."""

from gateway.mapping.plan import Plan
from gateway.mapping.unit import FastPlan


def generate(plan: Plan) -> FastPlan | None:
    """None for now."""
    return None
