# Two images: `product` runs every role of compose.yaml, `proxy` ends TLS before it. Neither runs as root, and
# what builds them (pip, the source of style sheets) stays behind.

FROM python:3.12-slim-trixie AS build
WORKDIR /opt/fynix
# One image for every role, Dask's included: workers of a cluster must have the trainer's versions of everything.
COPY requirements-traces.txt requirements-cluster.txt ./
RUN python -m venv --without-pip .venv \
    && pip --python .venv/bin/python install --no-cache-dir --no-compile \
        -r requirements-traces.txt -r requirements-cluster.txt
COPY . .
RUN FYNIX_DATA=/tmp/build .venv/bin/python manage.py collectstatic --noinput --verbosity 0 \
    && .venv/bin/python -m compileall -q -j 0 .

FROM python:3.12-slim-trixie AS product
# pg_dump and pg_restore are what `manage.py backup` and `restore` call; as new as the server in compose.yaml.
RUN apt-get update \
    && apt-get install -y --no-install-recommends postgresql-client-17 \
    && rm -rf /var/lib/apt/lists/* \
    && pip uninstall -y pip \
    && useradd --uid 10001 --no-create-home --shell /usr/sbin/nologin fynix \
    && install -d -o fynix -g fynix -m 700 /data
WORKDIR /opt/fynix
COPY --from=build /opt/fynix /opt/fynix
ENV PATH=/opt/fynix/.venv/bin:$PATH FYNIX_DATA=/data PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1
USER 10001:10001
VOLUME /data
EXPOSE 8000
CMD ["python", "-m", "fynix.server", "--host", "0.0.0.0"]

FROM caddy:2.11.4-alpine AS proxy
# A copy loses the file capability for low ports, with which a container without capabilities would not start.
RUN cp /usr/bin/caddy /tmp/caddy && mv -f /tmp/caddy /usr/bin/caddy && chown -R 10001:10001 /data /config
COPY deploy/Caddyfile /etc/caddy/Caddyfile
USER 10001:10001
EXPOSE 8080 8443
CMD ["caddy", "run", "--config", "/etc/caddy/Caddyfile", "--adapter", "caddyfile"]
