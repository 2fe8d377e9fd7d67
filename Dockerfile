# The gateway as a service: one slim image, no root, state in /var/lib/gateway.
FROM python:3.13-slim AS build
WORKDIR /source
COPY pyproject.toml README.md LICENSE NOTICE ./
COPY gateway gateway
COPY mappings mappings
COPY profiles profiles
COPY terminology terminology
RUN python -m venv /opt/gateway && /opt/gateway/bin/pip install --no-cache-dir .

FROM python:3.13-slim
LABEL org.opencontainers.image.title="trial-fhir-gateway" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /opt/gateway /opt/gateway
RUN useradd --uid 10001 --no-log-init --home-dir /var/lib/gateway --create-home gateway
USER 10001
WORKDIR /var/lib/gateway
# production: the development defaults (secret, http) are refused; set GATEWAY_SECRET and GATEWAY_BASE_URL
ENV PATH=/opt/gateway/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    GATEWAY_ENVIRONMENT=production
EXPOSE 8000
VOLUME /var/lib/gateway
HEALTHCHECK --interval=30s --timeout=3s --start-period=10s \
  CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/readyz', timeout=2)"]
CMD ["gateway", "serve", "--host", "0.0.0.0", "--port", "8000"]
