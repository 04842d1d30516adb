"""What the Makefile runs: the virtual environment, Prometheus from the system's packages, the demo.

Nothing here is part of an installation, and no room imports it. `environment` and `packages` run on the
system's own Python before anything is installed, so they import the standard library alone.
"""
