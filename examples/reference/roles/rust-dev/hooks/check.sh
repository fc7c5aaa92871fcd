#!/bin/sh
# Runs before the agent; a failure keeps it from starting.
set -eu
test -n "$TICKET"
