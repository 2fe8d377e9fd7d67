"""Requests that are answered later: `Prefer: respond-async` on searches, histories, operations and Bundles.

The request is kept, done by whichever process is alive, and its answer fetched from `$async-status/[id]` as a Bundle
with one entry. What a Consent change makes old is never given out: a request that only reads is done again, of one
that wrote the answer loses its resources. The pattern is R5's, as R4 has one for bulk data only:
https://hl7.org/fhir/R5/async-bundle.html.
"""
