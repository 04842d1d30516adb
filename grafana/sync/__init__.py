"""People, organisations and data sources in Grafana, brought in line with a wish that is handed in.

`wish.py` says what is wanted and what came of it, `facts.py` what there is, `steps.py` what can be done, `planning.py` decides
which of it is to be done, `site.py` asks Grafana, and `bringing.py` goes round until nothing is left to do. Nothing here knows of
the controller: `hashyard_grafana.py` hands it plain data.
"""
