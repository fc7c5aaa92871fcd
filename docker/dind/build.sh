#!/usr/bin/env bash
# Makes the sidecar's image, `jackin-dind:bookworm`, on top of the construct, unless an image of this recipe is already here.
#
# The label `jackin.recipe` says what it was made from: an image that was made again of the same recipe is no other sidecar.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$here/../lib.sh"

image=jackin-dind:bookworm
base=jackin-construct:bookworm
construct="$here/../construct"
recipe="$(recipe_of "$here/build.sh" "$here/Dockerfile" "$here/entrypoint.sh" \
  "$construct/Dockerfile" "$construct"/apt/apt.conf.d/* "$construct"/dpkg/*)"

need_docker_cli
exec 9>"$(cache_dir)/dind.lock"
flock 9
if have_recipe "$image" "$recipe"; then
  say "dind: $image is current (recipe $recipe)"
  exit 0
fi
image_id "$base" >/dev/null || "$construct/build.sh" 9>&-

scratch="$(mktemp -d "$(cache_dir)/dind.XXXXXX")"
trap 'rm -rf "$scratch"' EXIT
mkdir "$scratch/context"
cp "$here/Dockerfile" "$here/entrypoint.sh" "$scratch/context/"
# The files' modes go into the image; the checkout's umask must not.
chmod 755 "$scratch/context/entrypoint.sh"

arguments=(--build-arg "BASE=$base" --label "jackin.recipe=$recipe" --network host --force-rm
  --tag "$image" --tag "${image%%:*}:recipe-$recipe")
proxy=''
if command -v apt-config >/dev/null; then eval "$(apt-config shell proxy Acquire::http::Proxy)"; fi
[ -z "$proxy" ] || arguments+=(--build-arg "http_proxy=$proxy")
# A client without buildx has the classic builder only, and must be told so or it warns at length.
docker buildx version >/dev/null 2>&1 || export DOCKER_BUILDKIT=0

SECONDS=0
docker build "${arguments[@]}" "$scratch/context" >"$scratch/build.log" 2>&1 9>&- || {
  tail -n 40 "$scratch/build.log" >&2
  fail "failed to build $image"
}
say "dind: $image from $base in $SECONDS s (recipe $recipe)"
