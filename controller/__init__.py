"""The controller: the clock schedule, the profiles, proof that they hold, the record of it, and the HTTP API."""
