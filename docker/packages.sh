#!/usr/bin/env bash
# What building and testing need besides Rust; installs what is missing on Debian, and costs milliseconds when nothing is.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Programs, not packages: where one came from elsewhere, no package is needed. Agents' programs come through npm.
wanted=()
for pair in make:make cc:gcc git:git tmux:tmux curl:curl busybox:busybox-static debootstrap:debootstrap npm:npm docker-registry:docker-registry; do
  command -v "${pair%%:*}" >/dev/null || wanted+=("${pair#*:}")
done
registry="$(command -v docker-registry || true)"
[ ${#wanted[@]} -eq 0 ] || apt_install "${wanted[@]}" libc6-dev ca-certificates
# The package begins to serve on port 5000. Tests start registries of their own, so one that nobody had before is not left running.
if [ -z "$registry" ] && [ -d /run/systemd/system ]; then
  systemctl --quiet disable --now docker-registry.service || say "warning: docker-registry serves on port 5000"
fi
