#!/usr/bin/env bash
# Makes the construct image, `jackin-construct:bookworm`, unless an image of this recipe is already here.
#
# The base is `debian:bookworm-slim` where it is here or a registry answers; otherwise debootstrap makes one from the mirror in
# this machine's apt sources. The packages on top are the Dockerfile's.
set -euo pipefail
here="$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)"
. "$here/../lib.sh"

image=jackin-construct:bookworm
bootstrapped=jackin-construct:debootstrap-bookworm
published=debian:bookworm-slim
recipe="$(recipe_of "$here/build.sh" "$here/mirror.sh" "$here/Dockerfile" "$here"/apt/apt.conf.d/* "$here"/dpkg/*)"

need_docker_cli
exec 9>"$(cache_dir)/construct.lock"
flock 9
if have_recipe "$image" "$recipe"; then
  say "construct: $image is current (recipe $recipe)"
  exit 0
fi

scratch="$(mktemp -d "$(cache_dir)/construct.XXXXXX")"
# Nothing may be mounted below when it is removed; debootstrap unmounts what it mounted, also when it fails.
trap 'umount "$scratch/root/proc" "$scratch/root/sys" 2>/dev/null || true; rm -rf --one-file-system "$scratch"' EXIT

main='' security=''
if is_debian; then
  while read -r use uri; do printf -v "$use" %s "$uri"; done < <("$here/mirror.sh")
fi

bootstrap() {
  [ -n "$main" ] || fail "no registry answers for $published, and this machine has no Debian apt source to build it from" \
    "docker pull $published, or run this on Debian"
  [ "$(id -u)" = 0 ] || fail "no registry answers for $published, and only root can build it from Debian's packages" "sudo make base"
  apt_install debootstrap
  say "construct: base from $main"
  debootstrap --variant=minbase bookworm "$scratch/root" "$main" >"$scratch/debootstrap.log" 2>&1 9>&- || {
    tail -n 20 "$scratch/debootstrap.log" >&2
    [ ! -e "$scratch/root/debootstrap/debootstrap.log" ] || tail -n 20 "$scratch/root/debootstrap/debootstrap.log" >&2
    fail "failed to bootstrap Debian from $main"
  }
  # What the slim settings keep out later came in with the base.
  rm -rf "$scratch"/root/usr/share/{man,info,lintian}/* "$scratch"/root/var/cache/apt/* "$scratch"/root/var/lib/apt/lists/* "$scratch"/root/var/log/*.log
  find "$scratch/root/usr/share/doc" -type f ! -name copyright -delete
  find "$scratch/root/usr/share/locale" -mindepth 1 -maxdepth 1 ! -name locale.alias -exec rm -rf {} +
  tar -C "$scratch/root" --numeric-owner --one-file-system -c . | docker import --change 'CMD ["bash"]' - "$bootstrapped" >/dev/null
  rm -rf --one-file-system "$scratch/root"
}

# A registry that is out of reach fails within a second where names do not resolve; the limit is for networks that swallow packets.
pull() { timeout 60 docker pull -q "$published" >/dev/null 2>&1; }

if image_id "$published" >/dev/null; then
  base="$published"
elif image_id "$bootstrapped" >/dev/null; then
  base="$bootstrapped"
elif pull; then
  base="$published"
else
  SECONDS=0
  bootstrap
  say "construct: base made in $SECONDS s"
  base="$bootstrapped"
fi

mkdir "$scratch/context"
cp -R "$here/Dockerfile" "$here/apt" "$here/dpkg" "$scratch/context/"
if [ -n "$main" ]; then
  {
    signed='[signed-by=/usr/share/keyrings/debian-archive-keyring.gpg]'
    echo "deb $signed $main bookworm main"
    echo "deb $signed $main bookworm-updates main"
    [ -z "$security" ] || echo "deb $signed $security bookworm-security main"
  } >"$scratch/context/apt/sources.list"
  # A mirror that is a frozen snapshot needs the same leniency in the image as on this machine.
  apt-config dump | grep -E '^Acquire::Check-(Valid-Until|Date) ' >"$scratch/context/apt/apt.conf.d/91-mirror" || true
  case "$main $security" in
    *https://*)
      cp /etc/ssl/certs/ca-certificates.crt "$scratch/context/apt/mirror-ca.crt"
      echo 'Acquire::https::CAInfo "/etc/apt/mirror-ca.crt";' >>"$scratch/context/apt/apt.conf.d/91-mirror"
      ;;
  esac
fi
# The files' modes go into the image; the checkout's umask must not.
chmod -R u=rwX,go=rX "$scratch/context"

arguments=(--build-arg "BASE=$base" --network host --force-rm --tag "$image" --tag "${image%%:*}:recipe-$recipe")
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
say "construct: $image from $base in $SECONDS s (recipe $recipe)"
