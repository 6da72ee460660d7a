#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A project given to a group: all that is in it and comes into it, but neither the host nor anything beside it.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/tree.sh"
# shellcheck disable=SC2119
daemon_start
use_busybox || { fail "the image is there"; done_testing; }

P=$LXD/projects
W=$P/web
WEB=43000
GID=$(lxd_gid)
alice() { user 42003 "$WEB"; }
stranger() { user 42002 42002; }
# sh_u SCRIPT [ARGUMENT...]: as the present user
sh_u() { u bash -c "$@"; }

mkdir "$W" "$W/instances/old" "$P/lab" "$LXD/instances/top"
stranger
nok "a stranger lists no projects" -- u ls "$P"
nok "and enters none" -- u ls "$W"
is "$(u stat "$P/web/instances" 2>&1 | sed 's/.*: //') $(u stat "$P/none/instances" 2>&1 | sed 's/.*: //')" \
	"Permission denied No such file or directory" "names of projects can be asked for, as those of instances can"
user root

# ---- given away
chgrp -R $WEB "$W" >"$WORK/out" 2>&1
is "$(stat -c %g "$W" "$W/instances" "$W/instances/old" "$W/profiles/default" "$W/networks/lxdbr0" "$W/storage/default" | sort -u)" $WEB \
	"chgrp -R gives a project, and what it sees of others"
is "$(stat -c %g "$LXD/networks/lxdbr0" "$LXD/instances/top" "$P/lab" | sort -u)" "$GID" "nothing of them, or beside it"
is "$(find "$W" ! -group $WEB -type f ! -path "*/schema/*" ! -path '*/effective/*' -printf '%P\n' | grep -v -e 'config/features' -e '/devices/' | sort | xargs)" \
	"README error" "what the group hasn't are its features, and what could reach the host"

alice
is "$(u ls "$W/instances")" old "the group lists it"
ok "looks at all of it" -- sh_u 'find "$1" -type f ! -name wait | xargs cat >/dev/null' x "$W"
is "$(u cat "$W/networks/lxdbr0/config/ipv4.nat")" true "also at the networks that it has"
refused "but changes none" -- sh -c 'echo false >"$1"' x "$W/networks/lxdbr0/config/ipv4.nat"
refused "nor makes one" -- mkdir "$W/networks/x"
nok "nor sees it where it is" -- u cat "$LXD/networks/lxdbr0/config/ipv4.nat"
ok "it imports an image" -- u cp "$ROOT/build/busybox.tar.xz" "$W/images/"
f=$(find "$W/images" -mindepth 1 -maxdepth 1 ! -name aliases -printf '%f')
ok "names it" -- u ln -s "../$f" "$W/images/aliases/mine"
ok "makes an instance" -- u mkdir "$W/instances/new"
is "$(stat -c '%u %g %a' "$W/instances/new")" "0 $WEB 770" "which is the group's"
ok "of that image" -- put mine "$W/instances/new/source"
ok "limits it" -- put 64MiB "$W/instances/new/config/limits.memory"
ok "makes a profile" -- u mkdir "$W/profiles/small"
ok "sets a key in it" -- put 32 "$W/profiles/small/config/limits.processes"
ok "gives it to the instance" -- sh_u 'printf "default\nsmall\n" >"$1"' x "$W/instances/new/profiles"
ok "starts it" -- put running "$W/instances/new/state"
is "$(get "$W/instances/new/config/limits.processes")" 32 "with the profile"
ok "stops it" -- put "stopped force" "$W/instances/new/state"
ok "renames it" -- u mv "$W/instances/new" "$W/instances/newer"
ok "removes it" -- u rmdir "$W/instances/newer"
ok "an older one too" -- u rmdir "$W/instances/old"
ok "and the profile" -- u rmdir "$W/profiles/small"
ok "describes the project" -- put "of web" "$W/description"

# ---- and no more
u mkdir "$W/instances/foo"
for k in security.privileged=true security.nesting=true raw.idmap='both 0 0' security.syscalls.deny_default=false; do
	refused "no ${k%%=*} of an instance" -- sh -c 'echo "$2" >"$1"' x "$W/instances/foo/config/${k%%=*}" "${k#*=}"
	refused "nor in a profile" -- sh -c 'echo "$2" >"$1"' x "$W/profiles/default/config/${k%%=*}" "${k#*=}"
done
refused "no device" -- mkdir "$W/instances/foo/devices/x"
refused "none in a profile" -- sh -c 'mkdir "$1/x" && printf "type=disk\nsource=/etc\npath=/mnt\n" >"$1/x/set"' x "$W/profiles/default/devices"
refused "no other network" -- sh -c 'echo other >"$1"' x "$W/profiles/default/devices/eth0/network"
refused "no key of the project" -- sh -c 'echo true >"$1"' x "$W/config/features.networks"
refused "none is unset" -- rm "$W/config/features.profiles"
refused "nor switched by set" -- sh -c 'echo config/features.images=false >"$1"' x "$W/set"
refused "no project" -- mkdir "$P/mine"
refused "the project isn't removed" -- rmdir "$W"
refused "nor renamed" -- mv "$W" "$P/mine"
refused "nor given to others" -- chgrp -R 42002 "$W"
refused "no instance goes to the top" -- mv "$W/instances/foo" "$LXD/instances/"
refused "none comes from there" -- mv "$LXD/instances/top" "$W/instances/"
refused "nothing of another project" -- ls "$P/lab/instances/x"
user root

# ---- what root adds to one of its profiles is given to all of its instances
put true "$W/profiles/default/config/security.nesting"
is "$(cat "$W/instances/foo/config/security.nesting")" true "a key that root sets in the project's profile counts"
rm "$W/profiles/default/config/security.nesting"
alice
refused "and stays root's" -- sh -c 'echo true >"$1"' x "$W/profiles/default/config/security.nesting"
user root

# ---- without profiles of its own, profiles aren't its choice
mkdir "$P/poor"
printf 'features.profiles=false\nfeatures.images=false\n' >"$P/poor/config/set"
chgrp $WEB "$P/poor"
mkdir "$LXD/profiles/strong"
put true "$LXD/profiles/strong/config/security.privileged"
alice
ok "it makes an instance" -- u mkdir "$P/poor/instances/foo"
refused "but can't give it a profile of project default" -- sh -c 'echo strong >"$1"' x "$P/poor/instances/foo/profiles"
user root
# it is one and the same for whoever looks at the project as if it were all that there is
mkdir "$WORK/view"
mount --bind "$W" "$WORK/view"
is "$(find "$WORK/view" -type l ! -name files ! -name console -printf '%l\n' | grep -v '^\.\./[0-9a-f]*$')" "" "no link leads out of a view of the project"
put 48MiB "$WORK/view/instances/foo/config/limits.memory"
is "$(cat "$W/instances/foo/config/limits.memory")" 48MiB "which can be used as the tree"
ok "has errors of its own" -- cat "$WORK/view/error" "$WORK/view/README"
umount "$WORK/view"
rmdir "$W/instances/foo" "$P/poor/instances/foo" "$LXD/instances/top"
done_testing
