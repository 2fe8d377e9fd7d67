"""Syntax trees to Python functions, built as `ast` nodes; an expression's text never becomes Python source."""

from gateway.fhirpath.compiler.function import generate
from gateway.fhirpath.compiler.generator import Generator, Shape

__all__ = ["Generator", "Shape", "generate"]
