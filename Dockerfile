# Hashyard's image: the exporter, the controller, the simulator and `hashyard prepare` are commands of the one entry point.
# Built from requirements.lock, where every archive stands with its hash; docs/install.md tells how it is used.

# Tags, not digests: how to pin the digest as well is told in docs/install.md.
FROM python:3.11.14-slim-bookworm AS builder
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1
WORKDIR /build
COPY requirements.lock requirements-build.lock ./
RUN python -m venv /opt/hashyard && \
    /opt/hashyard/bin/python -m pip install --require-hashes --only-binary :all: -r requirements.lock && \
    python -m pip install --require-hashes --only-binary :all: -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY hashyard*.py ./
COPY miners ./miners
COPY exporter ./exporter
COPY controller ./controller
COPY simulator ./simulator
COPY grafana ./grafana
COPY stack ./stack
COPY docs/runbooks ./docs/runbooks
# Nothing more is fetched; and pip stays behind, since nothing is to be installed where the image runs.
RUN python -m pip wheel --no-deps --no-index --no-build-isolation --wheel-dir dist . && \
    /opt/hashyard/bin/python -m pip install --no-deps --no-index dist/*.whl && \
    /opt/hashyard/bin/python -m pip uninstall --yes setuptools pip

FROM python:3.11.14-slim-bookworm
LABEL org.opencontainers.image.title="Hashyard" \
      org.opencontainers.image.description="Monitoring and control for fleets of ASIC miners" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="0.1.0"
# A named volume takes over the owner of the folder that it is mounted on when it is new: these are for that. Prometheus'
# and Alertmanager's images have folders for theirs; VictoriaMetrics' has none, so its folder is made here, for the user
# that the compose file runs it as.
RUN groupadd --gid 10001 hashyard && \
    useradd --uid 10001 --gid hashyard --no-create-home --home-dir /var/lib/hashyard --shell /usr/sbin/nologin hashyard && \
    install -d -o hashyard -g hashyard -m 0700 /var/lib/hashyard && \
    install -d -o hashyard -g hashyard -m 0750 /etc/hashyard /etc/hashyard/tokens /etc/hashyard/grafana \
        /etc/hashyard/prometheus /etc/hashyard/alertmanager && \
    install -d -o nobody -g nogroup -m 0700 /var/lib/victoria-metrics
COPY --from=builder /opt/hashyard /opt/hashyard
ENV PATH=/opt/hashyard/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
WORKDIR /var/lib/hashyard
EXPOSE 8000 9428
# Of the exporter, which is the default below; the compose file says it for each of the others.
HEALTHCHECK --interval=30s --timeout=10s --start-period=30s --retries=3 \
    CMD ["hashyard", "healthcheck", "http://127.0.0.1:9428/-/ready"]
ENTRYPOINT ["hashyard"]
CMD ["exporter", "--help"]
