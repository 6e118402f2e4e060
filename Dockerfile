FROM docker.io/library/rust:1.95-slim-trixie AS builder
# OpenSSL is compiled from source, which takes make and perl. Their versions are the base image's matter.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends make perl \
    && rm -rf /var/lib/apt/lists/*
WORKDIR /build
# OpenSSL would write the time of its compilation into itself, and no two builds would be the same.
ENV SOURCE_DATE_EPOCH=0

# The dependencies, in a layer that lasts until Cargo.toml or Cargo.lock change. Cargo wants to see a file for each
# target that Cargo.toml names.
COPY Cargo.toml Cargo.lock ./
RUN mkdir -p src benches/gate \
    && echo 'fn main() {}' > src/main.rs \
    && cp src/main.rs benches/gate/main.rs \
    && touch src/lib.rs \
    && cargo build --release --locked

# The migrations become a part of the binary.
COPY migrations migrations
COPY src src
# Cargo goes by modification times, and the copied files may be older than the placeholders were.
RUN touch src/lib.rs src/main.rs \
    && cargo build --release --locked \
    && mkdir /image \
    && strip --output-file /image/rollcall target/release/rollcall \
    && cp --parents /usr/lib/*-linux-gnu*/libgcc_s.so.1 /image

# The C library, certificates and time zones, without a shell. The variant that has libgcc weighs 12 MB more, for the
# sake of OpenSSL and C++ libraries that nothing here would use.
FROM gcr.io/distroless/base-nossl-debian13:nonroot
ARG VERSION=unknown
ARG REVISION=unknown
LABEL org.opencontainers.image.title="rollcall" \
      org.opencontainers.image.description="JSON attendance service: who passed which gate, and the sheet of a day" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="${VERSION}" \
      org.opencontainers.image.revision="${REVISION}"
COPY --from=builder /image /
# By number, so that Kubernetes can see that it is not root.
USER 65532:65532
# The host name selects PostgreSQL; the address lets connections in from outside the container; the file is where
# DATABASE_SSLROOTCERT=system finds the public authorities, since the OpenSSL within looks nowhere in this image.
ENV DATABASE_HOSTNAME=myapp-database \
    ROCKET_ADDRESS=0.0.0.0 \
    SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt
EXPOSE 8000
HEALTHCHECK CMD ["/rollcall", "healthcheck"]
ENTRYPOINT ["/rollcall"]
