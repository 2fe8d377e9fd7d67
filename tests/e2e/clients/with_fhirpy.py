"""fhirpy against a served gateway: search, pages, includes, create, save, conditional update, delete. Prints `ok`."""

import sys

from fhirpy import SyncFHIRClient
from fhirpy.base.exceptions import ResourceNotFound


def main(base: str, token: str, patient: str) -> None:
    client = SyncFHIRClient(base, authorization=f"Bearer {token}")
    found = client.resources("Observation").search(subject=f"Patient/{patient}").sort("-date").limit(3).fetch_all()
    assert len(found) == 10, len(found)
    assert client.resources("Observation").search(code="8310-5").count() == 10
    first = client.resources("Observation").search(_id="o1").include("Observation", "subject").fetch_raw()
    assert {entry.resource.resource_type for entry in first.entry} == {"Observation", "Patient"}

    made = client.resource("Observation", **{**found[0].serialize(), "id": None})
    del made["id"]
    made["status"] = "preliminary"
    made.save()
    assert client.reference("Observation", made.id).to_resource()["status"] == "preliminary"
    made["status"] = "amended"
    made.save()
    assert client.reference("Observation", made.id).to_resource().meta["versionId"] == "2"
    identifier = {"identifier": [{"system": "urn:test", "value": "fhirpy"}]}
    values = {key: value for key, value in found[0].serialize().items() if key not in ("id", "meta")}
    search = client.resources("Observation").search(identifier="urn:test|fhirpy")
    same = [search.update(client.resource("Observation", **values, **identifier)) for _ in range(2)]
    assert [created for _, created in same] == [True, False]
    assert same[0][0].id == same[1][0].id
    made.delete()
    try:
        client.reference("Observation", made.id).to_resource()
    except ResourceNotFound:
        return
    raise AssertionError("still there")


if __name__ == "__main__":
    main(*sys.argv[1:4])
    sys.stdout.write("ok\n")
