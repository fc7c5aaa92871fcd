#!/usr/bin/env bash
# What building and testing need besides Rust; installs what is missing on Debian, and costs milliseconds when nothing is.
set -euo pipefail
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

# Programs, not packages: where one came from elsewhere, no package is needed. Agents' programs come through npm.
wanted=()
for pair in make:make cc:gcc git:git tmux:tmux curl:curl busybox:busybox-static debootstrap:debootstrap npm:npm docker-registry:docker-registry; do
  command -v "${pair%%:*}" >/dev/null || wanted+=("${pair#*:}")
done
[ ${#wanted[@]} -eq 0 ] || apt_install "${wanted[@]}" libc6-dev ca-certificates
