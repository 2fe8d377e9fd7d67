"""Code systems whose codes follow a grammar, so that no list is needed to judge a code.

Languages (BCP 47), MIME types (BCP 13), URIs (RFC 3986), UCUM units, currencies (ISO 4217), countries (ISO 3166-1),
time zones (IANA). The grammar of a language tag is checked, not the registry of its subtags.
"""

import re
from collections.abc import Callable, Mapping
from functools import cache, lru_cache
from zoneinfo import available_timezones

from gateway.terminology import ucum

BCP_47 = "urn:ietf:bcp:47"
UCUM = "http://unitsofmeasure.org"

_LANGUAGE = re.compile(
    r"(?:[A-Za-z]{2,3}(?:-[A-Za-z]{3}){0,3}|[A-Za-z]{4,8})(?:-[A-Za-z]{4})?(?:-(?:[A-Za-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[A-Za-z0-9]{5,8}|[0-9][A-Za-z0-9]{3}))*(?:-[A-WY-Za-wy-z0-9](?:-[A-Za-z0-9]{2,8})+)*"
    r"(?:-[xX](?:-[A-Za-z0-9]{1,8})+)?\Z|[xX](?:-[A-Za-z0-9]{1,8})+\Z"
)
_NAME = r"[A-Za-z0-9!#$&^_.+-]{1,127}"
_MIME = re.compile(rf"{_NAME}(?:/{_NAME})?(?:\s*;\s*{_NAME}=[^;]+)*\s*\Z")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S*\Z")

CURRENCIES = frozenset(
    # ruff: noqa: SIM905 - a column of codes reads best as text
    (
        "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN BZD CAD "
        "CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GGP "
        "GHS GIP GMD GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS IMP INR IQD IRR ISK JEP JMD JOD JPY KES KGS KHR KMF KPW "
        "KRW KWD KYD KZT LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRO MRU MUR MVR MWK MXN MXV MYR MZN NAD "
        "NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLL SOS "
        "SPL SRD SSP STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TVD TWD TZS UAH UGX USD USN UYI UYU UZS VEF VND VUV "
        "WST XAF XAG XAU XBA XBB XBC XBD XCD XDR XOF XPD XPF XPT XSU XTS XUA XXX YER ZAR ZMW ZWL"
    ).split()
)
"""Alphabetic codes of ISO 4217, as FHIR R4 names them."""

_COUNTRY = re.compile(r"[A-Z]{2}\Z|[A-Z]{3}\Z|[0-9]{3}\Z")


@lru_cache(maxsize=4096)
def _is_unit(code: str) -> bool:
    return ucum.validate(code)


@cache
def _zones() -> frozenset[str]:
    return frozenset(available_timezones())


GRAMMARS: Mapping[str, Callable[[str], bool]] = {
    BCP_47: lambda code: _LANGUAGE.match(code) is not None,
    "urn:ietf:bcp:13": lambda code: _MIME.match(code) is not None,
    "urn:ietf:rfc:3986": lambda code: _URI.match(code) is not None,
    "urn:iso:std:iso:4217": CURRENCIES.__contains__,
    "urn:iso:std:iso:3166": lambda code: _COUNTRY.match(code) is not None,
    "https://www.iana.org/time-zones": lambda code: code in _zones(),
    UCUM: _is_unit,
}
"""System URL -> whether a code belongs to it."""
