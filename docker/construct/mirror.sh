#!/usr/bin/env bash
# Prints the Debian mirrors of this machine's own apt sources, one `main URI` and, where there is one, one `security URI`.
# Reads both forms that apt knows: deb822 (`.sources`) and one-line (`.list`). Changes nothing.
set -euo pipefail

etc="${APT_ETC:-/etc/apt}"
codename="$( [ -r /etc/os-release ] && . /etc/os-release && printf %s "${VERSION_CODENAME:-}" || true)"
shopt -s nullglob

# Every archive as `URI SUITE COMPONENT...`.
archives() {
  local list=("$etc"/sources.list.d/*.sources)
  [ ${#list[@]} -eq 0 ] || awk '
    function flush(   i, j, uris, suites, u, s) {
      if ((" " field["types"] " ") ~ / deb / && tolower(field["enabled"]) != "no") {
        u = split(field["uris"], uris, " "); s = split(field["suites"], suites, " ")
        for (i = 1; i <= u; i++) for (j = 1; j <= s; j++) print uris[i], suites[j], field["components"]
      }
      delete field
    }
    FNR == 1 { flush() }
    /^#/ { next }
    /^[ \t]*$/ { flush(); next }
    /^[ \t]/ { field[name] = field[name] " " $0; next }
    { name = tolower(substr($0, 1, index($0, ":") - 1)); field[name] = substr($0, index($0, ":") + 1); gsub(/^[ \t]+|[ \t]+$/, "", field[name]) }
    END { flush() }' "${list[@]}"
  list=("$etc"/sources.list "$etc"/sources.list.d/*.list)
  [ -e "${list[0]}" ] || list=("${list[@]:1}")
  [ ${#list[@]} -eq 0 ] || sed -nE 's/#.*//; s/^[ \t]*deb[ \t]+(\[[^]]*\][ \t]*)?([^ \t]+)[ \t]+(.*)$/\2 \3/p' "${list[@]}"
}

# `mirror+file:` names a file with mirrors; its first line is as good as any. Other schemes than http(s), and addresses with
# a password, which would end in an image, are passed over.
usable() {
  while read -r uri suite components; do
    case "$uri" in
      mirror+file:*) uri="$(awk '!/^#/ && NF { print $1; exit }' "${uri#mirror+file:}" 2>/dev/null || true)" ;;
    esac
    case "$uri" in
      *@*) ;;
      http://* | https://*) printf '%s %s %s\n' "${uri%/}" "${suite%/}" "$components" ;;
    esac
  done
}

archives | usable | awk -v codename="$codename" '
  !/ main( |$)/ { next }
  $2 ~ /-security$|\/updates$/ { if (!security) security = $1; next }
  $2 == codename || $2 ~ /^(bookworm|trixie|oldstable|stable|testing|unstable|sid)$/ { if (!main) main = $1 }
  END { if (main) print "main", main; if (security) print "security", security }'
