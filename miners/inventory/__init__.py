"""The fleet as people wrote it down: `targets.yml` and the managed file beside it, checked strictly."""
