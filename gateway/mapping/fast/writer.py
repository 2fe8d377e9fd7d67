"""The writer of fast functions: emits, their keys, and what they make; see `generate`."""

import ast
from collections.abc import Sequence
from itertools import takewhile
from typing import TypeAlias

from gateway.fhirpath.emitter import Emitter
from gateway.fhirpath.quote import name as local_name
from gateway.fhirpath.syntax import nodes
from gateway.formats import FORMATS, Alike, AlikeRecords
from gateway.mapping.budget import spend
from gateway.mapping.explaining.walk import instant_text
from gateway.mapping.fast.remembering import Remembered, remembered
from gateway.mapping.fast.single import Singles
from gateway.mapping.fast.single_items import unwound
from gateway.mapping.fast.single_kind import Shared
from gateway.mapping.fast.single_logic import holds
from gateway.mapping.fast.single_outer import Outer
from gateway.mapping.fast.single_shared import within
from gateway.mapping.fast.writer_memory import write_base, write_derived, write_recalled
from gateway.mapping.fast.writer_nodes import NodeWriter
from gateway.mapping.fast.writer_rows import asked_of_rows, start_rows, write_rows
from gateway.mapping.fast.writer_told import told_record
from gateway.mapping.identity import LENGTHS, framed, id_maker, new_digest
from gateway.mapping.lineage import variables_of
from gateway.mapping.loose import items_of, key_part, order_of
from gateway.mapping.plan import Emit, Formula, Plan
from gateway.mapping.scope import Fault

_KEY = """
if V.__class__ is str:
    P = V
else:
    P = PART(V)
"""
_ORDER = "V = KNOWN(L) if L.__class__ is str else None\nif V is None:\n    V = ORDER(L)"
_IDENTITY = """
if U is None:
    U = MAKER(study, EMIT, (SHARED))
D = U()
D.update(f"TEXT".encode())
V = D.hexdigest()
"""
_BEGUN = """
D = NEW()
D.update(f"TEXT".encode())
U = D.copy
"""
_CONTINUED = """
D = U()
D.update(f"TEXT".encode())
V = D.hexdigest()
"""
_CONTINUED_OR_NOT = """
D = U()
D.update(f"TEXT".encode() if LAST else WITHOUT)
V = D.hexdigest()
"""
_LOOP = """
SAVED = variables["index"]
LAST = None
INDEX = -1
"""
_LOOPED = """
variables["index"] = SAVED
if LAST is not None:
    variables["item"] = LAST
"""
Variables: TypeAlias = tuple[tuple[str, Formula], ...]


class Writer:
    """Writes one function: `prelude` runs once a unit, the rest for each focus; `usual` is that of `Singles`.

    `kept` are locals of the former that the latter assigns when it first needs them. With `alike` items may be rows,
    and the functions of their kinds are in `module`; with `told` the record itself is one.
    """

    def __init__(
        self, plan: Plan, *, usual: bool, alike: Alike | None = None, told: AlikeRecords | None = None
    ) -> None:
        self.plan = plan
        self.alike = alike
        self.told = told
        self.module: list[ast.stmt] = []
        self.code = Emitter()
        self.prelude: list[ast.stmt] = []
        self.single = Singles(self.code, self.prelude, plan.functions, usual=usual)
        self._referred: dict[str, str] = {}
        self.single.referred = self._referred
        self.nodes = NodeWriter(self.code, self.prelude, self.single, self._referred)
        self.kept: list[str] = []
        self._keyed: dict[str, str] = {}
        self._parts: dict[tuple[str, str], str] = {}

    def run(self, emits: Sequence[Emit], variables: tuple[tuple[str, Formula], ...]) -> None:
        """The body: the record's variables, then each emit, then what was made."""
        code = self.code
        self.start(emits)
        self.single.known.there.add("focus")
        if emits[0].mode == "per-record":
            code.run('variables["record"] = focus')
        elif emits[0].mode == "per-payload":
            self.single.known.places["payload"] = "focus"
            self.single.known.stored.add("payload")
        code.run('variables["item"] = focus')
        if self.alike is None:
            self._make(emits, variables)
            return
        start_rows(self.single, self.alike, self.module)
        with told_record(self.single, self.told):
            self._make(emits, variables)

    def _make(self, emits: Sequence[Emit], variables: Variables) -> None:
        self.single.assign(variables, "focus")
        for emit in emits:
            self._emit(emit)
        self.code.run("return out")

    def start(self, emits: Sequence[Emit]) -> None:
        """Nothing is made yet."""
        self.code.run("out = []")
        for emit in emits:
            if emit.id in self.plan.referred:
                made = self._referred[emit.id] = self.code.fresh("l")
                self.code.run("L = scope.made[ID] = []", L=made, ID=self.code.bind(emit.id))

    def _emit(self, emit: Emit) -> None:
        code = self.code
        if emit.foreach is not None:
            self._each(emit, emit.foreach)
            return
        with self.single.inside(code.emit("while True:\n    ...")):
            if emit.mode == "per-record" and emit is not self.plan.each[0]:
                code.run('variables["item"] = focus')
            self.item(emit, "focus", "break")
            code.run("break")

    def _each(self, emit: Emit, foreach: Formula) -> None:
        """The items of an emit one after the other; what they share is made before the loop."""
        code, single, unfilled = self.code, self.single, self.single.unfilled
        asked = None if unfilled is None else asked_of_rows(unfilled.alike, foreach)
        if unfilled is not None and asked is not None:
            outer = write_rows(single, unfilled, emit, asked, lambda item: self.item(emit, item, "continue"))
            self._parts |= outer.parts
            return
        path = unwound(foreach.expression.ast) or ((), [])
        if unfilled is not None and path[0] and unfilled.lacks(path[0][0]):
            self._referred[emit.id] = unfilled.nothing
            return
        index, saved, item, last = code.fresh("n"), code.fresh(), code.fresh("item"), code.fresh()
        code.run(_LOOP, SAVED=saved, LAST=last, INDEX=index)
        items, test = single.unfiltered(foreach, "focus") or (single.items(foreach, "focus"), None)
        shared = single.outer = Outer([], single.known.copy(), emit.id) if single.usual else None
        kept = self._remembered(emit)
        start = len(code.block)
        source = "for INDEX, ITEM in enumerate(ITEMS(L)):\n    ..." if test is None else "for ITEM in L:\n    ..."
        hole = code.emit(source, INDEX=index, ITEM=item, ITEMS=code.bind(items_of), L=items)
        with single.inside(hole, loop=True):
            single.known.there.add(item)
            if kept is not None:
                write_base(self.nodes, kept, item)
            if test is not None:
                code.run("if not C:\n    continue\nINDEX += 1", C=holds(single, test, item), INDEX=index)
            code.run("LAST = ITEM", LAST=last, ITEM=item)
            single.place(index=index, item=item)
            self.item(emit, item, "continue")
        single.outer = None
        code.block[start:start] = shared.block if shared else []
        if foreach.is_wide:
            code.run("SPEND(INDEX + 1)", SPEND=code.bind(spend), INDEX=index)
        code.run(_LOOPED, SAVED=saved, LAST=last)

    def item(self, emit: Emit, item: str, leave: str) -> None:
        """Writes what an emit makes of one item; `leave` is how it is left where there is nothing to make."""
        code = self.code
        if not emit.when_late:
            self.skip_unless(emit.when, item, leave)
        self.single.keyed = _keyed(emit) if self.single.usual and not emit.when_late else ()
        kept = self._remembered(emit)
        recalled = {} if kept is None else write_recalled(self.nodes, emit, kept, item)
        done = () if kept is None else kept.variables
        if self.single.shared is not None and self.single.shared.row:
            done = self._shared(self.single.shared, emit.vars, item)
        write_derived(self.single, [one for one in emit.vars if one not in done], item)
        if emit.when_late:
            self.skip_unless(emit.when, item, leave)
        identity = self._identity(emit, item)
        self.single.keyed = ()
        for guard in emit.guards:
            truth = self.single.truth(guard.formula, item)
            code.run(
                "if not V:\n    raise FAULT(RULE)", V=truth, FAULT=code.bind(Fault), RULE=code.bind("mapping.guard")
            )
        order: str | ast.expr = code.bind("")
        if emit.version_order is not None:
            order = self._order(emit.version_order, item)
        made = code.fresh("m")
        first: dict[str, str | ast.expr] = {"resourceType": code.bind(emit.type), "id": identity}
        self.nodes.fill(emit.root, made, item, first, recalled)
        reference = code.fresh()
        code.run("R = PREFIX + ID", R=reference, PREFIX=code.bind(f"{emit.type}/"), ID=identity)
        if emit.id in self._referred:
            code.run("L.append(R)", L=self._referred[emit.id], R=reference)
        code.run("out.append((EMIT, R, M, ORDER))", EMIT=code.bind(emit.id), R=reference, M=made, ORDER=order)

    def _shared(self, shared: Shared, variables: Variables, item: str) -> Variables:
        """Assigns the variables that are the same for all items of the kind; returns them."""
        found, single = [], self.single
        for one in variables:
            if shared.gives(one[1].expression.ast, item, single.known.variables):
                single.assign((one,), item)
                found.append(one)
        return tuple(found)

    def _is_of_row(self) -> bool:
        """True in the loop over rows."""
        return self.single.shared is not None and bool(self.single.shared.row)

    def _remembered(self, emit: Emit) -> Remembered | None:
        if self._is_of_row() or not self.single.usual:
            return None
        return remembered(emit, FORMATS[self.plan.format].holder)

    def skip_unless(self, when: Formula | None, item: str, leave: str) -> None:
        """Goes on with the next item where the condition does not hold."""
        if when is not None:
            self.code.run(f"if not V:\n    {leave}", V=self.single.truth(when, item))

    def _identity(self, emit: Emit, item: str) -> str:
        """The id: what is the same in the unit at the start of the key is hashed when the first one is made."""
        code = self.code
        shared: dict[str, str | ast.expr] = {}
        parts = list(emit.key)
        while parts and (isinstance(parts[0], str) or parts[0].fixed):
            shared[f"S{len(shared)}"] = self._part(parts.pop(0), item)
        if self.alike is not None and (emit.foreach is None or self._is_of_row()):
            return self._identity_of_few(emit, item, shared, parts)
        make, identity = code.fresh("u"), code.fresh()
        with code.into(self.prelude):
            code.run("U = None", U=make)
        self.kept.append(make)
        texts = [code.bind(framed(part)) if isinstance(part, str) else self._part(part, item) for part in parts]
        start = self._start_of_key(texts)
        text, names = self._framed(texts[len(start) :])
        if start:
            names["START"] = self.single.outer_text(*self._framed(start))
            text = f"{{START}}{text}"
        source = _IDENTITY.replace("TEXT", text).replace("SHARED", "".join(name + "," for name in shared))
        code.run(source, V=identity, D=code.fresh(), U=make, MAKER=code.bind(id_maker),
                 EMIT=code.bind(framed(self.plan.id) + framed(emit.id)), **shared, **names)  # fmt: skip
        return identity

    def _identity_of_few(
        self, emit: Emit, item: str, shared: dict[str, str | ast.expr], parts: Sequence[str | Formula]
    ) -> str:
        """As `_identity` where a unit has few records: hashed at once, what rows have in common before their loop."""
        code, identity = self.code, self.code.fresh()
        texts = [code.bind(framed(part)) if isinstance(part, str) else self._part(part, item) for part in parts]
        start = self._start_of_key(texts)
        fixed = [f"{self._length(name)}{{{name}}}" for name in shared]
        first, names = self._framed(start if self.single.outer is not None else texts)
        text = "".join(("{len(study)}:{study}{EMIT}", *fixed, first))
        names |= {"EMIT": code.bind(framed(self.plan.id) + framed(emit.id)), **shared}
        if self.single.outer is None:
            code.run(_CONTINUED.replace("TEXT", text), V=identity, D=code.fresh(), U=code.bind(new_digest), **names)
            return identity
        begun = code.fresh()
        with self.single.before(self.single.outer):
            code.run(_BEGUN.replace("TEXT", text), U=begun, D=code.fresh(), NEW=code.bind(new_digest), **names)
        rest = texts[len(start) :]
        text, others = self._framed(rest)
        without = self._without_last(rest)
        source = _CONTINUED if without is None else _CONTINUED_OR_NOT
        names = others if without is None else {**others, "LAST": rest[-1], "WITHOUT": without}
        code.run(source.replace("TEXT", text), V=identity, D=code.fresh(), U=begun, **names)
        return identity

    def _without_last(self, texts: Sequence[str | ast.expr]) -> str | None:
        """The local with the end of a key whose last part is empty, as most are; None where others differ by item."""
        shared, code = self.single.shared, self.code
        *others, last = texts or ("",)
        if shared is None or not others or not isinstance(last, str) or any(isinstance(text, str) for text in others):
            return None
        if self.single.is_sure(last):
            return None
        text, names = self._framed(others)
        without = shared.keep(("without", last), code.fresh())
        with within(self.single, shared):
            code.run(f'V = f"{text}0:".encode()', V=without, **names)
        return without

    def _start_of_key(self, texts: Sequence[str | ast.expr]) -> list[str | ast.expr]:
        """The parts at its start that all items of a loop share."""
        outer = self.single.outer
        known = set(outer.parts.values()) if outer is not None else set()
        return list(takewhile(lambda text: isinstance(text, ast.Constant) or text in known, texts)) if known else []

    def _part(self, part: str | Formula, item: str) -> str | ast.expr:
        code, single = self.code, self.single
        if isinstance(part, str):
            return code.bind(part)
        if part.fixed:
            value = single.value(part, item)
            if value not in self._keyed:
                with code.into(self.prelude):
                    self._keyed[value] = self._key_text(value)
            return self._keyed[value]
        value, outer = single.value(part, item), single.outer
        if single.shared is not None and single.shared.has_local(value):
            return self._shared_part(single.shared, value)
        if outer is None or not outer.has(value):
            return self._parts.get(("key", value)) or self._brief_part(value)
        if ("key", value) not in outer.parts:
            with single.before(outer):
                outer.parts["key", value] = self._brief_part(value)
        return outer.parts["key", value]

    def _brief_part(self, value: str) -> str:
        """As `_key_text`; usual data have no part that is long, as `_length` finds."""
        text, single = self._key_text(value), self.single
        if single.usual:
            single.known.brief |= dict.fromkeys((value, text), len(LENGTHS))
        return text

    def _shared_part(self, shared: Shared, value: str) -> ast.expr:
        """A part of a key with its length, which is the same for all items of the kind."""
        code, single = self.code, self.single
        text = shared.find(("key", value))
        if text is None:
            text = shared.keep(("key", value), code.fresh())
            with within(single, shared):
                code.run("V = FRAMED(P)", V=text, P=self._key_text(value), FRAMED=code.bind(framed))
        return local_name(text)

    def _key_text(self, value: str) -> str:
        """The local with the text of a part of a key."""
        if self.single.kind(value) is str and (self.single.is_sure(value) or value in self.single.known.there):
            return value
        text = self.code.fresh()
        self.code.run(_KEY, V=value, P=text, PART=self.code.bind(key_part))
        return text

    def _order(self, formula: Formula, item: str) -> str:
        """The local with the instant of `version_order`."""
        single = self.single
        value, outer = single.value(formula, item), single.outer
        if outer is not None and outer.has(value):
            if ("order", value) not in outer.parts:
                with single.before(outer):
                    outer.parts["order", value] = self._instant(value)
            return outer.parts["order", value]
        return self._parts.get(("order", value)) or self._instant(value)

    def _instant(self, value: str) -> str:
        code, order = self.code, self.code.fresh()
        code.run(_ORDER, V=order, KNOWN=code.bind(instant_text), ORDER=code.bind(order_of), L=value)
        return order

    def _framed(self, texts: Sequence[str | ast.expr]) -> tuple[str, dict[str, str | ast.expr]]:
        """The end of a key as the inside of an f-string: locals with their lengths, constants as they are."""
        names = {f"P{number}": text for number, text in enumerate(texts)}
        inside = "".join(
            self._length(name) + f"{{{name}}}" if isinstance(text, str) else f"{{{name}}}"
            for name, text in names.items()
        )
        return inside, names | {"LENGTHS": self.code.bind(LENGTHS)}

    def _length(self, name: str) -> str:
        """The inside of an f-string for the length of a text, made before in a function for usual data."""
        return f"{{LENGTHS[len({name})]}}" if self.single.usual else f"{{len({name})}}:"


def _keyed(emit: Emit) -> list[Formula]:
    """The variables of an emit that are parts of its key as they are, and of which no other one is made."""
    parts = [part.expression.ast for part in emit.key if isinstance(part, Formula)]
    names = {part.name for part in parts if isinstance(part, nodes.Variable)}
    read = {name for _, formula in emit.vars for name in variables_of(formula.expression.ast)}
    return [formula for name, formula in emit.vars if name in names - read]
