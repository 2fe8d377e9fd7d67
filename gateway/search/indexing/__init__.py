"""How the values of an element become entries: one file for each kind of search parameter.

Every `add_...` takes the entries made so far, the parameter, and the values that its expression gave, which may be of
any type that FHIR allows there; a value that cannot be indexed gives no entry.
"""
