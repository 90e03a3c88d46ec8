# The service in a small image: one stage builds the environment, the other only copies it.
FROM python:3.13-slim AS build
RUN pip install --no-cache-dir uv
WORKDIR /app
COPY pyproject.toml uv.lock README.md CHANGELOG.md LICENSE ./
COPY src ./src
COPY docs/failures.md ./docs/
RUN uv sync --frozen --no-dev --no-editable --extra all

FROM python:3.13-slim
COPY --from=build /app/.venv /app/.venv
ENV PATH=/app/.venv/bin:$PATH PYTHONUNBUFFERED=1
USER 65534:65534
EXPOSE 8465
HEALTHCHECK --interval=30s --timeout=3s \
    CMD ["python", "-c", "import urllib.request as u; u.urlopen('http://127.0.0.1:8465/healthz', timeout=2)"]
# An orderly stop may take lane_grace seconds (60), but docker stop waits 10: use --stop-timeout 90.
STOPSIGNAL SIGTERM
# Beyond loopback it requires tokens: set them in /etc/smtps.toml or SMTPS_TOKENS.
ENTRYPOINT ["smtps", "serve", "--host", "0.0.0.0"]
