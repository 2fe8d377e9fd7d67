"""The FHIR interactions, one file each: its routes, and its code in the CapabilityStatement.

Each module has `routes(parts)`, `CODES` of a type and, where it has any, `SYSTEM_CODES`
(https://hl7.org/fhir/R4/valueset-type-restful-interaction.html and system-restful-interaction).
"""
