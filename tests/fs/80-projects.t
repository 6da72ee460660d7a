#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Projects: the same tree again, with objects of their own or those of project default, and names that don't meet.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/tree.sh"
# shellcheck disable=SC2119
daemon_start
use_busybox || { fail "the image is there"; done_testing; }

P=$LXD/projects
W=$P/web

# names DIRECTORY: what is in it, in one line
names() { find "$1" -mindepth 1 -maxdepth 1 -printf "%f\n" | LC_ALL=C sort | xargs; }

# ---- project default is the top level
is "$(ls "$P")" default "there is one project at first"
is "$(readlink "$P/default/instances")" ../../instances "whose objects are at the top"
is "$(ls "$P/default/profiles/")" default "as links lead to"
like "$(get "$P/default/used_by")" "profiles/default" "used_by tells what it has"
fails_with EPERM "can't be removed" "it stays" -- rmdir "$P/default"
fails_with EPERM "can't be renamed" "with its name" -- mv "$P/default" "$P/other"

# ---- a new one
ok "mkdir makes a project" -- mkdir "$W"
is "$(names "$W")" "README acls config description effective error images instances networks profiles schema set storage usage used_by version" \
	"it is a tree of its own"
is "$(stat -c %a "$P" "$W" "$W/instances" "$W/profiles" "$W/networks" "$W/storage" | xargs)" "771 770 771 770 550 550" "with modes"
is "$(get "$W/config/features.profiles") $(get "$W/config/features.images")" "true true" "profiles and images are its own"
is "$(names "$W/profiles")$(names "$W/images/aliases")$(names "$W/instances")" default "a profile default is all that it has"
is "$(get "$W/profiles/default/devices/root/pool") $(get "$W/profiles/default/devices/eth0/network")" "default lxdbr0" \
	"with a root disk and a NIC"
like "$(get "$W/README")" "$W/instances/foo" "README speaks of it"
fails_with EINVAL "project's name" "names have rules" -- mkdir "$P/a.b"
fails_with EINVAL "project's name" "names have an end" -- mkdir "$P/a-"
fails_with EEXIST "" "a name is there once" -- mkdir "$W"

# ---- what is project default's is seen, and only that
is "$(ls "$W/networks") $(ls "$W/storage")" "lxdbr0 default" "networks and pools are project default's"
is "$(cat "$W/networks/lxdbr0/config/ipv4.address")" "$(cat "$LXD/networks/lxdbr0/config/ipv4.address")" "which can be read"
isnt "$(stat -c %i "$W/networks/lxdbr0")" "$(stat -c %i "$LXD/networks/lxdbr0")" "they are other directories"
ok "ls -lR looks at all of it" -- sh -c 'ls -lR "$1" >/dev/null' x "$W"
ok "and so does grep" -- sh -c 'grep -r . "$1/networks" "$1/storage" >/dev/null' x "$W"
is "$(find "$W/networks" "$W/storage" -perm /222 | wc -l)" 0 "nothing of it can be written"
for f in used_by leases error set; do
	nok "$f isn't shown, as it tells of others" -- test -e "$W/networks/lxdbr0/$f"
done
fails_with EPERM "project default's" "not by root either" -- put false "$W/networks/lxdbr0/config/ipv4.nat"
fails_with EPERM "project default's" "no key is made" -- put x "$W/networks/lxdbr0/config/user.x"
fails_with EPERM "project default's" "none is unset" -- rm "$W/networks/lxdbr0/config/ipv4.nat"
fails_with EPERM "project default's" "none is removed" -- rmdir "$W/networks/lxdbr0"
fails_with EPERM "project default's" "none is renamed" -- mv "$W/networks/lxdbr0" "$W/networks/x"
fails_with EPERM "features.networks" "none is made" -- mkdir "$W/networks/x"
fails_with EPERM "same for all" "nor a pool" -- mkdir "$W/storage/x"
put "a change" "$LXD/networks/lxdbr0/description"
is "$(cat "$W/networks/lxdbr0/description")" "a change" "a change there is seen here"
put y "$LXD/networks/lxdbr0/config/user.y"
is "$(cat "$W/networks/lxdbr0/config/user.y")" y "a new key too"
rm "$LXD/networks/lxdbr0/config/user.y"
nok "and its end" -- test -e "$W/networks/lxdbr0/config/user.y"
mkdir "$LXD/networks/two"
is "$(names "$W/networks")" "lxdbr0 two" "a new network is"
is "$(cat "$W/networks/two/type")" bridge "with its files"
rmdir "$LXD/networks/two"
nok "and its end" -- test -e "$W/networks/two"

# ---- images of its own
nok "there is no image" -- test -e "$W/images/aliases/busybox"
ok "project default's image is copied in" -- cp "$ROOT/build/busybox.tar.xz" "$W/images/bb.tar.xz"
f=$(readlink "$LXD/images/aliases/busybox")
f=${f#../}
ok "and appears" -- test -d "$W/images/$f"
ok "with an alias" -- ln -s "../$f" "$W/images/aliases/busybox"
is "$(ls "$W/images/aliases")" busybox "that is seen"
nok "of this project alone" -- grep -q . "$W/images/$f/used_by"

# ---- instances of one name in two projects, on one bridge
A=$LXD/instances/foo B=$W/instances/foo
ok "an instance" -- mkdir "$A"
ok "and one of the same name in the project" -- mkdir "$B"
isnt "$(cat "$A/uuid")" "$(cat "$B/uuid")" "are two"
put "at the top" "$A/description"
is "$(cat "$B/description")" "" "what is set on one isn't set on the other"
put 96MiB "$W/profiles/default/config/limits.memory"
is "$(cat "$B/config/limits.memory")" 96MiB "its profile is the project's"
nok "not the other's" -- test -e "$A/config/limits.memory"
is "$(get "$W/profiles/default/used_by")" instances/foo "which tells who uses it"
ok "one starts" -- put running "$A/state"
ok "and the other" -- put running "$B/state"
is "$(cat "$A/state" "$B/state" | xargs)" "running running" "both run"
isnt "$(cat "$A/pid")" "$(cat "$B/pid")" "each its own"
is "$(ip -o link show master lxdbr0 | wc -l)" 2 "two links are on the bridge"
is "$(get "$W/images/$f/used_by")" instances/foo "the image is used"
is "$(get "$LXD/networks/lxdbr0/used_by" | sort | xargs)" "profiles/default projects/web/profiles/default" "the network tells of both projects"
fails_with EBUSY "instances/foo" "a project in use isn't removed" -- rmdir "$W"
fails_with EBUSY "stopped" "nor renamed while one runs" -- mv "$W" "$P/net"
fails_with EBUSY "projects/web/instances/foo/state" "what runs isn't removed" -- rmdir "$B"
ok "a command runs in it" -- sh -c 'mkdir "$1/exec/1"; echo hostname >"$1/exec/1/command"; echo run >"$1/exec/1/state"' x "$B"
is "$(cat "$B/exec/1/stdout")" foo "whose host name is its own"

# ---- what happens in it, and nothing else
exec 7<"$W/events" 8<"$LXD/events"
mkdir "$LXD/instances/aside" "$W/instances/aside"
rmdir "$W/instances/aside" "$LXD/instances/aside"
put z "$LXD/networks/lxdbr0/config/user.z"
rm "$LXD/networks/lxdbr0/config/user.z"
mkdir "$W/profiles/last"
own=$(timeout 5 sed -n 'h; s/.*"action":"\([^"]*\)".*/\1/p; g; /last/q' <&7 | xargs)
is "$own" "instance-created instance-deleted profile-created" "events of a project are its own"
all=$(timeout 5 sed -n 's/.*"source":"\([^"]*\)","project":"\([^"]*\)".*/\2 \1/p; /last/q' <&8 | sort -u | xargs)
is "$all" "default /instances/aside default /networks/lxdbr0 web /projects/web/instances/aside web /projects/web/profiles/last" \
	"those of the top are all, and say where it was"
exec 7<&- 8<&-
rmdir "$W/profiles/last"

# ---- over a restart
"$BIN/lxdfsd" --stop --mount "$LXD" --state "$STATE" --run "$RUN" --name "$NAME" >>"$BASE/log" 2>&1
daemon_again
is "$(cat "$A/state" "$B/state" | xargs)" "running running" "both run when the daemon was started again"
is "$(cat "$B/config/limits.memory")" 96MiB "with what is set"
ok "the project's stops" -- put "stopped force" "$B/state"
is "$(cat "$A/state")" running "and the other runs on"
ok "the project is renamed" -- mv "$W" "$P/net"
is "$(cat "$P/net/instances/foo/config/limits.memory")" 96MiB "and all is there"
ok "and back" -- mv "$P/net" "$W"
ok "the instance is removed" -- rmdir "$B"
is "$(cat "$A/state")" running "which leaves the other"
fails_with EBUSY "images/" "a project with an image isn't empty" -- rmdir "$W"
ok "the image goes" -- rmdir "$W/images/$f"
ok "which leaves that of project default" -- test -d "$LXD/images/$f"
printf 'restricted=true\nprojects=web\n' >"$LXD/certificates/tokens/carol"
fails_with EBUSY "clients are given it in certificates/tokens/carol" "one that a client is given isn't removed" -- rmdir "$W"
fails_with EBUSY "certificates/tokens/carol" "nor renamed" -- mv "$W" "$P/net"
rm "$LXD/certificates/tokens/carol"
ok "an empty project is removed" -- rmdir "$W"
nok "and is gone" -- test -e "$W"
is "$(cat "$STATE"/objects/profiles/*.conf | grep -c 'name = "default"')" 1 "with its profile"
ok "a new one of that name" -- mkdir "$W"
nok "has nothing of the old" -- test -e "$W/profiles/default/config/limits.memory"

# ---- without profiles and images of its own
ok "features are chosen while it is empty" -- sh -c 'printf "features.profiles=false\nfeatures.images=false\n" >"$1/config/set"' x "$W"
put 80MiB "$LXD/profiles/default/config/limits.memory"
is "$(cat "$W/profiles/default/config/limits.memory")" 80MiB "then it shows project default's"
is "$(ls "$W/images/aliases")" busybox "also images"
is "$(stat -c %a "$W/images" "$W/images/aliases" "$W/profiles" | xargs)" "550 550 550" "in directories that can only be read"
fails_with EPERM "features.profiles" "of which none is made" -- mkdir "$W/profiles/x"
fails_with EPERM "project default" "none imported" -- cp "$ROOT/build/busybox.tar.xz" "$W/images/bb.tar.xz"
fails_with EPERM "project default" "no alias made" -- ln -s "../$f" "$W/images/aliases/other"
ok "an instance" -- mkdir "$B"
is "$(cat "$B/config/limits.memory")" 80MiB "has the profile that it sees"
is "$(get "$LXD/profiles/default/used_by" | sort | xargs)" "instances/foo projects/web/instances/foo" "which knows of it"
put 90MiB "$LXD/profiles/default/config/limits.memory"
is "$(cat "$B/config/limits.memory")" 90MiB "a change reaches it"
ok "it starts" -- put running "$B/state"
fails_with EBUSY "features.profiles" "features stay while there is an instance" -- put true "$W/config/features.profiles"
ok "it stops" -- put "stopped force" "$B/state"
ok "goes" -- rmdir "$B"
ok "then they can be changed" -- put true "$W/config/features.profiles"
is "$(ls "$W/profiles")" default "and it has a profile"
nok "that is its own" -- test -e "$W/profiles/default/config/limits.memory"
ok "the project goes" -- rmdir "$W"
put "stopped force" "$A/state"
rmdir "$A"
done_testing
