"""R4's own expressions compile with the model, and each erratum is a text of R4 that needs its correction."""

from collections.abc import Iterator

import pytest

from gateway.definitions import Constraint, r4
from gateway.fhirpath import R4, FhirPathError, compile
from gateway.fhirpath.errata import ERRATA, Erratum, corrected

DATATYPES = [
    "Address",
    "Age",
    "Annotation",
    "Attachment",
    "CodeableConcept",
    "Coding",
    "ContactDetail",
    "ContactPoint",
    "Contributor",
    "Count",
    "Distance",
    "DataRequirement",
    "Dosage",
    "Duration",
    "ElementDefinition",
    "Expression",
    "Extension",
    "HumanName",
    "Identifier",
    "Meta",
    "Money",
    "Narrative",
    "ParameterDefinition",
    "Period",
    "Quantity",
    "Range",
    "Ratio",
    "Reference",
    "RelatedArtifact",
    "SampledData",
    "Signature",
    "Timing",
    "TriggerDefinition",
    "UsageContext",
]


def _constraints() -> Iterator[tuple[str, Constraint]]:
    for name in sorted({*r4().types(), *DATATYPES}):
        structure = r4().structure(name)
        for element in structure.elements if structure is not None else ():
            for constraint in element.constraints:
                yield element.path, constraint


def _bases(path: str) -> list[str]:
    if R4.knows(path):
        return [path]
    element = r4().element(path)
    return [kind.code for kind in element.types if R4.knows(kind.code)] if element is not None else []


def test_all_invariants_compile_with_their_type() -> None:
    keys, seen = set(), set()
    for path, constraint in _constraints():
        text = constraint.expression
        if text is None or (constraint.key in ("ele-1", "ext-1") and "." in path):
            continue
        keys.add(constraint.key)
        for base in _bases(path):
            # ras-1 is written at a choice and asks for the elements of one of its types.
            if (text, base) not in seen and (constraint.key, base) != ("ras-1", "decimal"):
                seen.add((text, base))
                compile(corrected(text, base), base=base)
    assert len(keys) >= 203


def test_all_search_parameters_compile_with_their_type() -> None:
    urls = set()
    for name in sorted(r4().types()):
        for parameter in r4().search_parameters(name).values():
            if parameter.expression:
                compile(parameter.expression, base=name)
                urls.add(parameter.url)
    assert len(urls) >= 1350


@pytest.mark.parametrize("erratum", ERRATA, ids=lambda erratum: erratum.where)
def test_an_erratum_is_published_and_its_meaning_compiles(erratum: Erratum) -> None:
    texts = {constraint.expression for _, constraint in _constraints()}
    texts |= {parameter.expression for name in r4().types() for parameter in r4().search_parameters(name).values()}
    assert erratum.published in texts
    base = erratum.where.split(" ")[0]
    assert corrected(erratum.published, base) == erratum.meaning
    compile(erratum.meaning, base=base)


def test_what_errata_mean() -> None:
    def holds(text: str, base: str, tree: dict[str, object]) -> bool:
        return compile(corrected(text, base), base=base).evaluate(tree) == [True]

    published = {erratum.where.split(" ")[1]: erratum.published for erratum in ERRATA}
    assert holds(published["ref-1"], "Reference", {"display": "x"})
    assert not holds(published["ref-1"], "Reference", {"reference": "#x"})
    assert holds(published["tim-9"], "Timing.repeat", {"offset": 5, "when": ["AC", "PC"]})
    assert not holds(published["tim-9"], "Timing.repeat", {"offset": 5, "when": ["AC", "CM"]})
    assert holds(published["que-7"], "Questionnaire.item.enableWhen", {"operator": "exists", "answerBoolean": True})
    assert not holds(published["adf-0"], "Library", {"resourceType": "Library", "name": "a-b"})
    assert holds(published["adf-0"], "Library", {"resourceType": "Library"})
    with pytest.raises(FhirPathError):
        compile(published["tim-9"], base="Timing.repeat")
    with pytest.raises(FhirPathError):
        compile(published["cid-0"], base="ChargeItemDefinition")
