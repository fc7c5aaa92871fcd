#!/bin/sh
# Runs once for each container.
set -eu
mkdir -p "$HOME/.cargo"
