#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a client says to lxdfs-9p, byte by byte: the protocol as it should be used, and everything else.
. "$(dirname "$0")/../lib/daemon.sh"
daemon_start --no-init
use_busybox

mkdir "$LXD/instances/foo"
echo words >"$LXD/instances/foo/description"
played=$(LXDFS_BUILD=$BUILD "$BUILD/tools/p9" "$LXD" 4242 "$(lxd_gid)" all <"$ROOT/tests/9p/exchanges.txt")
while IFS= read -r line; do
	case $line in
	"ok "*) pass "${line#*- }" ;;
	"not ok "*) fail "${line#*- }" ;;
	"#"*) diag "${line#\# }" ;;
	esac
done <<<"$played"
is "$(cat "$LXD/instances/foo/description")" words "what was refused has changed nothing"
gone() { ! pgrep lxdfs-9p; }
ok "no server is left when its client and its core have gone" -- eventually gone

done_testing
