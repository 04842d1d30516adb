"""Writes the configuration of the programs that stand around Hashyard, for where they run: addresses, secrets, receivers."""
