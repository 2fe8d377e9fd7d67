"""The FHIR interactions, one file each: its routes, and its code in the CapabilityStatement.

Each module has `CODE` (https://hl7.org/fhir/R4/valueset-type-restful-interaction.html) and `routes(parts)`.
"""
