#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Images through the tree: copied in whole or in halves, named, copied out, removed.
. "$(dirname "$0")/../lib/daemon.sh"

I=$LXD/images
daemon_start --no-init

# ---- files to copy
mkdir -p "$WORK/one/rootfs/etc" "$WORK/one/rootfs/usr/bin"
printf 'architecture: x86_64\ncreation_date: 1700000000\nproperties:\n  os: Testix\n  release: "1"\n' >"$WORK/one/metadata.yaml"
echo testix >"$WORK/one/rootfs/etc/hostname"
tar -C "$WORK/one" -cJf "$WORK/one.tar.xz" metadata.yaml rootfs
tar -C "$WORK/one" -cJf "$WORK/two.tar.xz" metadata.yaml
tar -C "$WORK/one/rootfs" -cf "$WORK/two.rootfs" .
sum() { cat "$@" | sha256sum | cut -d ' ' -f 1; }
one=$(sum "$WORK/one.tar.xz")
two=$(sum "$WORK/two.tar.xz" "$WORK/two.rootfs")
images() { find "$I" -mindepth 1 -maxdepth 1 -type d -name '[0-9a-f]*' ! -name aliases -printf '%f\n' | sort; }

# ---- in
ok "cp imports an image" -- cp "$WORK/one.tar.xz" "$I/"
is "$(images)" "$one" "it is named by its fingerprint"
is "$(get "$I/$one/architecture")" x86_64 "its architecture"
is "$(get "$I/$one/properties/os")" Testix "its properties"
is "$(get "$I/$one/size")" "$(stat -c %s "$WORK/one.tar.xz")" "its size"
is "$(get "$I/$one/filename")" one.tar.xz "the name that it had"
is "$(get "$I/$one/created_at")" 2023-11-14T22:13:20Z "when it was made"
fails_with EEXIST "is there already" "the same once more" -- cp "$WORK/one.tar.xz" "$I/again.tar.xz"
tar -C "$WORK/one" -cJf "$WORK/held.tar.xz" rootfs metadata.yaml
exec 7>"$I/held.tar.xz"
# cat's end closes its copy of the descriptor
ok "one that is written through a descriptor that stays open" -- sh -c 'cat "$1" >&7' - "$WORK/held.tar.xz"
held=$(sum "$WORK/held.tar.xz")
like "$(images)" "$held" "is taken"
fails_with EBUSY "isn't written any more" "and isn't changed behind its fingerprint" -- sh -c 'printf x | dd bs=1 >&7'
exec 7>&-
is "$(sum "$STATE/images/$held/image")" "$held" "its bytes are those"
ok "it can go" -- rmdir "$I/$held"
echo "no image at all" >"$WORK/text"
fails_with EINVAL "no image" "what is no image" -- cp "$WORK/text" "$I/"
fails_with EPERM "copying its file" "an image isn't made by mkdir" -- mkdir "$I/x"
is "$(find "$STATE/images" -name '.upload*')" "" "nothing is left of what was refused"

# ---- in two halves
ok "the root file system of a split image" -- cp "$WORK/two.rootfs" "$I/"
is "$(images)" "$one" "is no image yet"
ok "a warning tells what is awaited" -- grep -q 'two\.tar\.xz' -r "$LXD/warnings" --include=message
ok "and its metadata" -- cp "$WORK/two.tar.xz" "$I/"
is "$(images)" "$(printf '%s\n%s\n' "$one" "$two" | sort)" "together are one"

# ---- names
ok "an alias is a link" -- ln -s "../$one" "$I/aliases/testix"
is "$(readlink "$I/aliases/testix")" "../$one" "to the image"
is "$(get "$I/aliases/testix/properties/os")" Testix "through which it is reached"
fails_with EEXIST "" "a name that is given isn't given twice" -- ln -sn "../$two" "$I/aliases/testix"
fails_with ENOENT "" "an alias of nothing" -- ln -s ../0000 "$I/aliases/none"
ok "the beginning of a fingerprint is enough" -- ln -s "../${two:0:12}" "$I/aliases/other"
is "$(readlink "$I/aliases/other")" "../$two" "and is completed"
ok "it is removed" -- rm "$I/aliases/other"
is "$(ls "$I/aliases")" testix "and only it"

# ---- over the daemon's end
cp "$WORK/two.tar.xz" "$I/half.tar.xz" 2>/dev/null
"$BIN/lxdfsd" --stop --mount "$LXD" --state "$STATE" --run "$RUN" --name "$NAME" >>"$BASE/log" 2>&1
mkdir -p "$STATE/unpacked/$(printf %064d 7)"
daemon_again
is "$(readlink "$I/aliases/testix")" "../$one" "aliases stay"
is "$(images | wc -l)" 2 "images stay"
is "$(find "$STATE/images" -name '.upload*')" "" "a half that waited doesn't"
nok "nor what was unpacked and nobody needs" -- test -d "$STATE/unpacked/$(printf %064d 7)"

# ---- out
ok "rmdir" -- rmdir "$I/$one"
is "$(images)" "$two" "removes an image"
is "$(ls "$I/aliases")" "" "with its aliases"
nok "and its file" -- test -e "$STATE/images/$one"

done_testing
