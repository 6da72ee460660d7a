#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A restricted project: what it doesn't allow is refused on every way in, to root as well, and named.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/tree.sh"
# shellcheck disable=SC2119
daemon_start
use_busybox || { fail "the image is there"; done_testing; }

P=$LXD/projects
W=$P/web
I=$W/instances/foo
mkdir "$W" "$I" "$W/profiles/more" "$LXD/instances/out" "$P/free"
cp "$ROOT/build/busybox.tar.xz" "$W/images/"
ln -s "$(readlink "$LXD/images/aliases/busybox")" "$W/images/aliases/busybox"
mkdir -p "$WORK/shared/in" "$WORK/other"
ln -s "$WORK/other" "$WORK/shared/link"

# ---- before it is on
ok "without restricted all can be set" -- put true "$I/config/security.nesting"
fails_with EPERM "instance foo: security.nesting is \"true\", which project web doesn't allow: its restricted.containers.nesting is block" \
	"restricted isn't switched on over what it doesn't allow" -- put true "$W/config/restricted"
rm "$I/config/security.nesting"
put true "$W/profiles/more/config/security.privileged"
fails_with EPERM "profile more: security.privileged" "nor over a profile" -- put true "$W/config/restricted"
rm "$W/profiles/more/config/security.privileged"
ok "when nothing is in the way it is" -- put true "$W/config/restricted"

# ---- keys: each by every way
# no KEY VALUE RULE: refused on the instance and in a profile
no() {
	local rule="project web doesn't allow: its $3 is"
	fails_with EPERM "$rule" "$1=$2 isn't allowed" -- put "$2" "$I/config/$1"
	fails_with EPERM "$rule" "nor in local/" -- put "$2" "$I/local/config/$1"
	fails_with EPERM "$rule" "nor by set" -- writes "$I/set" "config/user.a=1
config/$1=$2
"
	fails_with EPERM "$rule" "nor in a profile that is used" -- put "$2" "$W/profiles/default/config/$1"
	fails_with EPERM "$rule" "nor in one that isn't" -- put "$2" "$W/profiles/more/config/$1"
}
no security.privileged true restricted.containers.privilege
no security.nesting true restricted.containers.nesting
no security.syscalls.deny_default false restricted.containers.lowlevel
no security.syscalls.deny swapon restricted.containers.lowlevel
no security.syscalls.intercept.mknod true restricted.containers.interception
no security.idmap.size 131072 restricted.containers.lowlevel
no boot.host_shutdown_timeout 600 restricted.containers.lowlevel
is "$(find "$I/local/config" -type f ! -name "volatile.*" ! -name set)" "" "nothing of it is set"
ok "false is what it is anyhow" -- put false "$I/config/security.nesting"
ok "other keys go" -- put 64MiB "$I/config/limits.memory"
ok "ids of its own, too" -- put true "$I/config/security.idmap.isolated"
rm "$I/config/security.idmap.isolated"

# ---- devices
# device TEXT...: the lines of a device, one change
device() { writes "$I/devices/x/set" "$(printf '%s\n' "$@")"; }
mkdir "$I/devices/x"
fails_with EPERM "source of device x is \"$WORK/shared\", which project web doesn't allow: its restricted.devices.disk is managed" \
	"a directory of the host" -- device type=disk "source=$WORK/shared" path=/mnt
fails_with EPERM "device x is \"macvlan\", which project web doesn't allow: its restricted.devices.nic is managed" \
	"a NIC beside networks/" -- device type=nic nictype=macvlan parent=lo
ok "one on a network is allowed" -- device type=nic network=lxdbr0 name=eth1
put other "$W/config/restricted.networks.access" 2>/dev/null
fails_with EPERM "restricted.networks.access" "unless only some are" -- put two "$W/config/restricted.networks.access"
ok "they are named" -- put lxdbr0 "$W/config/restricted.networks.access"
mkdir "$LXD/networks/two"
fails_with EPERM "network of device x is \"two\", which project web doesn't allow: its restricted.networks.access is lxdbr0" \
	"another network" -- put two "$I/devices/x/network"
rmdir "$I/devices/x"
mkdir "$I/devices/x"
for t in unix-char unix-block; do
	fails_with EPERM "device x is \"$t\", which project web doesn't allow: its restricted.devices.$t is block" "no $t" -- \
		device type=$t source=/dev/null path=/dev/nothing
done
fails_with EPERM "its restricted.devices.proxy is block" "no proxy" -- device type=proxy listen=tcp:127.0.0.1:7 connect=tcp:127.0.0.1:7
ok "unix-char may be allowed" -- put allow "$W/config/restricted.devices.unix-char"
ok "then it goes" -- device type=unix-char source=/dev/null path=/dev/nothing
fails_with EPERM "instance foo: device x is \"unix-char\"" "and stays so while there is one" -- rm "$W/config/restricted.devices.unix-char"
rmdir "$I/devices/x"
mkdir "$I/devices/x"
ok "disks of the host are allowed" -- put allow "$W/config/restricted.devices.disk"
ok "below one directory" -- put "$WORK/shared" "$W/config/restricted.devices.disk.paths"
ok "there" -- device type=disk "source=$WORK/shared/in" path=/mnt
fails_with EPERM "restricted.devices.disk.paths" "not elsewhere" -- put "$WORK/other" "$I/devices/x/source"
fails_with EPERM "restricted.devices.disk.paths" "not beside it" -- put "$WORK/shared-not" "$I/devices/x/source"
fails_with EPERM "restricted.devices.disk.paths" "not by a link" -- put "$WORK/shared/link" "$I/devices/x/source"
fails_with EINVAL "without" "not by .." -- put "$WORK/shared/in/../../other" "$I/devices/x/source"
fails_with EPERM "instance foo: source of device x" "nor is it forbidden while it is there" -- put managed "$W/config/restricted.devices.disk"
rmdir "$WORK/shared/in"
ln -s "$WORK/other" "$WORK/shared/in"
fails_with EPERM "restricted.devices.disk.paths" "what became a link since isn't mounted" -- put running "$I/state"
rm "$WORK/shared/in"
mkdir "$WORK/shared/in"
ok "what is a directory again is" -- put running "$I/state"
put "stopped force" "$I/state"
rmdir "$I/devices/x"

# ---- privilege and ids
ok "isolated wants ids of its own" -- sh -c 'echo true >"$1/profiles/default/config/security.idmap.isolated"; echo isolated >"$1/config/restricted.containers.privilege"' x "$W"
fails_with EPERM "security.idmap.isolated is \"false\"" "which an instance can't do without" -- put false "$I/config/security.idmap.isolated"
fails_with EPERM "foo, which uses it" "nor its profile" -- rm "$W/profiles/default/config/security.idmap.isolated"
fails_with EPERM "security.privileged" "nor be privileged" -- put true "$I/config/security.privileged"
put unprivileged "$W/config/restricted.containers.privilege"
rm "$W/profiles/default/config/security.idmap.isolated"
fails_with EPERM "raw.idmap" "single ids are low level" -- put "both 0 1000" "$I/config/raw.idmap"
put 0 "$W/config/restricted.idmap.uid"
put 0-5 "$W/config/restricted.idmap.gid"
isnt "$(put "both 0 1000" "$I/config/raw.idmap" 2>/dev/null; grep -c "restricted" "$LXD/error")" 1 "where they are listed that isn't in the way"
fails_with EPERM "restricted.containers.lowlevel" "but others are" -- put "gid 6 1000" "$I/config/raw.idmap"
rm -f "$I/config/raw.idmap"
fails_with EINVAL "ids of the host" "a list that is none" -- put many "$W/config/restricted.idmap.uid"

# ---- other ways in
put true "$LXD/instances/out/config/security.nesting"
fails_with EPERM "security.nesting is \"true\", which project web doesn't allow" "an instance that isn't so doesn't come by mv" -- \
	mv "$LXD/instances/out" "$W/instances/"
is "$(ls "$LXD/instances")" out "it stays where it is"
ok "elsewhere it may go" -- mv "$LXD/instances/out" "$P/free/instances/"
rm "$P/free/instances/out/config/security.nesting"
ok "without it is welcome" -- mv "$P/free/instances/out" "$W/instances/out"
fails_with EPERM "restricted.containers.nesting" "and bound then" -- put true "$W/instances/out/config/security.nesting"

# a state file that says what nobody could set
"$BIN/lxdfsd" --stop --mount "$LXD" --state "$STATE" --run "$RUN" --name "$NAME" >>"$BASE/log" 2>&1
f=$(grep -l 'name = "out"' "$STATE"/objects/instances/*.conf)
perl -0pi -e 's/\( "config", \S+/$&, ( "security.nesting", "true", 1L )/' "$f"
daemon_again
is "$(cat "$W/instances/out/config/security.nesting" 2>&1)" true "a state file may say anything"
fails_with EPERM "restricted.containers.nesting" "it isn't started so" -- put running "$W/instances/out/state"
ok "allowing it lets it start" -- put allow "$W/config/restricted.containers.nesting"
ok "now" -- put running "$W/instances/out/state"
put "stopped force" "$W/instances/out/state"

# ---- keys without effect
for k in devices.gpu devices.pci devices.infiniband networks.uplinks networks.zones networks.subnets snapshots; do
	fails_with EOPNOTSUPP "can't be set yet" "restricted.$k has nothing to bind" -- put allow "$W/config/restricted.$k"
done
rmdir "$LXD/networks/two"
done_testing
