"""trial-fhir-gateway: vendor payloads in, validated and consent-gated FHIR R4 out. See docs/ and CONTRIBUTING.md."""

__version__ = "0.1.0"
