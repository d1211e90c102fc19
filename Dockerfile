# Copyright The engine-operator Authors.
# SPDX-License-Identifier: Apache-2.0

# What the operator is built with, and what it runs on: no shell, no package manager, no root. Both are named by digest, so that the same
# source gives the same image; `make release` takes BASE from here. For newer ones: docker buildx imagetools inspect golang:1.26
ARG GO_IMAGE=golang:1.26.8@sha256:0f063af2d465d8dcae54cce04278ada488b96f77b42449c8d071e47d016cc65a
ARG BASE=gcr.io/distroless/static:nonroot@sha256:e2e927ec666bae08560abb3c55d0659eceabb657f56b6782ab500a9fc7f555e3

# The build runs on the builder's own platform and cross-compiles, so that no architecture is emulated.
FROM --platform=$BUILDPLATFORM $GO_IMAGE AS build
ARG TARGETOS TARGETARCH
ARG VERSION=dev
WORKDIR /src
COPY go.mod go.sum ./
RUN --mount=type=cache,target=/go/pkg/mod go mod download
COPY . .
RUN --mount=type=cache,target=/go/pkg/mod --mount=type=cache,target=/root/.cache/go-build \
    CGO_ENABLED=0 GOOS=$TARGETOS GOARCH=$TARGETARCH \
    go build -trimpath -ldflags "-s -w -X main.version=$VERSION" -o /engine-operator .

FROM $BASE
LABEL org.opencontainers.image.title="engine-operator" \
      org.opencontainers.image.description="Keeps Railway environments in line with EngineEnvironment objects" \
      org.opencontainers.image.licenses="Apache-2.0"
COPY --from=build /engine-operator /engine-operator
USER 65532:65532
ENTRYPOINT ["/engine-operator"]
