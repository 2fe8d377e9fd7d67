"""Programs that use a served gateway through real FHIR clients, run by the Python of the clients' environment."""
