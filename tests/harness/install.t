#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# `make install` puts everything in place below DESTDIR, and what it put there runs without the source.
. "$(dirname "$0")/../lib/daemon.sh"
dest=$WORK/dest

ok "make install DESTDIR=..." -- make -s -C "$ROOT" V="${BUILD##*/}" install DESTDIR="$dest" prefix=/usr
for file in usr/sbin/lxdfsd usr/bin/lxdfs-shell usr/libexec/lxdfs/lxdfs-mount usr/libexec/lxdfs/lxdfs-monitor usr/libexec/lxdfs/lxdfs-enter usr/libexec/lxdfs/lxdfs-unpack usr/libexec/lxdfs/lxdfs-notify usr/libexec/lxdfs/lxdfs-proxy usr/libexec/lxdfs/lxdfs-intercept \
	usr/libexec/lxdfs/first-start usr/libexec/lxdfs/setup-host; do
	ok "$file is a program" -- test -x "$dest/$file"
done
for file in usr/share/lxdfs/README.md usr/share/lxdfs/security.md usr/share/lxdfs/busybox.tar.xz \
	usr/share/lxdfs/reference/nic-bridged.md usr/share/man/man7/lxdfs-instance.7 etc/systemd/system/lxdfs.service; do
	ok "$file is there" -- test -s "$dest/$file"
done
is "$(grep -c '@[a-z]*@' "$dest/etc/systemd/system/lxdfs.service")" 0 "the unit has its paths"
is "$(grep -rlF "$ROOT" "$dest/usr/share" "$dest/etc" "$dest/usr/libexec/lxdfs/first-start" "$dest/usr/libexec/lxdfs/setup-host")" "" \
	"nothing of it names the source directory"

# as the unit would, with directories of this test's own: the helpers are found from where lxdfsd lies
dirs=(--mount "$LXD" --state "$STATE" --run "$RUN" --name "$NAME")
ok "what was installed starts" -- "$dest/usr/sbin/lxdfsd" "${dirs[@]}"
ok "has its first image" -- "$dest/usr/libexec/lxdfs/first-start" "$LXD" "$STATE" "$dest/usr/share/lxdfs/busybox.tar.xz"
mkdir "$LXD/instances/foo"
ok "and runs an instance" -- put running "$LXD/instances/foo/state"
ok "it is stopped with everything" -- "$dest/usr/sbin/lxdfsd" --stop --all "${dirs[@]}"
ok "make uninstall" -- make -s -C "$ROOT" V="${BUILD##*/}" uninstall DESTDIR="$dest" prefix=/usr
is "$(find "$dest" -type f)" "" "takes all of it out again"

done_testing
