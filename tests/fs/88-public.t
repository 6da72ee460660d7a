#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# An image's own files are copied out; one that is public is there for a stranger, and nothing else is.
. "$(dirname "$0")/../lib/daemon.sh"

I=$LXD/images P=$LXD/public
daemon_start --no-init
stranger() { setpriv --reuid 65534 --regid 65534 --clear-groups "$@"; }
sum() { cat "$@" | sha256sum | cut -d ' ' -f 1; }

mkdir -p "$WORK/one/rootfs/etc" "$WORK/one/rootfs/usr/bin"
printf 'architecture: x86_64\ncreation_date: 1700000000\nproperties:\n  os: Testix\n' >"$WORK/one/metadata.yaml"
head -c 5000000 /dev/urandom >"$WORK/one/rootfs/etc/noise"
tar -C "$WORK/one" -cJf "$WORK/one.tar.xz" metadata.yaml rootfs
tar -C "$WORK/one" -czf "$WORK/two.tar.gz" metadata.yaml
tar -C "$WORK/one/rootfs" -cf "$WORK/two.rootfs" .
one=$(sum "$WORK/one.tar.xz")
two=$(sum "$WORK/two.tar.gz" "$WORK/two.rootfs")
cp "$WORK/one.tar.xz" "$WORK/two.tar.gz" "$WORK/two.rootfs" "$I/"

# ---- files of images

size=$(stat -c %s "$WORK/one.tar.xz")
is "$(stat -c '%s %a' "$I/$one/image.tar.xz")" "$size 440" "an image's file has its size"
ok "it is copied out" -- cp "$I/$one/image.tar.xz" "$WORK/out"
ok "as it came" -- cmp "$WORK/out" "$WORK/one.tar.xz"
is "$(dd if="$I/$one/image.tar.xz" bs=1000 skip=4321 count=7 2>/dev/null | sum)" \
	"$(dd if="$WORK/one.tar.xz" bs=1000 skip=4321 count=7 2>/dev/null | sum)" "from anywhere"
is "$(tail -c 777 "$I/$one/image.tar.xz" | sum)" "$(tail -c 777 "$WORK/one.tar.xz" | sum)" "and to its end"
nok "it isn't written" -- sh -c 'echo x >"$1"' - "$I/$one/image.tar.xz"
is "$(sum "$I/$one/image.tar.xz")" "$one" "and stays what it was"
ok "one of two halves has both" -- cmp "$I/$two/metadata.tar.gz" "$WORK/two.tar.gz"
ok "each as what it is" -- cmp "$I/$two/rootfs.tar" "$WORK/two.rootfs"

# ---- public/

ln -s "../$one" "$I/aliases/testix"
ln -s "../$two" "$I/aliases/secret"
is "$(stat -c %a "$P")" 755 "everybody may look into public/"
is "$(stranger ls -A "$P")" "" "where nothing is by default"
is "$(cat "$I/$one/public")" false "since no image is public"
nok "a stranger doesn't make one so" -- stranger sh -c 'echo true >"$1"' - "$I/$one/public"
fails_with EINVAL "" "it is so or not" -- put perhaps "$I/$one/public"
cd "$WORK" || exit
mkdir -m 777 "$WORK/away"
nok "it isn't there before" -- stranger stat "$P/testix"
ok "root makes it public" -- put true "$I/$one/public"
is "$(stranger ls -A "$P" | sort)" "$(printf '%s\n' "$one" testix | sort)" "it is there at once, and its alias"
ok "a stranger copies it" -- stranger cp "$P/testix/image.tar.xz" "$WORK/away/"
is "$(sum "$WORK/away/image.tar.xz")" "$one" "whole"
is "$(stranger ls -A "$P/$one" | sort | xargs)" "architecture fingerprint image.tar.xz properties size" "what is shown of it"
is "$(stranger cat "$P/$one"/{architecture,fingerprint,size,properties/os} | xargs)" "x86_64 $one $size Testix" "to read"
is "$(find "$P/" -mindepth 1 ! -type l -printf '%m %U %G %y\n' | sort -u)" "$(printf '444 0 0 f\n555 0 0 d')" "and only that"
is "$(stranger find "$P/" -type f -exec cat {} + | wc -c)" "$(find "$P/" -type f -exec cat {} + | wc -c)" "all of it"
nok "a stranger makes nothing there" -- stranger mkdir "$P/x"
nok "nobody does" -- mkdir "$P/x"
nok "and removes nothing" -- rmdir "$P/$one"

# ---- what isn't public isn't there

said() { stranger stat "$1" 2>&1 | sed "s,$1,X,g"; }
is "$(said "$P/$two")" "$(said "$P/${two:0:60}0000")" "an image that isn't public looks as one that isn't there"
is "$(said "$P/secret")" "$(said "$P/nothing")" "an alias of it likewise"
is "$(said "$P/$two/metadata.tar.gz")" "$(said "$P/nothing/metadata.tar.gz")" "and what would be in it"
exec 5<"$P/$one"
ok "another name is there at once" -- sh -c 'ln -s "../$1" "$2/aliases/more" && readlink "$3/more"' - "$one" "$I" "$P"
rm "$I/aliases/more"
nok "and gone at once" -- stranger readlink "$P/more"
ok "it is public no more" -- put false "$I/$one/public"
is "$(stranger ls -A "$P")" "" "and gone"
nok "also for who was in it" -- cat /proc/self/fd/5/size
exec 5<&-
is "$(said "$P/$one/size")" "$(said "$P/nothing/size")" "without a trace"
put true "$I/$two/public"
is "$(stranger cat "$P/secret/metadata.tar.gz" "$P/secret/rootfs.tar" | sum)" "$two" "two halves are copied by a stranger"
ok "it goes with the image" -- rmdir "$I/$two"
is "$(stranger ls -A "$P")" "" "nothing is left"
done_testing
