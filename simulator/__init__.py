"""Simulated miners that answer on loopback like real ones and know the truth about themselves."""
