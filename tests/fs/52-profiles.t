#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Profiles and pools through the tree: what uses them, what they refuse, what reaches the instances.
. "$(dirname "$0")/../lib/daemon.sh"

P=$LXD/profiles
S=$LXD/storage
# shellcheck disable=SC2119
daemon_start

# ---- the default one
is "$(get "$P/default/devices/root/pool")" default "the default profile has a root disk"
is "$(get "$P/default/devices/eth0/network")" lxdbr0 "and a NIC"
fails_with EPERM "names no profile" "it stays" -- rmdir "$P/default"
fails_with EPERM "names no profile" "with its name" -- mv "$P/default" "$P/other"

# ---- made, used
ok "mkdir makes one" -- mkdir "$P/web"
ok "a key in it" -- put 256MiB "$P/web/config/limits.memory"
ok "an instance" -- mkdir "$LXD/instances/one"
is "$(get "$P/default/used_by")" instances/one "that names no profile has the default one"
ok "names two" -- sh -c 'printf "default\nweb\n" > "$1"' - "$LXD/instances/one/profiles"
is "$(get "$P/web/used_by")" instances/one "used_by tells"
is "$(get "$LXD/instances/one/config/limits.memory")" 256MiB "its keys are the instance's"
ok "a change of the profile" -- put 512MiB "$P/web/config/limits.memory"
is "$(get "$LXD/instances/one/config/limits.memory")" 512MiB "reaches it"
fails_with EBUSY "instances/one" "a profile in use isn't removed" -- rmdir "$P/web"
fails_with EBUSY "instances/one" "nor renamed" -- mv "$P/web" "$P/net"
ok "one that is used no more" -- put default "$LXD/instances/one/profiles"
ok "is renamed" -- mv "$P/web" "$P/net"
is "$(get "$P/net/config/limits.memory")" 512MiB "with its keys"
ok "is removed" -- rmdir "$P/net"
fails_with EINVAL "can't be a profile's name" "names have rules" -- mkdir "$P/-x"
fails_with EINVAL "limits.memory" "a value that is none" -- put much "$P/default/config/limits.memory"

# ---- pools
like "$(get "$S/default/space")" $'^total [0-9]+\nused [0-9]+\nfree [0-9]+$' "a pool tells its space"
is "$(get "$S/default/driver")" overlay "and its driver"
is "$(get "$S/default/used_by")" profiles/default "and its users"
fails_with EBUSY "profiles/default" "one in use isn't removed" -- rmdir "$S/default"
ok "mkdir makes one" -- mkdir "$S/p1"
ok "its directory is there" -- test -d "$STATE/pools/p1"
ok "mv" -- mv "$S/p1" "$S/p2"
ok "moves it" -- test -d "$STATE/pools/p2"
mkdir "$STATE/source"
chmod 777 "$STATE/source"
fails_with EINVAL "others than root" "a source that everybody can write to" -- put "$STATE/source" "$S/p2/config/source"
chmod 755 "$STATE/source"
ok "one that is closed" -- put "$STATE/source" "$S/p2/config/source"
fails_with EINVAL "dir or overlay" "a driver that isn't there" -- put zfs "$S/p2/driver"
ok "one that is" -- put dir "$S/p2/driver"
if use_busybox >/dev/null; then
	mkdir "$LXD/instances/copy"
	put busybox "$LXD/instances/copy/source"
	ok "an instance in it" -- put p2 "$LXD/instances/copy/devices/root/pool"
	fails_with EBUSY "instances/copy" "holds the driver" -- put overlay "$S/p2/driver"
	# by a child: this shell is told of every orphan's end
	ok "starts" -- sh -c 'echo running >"$1"' - "$LXD/instances/copy/state"
	ok "on a copy of its image" -- test -e "$(find "$STATE/source" -path '*/rootfs/bin/busybox')"
	ok "stops" -- sh -c 'echo "stopped force" >"$1"' - "$LXD/instances/copy/state"
	rmdir "$LXD/instances/copy"
	is "$(ls -A "$STATE/source")" "" "and leaves nothing in it"
else
	skip 6 "no image busybox"
fi
ok "rmdir" -- rmdir "$S/p2"
ok "leaves somebody's directory alone" -- test -d "$STATE/source"

# ---- what was removed stays removed
rmdir "$LXD/instances/one"
rmdir "$P/default/devices/root"
ok "the default pool can go" -- rmdir "$S/default"
daemon_stop
ok "the next daemon starts" -- daemon_again
nok "and doesn't make it again" -- test -d "$S/default"
nok "nor the device" -- test -d "$P/default/devices/root"

done_testing
