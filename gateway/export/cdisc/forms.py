"""The definitions of the forms that clinical data are of: events, forms, item groups, items and code lists of ODM.

They are made of the answers that are written, so that every OID in the data is defined, and told in the words of the
study's Questionnaires where those are known. See https://www.cdisc.org/standards/data-exchange/odm-xml.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from gateway.core.types import Resource

VERSION: Final = "MDV.1"
EVENT: Final = "SE.COMMON"
AUTHORED: Final = "authored"

_DATA_TYPES: Final[Mapping[str, str]] = {
    "boolean": "boolean",
    "integer": "integer",
    "decimal": "float",
    "Quantity": "float",
    "date": "partialDate",
    "dateTime": "partialDatetime",
    "time": "partialTime",
}
"""Type of an answer in R4 -> data type of ODM; anything else is text."""


@dataclass(slots=True)
class Item:
    """One question: `types` are those that answers came in, `codes` the answers to choose from and their words."""

    text: str = ""
    types: set[str] = field(default_factory=set)
    codes: dict[str, str] = field(default_factory=dict)
    length: int = 1
    is_required: bool = False
    is_open: bool = False

    @property
    def data_type(self) -> str:
        """The data type of ODM that holds every answer."""
        found = {_DATA_TYPES.get(kind, "text") for kind in self.types}
        return found.pop() if len(found) == 1 else "text"


@dataclass(slots=True)
class Form:
    """One questionnaire: its title, its items by link in the order in which they came, and how often one repeats."""

    title: str = ""
    items: dict[str, Item] = field(default_factory=dict)
    repeats: bool = False

    def item(self, link: str) -> Item:
        """The item of a link, a new one when there was none."""
        return self.items.setdefault(link, Item())


@dataclass(slots=True)
class Forms:
    """The forms by name."""

    known: dict[str, Form] = field(default_factory=dict)

    def form(self, name: str) -> Form:
        """The form of a name, a new one when there was none."""
        return self.known.setdefault(name, Form())

    def describe(self, name: str, questionnaire: Resource) -> None:
        """Takes titles, questions, answers to choose from and what is required from a Questionnaire, for a form that
        is there; items that nobody answered are defined too."""
        form = self.known.get(name)
        if form is None:
            return
        form.title = str(questionnaire.get("title", ""))
        ordered = {AUTHORED: form.item(AUTHORED)}
        for asked in _asked(questionnaire):
            link = str(asked["linkId"])
            item = ordered[link] = form.item(link)
            item.text = str(asked.get("text", "")) or item.text
            item.is_required = asked.get("required") is True
            item.is_open = asked.get("type") == "open-choice"
            item.types |= set() if item.types else {str(asked.get("type", ""))}
            for option in asked.get("answerOption", ()):
                coding = option.get("valueCoding", {})
                if "code" in coding:
                    item.codes[str(coding["code"])] = str(coding.get("display", ""))
                    item.length = max(item.length, len(str(coding["code"])))
        form.items = ordered | form.items


def _asked(tree: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    """The questions of a Questionnaire, groups and texts left out."""
    for item in tree.get("item", ()):
        if item.get("type") not in ("group", "display"):
            yield item
        yield from _asked(item)


def study_element(model: Any, forms: Forms, study: str, title: str) -> Any:
    """The Study with one MetaDataVersion; `study` is its OID, `model` the classes of odmlib."""
    names = sorted(forms.known)
    events = [
        model.StudyEventDef(
            OID=EVENT,
            Name="Whenever it was handed in",
            Repeating="No",
            Type="Common",
            FormRef=[model.FormRef(FormOID=f"F.{name}", Mandatory="No") for name in names],
        )
    ]
    definitions = model.MetaDataVersion(
        OID=VERSION,
        Name="Forms as they were answered",
        Protocol=model.Protocol(StudyEventRef=[model.StudyEventRef(StudyEventOID=EVENT, Mandatory="No")]),
        StudyEventDef=events,
        FormDef=[_form(model, name, forms.known[name]) for name in names],
        ItemGroupDef=[_group(model, name, forms.known[name]) for name in names],
        ItemDef=[one for name in names for one in _items(model, name, forms.known[name])],
        CodeList=[one for name in names for one in _code_lists(model, name, forms.known[name])],
    )
    told = model.GlobalVariables(
        StudyName=model.StudyName(_content=title),
        StudyDescription=model.StudyDescription(_content=title),
        ProtocolName=model.ProtocolName(_content=study),
    )
    return model.Study(OID=study, GlobalVariables=told, MetaDataVersion=[definitions])


def admin_element(model: Any, study: str, sites: Iterable[str], day: str) -> Any:
    """The sites that subjects refer to."""
    version = model.MetaDataVersionRef(StudyOID=study, MetaDataVersionOID=VERSION, EffectiveDate=day)
    places = [
        model.Location(OID=f"LOC.{site}", Name=f"Site {site}", LocationType="Site", MetaDataVersionRef=[version])
        for site in sorted(sites)
    ]
    return model.AdminData(StudyOID=study, Location=places)


def _form(model: Any, name: str, form: Form) -> Any:
    groups = [model.ItemGroupRef(ItemGroupOID=f"IG.{name}", Mandatory="No")]
    return model.FormDef(OID=f"F.{name}", Name=form.title or name, Repeating="Yes", ItemGroupRef=groups)


def _group(model: Any, name: str, form: Form) -> Any:
    items = [
        model.ItemRef(ItemOID=f"IT.{name}.{link}", OrderNumber=number, Mandatory="Yes" if item.is_required else "No")
        for number, (link, item) in enumerate(form.items.items(), 1)
    ]
    repeats = "Yes" if form.repeats else "No"
    return model.ItemGroupDef(OID=f"IG.{name}", Name=form.title or name, Repeating=repeats, ItemRef=items)


def _items(model: Any, name: str, form: Form) -> Iterator[Any]:
    for link, item in form.items.items():
        given: dict[str, Any] = {"Length": item.length} if item.data_type in ("text", "integer", "float") else {}
        given |= {"SignificantDigits": 12} if item.data_type == "float" else {}
        made = model.ItemDef(OID=f"IT.{name}.{link}", Name=link, DataType=item.data_type, **given)
        if item.text:
            made.Question = model.Question(TranslatedText=[_text(model, item.text)])
        if _has_codes(item):
            made.CodeListRef = model.CodeListRef(CodeListOID=f"CL.{name}.{link}")
        yield made


def _code_lists(model: Any, name: str, form: Form) -> Iterator[Any]:
    for link, item in form.items.items():
        if _has_codes(item):
            choices: Sequence[Any] = [
                model.CodeListItem(CodedValue=code, Decode=model.Decode(TranslatedText=[_text(model, words or code)]))
                for code, words in item.codes.items()
            ]
            yield model.CodeList(
                OID=f"CL.{name}.{link}", Name=item.text or link, DataType="text", CodeListItem=choices
            )


def _has_codes(item: Item) -> bool:
    """Whether every answer is one of the codes."""
    return bool(item.codes) and not item.is_open and item.data_type == "text"


def _text(model: Any, content: str) -> Any:
    return model.TranslatedText(_content=content, lang="en")
