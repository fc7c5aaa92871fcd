#!/usr/bin/env bash
# engine.sh [start|stop|status]
#
# start   uses the engine that answers where the docker client would look; else, on Debian as root, installs and starts one
# status  says which engine answers, exit 1 when none does
# stop    stops the engine that `start` started, and no other
#
# Safe to run twice, and by two at once. Needs no docker command to find an engine that is there.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$here/lib.sh"

default=unix:///var/run/docker.sock
log=/var/log/jackin-dockerd.log
pid_file=/run/jackin-dockerd.pid

# Where the docker client would look: DOCKER_HOST, then the context of DOCKER_CONTEXT or of the configuration, then the default.
endpoint() {
  local config="${DOCKER_CONFIG:-${HOME:-/root}/.docker}" context="${DOCKER_CONTEXT:-}" meta host
  if [ -n "${DOCKER_HOST:-}" ]; then printf '%s\n' "$DOCKER_HOST"; return; fi
  if [ -z "$context" ] && [ -r "$config/config.json" ]; then
    context="$(sed -n 's/.*"currentContext"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' "$config/config.json" | head -n 1)"
  fi
  if [ -z "$context" ] || [ "$context" = default ]; then printf '%s\n' "$default"; return; fi
  meta="$config/contexts/meta/$(printf %s "$context" | sha256sum | cut -d' ' -f1)/meta.json"
  host="$(sed -n 's/.*"Host"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' "$meta" 2>/dev/null | head -n 1)"
  [ -n "$host" ] || fail "the docker context \`$context\` names no engine" "docker context ls, docker context use default"
  printf '%s\n' "$host"
}

# The engine's version, or false when it does not answer. curl first: it is three times as fast as the docker client.
answer() {
  local address="$1" reply
  case "$address" in
    unix://*)
      [ -S "${address#unix://}" ] || return 1
      if command -v curl >/dev/null; then
        reply="$(curl -fsS --max-time 5 --unix-socket "${address#unix://}" http://docker/version 2>/dev/null)" || return 1
      fi
      ;;
    tcp://*)
      if ! command -v docker >/dev/null && [ -z "${DOCKER_TLS_VERIFY:-}" ]; then
        reply="$(curl -fsS --max-time 5 "http://${address#tcp://}/version" 2>/dev/null)" || return 1
      fi
      ;;
  esac
  if [ -n "${reply:-}" ]; then
    printf '%s' "$reply" | grep -o '"Version":"[^"]*"' | head -n 1 | cut -d'"' -f4
  else
    command -v docker >/dev/null || return 1
    timeout 10 docker version --format '{{.Server.Version}}' 2>/dev/null
  fi
}

ours() { [ -r "$pid_file" ] && [ "$(cat "/proc/$(cat "$pid_file")/comm" 2>/dev/null)" = dockerd ]; }

# iptables over nftables fails on kernels without it; the engine then gets the older one on its own PATH, the machine keeps its choice.
iptables_path() {
  local shim=/run/jackin-iptables program
  if ! iptables -t nat -L -n >/dev/null 2>&1 && iptables-legacy -t nat -L -n >/dev/null 2>&1; then
    mkdir -p "$shim"
    for program in iptables ip6tables; do ln -sf "$(command -v "$program-legacy")" "$shim/$program"; done
    printf '%s:' "$shim"
  fi
}

launch() {
  local pid waited=0 started
  # A pid file from before a reboot would stop the engine when another program has that number now.
  if [ -r /var/run/docker.pid ] && [ "$(cat "/proc/$(cat /var/run/docker.pid)/comm" 2>/dev/null)" != dockerd ]; then rm -f /var/run/docker.pid; fi
  started="$(date +%s%N)"
  # The lock must not live on in the engine, nor the caller's terminal.
  PATH="$(iptables_path)$PATH" setsid dockerd --host "$default" >>"$log" 2>&1 </dev/null 9>&- &
  pid=$!
  # setsid replaces itself, so this is the engine's own number.
  printf '%s\n' "$pid" >"$pid_file"
  until version="$(answer "$default")"; do
    kill -0 "$pid" 2>/dev/null && [ $((waited += 1)) -le 600 ] || {
      kill "$pid" 2>/dev/null || true
      rm -f "$pid_file"
      tail -n 15 "$log" >&2
      fail "dockerd did not start" "read $log"
    }
    sleep 0.1
  done
  say "engine: Docker $version at $default, started in $((($(date +%s%N) - started) / 1000000)) ms (log $log, \`docker/engine.sh stop\` ends it)"
}

start() {
  local address version packages=(docker.io iptables)
  address="$(endpoint)"
  if version="$(answer "$address")"; then say "engine: Docker $version at $address"; return; fi
  if [ -S "${address#unix://}" ] && [ ! -w "${address#unix://}" ]; then
    fail "permission denied at $address" "sudo usermod -aG docker $(id -un), then log in again"
  fi
  [ "$address" = "$default" ] || fail "no engine answers at $address" "start it, or unset DOCKER_HOST and the docker context to use a local one"
  is_debian || fail "no engine answers at $address" "install Docker Engine (docs.docker.com/engine/install) and start it; only on Debian can this be done for you"
  [ "$(id -u)" = 0 ] || fail "no engine answers at $address, and only root can start one" "sudo make engine, or: sudo apt-get install docker.io iptables"

  exec 9>/run/jackin-engine.lock
  flock 9
  command -v curl >/dev/null || apt_install curl ca-certificates
  if version="$(answer "$address")"; then say "engine: Docker $version at $address"; return; fi
  if ! command -v dockerd >/dev/null; then
    # The client is a package of its own in newer Debian.
    [ -n "$(find /var/lib/apt/lists -name '*_Packages*' -print -quit 2>/dev/null)" ] || apt-get -q update >&2 || true
    if apt-cache show docker-cli >/dev/null 2>&1; then packages+=(docker-cli); fi
    apt_install "${packages[@]}"
  fi
  if [ -d /run/systemd/system ]; then
    systemctl start docker || fail "systemd could not start docker" "journalctl -u docker"
    version="$(answer "$address")" || fail "docker is started and does not answer at $address" "journalctl -u docker"
    say "engine: Docker $version at $address, started by systemd"
  else
    launch
  fi
}

stop() {
  ours || { say "engine: none that was started here"; rm -f "$pid_file"; return 0; }
  local pid waited=0
  pid="$(cat "$pid_file")"
  kill "$pid"
  while kill -0 "$pid" 2>/dev/null; do
    [ $((waited += 1)) -le 300 ] || fail "dockerd (process $pid) does not end" "read $log"
    sleep 0.1
  done
  rm -f "$pid_file"
  say "engine: stopped"
}

status() {
  local address version
  address="$(endpoint)"
  version="$(answer "$address")" || fail "no engine answers at $address" "make engine"
  say "engine: Docker $version at $address$(ours && printf ', started here' || true)"
}

case "${1:-start}" in
  start | stop | status) "${1:-start}" ;;
  *) fail "unknown command \`$1\`" "engine.sh [start|stop|status]" ;;
esac
