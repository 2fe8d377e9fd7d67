"""A QuestionnaireResponse against its Questionnaire: questions, answers, what is required, and when it is asked.

See https://hl7.org/fhir/R4/questionnaireresponse.html and https://hl7.org/fhir/R4/questionnaire.html.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from gateway.conformance.resources.enable_when import is_enabled
from gateway.conformance.run import Location, Run
from gateway.core import Resource
from gateway.terminology import Terminology

FINISHED = ("completed", "amended")

ANSWERS: Mapping[str, frozenset[str]] = {
    "boolean": frozenset({"valueBoolean"}),
    "decimal": frozenset({"valueDecimal"}),
    "integer": frozenset({"valueInteger"}),
    "date": frozenset({"valueDate"}),
    "dateTime": frozenset({"valueDateTime"}),
    "time": frozenset({"valueTime"}),
    "string": frozenset({"valueString"}),
    "text": frozenset({"valueString"}),
    "url": frozenset({"valueUri"}),
    "choice": frozenset({"valueCoding", "valueInteger", "valueDate", "valueTime", "valueString"}),
    "open-choice": frozenset({"valueCoding", "valueInteger", "valueDate", "valueTime", "valueString"}),
    "attachment": frozenset({"valueAttachment"}),
    "reference": frozenset({"valueReference"}),
    "quantity": frozenset({"valueQuantity"}),
}
"""Type of a question -> the JSON names that an answer to it may have."""

Find = Callable[[str], Resource | None]


class Questionnaires:
    """Checks responses; `find` looks up a Questionnaire by canonical URL."""

    def __init__(self, find: Find, terminology: Terminology) -> None:
        self._find = find
        self._terminology = terminology

    def check(self, response: Resource, at: Location, run: Run) -> None:
        """Reports what the response breaks of its Questionnaire; a Questionnaire that is not known is a warning."""
        url = response.get("questionnaire")
        if not isinstance(url, str):
            return
        questionnaire = self._find(url)
        if questionnaire is None or questionnaire.get("resourceType") != "Questionnaire":
            run.report("conformance.questionnaire-unknown", (at, "questionnaire", -1))
            return
        answers = _answers(response)
        finished = response.get("status") in FINISHED
        self._items(_objects(questionnaire.get("item")), response, at, run, answers, finished)

    def _items(
        self,
        questions: list[dict[str, Any]],
        holder: dict[str, Any],
        at: Location,
        run: Run,
        answers: dict[str, list[dict[str, Any]]],
        finished: bool,
    ) -> None:
        known = {question["linkId"]: question for question in questions if isinstance(question.get("linkId"), str)}
        given: dict[Any, int] = {}
        for index, item in enumerate(_objects(holder.get("item"))):
            place = (at, "item", index)
            link = item.get("linkId")
            question = known.get(link) if isinstance(link, str) else None
            if question is None:
                run.report("conformance.question-unknown", place)
                continue
            given[link] = given.get(link, 0) + 1
            if not is_enabled(question, answers):
                run.report("conformance.question-disabled", place)
            self._item(question, item, place, run, answers, finished)
        for link, question in known.items():
            required = question.get("required") is True and question.get("type") != "display"
            if required and link not in given and is_enabled(question, answers):
                # An answer that is still missing is a fault of a finished response only.
                rule = "conformance.answer-missing" if finished else "conformance.answer-pending"
                run.report(rule, at, question=_shown(link))
            if question.get("repeats") is not True and given.get(link, 0) > 1:
                run.report("conformance.question-repeated", at, question=_shown(link))

    def _item(
        self,
        question: dict[str, Any],
        item: dict[str, Any],
        at: Location,
        run: Run,
        answers: dict[str, list[dict[str, Any]]],
        finished: bool,
    ) -> None:
        kind = question.get("type")
        inner = _objects(question.get("item"))
        given = _objects(item.get("answer"))
        if kind in ("group", "display"):
            if given:
                run.report("conformance.answer-unasked", at)
            self._items(inner, item, at, run, answers, finished)
            return
        if question.get("repeats") is not True and len(given) > 1:
            run.report("conformance.answers-several", at)
        if question.get("required") is True and not given and finished and is_enabled(question, answers):
            run.report("conformance.answer-missing", at, question=_shown(question.get("linkId")))
        for index, answer in enumerate(given):
            place = (at, "answer", index)
            self._answer(question, answer, place, run)
            if inner or "item" in answer:
                self._items(inner, answer, place, run, answers, finished)

    def _answer(self, question: dict[str, Any], answer: dict[str, Any], at: Location, run: Run) -> None:
        kind = question.get("type")
        names = [name for name in answer if name.startswith("value")]
        allowed = ANSWERS.get(kind) if isinstance(kind, str) else None
        if allowed is None or not names:
            return
        if not allowed.issuperset(names):
            run.report("conformance.answer-type", at, type=kind)
            return
        limit = question.get("maxLength")
        if isinstance(limit, int) and any(
            isinstance(answer[name], str) and len(answer[name]) > limit for name in names
        ):
            run.report("conformance.too-long", at, limit=limit)
        if kind == "choice" or (kind == "open-choice" and "valueString" not in answer):
            self._option(question, answer, names[0], at, run)

    def _option(self, question: dict[str, Any], answer: dict[str, Any], name: str, at: Location, run: Run) -> None:
        options = [option[name] for option in _objects(question.get("answerOption")) if name in option]
        value = answer[name]
        if _objects(question.get("answerOption")):
            if not any(_same(value, option) for option in options):
                run.report("conformance.answer-option", at)
            return
        value_set = question.get("answerValueSet")
        if isinstance(value_set, str) and isinstance(value, dict) and isinstance(value.get("code"), str):
            system = value.get("system")
            check = self._terminology.validate_code(
                system if isinstance(system, str) else "", value["code"], value_set
            )
            if check.result is False:
                run.report("conformance.answer-option", at)
            elif check.result is None:
                run.report("conformance.code-unchecked", at, value_set="of the answers")


def _same(value: Any, option: Any) -> bool:
    if isinstance(value, dict) and isinstance(option, dict):
        return all(value.get(part) == option.get(part) for part in ("system", "code"))
    return bool(value == option)


def _objects(nodes: Any) -> list[dict[str, Any]]:
    return [node for node in nodes if isinstance(node, dict)] if isinstance(nodes, list) else []


def _shown(link: Any) -> str:
    """A link id as the Questionnaire has it; it is no participant's data."""
    return str(link)[:64]


def _answers(response: Resource) -> dict[str, list[dict[str, Any]]]:
    """Link id -> the answers given to it anywhere in the response."""
    found: dict[str, list[dict[str, Any]]] = {}
    for item in _walk(response):
        link = item.get("linkId")
        if isinstance(link, str):
            found.setdefault(link, []).extend(_objects(item.get("answer")))
    return found


def _walk(holder: dict[str, Any]) -> Iterator[dict[str, Any]]:
    open_nodes = [holder]
    while open_nodes:
        node = open_nodes.pop()
        for item in _objects(node.get("item")):
            yield item
            open_nodes += [item, *_objects(item.get("answer"))]
