FROM docker.io/library/rust:1.95-slim-trixie AS builder
# OpenSSL is compiled from source with make and perl. The base image's release determines their versions.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# Without it OpenSSL embeds the build time, and the build is not reproducible.
ENV SOURCE_DATE_EPOCH=0

# Compile the dependencies in a layer that stays cached until Cargo.toml or Cargo.lock change. Cargo requires a file for
# each target in Cargo.toml.
COPY Cargo.toml Cargo.lock askama.toml ./
RUN mkdir -p src \
    && echo 'fn main() {}' > src/main.rs \
    && touch src/lib.rs \
    && cargo build --release --locked

# The migrations are compiled into the binary.
COPY migrations migrations
COPY src src
# Cargo compares modification times, and the copied files may be older than the placeholders.
RUN touch src/lib.rs src/main.rs \
    && cargo build --release --locked \
    && mkdir /image \
    && strip --output-file /image/rollcall target/release/rollcall \
    && cp --parents /usr/lib/*-linux-gnu*/libgcc_s.so.1 /image

# Contains the C library, certificates and time zones, and no shell. libgcc is copied instead of using the variant that
# includes it, which is 12 MB larger because of unused OpenSSL and C++ libraries.
FROM gcr.io/distroless/base-nossl-debian13:nonroot
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rollcall" \
      org.opencontainers.image.description="JSON attendance service: who passed which gate, and the sheet of a day" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=builder /image /
# Numeric, so that Kubernetes can verify that it is not root.
USER 65532:65532
# DATABASE_HOSTNAME selects PostgreSQL as the store. ROCKET_ADDRESS accepts connections from outside the container.
# SSL_CERT_FILE is where DATABASE_SSLROOTCERT=system finds the public certificate authorities: the static OpenSSL's
# default path does not exist in this image.
ENV DATABASE_HOSTNAME=myapp-database \
    ROCKET_ADDRESS=0.0.0.0 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
EXPOSE 8000
HEALTHCHECK CMD ["/rollcall", "healthcheck"]
ENTRYPOINT ["/rollcall"]
