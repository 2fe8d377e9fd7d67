"""Whether a display is one that the code system gives a code, in the languages that were asked for."""

from collections.abc import Sequence

from gateway.core.issues import Issue, issue
from gateway.terminology.content import Content, Designation
from gateway.terminology.languages import Languages


def check_display(content: Content, code: str, given: str, languages: Languages) -> Issue | None:
    """What is wrong with the display `given`; None when it is right. Case does not matter, white space does."""
    names = list(content.designations(code))
    fitting = [name for name in names if languages.wants(name.language)] if languages else names
    coding = f"{content.url}#{code}"
    same = [name for name in (fitting or names) if name.value.casefold() == given.casefold()]
    if fitting and same:
        return None if any(not name.withdrawn for name in same) else _withdrawn(code, given, fitting)
    asked = languages.text or "--"
    if fitting:
        choices = _choices([name for name in fitting if not name.withdrawn])
        return issue("terminology.wrong-display", display=given, coding=coding, choices=choices, languages=asked)
    if same:
        return issue("terminology.display-of-other-language", display=given, coding=coding, languages=asked)
    default = next((name.value for name in names if name.is_display), "")
    return issue(
        "terminology.wrong-display-in-language", display=given, coding=coding, languages=asked, default=default
    )


def _withdrawn(code: str, given: str, fitting: Sequence[Designation]) -> Issue:
    correct = ", ".join(f'"{name.value}"' for name in fitting if not name.withdrawn)
    return issue(
        "terminology.withdrawn-display", display=given, code=code, status="deprecated", choices=correct + "."
    )


def _choices(names: Sequence[Designation]) -> str:
    texts = [f"'{name.value}' ({name.language})" if name.language else f"'{name.value}'" for name in names]
    if len(texts) <= 1:
        return "".join(texts)
    return f"one of {len(texts)} choices: {', '.join(texts[:-1])} or {texts[-1]}"
