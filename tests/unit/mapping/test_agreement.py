"""Whatever the payload: the fast functions and the explaining walk give the same units, and neither raises."""

from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.mapping import Mapping
from tests.unit.mapping.files import HEAD, compiled, facts

EVERYTHING = (
    HEAD
    + """\
conceptmaps: {codes: codes.json}
vars: {v: =v, w: "=coalesce(w.text(), 'none')"}
emit:
  - id: device
    mode: per-payload
    foreach: =points.d.distinct()
    when: =$this is String
    key: [=$this]
    resource: {resourceType: Device, serialNumber: =$this}
  - id: part
    foreach: =parts
    key: [=%record.id, =%index]
    when: =a.exists()
    guard: [{assert: =a != 3, else: drop-resource, code: three}]
    resource: {resourceType: Observation, status: final, code: {text: part}, valueInteger: =a}
  - id: point
    vars: {twice: =v + v}
    key: [=%subject.id, =id]
    version_order: =t
    resource:
      resourceType: Observation
      status: =s.translate('codes', 'final')
      code: {coding: [=c.coding('codes')], text: =%w}
      device: =ref('device', d)
      hasMember: =ref('part')
      method: {when: =m.a.exists(), text: =m.a}
      bodySite: {when: =m.t.empty(), text: =w.c1}
      note: {foreach: =n, text: "=coalesce(t.text(), 'x')"}
      effectiveDateTime: =t.atOffset(o)
      value[x]:
        - when: =v is Integer
          Quantity: =%twice.quantity(u)
        - when: =v is String
          string: =v
        - when: =v.a = 'b'
          dateTime: =v.t
        - when: =v.empty()
        - else: issue other
      referenceRange: [{when: =v.exists(), low: {value: =v, unit: x}}, {text: =w}]
policy: {code-unmapped: warn, wrong-value: drop-resource, multiple-values: quarantine}
"""
)
CODES = """{"resourceType": "ConceptMap", "group": [{"target": "urn:t", "element": [
 {"code": "a", "target": [{"code": "preliminary", "equivalence": "equal"}]},
 {"code": "b", "target": [{"code": "x", "equivalence": "equal"}, {"code": "y", "equivalence": "equal"}]}]}]}"""

scalars = st.one_of(
    st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from([Decimal("1.50"), Decimal("-3")]),
    st.sampled_from(["", "a", "b", "c", "kg", "2026-01-01T00:00:00Z", "3600s", "+02:00"]),
)  # fmt: skip
trees = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["a", "t", "c1", "code"]), inner, max_size=3)
    ),
    max_leaves=6,
)
points = st.fixed_dictionaries(
    {"id": st.one_of(st.sampled_from(["1", "2", "3"]), trees)},
    optional=dict.fromkeys(("v", "w", "s", "c", "d", "m", "n", "t", "o", "u"), trees)
    | {"parts": st.lists(st.fixed_dictionaries({}, optional={"a": trees}), max_size=3)},
)


@pytest.fixture(scope="module")
def mapping(tmp_path_factory: pytest.TempPathFactory) -> Mapping:
    folder: Path = tmp_path_factory.mktemp("everything")
    return compiled(folder, EVERYTHING, codes__json=CODES)


@settings(max_examples=250, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(points, max_size=4))
def test_fast_and_explained_agree(mapping: Mapping, drawn: list[dict[str, object]]) -> None:
    assert mapping.fast is not None
    fast = mapping.apply({"points": drawn}, facts())
    explained = mapping.apply({"points": drawn}, facts(), trace=True)
    assert (fast.units, fast.issues) == (explained.units, explained.issues)
    assert [list(one) for one in fast.resources] == [list(one) for one in explained.resources]
