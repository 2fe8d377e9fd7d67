"""Mutation testing: each small change of a module must make one of its tests fail (`make mutants`)."""
