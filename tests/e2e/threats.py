"""Attacks on the HTTP side, as data: what is sent, and the answer that it must get.

Every answer that refuses is an OperationOutcome with the status and rule told here, and names no hidden resource and
none of the planted values.
"""

import base64
import gzip
import hashlib
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from jose import jwt
from starlette.routing import Route

from tests.e2e.http_gateway import BASE, REGISTRAR, STUDY, Http, observation

CANARY = "Zzcanary"
INTAKE = f"/studies/{STUDY}/ingest"
JSON = {"Content-Type": "application/fhir+json"}
QUANTITY = {"value": 36.5, "unit": "Cel", "system": "http://unitsofmeasure.org", "code": "Cel"}
FORM = {"Content-Type": "application/x-www-form-urlencoded"}


@dataclass(frozen=True)
class Attack:
    """A request, as `client` ("" for none), and the status and rule of its answer ("" for any)."""

    name: str
    status: int
    rule: str
    path: str
    client: str = "ehr-app"
    method: str = "GET"
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes | None = None


def fault(http: Http, attack: Attack) -> str:
    """What is wrong with the answer; "" when it is as it must be."""
    options: dict[str, Any] = {"headers": attack.headers}
    if attack.body is not None:
        options["content"] = attack.body
    answer = http.ask(attack.method, attack.path, attack.client, **options)
    if answer.status_code != attack.status:
        return f"{attack.name}: {answer.status_code} instead of {attack.status}"
    if CANARY.lower() in answer.text.lower() or "Traceback" in answer.text:
        return f"{attack.name}: the answer tells too much"
    if attack.status < 400 or attack.method == "HEAD":
        return ""
    tree = answer.json()
    rules = [found["details"]["coding"][0]["code"] for found in tree.get("issue", ())]
    if tree.get("resourceType") != "OperationOutcome" or (attack.rule and attack.rule not in rules):
        return f"{attack.name}: {rules} instead of {attack.rule}"
    return ""


def prepare(http: Http) -> None:
    """One visible and one hidden observation."""
    for name, template in (("seen", "all"), ("hidden", "norte-research-only")):
        answer = http.put(observation(name, http.participant(template).patient))
        if answer.status_code not in (200, 201):
            raise AssertionError(answer.text)


def attacks(http: Http) -> Iterator[Attack]:
    """Every attack of this file."""
    yield from _tokens(http)
    yield from _addresses()
    yield from _searches(http)
    yield from _writes(http)
    yield from _deliveries()
    yield from _without_rights(http)
    yield from _exports()
    yield from _without_write(http)


PUBLIC = ("/metadata", "/.well-known/smart-configuration")


def _without_rights(http: Http) -> Iterator[Attack]:
    """Every route of the FHIR base, without a token."""
    values = {"study": STUDY, "type": "Observation", "id": "seen", "version": "1", "compartment": "Patient"}
    values |= {"operation": "meta-add", "step": "review", "job": "0" * 32, "file": "x.ndjson"}
    for route in http.app.routes:
        is_gated = isinstance(route, Route) and ("/fhir" in route.path or route.path.startswith("/admin"))
        if not isinstance(route, Route) or not is_gated or route.path.endswith(PUBLIC):
            continue
        path = route.path.format(**values)
        for method in sorted((route.methods or set()) - {"HEAD"}):
            missing = "rest.token-missing"
            yield Attack(f"no token: {method} {path}", 401, missing, path, "", method, JSON, b"{}")


def _patient(http: Http) -> str:
    return http.participant("all").patient


def _without_write(http: Http) -> Iterator[Attack]:
    """Writes by those who may only read, or only deliver; and searches into types beyond the scopes."""
    body = json.dumps(observation("seen", http.participant("all").patient), default=float).encode()
    for method in ("PUT", "PATCH", "DELETE"):
        for client in ("ehr-app", "research", "google-health", "data-manager"):
            for path in (f"{BASE}/Observation/seen", f"{BASE}/Observation?_id=seen"):
                yield Attack(f"{client}: {method} {path}", 403, "", path, client, method, JSON, body)
    patch = {"Content-Type": "application/json-patch+json"}
    widening = b'[{"op": "remove", "path": "/provision/provision"}]'
    [consent] = [
        one["resource"]["id"] for one in http.get(f"/Consent?patient={_patient(http)}", REGISTRAR).json()["entry"]
    ]
    for client in ("ehr-app", "research", "google-health", "data-manager"):
        path = f"{BASE}/Consent/{consent}"
        yield Attack(f"{client}: a wider Consent", 403, "", path, client, "PATCH", patch, widening)
    for client in ("ehr-app", "google-health", "data-manager"):
        yield Attack(f"{client}: create", 403, "", f"{BASE}/Observation", client, "POST", JSON, body)
        path = f"{BASE}/Observation/seen/$meta-add"
        meta = b'{"resourceType":"Parameters","parameter":[{"name":"meta","valueMeta":{"tag":[{"code":"x"}]}}]}'
        yield Attack(f"{client}: meta-add", 403, "", path, client, "POST", JSON, meta)
        entry = {"resource": json.loads(body), "request": {"method": "PUT", "url": "Observation/seen"}}
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": [entry]}
        yield Attack(f"{client}: transaction", 403, "", BASE, client, "POST", JSON, json.dumps(bundle).encode())
    yield Attack("by GET: meta-add", 405, "rest.method", f"{BASE}/Observation/seen/$meta-add", REGISTRAR)
    for query in ("subject:Patient.birthdate=gt1900", "_has:Provenance:target:_id=x", "_sort=date&subject.name=x"):
        yield Attack(f"beyond its scopes: {query}", 403, "auth.scope", f"{BASE}/Observation?{query}", "research")


def _exports() -> Iterator[Attack]:
    for level in ("", "/Patient", "/Group/seen"):
        yield Attack(f"a source: {level} $export", 403, "auth.scope", f"{BASE}{level}/$export", "withings")
    for name in ("0" * 32, "'", "%00", "..%2f..%2fexports", "1;drop table export_job"):
        yield Attack(f"export: {name}", 404, "", f"{BASE}/$export-status/{name}", "research")
        yield Attack(f"export ended: {name}", 404, "", f"{BASE}/$export-status/{name}", "research", "DELETE")
        yield Attack(f"export file: {name}", 404, "", f"{BASE}/$export-file/{name}/{name}", "research")


def _tokens(http: Http) -> Iterator[Attack]:
    good = http.token("ehr-app")
    head, payload, signature = good.split(".")
    header, claims = _read(head), _read(payload)
    key, public = http.gateway.keys.signing_key(), http.gateway.keys.public_keys()[0]

    def signed(more: dict[str, Any], **changed: Any) -> str:
        kept = {name: value for name, value in {**claims, **changed}.items() if value is not None}
        text: str = jwt.encode(kept, dict(key), algorithm=key["alg"], headers={**header, **more})
        return text

    def forged(secret: bytes) -> str:
        text = f"{_write({**header, 'alg': 'HS256'})}.{payload}"
        return f"{text}.{_text(hmac.new(secret, text.encode(), hashlib.sha256).digest())}"

    tokens = {
        "alg none": f"{_write({**header, 'alg': 'none'})}.{payload}.",
        "no signature": f"{head}.{payload}.",
        "another's signature": f"{head}.{payload}.{signature[::-1]}",
        "HS256 with the public key": forged(json.dumps(public).encode()),
        "HS256 with a coordinate": forged(public["x"].encode()),
        "another audience": signed({}, aud="http://other"),
        "another study": signed({}, aud=claims["aud"].replace(STUDY, "other-study")),
        "a list of audiences": signed({}, aud=[claims["aud"]]),
        "no audience": signed({}, aud=None),
        "no end": signed({}, exp=None),
        "an end as text": signed({}, exp=str(claims["exp"])),
        "an end far away": signed({}, exp=10**12),
        "another issuer": signed({}, iss="http://evil"),
        "an id token": signed({"typ": "JWT"}),
        "critical header": signed({"crit": ["x"]}),
        "key id as path": signed({"kid": "../../etc/passwd"}),
        "key from an address": signed({"jku": "http://127.0.0.1/keys"}),
        "unknown client": signed({}, sub="nobody", client_id="nobody"),
        "somebody else's": signed({}, client_id="registrar"),
        "no scope claim": signed({}, scope=None),
        "huge": "a." * 5000,
        "not a token": "'; drop table resource; --",
    }
    for name, token in tokens.items():
        bearer = {"Authorization": f"Bearer {token}"}
        yield Attack(f"token: {name}", 401, "", f"{BASE}/Observation/seen", "", headers=bearer)
    expired = {"Authorization": f"Bearer {signed({}, iat=1, exp=100)}"}
    yield Attack("token: expired", 401, "auth.token-expired", f"{BASE}/Observation/seen", "", headers=expired)
    wider = {"Authorization": f"Bearer {signed({}, scope='system/*.cruds')}"}
    yield Attack("token: wider scope", 403, "auth.scope", f"{BASE}/Observation/seen", "", "DELETE", wider)
    missing = "rest.token-missing"
    yield Attack("token: in the address", 401, missing, f"{BASE}/Observation/seen?access_token={good}", "")
    basic = {"Authorization": f"Basic {good}"}
    yield Attack("token: as basic", 401, missing, f"{BASE}/Observation/seen", "", headers=basic)


def _read(part: str) -> dict[str, Any]:
    tree: dict[str, Any] = json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))
    return tree


def _write(tree: dict[str, Any]) -> str:
    return _text(json.dumps(tree).encode())


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def _addresses() -> Iterator[Attack]:
    strange = (
        "hidden",
        "x'--",
        "x%00",
        "%ff",
        "x%0d%0aX:y",
        "a" * 65,
        "a" * 5000,
        "%2e%2e",
        "_search",
        "$x",
        "x;y",
        "%25",
    )
    for name in strange:
        yield Attack(f"id: {name[:20]}", 404, "", f"{BASE}/Observation/{name}")
        yield Attack(f"version of id: {name[:20]}", 404, "", f"{BASE}/Observation/{name}/_history/1")
    for version in ("0", "-1", "01", "99999999999999999999", "1%20"):
        yield Attack(f"version: {version}", 404, "auth.not-found", f"{BASE}/Observation/seen/_history/{version}")
    for path in (
        f"/studies/{STUDY}%00/fhir/Patient/1",
        f"/studies/{STUDY.upper()}/fhir/Patient/1",
        f"/studies/{STUDY}/fhir/..%2fPatient/1",
        "//studies",
        f"/studies/{STUDY}/receipts/'",
        f"/studies/{STUDY}/receipts/%00",
        f"/studies/{STUDY}/receipts/..%2f..%2fetc",
    ):
        yield Attack(f"address: {path}", 404, "", path)
    for method in ("TRACE", "PROPFIND", "OPTIONS", "POST"):
        yield Attack(f"method: {method}", 405, "rest.method", f"{BASE}/Observation/seen", REGISTRAR, method)
    override = {"X-HTTP-Method-Override": "PUT"}
    yield Attack("method: override", 405, "", f"{BASE}/Observation/seen", REGISTRAR, "POST", override)
    for header in ("X-Study", "X-Consent-Scope", "X-Forwarded-User"):
        yield Attack(f"by header: {header}", 404, "", f"{BASE}/Observation/hidden", headers={header: "registrar"})


def _searches(http: Http) -> Iterator[Attack]:
    refused = {
        "_count=-1": "search.value", "_count=1e3": "search.value", "_count=%00": "search.value",
        "_count=1&_count=2": "search.repeated", "_cursor=x": "rest.cursor", "_cursor=%00": "rest.cursor",
        "_cursor=" + "A" * 5000: "rest.cursor", "code=%ff": "rest.form", "code=%ED%A0%80": "rest.form",
        "code=,": "search.empty-value", "identifier=|": "search.value", "date=2026-02-30": "search.value",
        "date=%00": "search.value", "subject=Patient/..%2fx": "search.value", "subject=x%00": "search.value",
        "_id=%27": "search.value", "_sort=%27": "", "_include=%27": "",
        "_has:Observation:nonsense:code=1": "", "subject.nonsense=x": "", "subject:Device.name.x=x": "",
        "_has:" * 200 + "x=1": "", "subject:Patient." * 30 + "name=x": "", "_filter=x": "",
        "code:nonsense=1": "search.modifier",
        "_include:iterate=Observation:nonsense": "", "_revinclude=%27": "", "_sort=" + "date," * 50 + "date": "",
        "_elements=%27": "", "_summary=%27": "", "_total=%27": "", "value-quantity=x": "search.value",
        "near=1": "", "code=%00": "search.value", "code:in=http://x": "",
        "_type=Nonsense": "", "_lastUpdated=%27": "search.value", "component-code-value-quantity=x": "",
        "nonsense=1": "search.unknown-parameter",
        f"date={CANARY}": "search.value", "code=" + "1," * 3000 + "1": "search.too-many",
    }  # fmt: skip
    for query, rule in refused.items():
        yield Attack(f"search: {query[:40]}", 400, rule, f"{BASE}/Observation?{query}")
    for query in (
        "code=%27%3B%20drop%20table%20resource%3B--",
        "value-quantity=1e400",
        "code=%25",
        "code=_",
        "_count=99999999",
    ):
        yield Attack(f"search: {query}", 200, "", f"{BASE}/Observation?{query}")
    forms = {
        "10,000 values": (400, b"code=" + b",".join(b"%d" % number for number in range(10_000))),
        "10,000 parameters": (400, b"&".join(b"code=%d" % number for number in range(10_000))),
        "a long value": (200, b"code=" + b"x" * 150_000),
        "15 MB": (413, b"code=" + b"x" * 15_000_000),
        "raw UTF-8": (400, "code=é".encode()),
    }
    for name, (status, body) in forms.items():
        yield Attack(f"form: {name}", status, "", f"{BASE}/Observation/_search", "ehr-app", "POST", FORM, body)


def _writes(http: Http) -> Iterator[Attack]:
    patient = http.participant("all").patient
    good = observation("new", patient) | {"valueQuantity": QUANTITY}
    text = json.dumps(good)
    path = f"{BASE}/Observation/new"

    def put(name: str, status: int, rule: str, body: str | bytes, client: str = REGISTRAR, to: str = path) -> Attack:
        data = body.encode() if isinstance(body, str) else body
        return Attack(f"put: {name}", status, rule, to, client, "PUT", JSON, data)

    yield put("no JSON", 400, "payload.not-json", f"{CANARY}")
    yield put("truncated", 400, "payload.not-json", text[:-9])
    yield put("UTF-16", 400, "payload.not-utf8", text.encode("utf-16"))
    yield put("trailing", 400, "payload.not-json", text + " x")
    yield put("duplicate key", 400, "payload.duplicate-key", text[:-1] + ',"status":"final"}')
    yield put("deep", 400, "payload.too-deep", "[" * 100_000)
    yield put("NaN", 400, "payload.number", text.replace("36.5", "NaN"))
    yield put("huge exponent", 400, "payload.number", text.replace("36.5", "1e999999999"))
    yield put("zeros", 400, "payload.number", text.replace("36.5", "0." + "0" * 5000 + "1"))
    yield put("half a surrogate", 400, "payload.not-utf8", text.replace("Cel", "\\ud800"))
    yield put("NUL", 422, "", text.replace("Cel", "\\u0000"))
    yield put("another id", 400, "rest.id-differs", json.dumps(good | {"id": "other"}))
    yield put("another type", 400, "rest.type-differs", json.dumps(good | {"resourceType": "Patient"}))
    yield put("impossible date", 422, "", json.dumps(good | {"effectiveDateTime": "2026-02-30"}))
    yield put("nobody's", 403, "consent.no-subject", json.dumps(good | {"subject": {"reference": "urn:uuid:x"}}))
    unknown = json.dumps(good | {"subject": {"reference": "Patient/none"}})
    yield put("unknown participant", 403, "consent.collection-not-permitted", unknown)
    yield put("by a reader", 403, "auth.scope", text, "ehr-app")
    yield put("by a source", 403, "rest.source-writes", text, "google-health")
    yield put(
        "over a hidden one", 403, "", json.dumps(good | {"id": "hidden"}), "ehr-app", f"{BASE}/Observation/hidden"
    )
    found = http.get(f"/Consent?patient={patient}", client=REGISTRAR).json()
    consent = found["entry"][0]["resource"] | {"id": "mine"}
    for client in ("ehr-app", "research", "google-health"):
        yield put(f"own Consent by {client}", 403, "", json.dumps(consent), client, f"{BASE}/Consent/mine")
    zipped = {**JSON, "Content-Encoding": "gzip"}
    bomb = gzip.compress(bytes(5_000_000))
    yield Attack("put: not gzip", 400, "rest.gzip", path, REGISTRAR, "PUT", zipped, text.encode())
    yield Attack("put: a bomb of gzip", 413, "rest.gzip-ratio", path, REGISTRAR, "PUT", zipped, bomb)
    yield Attack("put: gzip by nobody", 401, "", path, "", "PUT", zipped, bomb)
    twice = {**JSON, "Content-Encoding": "gzip, gzip"}
    yield Attack("put: gzip twice", 415, "rest.encoding", path, REGISTRAR, "PUT", twice, text.encode())
    xml = {"Content-Type": "application/fhir+xml"}
    yield Attack("put: XML", 415, "rest.media-type", path, REGISTRAR, "PUT", xml, b"<a/>")


def _deliveries() -> Iterator[Attack]:
    kinds = {
        "google-health": "application/json", "withings": "application/json", "lab-hl7": "application/hl7-v2",
        "central-lab": "text/csv", "imaging": "application/dicom+json", "epro-redcap": "application/json",
        "epro-odm": "application/xml",
    }  # fmt: skip
    bodies = {
        "empty": b"", "blank": b" \n", "NUL": b"\0", "text": CANARY.encode(), "random": bytes(range(256)),
        "half a list": b'[{"a": "' + CANARY.encode(), "deep": b"[" * 50_000, "deep XML": b"<a>" * 5000,
        "gzip": b"\x1f\x8b" * 50,
        "no PID-3": b"MSH|^~\\&|A|B|C|D|20260301||ORU^R01|1|T|2.5.1\rPID|1||||" + CANARY.encode() + b"\r",
        "half a row": b"SUBJID,SITEID\n" + CANARY.encode() + b"\n", "UTF-16": CANARY.encode("utf-16"),
        "entities": b"<!DOCTYPE a [<!ENTITY b '" + CANARY.encode() + b"'>]><ODM>&b;</ODM>",
    }  # fmt: skip
    for source, kind in kinds.items():
        headers = {"Content-Type": kind, "X-Vendor-User": f"{CANARY}-user"}
        for name, body in bodies.items():
            yield Attack(f"{source}: {name}", 202, "", f"{INTAKE}/{source}", source, "POST", headers, body)
        other = next(client for client in kinds if client != source)
        yield Attack(f"{source}: by {other}", 403, "", f"{INTAKE}/{source}", other, "POST", headers, b"{}")
        picture = headers | {"Content-Type": "image/png"}
        yield Attack(
            f"{source}: a picture", 415, "ingest.media-type", f"{INTAKE}/{source}", source, "POST", picture, b"x"
        )
    yield Attack(
        "unknown source",
        404,
        "",
        f"{INTAKE}/{CANARY}",
        "withings",
        "POST",
        {"Content-Type": "application/json"},
        b"{}",
    )
    big = {"Content-Type": "application/json"}
    yield Attack("50 MB", 413, "payload.too-large", f"{INTAKE}/withings", "withings", "POST", big, b"x" * 50_000_000)
