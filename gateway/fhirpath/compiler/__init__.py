"""Syntax trees to Python functions, built as `ast` nodes; an expression's text never becomes Python source."""

from gateway.fhirpath.compiler.function import FILE, generate
from gateway.fhirpath.compiler.generator import Generator, Shape

__all__ = ["FILE", "Generator", "Shape", "generate"]
