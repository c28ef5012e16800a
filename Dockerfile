FROM golang:1.26 AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
ARG VERSION=container
RUN CGO_ENABLED=0 go build -trimpath -ldflags "-s -w -X github.com/signet-auth/signet/internal/cli.version=${VERSION}" -o /out/signet ./cmd/signet \
 && mkdir /out/data

# Certificates, time zones and the user "nonroot"; no shell, no package manager.
FROM gcr.io/distroless/static-debian12:nonroot
COPY --from=build /out/signet /usr/local/bin/signet
COPY --from=build --chown=nonroot:nonroot /out/data /data
ENV SIGNET_LISTEN=0.0.0.0:8080 \
    SIGNET_DATA_DIR=/data
VOLUME /data
EXPOSE 8080
ENTRYPOINT ["signet"]
CMD ["serve"]
