# The HTTP server, `attngs serve`, for apps in any language:
#
#   docker build --tag attngs .
#   docker run --publish 127.0.0.1:8000:8000 --volume attngs:/data --volume "$PWD/tokens.toml:/run/secrets/tokens.toml:ro" attngs
#
# A container listens on all of its addresses, so the server asks for tokens; `attngs serve --help` says how to write that file. More
# options go behind the image's name, such as `--upstream http://host.docker.internal:11434/v1`.

FROM python:3.12-slim AS build
WORKDIR /source
COPY . .
RUN pip wheel --no-cache-dir --no-deps --wheel-dir /dist .

FROM python:3.12-slim
# PyTorch for CPUs, a tenth of the size of PyPI's build. For CUDA: --build-arg TORCH_INDEX=https://pypi.org/simple
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
COPY constraints.txt /tmp/constraints.txt
RUN pip install --no-cache-dir --constraint /tmp/constraints.txt --index-url "$TORCH_INDEX" torch
COPY --from=build /dist /dist
RUN pip install --no-cache-dir --constraint /tmp/constraints.txt "$(echo /dist/attngs-*.whl)[serve,mini]" \
    && rm -rf /dist /tmp/constraints.txt \
    && useradd --system --uid 10001 --home-dir /data --create-home attngs
USER 10001
WORKDIR /data
VOLUME /data
ENV HF_HUB_OFFLINE=1
EXPOSE 8000
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --start-period=60s \
    CMD ["python", "-c", "import urllib.request; urllib.request.urlopen('http://127.0.0.1:8000/healthz', timeout=4)"]
ENTRYPOINT ["attngs", "serve", "--host", "0.0.0.0", "--port", "8000", "--memory", "/data/memory.db", "--tokens", "/run/secrets/tokens.toml"]
