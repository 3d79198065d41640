# One image for the server and the simulator. Build: docker build -t mingjie .
FROM node:20-bookworm-slim AS build
WORKDIR /app
COPY package.json package-lock.json ./
COPY scripts/build-page.ts scripts/
# The page is built below, when its sources are there.
RUN npm ci --ignore-scripts
COPY . .
RUN npm run build

FROM node:20-bookworm-slim AS packages
WORKDIR /app
COPY package.json package-lock.json ./
COPY scripts/build-page.ts scripts/
# The scripts that run are those of package.json's allowScripts, and a look for the page, which comes ready made.
RUN npm ci --omit=dev && npm cache clean --force

FROM node:20-bookworm-slim
# npm keeps its logs in HOME, which must not be DATA_DIR, and asks nobody for a newer npm.
ENV NODE_ENV=production HOME=/tmp NPM_CONFIG_UPDATE_NOTIFIER=false DATA_DIR=/var/lib/mingjie HTTP_HOST=0.0.0.0 MQTT_HOST=0.0.0.0
WORKDIR /app
# A new volume takes owner and mode of the folder it covers.
RUN groupadd --gid 10001 mingjie \
  && useradd --uid 10001 --gid mingjie --no-create-home --home-dir /var/lib/mingjie --shell /usr/sbin/nologin mingjie \
  && install -d -o mingjie -g mingjie -m 0711 /var/lib/mingjie /var/lib/mingjie-sim \
  && install -d -o mingjie -g mingjie -m 0700 /backup
COPY --from=packages /app/node_modules node_modules
COPY package.json tsconfig.json main.ts system.ts system-state.ts config.ts certificates.ts demo.ts demo-staff.ts log.ts metrics.ts waiting-door.ts ./
COPY model model
COPY db db
COPY broker broker
COPY ingest ingest
COPY firmware-sim firmware-sim
COPY scripts scripts
COPY dashboard/server dashboard/server
COPY --from=build /app/dashboard/build dashboard/build
USER mingjie
VOLUME /var/lib/mingjie
EXPOSE 8080 1883 8883
# The certificate is for the city's name, not for 127.0.0.1: asked from inside, it is not checked.
HEALTHCHECK --interval=10s --timeout=5s --start-period=60s CMD ["node", "-e", "process.env.NODE_TLS_REJECT_UNAUTHORIZED=0;fetch(`http${process.env.TLS_CERT_FILE?'s':''}://127.0.0.1:${process.env.HTTP_PORT||8080}/healthz`).then(a=>process.exit(a.ok?0:1),()=>process.exit(1))"]
# Node itself is process 1 and hears SIGTERM; it gives itself 30 s to end in order.
STOPSIGNAL SIGTERM
CMD ["node", "--import", "tsx", "main.ts"]
