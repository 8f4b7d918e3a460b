# Casebook as an OpenEnv environment: one binary, the packs, nothing else that it needs.
#
#   docker build -t casebook .
#   docker run -p 8000:8000 casebook                          # OpenEnv's port
#   docker run -e PORT=7860 -p 7860:7860 casebook             # the port that Spaces use by default
#   docker run -v ./my-packs:/app/scenarios -p 8000:8000 casebook
#
# It runs as any user on a read-only root and writes nowhere.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /src
COPY Cargo.toml Cargo.lock ./
COPY engine engine
COPY plugins plugins
RUN cargo build --profile dist --locked --package casebook

FROM debian:bookworm-slim
LABEL org.opencontainers.image.title="Casebook" \
      org.opencontainers.image.description="Triage environments for AI agents, written as YAML" \
      org.opencontainers.image.licenses="MIT" \
      org.opencontainers.image.source="https://github.com/casebook/casebook" \
      org.opencontainers.image.version="0.1.0"
COPY --from=build /src/target/dist/casebook /usr/local/bin/casebook
# Some providers start an executable of this name.
RUN ln -s casebook /usr/local/bin/server
WORKDIR /app
COPY scenarios scenarios
COPY README.md openenv.yaml ./
ENV PORT=8000 CASEBOOK_HOST=0.0.0.0 CASEBOOK_PACKS=/app/scenarios
EXPOSE 8000 7860
USER 65532:65532
# Without curl: the shell itself asks.
HEALTHCHECK --interval=30s --timeout=3s --start-period=2s --retries=3 CMD ["bash", "-c", "exec 3<>/dev/tcp/127.0.0.1/$PORT && printf 'GET /health HTTP/1.1\\r\\nHost: localhost\\r\\nConnection: close\\r\\n\\r\\n' >&3 && grep -q healthy <&3"]
CMD ["casebook", "serve", "--environment", "email-ops"]
