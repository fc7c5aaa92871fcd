#!/usr/bin/env bash
# Makes the git repository that the quickstart works on. One that is there is never touched.
set -euo pipefail
project="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/project"
if [ -e "$project/.git" ]; then
  exit 0
fi
if [ -e "$project" ] && [ -n "$(ls -A "$project")" ]; then
  echo "error: $project is there and is no git repository" >&2
  echo "hint: move it away and run this again" >&2
  exit 1
fi
# Made beside and moved into place, so that an interrupted run leaves nothing half made.
made="$(mktemp -d "$(dirname "$project")/.project.XXXXXX")"
trap 'rm -rf "$made"' EXIT
chmod 755 "$made"
printf '# Quickstart\n\nA repository to work on.\n' > "$made/README.md"
for variable in $(git rev-parse --local-env-vars); do unset "$variable"; done
git -C "$made" init --quiet --initial-branch=main
git -C "$made" add README.md
git -C "$made" -c user.name=jackin -c user.email=jackin@localhost -c commit.gpgsign=false \
  commit --quiet --no-verify --message 'a repository to work on'
if [ -d "$project" ]; then rmdir "$project"; fi
mv "$made" "$project"
