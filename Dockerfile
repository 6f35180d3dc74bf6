FROM python:3.12-slim AS build
WORKDIR /src
COPY . .
RUN python -m venv --without-pip /opt/caseledger && \
    pip --python /opt/caseledger/bin/python install --no-cache-dir --constraint constraints.txt .

FROM python:3.12-slim
RUN groupadd --gid 10001 caseledger && \
    useradd --uid 10001 --gid 10001 --no-create-home --home-dir /nonexistent \
        --shell /usr/sbin/nologin caseledger
COPY --from=build /opt/caseledger /opt/caseledger
ENV PATH=/opt/caseledger/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1
USER 10001:10001
EXPOSE 8000
# http.client takes no notice of the proxy variables that Docker may set.
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s --retries=3 \
    CMD ["python", "-c", "import http.client, sys; c = http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); c.request('GET', '/readyz'); sys.exit(c.getresponse().status != 200)"]
CMD ["caseledger", "serve", "--host", "0.0.0.0", "--port", "8000"]
