#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What a client that isn't trusted has of images: those that are public.
. "$(dirname "$0")/../lib/daemon.sh"
getent passwd lxdfs-remote >/dev/null || skip_all "no user lxdfs-remote: setup-host adds it"
daemon_start --no-init
I=$LXD/images

mkdir -p "$WORK/etc" "$WORK/mnt" "$WORK/one/rootfs/etc" "$WORK/one/rootfs/usr/bin" /etc/lxdfs 2>/dev/null
mount --bind "$WORK/etc" /etc/lxdfs
M=$WORK/mnt
printf 'architecture: x86_64\ncreation_date: 1700000000\nproperties:\n  os: Testix\n' >"$WORK/one/metadata.yaml"
head -c 3000000 /dev/urandom >"$WORK/one/rootfs/etc/noise"
tar -C "$WORK/one" -cJf "$WORK/one.tar.xz" metadata.yaml rootfs
tar -C "$WORK/one" -czf "$WORK/secret.tar.gz" metadata.yaml rootfs
sum() { sha256sum <"$1" | cut -d ' ' -f 1; }
one=$(sum "$WORK/one.tar.xz")
secret=$(sum "$WORK/secret.tar.gz")
cp "$WORK/one.tar.xz" "$WORK/secret.tar.gz" "$I/"
ln -s "../$one" "$I/aliases/testix"
ln -s "../$secret" "$I/aliases/secret"
put 127.0.0.1:8443 "$LXD/config/core.https_address"

ok "a stranger mounts" -- "$BIN/lxdfs-client" 127.0.0.1:/ "$M" -o fuse
is "$(ls -A "$M/public")" "" "and sees no image"
put true "$I/$one/public"
ok "one that is made public appears" -- eventually test -e "$M/public/testix/image.tar.xz"
is "$(find "$M/public" -mindepth 1 -maxdepth 1 -printf "%f\n" | sort | xargs)" "$(printf '%s\n' "$one" testix | sort | xargs)" "and no other"
ok "it is copied over the wire" -- cp "$M/public/testix/image.tar.xz" "$WORK/copy"
is "$(sum "$WORK/copy")" "$one" "and is what it was"
is "$(cat "$M/public/$one/properties/os")" Testix "what it says of itself is read"
said() { stat "$1" 2>&1 | sed "s,$1,X,g"; }
is "$(said "$M/public/$secret")" "$(said "$M/public/${secret:0:60}0000")" "one that isn't public looks as one that isn't there"
is "$(said "$M/public/secret")" "$(said "$M/public/nothing")" "so does its alias"
nok "nothing is written there" -- sh -c 'echo x >"$1"' - "$M/public/$one/image.tar.xz"
nok "nor made" -- mkdir "$M/public/x"
put false "$I/$one/public"
ok "one that isn't any more is gone" -- eventually sh -c '! test -e "$1"' - "$M/public/$one"
is "$(said "$M/public/$one/size")" "$(said "$M/public/nothing/size")" "with all of it"
umount "$M" /etc/lxdfs
done_testing
