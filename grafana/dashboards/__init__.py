"""The dashboards, one module each; its `dashboard()` gives the whole of it."""
