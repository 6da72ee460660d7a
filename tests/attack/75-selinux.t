#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# SELinux: contexts of a container's processes and files, with categories of its own, where a policy is loaded that
# knows containers.
. "$(dirname "$0")/../lib/daemon.sh"
if [ ! -e /sys/fs/selinux/class/process ]; then
	skip_all "no SELinux policy is loaded"
fi
# shellcheck disable=SC2119
daemon_start
ok "the image" -- use_busybox
foo=$LXD/instances/foo
bar=$LXD/instances/bar
context() { tr -d '\0' <"/proc/$(get "$1/pid")/attr/current"; }
inside() {
	local e=$foo/exec/t$BASHPID
	mkdir "$e"
	put "$1" "$e/command"
	put run "$e/state" || cat "$ERROR_FILE"
	cat "$e/stdout" "$e/stderr"
	rmdir "$e"
}
mkdir "$foo" "$bar"
if ! printf 'system_u:system_r:container_t:s0:c1,c2\0' >/sys/fs/selinux/context 2>/dev/null; then
	ok "an instance starts" -- put running "$foo/state"
	is "$(context "$foo")" "$(tr -d '\0' </proc/self/attr/current)" "without a context of its own"
	like "$(cat "$LXD"/warnings/selinux-*/message)" "has no context system_u:system_r:container_t" "a warning says why"
	put none "$LXD/config/lxdfs.selinux_type"
	done_testing
	exit
fi
ok "foo starts" -- put running "$foo/state"
ok "bar starts" -- put running "$bar/state"
like "$(context "$foo")" '^system_u:system_r:container_t:s0:c[0-9]+,c[0-9]+$' "its init has the type"
isnt "$(context "$bar")" "$(context "$foo")" "another one has other categories"
is "$(sed -n 's/^selinux //p' "$foo/confinement")" "$(context "$foo")" "its file confinement says so"
is "$(inside 'cat /proc/self/attr/current' | tr -d '\0')" "$(context "$foo")" "a command has the same"
files=$(context "$foo" | sed 's/system_r:container_t/object_r:container_file_t/')
for file in etc/passwd dev dev/shm dev/pts; do
	is "$(getfattr -h --absolute-names --only-values -n security.selinux "/proc/$(get "$foo/pid")/root/$file" | tr -d '\0')" "$files" "/$file is its own"
done
put none "$LXD/config/lxdfs.selinux_type"
ok "without a type" -- put restart "$foo/state"
is "$(context "$foo")" "$(tr -d '\0' </proc/self/attr/current)" "it has what lxdfsd has"
put fish_t "$LXD/config/lxdfs.selinux_type"
ok "with one that isn't there" -- put restart "$foo/state"
like "$(cat "$LXD"/warnings/selinux-*/message)" "no context system_u:system_r:fish_t" "a warning"
done_testing
