#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# rm, rmdir and rm -r: a key is unset, an object goes as a whole or not at all.
# shellcheck disable=SC2002,SC2010,SC2012,SC2016,SC2086 # cat is tested; names are plain; $1 is the inner shell's; words are meant
. "$(dirname "$0")/../lib/daemon.sh"
daemon_start --no-init

foo=$LXD/instances/foo
make_foo() {
	mkdir "$foo" "$foo/devices/data" &&
		put 10MiB "$foo/config/limits.memory" &&
		put 20 "$foo/config/limits.processes" &&
		put disk "$foo/devices/data/type"
}
mkdir "$LXD/profiles/p" "$LXD/profiles/p/devices/eth0"
put 7 "$LXD/profiles/p/config/limits.cpu.priority"
put nic "$LXD/profiles/p/devices/eth0/type"
make_foo
put p "$foo/profiles"

# ---- keys (19)

ok "rm of a key" -- rm "$foo/config/limits.memory"
nok "it is unset" -- test -e "$foo/config/limits.memory"
nok "in local/ too" -- test -e "$foo/local/config/limits.memory"
fails_with ENOENT "" "rm of one that isn't set" -- rm "$foo/config/limits.memory"
ok "rm -f of it" -- rm -f "$foo/config/limits.memory"
ok "an inherited one can be read" -- test "$(cat "$foo/config/limits.cpu.priority")" = 7
fails_with EPERM "comes from profile p" "but not removed here" -- rm "$foo/config/limits.cpu.priority"
nok "it isn't in local/" -- test -e "$foo/local/config/limits.cpu.priority"
put 8 "$foo/config/limits.cpu.priority"
is "$(cat "$foo/config/limits.cpu.priority" "$foo/local/config/limits.cpu.priority")" $'8\n8' "another value over it"
ok "goes with rm" -- rm "$foo/config/limits.cpu.priority"
is "$(cat "$foo/config/limits.cpu.priority")" 7 "and the profile's is back"
put 9 "$foo/config/limits.cpu.priority"
ok "rm in local/" -- rm "$foo/local/config/limits.cpu.priority"
is "$(cat "$foo/config/limits.cpu.priority")" 7 "is the same"
put text "$foo/description"
ok "rm of the description" -- rm "$foo/description"
is "$(cat "$foo/description")" "" "sets it to its default"
fails_with EPERM "part of its object" "rm in effective/" -- rm "$foo/effective/config/limits.processes"
fails_with EPERM "" "rm of a file of the tree's own" -- rm "$LXD/README"
fails_with EISDIR "" "rm of a directory" -- rm "$foo/config"

# ---- parts

fails_with EPERM "part of its object" "rmdir of config/" -- rmdir "$foo/config"
fails_with EPERM "" "rmdir of instances/" -- rmdir "$LXD/instances"
fails_with EPERM "comes from a profile" "rmdir of an inherited device" -- rmdir "$foo/devices/eth0"
ok "rmdir of a device" -- rmdir "$foo/devices/data"
nok "it is gone" -- test -e "$foo/devices/data"
for rm in "rm -r" "rm -rf" "busybox rm -r"; do
	mkdir "$foo/devices/data"
	put disk "$foo/devices/data/type"
	put /mnt "$foo/devices/data/path"
	ok "$rm of a device" -- $rm "$foo/devices/data"
	nok "$rm: it is gone" -- test -e "$foo/devices/data"
	ok "$rm: the instance isn't" -- test -e "$foo/state"
done
ok "rm -r in one process, then made again" -- perl -e 'use File::Path; my $d = shift; mkdir $d or die; open F, ">", "$d/type"; print F "disk\n"; close F or die;
	File::Path::remove_tree($d); -e $d and die "there"; mkdir $d or die; -e "$d/set" or die "no set"; rmdir $d or die' "$foo/devices/data"
fails_with EPERM "comes from profile p" "rm -r of config/" -- rm -r "$foo/config"
nok "unsets what it can" -- test -e "$foo/config/limits.processes"
ok "and config/ is whole" -- test -e "$foo/config/set"

# ---- objects (18)

fails_with ENOTDIR "" "rmdir of a file" -- rmdir "$foo/state"
ok "rmdir of an instance with all its files" -- rmdir "$foo"
nok "it is gone" -- test -e "$foo"
for rm in "rm -r" "rm -rf" "busybox rm -r" "busybox rm -rf"; do
	make_foo
	ok "$rm of an instance" -- $rm "$foo"
	nok "$rm: it is gone" -- test -e "$foo"
done
make_foo
ok "find -delete of an instance" -- find "$foo" -delete
nok "find -delete: it is gone" -- test -e "$foo"
make_foo
ok "perl's remove_tree" -- perl -e 'use File::Path; File::Path::remove_tree(shift, {error => \my $e}); @$e and die map { values %$_ } @$e' "$foo"
nok "remove_tree: it is gone" -- test -e "$foo"
# ---- one that may not go

make_foo
put true "$foo/config/security.protection.delete"
before=$(cat "$foo/set")
fails_with EPERM "security.protection.delete" "rmdir of a protected one" -- rmdir "$foo"
for rm in "rm -r" "rm -rf" "busybox rm -rf" "find -delete"; do
	case $rm in
	find*) fails_with EPERM "security.protection.delete" "$rm of a protected one" -- find "$foo" -delete ;;
	*) fails_with EPERM "security.protection.delete" "$rm of a protected one" -- $rm "$foo" ;;
	esac
	is "$(cat "$foo/set")" "$before" "$rm: nothing of it is removed"
done
fails_with EPERM "security.protection.delete" "rm of all its files" -- sh -c 'rm "$1"/*' sh "$foo"
is "$(cat "$foo/set")" "$before" "nothing of it is removed"
rm "$foo/config/security.protection.delete"
ok "who removed some of its files and no more" -- sh -c 'exec rm "$1/error" "$1/state"' sh "$foo"
ok "has removed nothing for others" -- cat "$foo/error" "$foo/state"
fails_with EBUSY "foo" "a profile in use" -- sh -c 'echo p >"$1/profiles"; rmdir "$2"' sh "$foo" "$LXD/profiles/p"
fails_with EBUSY "foo" "nor with rm -r" -- rm -r "$LXD/profiles/p"
is "$(cat "$LXD/profiles/p/config/limits.cpu.priority")" 7 "nothing of it is removed"
ok "rm -r of both" -- rm -r "$foo" "$LXD/profiles/p"
is "$(ls "$LXD/instances" "$LXD/profiles" | grep -v : | grep .)" "" "nothing is left"

# ---- other users

make_foo
fails_with EACCES "" "others can't remove an instance" -- as 4242 4242 rmdir "$foo"
ok "who is in group lxd can" -- as 4242 "4242,$(lxd_gid)" rm -r "$foo"

done_testing
