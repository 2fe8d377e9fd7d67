"""One compiled expression serves many threads, from its first use on."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier
from typing import Any

from gateway.fhirpath import R4
from gateway.fhirpath.expression import Expression
from gateway.fhirpath.facts import Options

THREADS = 8
TEXTS = (
    "name.where(use = 'official').given.first() & 'x'",
    "descendants().ofType(HumanName).family",
    "(1 | 2 | 3).aggregate($this + $total, 0)",
    "name.select(given.select($this & %context.id & $index.toString()))",
    "name.defineVariable('n', family).select(%n)",
    "1.repeat(iif($this < 20, $this + 1)).count()",
)


def tree(number: int) -> dict[str, Any]:
    """Patients that differ, so that one thread's data would show in another's result."""
    return {
        "resourceType": "Patient",
        "id": f"p{number}",
        "name": [{"use": "official", "family": f"f{number}", "given": [f"g{number}", f"h{number}"]}]
        * (number % 3 + 1),
    }


def test_first_use_by_many_threads() -> None:
    options = Options(R4, strict=False, functions={}, variables=None)
    for text in TEXTS:
        for base in ("Patient", None):
            wanted = [Expression(text, base, options).evaluate(tree(number)) for number in range(THREADS)]
            shared, start = Expression(text, base, options), Barrier(THREADS)

            def run(number: int, shared: Expression = shared, start: Barrier = start) -> list[list[Any]]:
                start.wait()
                return [shared.evaluate(tree(number)) for _ in range(50)]

            with ThreadPoolExecutor(THREADS) as pool:
                found = list(pool.map(run, range(THREADS)))
            assert found == [[result] * 50 for result in wanted]
