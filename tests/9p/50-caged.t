#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Code that took over a process which a client talks to: what it reaches out of the cages of lxdfs-9p and lxdfs-tls. The
# same attempts of root outside succeed, so that each line can fail.
. "$(dirname "$0")/../lib/daemon.sh"
daemon_start --no-init

caged() { "$BUILD/tools/caged" "$@"; }
# Of the same user: what only ids keep apart would be reached.
setpriv --reuid 4242 --regid "$(lxd_gid)" --clear-groups tail -f /dev/null &
victim=$!
outside=$(unshare --mount --propagation private "$BUILD/tools/caged" none $victim)
inside=$(caged 9p $victim "$LXD" 4242 "$(lxd_gid)")
tls=$(caged tls $victim 4242 4242)
result() { awk -v name="$2" '$1 == name { print $2 }' <<<"$1"; }

isnt "$outside" "" "there are attempts"
while read -r name _; do
	is "$(result "$outside" "$name")" reached "$name: root outside"
	case $name in
	shadow | proc | above) wanted='^(ENOENT|EPERM|EACCES)$' ;;
	address-space) wanted='^ENOMEM$' ;;
	*) wanted='^EPERM$' ;;
	esac
	like "$(result "$inside" "$name")" "$wanted" "$name: not out of lxdfs-9p"
	like "$(result "$tls" "$name")" "$wanted" "$name: not out of lxdfs-tls"
done <<<"$outside"
kill $victim

done_testing
