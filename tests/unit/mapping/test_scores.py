"""Weights of answers: all of them or none, whatever the items are."""

from decimal import Decimal
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from gateway.mapping.functions.scores import weights

ORDINAL = "http://hl7.org/fhir/StructureDefinition/ordinalValue"

trees: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["a", "linkId", ORDINAL]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["linkId", "answer", "answerOption", "valueCoding", "extension", "url", "code"]), inner
        )
    ),
    max_leaves=12,
)


def defined(*links: str) -> list[Any]:
    def option(code: str, weight: int) -> dict[str, Any]:
        return {"valueCoding": {"code": code}, "extension": [{"url": ORDINAL, "valueDecimal": Decimal(weight)}]}

    return [{"linkId": link, "answerOption": [option("no", 0), option("yes", 2)]} for link in links]


def answers(*pairs: tuple[str, str]) -> list[Any]:
    return [{"linkId": link, "answer": [{"valueCoding": {"code": code}}]} for link, code in pairs]


def test_each_answer_has_the_weight_of_its_option() -> None:
    assert weights(answers(("a", "yes"), ("b", "no"), ("free", "yes")), defined("a", "b")) == [2, 0]


def test_an_item_without_an_answer_or_an_answer_without_a_weight_leaves_nothing() -> None:
    assert weights(answers(("a", "yes")), defined("a", "b")) == []
    assert weights(answers(("a", "yes"), ("b", "perhaps")), defined("a", "b")) == []
    assert weights([], defined("a")) == weights(answers(("a", "yes")), []) == []


@given(st.lists(trees, max_size=4), st.lists(trees, max_size=4))
def test_whatever_comes_it_is_weights_or_nothing(focus: list[Any], definitions: list[Any]) -> None:
    found = weights(focus, definitions)
    assert all(type(weight) in (int, Decimal) for weight in found)
