"""fhirclient (SMART) against a served gateway: metadata, read, search, pages, update. Prints `ok`."""

import sys

from fhirclient import client
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient


def main(base: str, token: str, patient: str) -> None:
    smart = client.FHIRClient(settings={"app_id": "test", "api_base": f"{base}/"})
    smart.server.session.headers["Authorization"] = f"Bearer {token}"
    statement = smart.server.capabilityStatement
    assert statement.fhirVersion == "4.0.1", statement.fhirVersion
    assert Patient.read(patient, smart.server).id == patient
    search = Observation.where(struct={"subject": f"Patient/{patient}", "_count": "4"})
    found = list(search.perform_resources_iter(smart.server))
    assert len(found) == 10, len(found)
    one = Observation.read("o1", smart.server)
    one.status = "amended"
    assert one.update(smart.server)
    assert Observation.read("o1", smart.server).meta.versionId == "2"


if __name__ == "__main__":
    main(*sys.argv[1:4])
    sys.stdout.write("ok\n")
