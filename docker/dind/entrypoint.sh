#!/bin/sh
# PID 1 of the sidecar: makes the container fit for an engine, then becomes a reaper with `dockerd` and the arguments given.
set -eu

# The engine mounts control groups read-only into a container that is not privileged; the inner engine makes groups of its own.
while read -r _ place _; do
  case "$place" in
    /sys/fs/cgroup | /sys/fs/cgroup/*) mount -o remount,rw,bind "$place" ;;
  esac
done </proc/mounts

# Under control groups of version 2 a group with processes gives no controllers to its children: the processes move aside first.
if [ -e /sys/fs/cgroup/cgroup.controllers ]; then
  mkdir -p /sys/fs/cgroup/init
  xargs -rn1 </sys/fs/cgroup/cgroup.procs >/sys/fs/cgroup/init/cgroup.procs 2>/dev/null || :
  sed -e 's/ / +/g' -e 's/^/+/' </sys/fs/cgroup/cgroup.controllers >/sys/fs/cgroup/cgroup.subtree_control 2>/dev/null || :
fi

# A kernel without nftables has the older tables only.
if ! iptables -t nat -L -n >/dev/null 2>&1 && iptables-legacy -t nat -L -n >/dev/null 2>&1; then
  mkdir -p /run/iptables
  for program in iptables ip6tables; do ln -sf "$(command -v "$program-legacy")" "/run/iptables/$program"; done
  PATH="/run/iptables:$PATH"
fi

# What an engine that was killed left: its process id may be another's by now, and its socket answers nobody.
rm -f /var/run/docker.pid /var/run/docker/containerd/containerd.pid
exec tini -- dockerd "$@"
