"""Figures of the product, each beside a reference that was measured in the same run.

A benchmark is a module of this package with `NAME` and `run() -> Iterator[Figure]`. References live in
`benchmarks.reference`; they are hand-written and import nothing of the product.
"""
