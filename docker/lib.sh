# What the scripts of this folder share. To be sourced; does nothing by itself.

say() { printf '%s\n' "$*" >&2; }

# fail MESSAGE [HINT]
fail() {
  say "error: $1"
  [ $# -lt 2 ] || say "hint: $2"
  exit 1
}

is_debian() { [ -r /etc/os-release ] && (. /etc/os-release && [ "${ID:-}" = debian ]); }

installed() { [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]; }

# apt_install PACKAGE...: installs those that are missing, and costs milliseconds when none is.
apt_install() {
  local missing=() package
  for package in "$@"; do
    command -v dpkg-query >/dev/null && installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  command -v apt-get >/dev/null || fail "this needs ${missing[*]}, and there is no apt-get here" "install ${missing[*]} with the system's package manager"
  [ "$(id -u)" = 0 ] || fail "this needs the packages ${missing[*]}, and only root can install them" "sudo apt-get install ${missing[*]}"
  say "installing ${missing[*]}"
  # A third-party source that is down is no reason to stop: the install says whether the packages could be had.
  apt-get -q -o DPkg::Lock::Timeout=300 update >&2 || true
  DEBIAN_FRONTEND=noninteractive apt-get -q -y -o DPkg::Lock::Timeout=300 -o Dpkg::Use-Pty=0 \
    install --no-install-recommends "${missing[@]}" >&2 </dev/null \
    || fail "failed to install ${missing[*]}" "apt-get install ${missing[*]}"
}

# One cache folder, also for locks and scratch space: it is on a disk, where /tmp may be memory.
cache_dir() {
  local dir="${XDG_CACHE_HOME:-${HOME:-/root}/.cache}/jackin"
  mkdir -p "$dir"
  printf '%s\n' "$dir"
}

# recipe_of FILE...: the hash under which an image of exactly these inputs is tagged.
recipe_of() { cat "$@" | sha256sum | cut -c1-12; }

need_docker_cli() {
  command -v docker >/dev/null && return 0
  # Newer Debian has the client in a package of its own; older has it in docker.io, which `make engine` installs.
  if is_debian && apt-cache show docker-cli >/dev/null 2>&1; then
    apt_install docker-cli
  else
    fail "there is no docker command" "make engine, or install the docker client"
  fi
}

image_id() { docker image inspect --format '{{.Id}}' "$1" 2>/dev/null; }

# have_recipe NAME RECIPE: true when the image of that recipe is here; NAME is then made to point at it.
have_recipe() {
  local name="$1" tag="${1%%:*}:recipe-$2" id
  id="$(image_id "$tag")" || return 1
  [ "$(image_id "$name")" = "$id" ] || docker tag "$tag" "$name"
}
