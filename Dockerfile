# Two stages: the first has pip and the build tool, the second only what runs.
FROM python:3.12-slim AS build
ENV PIP_NO_CACHE_DIR=1 PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_ROOT_USER_ACTION=ignore
WORKDIR /src
RUN python -m venv --without-pip /opt/altmonitor && python -m venv /opt/build
# Dependencies first: they change rarely, so this layer is built once. Nothing enters without its hash.
# The second file: what the extras postgres and nats need, for `run --role`.
COPY requirements.lock requirements-cluster.lock ./
RUN python -m pip --python /opt/altmonitor/bin/python install --require-hashes --only-binary :all: \
    -r requirements.lock -r requirements-cluster.lock
COPY requirements-build.lock ./
RUN /opt/build/bin/python -m pip install --require-hashes --only-binary :all: -r requirements-build.lock
COPY pyproject.toml README.md LICENSE ./
COPY altmonitor altmonitor
RUN /opt/build/bin/python -m hatchling build -t wheel -d /dist \
 && python -m pip --python /opt/altmonitor/bin/python install --no-deps --no-index /dist/*.whl

FROM python:3.12-slim
LABEL org.opencontainers.image.title="altmonitor" \
      org.opencontainers.image.description="Watches every Binance USDT perpetual and tells a Telegram chat what moved" \
      org.opencontainers.image.licenses="MIT"
# 5 MB of Chinese letters, so that pictures in zh and contracts with Chinese names can be drawn.
RUN apt-get update && apt-get install -y --no-install-recommends fonts-wqy-microhei && rm -rf /var/lib/apt/lists/*
RUN groupadd --gid 10001 altmonitor \
 && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /data --shell /usr/sbin/nologin altmonitor \
 && install -d -m 0700 -o 10001 -g 10001 /data
# Python's own modules come without bytecode. Each start and each health check would compile what it imports anew, since
# nothing is written at run time: 0.4 s of CPU for a question that takes 0.1.
RUN python -m compileall -q -x '/(site-packages|test|tests|idlelib|tkinter|turtledemo|lib2to3|ensurepip|pydoc_data)/' \
    "$(python -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')"
COPY --from=build /opt/altmonitor /opt/altmonitor
ENV PATH=/opt/altmonitor/bin:$PATH \
    PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    STATE_FILE=/data/state.json DB_FILE=/data/alerts.db \
    ALTMONITOR_IN=container
USER 10001:10001
WORKDIR /data
VOLUME /data
STOPSIGNAL SIGTERM
# The probe gives the monitor 4 s to answer; the rest is for a machine so busy that it cannot start the probe.
HEALTHCHECK --interval=10s --timeout=30s --start-period=60s --retries=3 \
    CMD ["python", "-m", "altmonitor.ops.health_probe"]
# Process 1: reaps, hands signals on, starts the monitor again when it dies or hangs, and ends when it must not go on.
ENTRYPOINT ["python", "-m", "altmonitor.ops.container"]
CMD ["run"]
