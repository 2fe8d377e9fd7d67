"""Vital signs profiles apply by code, whether or not a resource claims them.

See https://hl7.org/fhir/R4/observation-vitalsigns.html.
"""

from collections.abc import Mapping
from typing import Any

PREFIX = "http://hl7.org/fhir/StructureDefinition/"
LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"

CODES: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    LOINC: {
        "vitalspanel": ("85353-1",),
        "resprate": ("9279-1",),
        "heartrate": ("8867-4",),
        "oxygensat": ("2708-6", "59408-5"),
        "bodytemp": ("8310-5",),
        "bodyheight": ("8302-2",),
        "headcircum": ("9843-4",),
        "bodyweight": ("29463-7",),
        "bmi": ("39156-5",),
        "bp": ("85354-9",),
    },
    SNOMED: {
        "vitalspanel": ("46680005",),
        "resprate": ("86290005", "271625008"),
        "heartrate": ("364075005",),
        "oxygensat": ("442476006", "431314004"),
        "bodytemp": ("386725007", "276885007", "300076005", "364246006", "307047009", "415945006", "415974002"),
        "bodyheight": ("50373000", "1153637007"),
        "headcircum": ("363812007", "363811000"),
        "bodyweight": ("27113001", "425024002", "424927000"),
        "bmi": ("60621009",),
        "bp": ("75367002",),
    },
}
"""System -> profile -> the codes of an Observation that R4 requires to conform to it.

R4 asks for the profile's own LOINC code beside any other, so a code of SNOMED CT alone is a fault.
"""

PROFILES: Mapping[tuple[str, str], str] = {
    (system, code): PREFIX + name
    for system, names in CODES.items()
    for name, codes in names.items()
    for code in codes
}


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
        system, code = (coding.get("system"), coding.get("code")) if isinstance(coding, dict) else (None, None)
        if isinstance(system, str) and isinstance(code, str):
            url = PROFILES.get((system, code))
            if url is not None and url not in found:
                found.append(url)
    return found
