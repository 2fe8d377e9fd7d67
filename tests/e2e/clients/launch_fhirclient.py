"""fhirclient (SMART) launched against a sandbox, with PKCE: the person allows, the app reads. Prints `ok`."""

import re
import sys
from urllib.parse import parse_qs, urlsplit

import requests
from fhirclient import client
from fhirclient.models.observation import Observation
from fhirclient.models.patient import Patient


def main(base: str, patient: str, redirect: str) -> None:
    settings = {"app_id": "app", "api_base": f"{base}/", "redirect_uri": redirect}
    smart = client.FHIRClient(settings=settings | {"scope": "openid fhirUser offline_access patient/*.read"})
    address = smart.authorize_url
    assert parse_qs(urlsplit(address).query)["code_challenge_method"] == ["S256"], address
    page = requests.get(address, timeout=30)
    ticket = re.search(r'name="ticket" value="([^"]+)"', page.text)
    assert ticket, page.text
    form = {"ticket": ticket[1], "patient": patient, "decision": "allow"}
    answer = requests.post(address.partition("?")[0], data=form, allow_redirects=False, timeout=30)
    smart.handle_callback(answer.headers["Location"])
    assert smart.ready
    assert smart.patient_id == patient, smart.patient_id
    assert smart.patient.id == patient
    assert [one.id for one in Patient.where({}).perform_resources_iter(smart.server)] == [patient]
    found = list(Observation.where({"_count": "4"}).perform_resources_iter(smart.server))
    assert len(found) == 10, len(found)
    smart.server.auth.reauthorize(smart.server)  # by the refresh token
    assert Patient.read(patient, smart.server).id == patient


if __name__ == "__main__":
    main(*sys.argv[1:4])
    sys.stdout.write("ok\n")
