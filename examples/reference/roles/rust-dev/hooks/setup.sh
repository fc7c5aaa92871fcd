#!/bin/sh
# Runs once for the durable home of an instance.
set -eu
mkdir -p "$HOME/.cargo"
