FROM docker.io/library/rust:1.95-slim-bookworm AS builder
# OpenSSL is compiled from source, which takes make and perl. Their versions are the base image's matter.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build

# The dependencies, in a layer that lasts until Cargo.toml or Cargo.lock change. Cargo wants to see a file for each
# target that Cargo.toml names.
COPY Cargo.toml Cargo.lock ./
RUN for target in src benches/gate tests/api; do \
        mkdir -p "$target" && echo 'fn main() {}' > "$target/main.rs"; \
    done \
    && touch src/lib.rs \
    && cargo build --release --locked

# The migrations become a part of the binary.
COPY migrations migrations
COPY src src
# Cargo goes by modification times, and the copied files may be older than the placeholders were.
RUN touch src/lib.rs src/main.rs \
    && cargo build --release --locked \
    && strip target/release/rollcall

FROM gcr.io/distroless/cc-debian12:nonroot
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rollcall" \
      org.opencontainers.image.description="JSON attendance service: who passed which gate, and the sheet of a day" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=builder /build/target/release/rollcall /rollcall
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
# The host name selects PostgreSQL; the address lets connections in from outside the container.
ENV DATABASE_HOSTNAME=myapp-database \
    ROCKET_ADDRESS=0.0.0.0
EXPOSE 8000
HEALTHCHECK CMD ["/rollcall", "healthcheck"]
ENTRYPOINT ["/rollcall"]
