#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Device nodes: root of a container, a privileged one above all, has no hold on those of the host; and what a container
# sees of its limits, without being able to change what counts.
. "$(dirname "$0")/../lib/daemon.sh"

# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
foo=$LXD/instances/foo
inside() {
	local e=$foo/exec/t$BASHPID
	mkdir "$e"
	put "$1" "$e/command"
	put run "$e/state"
	cat "$e/stdout"
	rmdir "$e"
}
nodes() { stat -c '%n %a %u:%g' /dev/null /dev/zero /dev/full /dev/random /dev/urandom /dev/tty /dev/fuse /dev/net/tun 2>/dev/null; }
host=$(nodes)

mkdir "$foo"
for privileged in false true; do
	put "$privileged" "$foo/config/security.privileged"
	put running "$foo/state"
	inside 'cd /dev; chmod 646 full; chown 1000:1000 zero; chmod 606 fuse net/tun; true' 2>/dev/null
	is "$(nodes)" "$host" "privileged=$privileged: the host's nodes keep mode and owner"
	is "$(inside 'head -c 3 /dev/zero | wc -c; echo x >/dev/null && echo written; echo x 2>&- >/dev/full || echo full')" \
		"$(printf '3\nwritten\nfull')" "privileged=$privileged: its own do what they should"
	put 'stopped force' "$foo/state"
done
# a host that the attack reached is put right
echo "$host" | while read -r file mode owner; do
	[ "$(stat -c '%a %u:%g' "$file")" = "$mode $owner" ] || { chown "$owner" "$file" && chmod "$mode" "$file"; }
done

put false "$foo/config/security.privileged"
put 128MiB "$foo/config/limits.memory"
put 77 "$foo/config/limits.processes"
put running "$foo/state"
seen() { inside 'cat /sys/fs/cgroup/memory.max /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/pids.max /sys/fs/cgroup/pids/pids.max 2>/dev/null'; }
is "$(seen)" "$(printf '134217728\n77')" "limits are seen inside"
put 256MiB "$foo/config/limits.memory"
is "$(seen)" "$(printf '268435456\n77')" "so is a change"
put 64MiB "$foo/config/limits.memory"
: >"$foo/config/limits.processes"
rm -f "$foo/config/limits.processes"
is "$(seen)" "$(printf '67108864\nmax')" "and the end of one"
inside 'for f in memory.max memory/memory.limit_in_bytes; do [ ! -e /sys/fs/cgroup/$f ] || echo 1000000000 >/sys/fs/cgroup/$f; done' 2>/dev/null
is "$(seen)" "$(printf '67108864\nmax')" "root inside changes none"
put 'stopped force' "$foo/state"
rmdir "$foo"
done_testing
