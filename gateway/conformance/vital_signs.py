"""Vital signs profiles apply by code, whether or not a resource claims them.

See https://hl7.org/fhir/R4/observation-vitalsigns.html.
"""

from collections.abc import Mapping
from typing import Any

PREFIX = "http://hl7.org/fhir/StructureDefinition/"
LOINC = "http://loinc.org"

PROFILES: Mapping[str, str] = {
    "85353-1": "vitalspanel",
    "9279-1": "resprate",
    "8867-4": "heartrate",
    "2708-6": "oxygensat",
    "59408-5": "oxygensat",
    "8310-5": "bodytemp",
    "8302-2": "bodyheight",
    "9843-4": "headcircum",
    "29463-7": "bodyweight",
    "39156-5": "bmi",
    "85354-9": "bp",
}
"""LOINC code -> the profile that R4 requires of an Observation with it."""


def implied_profiles(observation: Mapping[str, Any]) -> list[str]:
    """The canonical URLs of the vital signs profiles that the code of an Observation implies.

    None for one that was entered in error: it is known to be wrong.
    """
    if observation.get("status") == "entered-in-error":
        return []
    code = observation.get("code")
    codings = code.get("coding") if isinstance(code, dict) else None
    found = []
    for coding in codings if isinstance(codings, list) else ():
        if isinstance(coding, dict) and coding.get("system") == LOINC and isinstance(coding.get("code"), str):
            name = PROFILES.get(coding["code"])
            if name is not None and PREFIX + name not in found:
                found.append(PREFIX + name)
    return found
