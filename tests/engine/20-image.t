#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Images: good ones in every format, hostile ones refused with a sentence, and nothing left of what failed.
. "$(dirname "$0")/../lib/daemon.sh"

OUT=$WORK/out
ERR=$WORK/err
DEST=$STATE/dest
META='file,metadata.yaml,data=architecture: x86_64'

image() {
	timeout 60 "$BUILD/tools/imagectl" "$BIN" "$@" >"$OUT" 2>"$ERR"
}

probe() { image probe "$@"; }
unpack() { image unpack "$1" "dest=$DEST" "${@:2}"; }

lefts() {
	find "$STATE" -maxdepth 1 -name 'dest*' -printf '%f'
}

# refused ERRNO TEXT NAME FILE [NAME=VALUE...]: by both calls with the same words, and nothing is left
refused() {
	local errno=$1 text=$2 name=$3 call said bad=
	shift 3
	for call in probe unpack; do
		if "$call" "$@"; then
			bad="$call succeeded"
		else
			said=$(cat "$ERR")
			case $said in
			"$errno: "*"$text"*) ;;
			*) bad="$call said: $said" ;;
			esac
		fi
		[ -z "$(lefts)" ] || bad="left by $call: $(lefts)"
		rm -rf "$DEST" "$DEST.new"
		[ -z "$bad" ] || break
	done
	is "$bad" "" "$name"
}

# attack ERRNO TEXT NAME ENTRY...: an image with these entries besides its metadata
attack() {
	local errno=$1 text=$2 name=$3
	shift 3
	"$ROOT/tests/lib/tarball.pl" "$META" dir,rootfs,mode=755 "$@" >"$WORK/attack.tar"
	refused "$errno" "$text" "$name" "$WORK/attack.tar"
}

# accept NAME ENTRY...: the same, taken; it is in $DEST then
accept() {
	local name=$1
	shift
	rm -rf "$DEST"
	"$ROOT/tests/lib/tarball.pl" "$META" dir,rootfs,mode=755 "$@" >"$WORK/good.tar"
	if probe "$WORK/good.tar" && unpack "$WORK/good.tar"; then
		pass "$name"
	else
		fail "$name"
		diag "$(cat "$ERR")"
	fi
}

manifest() {
	(cd "$1" && find . ! -path './dev/*' ! -type p -printf '%P %y %m %U:%G %s %T@ %n %l\n' | sed -E 's/^([^ ]* d [^ ]* [^ ]*) [0-9]+/\1 -/' |
		LC_ALL=C sort)
}

helpers() {
	{ pgrep -a -x lxdfs-unpack; pgrep -a -x unsquashfs; } | grep -v defunct
}

no_helper() {
	eventually eval '[ -z "$(helpers)" ]'
	is "$(helpers)" "" "$1"
}

# ---- good ones, in every format
tree=$WORK/tree
root=$tree/rootfs
mkdir -p "$root"/{bin,dev,etc,sbin,usr/share/doc,tmp} "$tree/templates"
chmod 755 "$tree" "$root"
chmod 1777 "$root/tmp"
echo shell >"$root/bin/sh"
chmod 4755 "$root/bin/sh"
ln "$root/bin/sh" "$root/bin/ash"
ln -s /bin/sh "$root/sbin/init"
ln -s ../../../../../../etc/passwd "$root/etc/up"
echo web >"$root/etc/web"
chown 33:1000 "$root/etc/web"
chmod 2640 "$root/etc/web"
mkfifo "$root/etc/fifo"
mknod "$root/dev/null" c 1 3
echo x >"$root/usr/share/doc/ünï ☃"
echo x >"$root/usr/share/doc/$(printf 'l%.0s' {1..200})"
truncate -s 3M "$root/usr/share/doc/holes"
find "$tree" -exec touch -h -d '2020-01-01 00:00:00' {} +
touch -d '2001-02-03 04:05:06' "$root/etc/web" "$root/usr/share/doc" "$root"
echo template >"$tree/templates/hostname.tpl"
cat >"$tree/metadata.yaml" <<-'T'
	architecture: x86_64
	creation_date: 1700000000
	expiry_date: 1900000000
	properties: {os: Test, description: "a test, für alle", release: 12}
	templates:
	  /etc/hostname: {when: [create, copy], template: hostname.tpl}
T
want=$(manifest "$root")
tar -C "$tree" -cf "$WORK/i.tar" metadata.yaml rootfs templates
tar -C "$tree" --format=pax -cf "$WORK/i-pax.tar" ./metadata.yaml ./rootfs ./templates
tar -C "$tree" -S -cf "$WORK/i-sparse.tar" rootfs metadata.yaml
gzip -k1 "$WORK/i.tar"
xz -k1 "$WORK/i.tar"
zstd -q1 "$WORK/i.tar"
tar -C "$tree" -cJf "$WORK/meta.tar.xz" metadata.yaml templates
tar -C "$root" -czf "$WORK/rootfs.tar.gz" .
for f in i.tar i-pax.tar i-sparse.tar i.tar.gz i.tar.xz i.tar.zst; do
	ok "$f: looked into" -- probe "$WORK/$f"
	is "$(sed -n 's/^fingerprint //p; s/^part //p' "$OUT" | paste -sd ' ')" \
		"unified $(sha256sum <"$WORK/$f" | cut -d ' ' -f 1)" "$f: its fingerprint"
	ok "$f: unpacked" -- unpack "$WORK/$f"
	is "$(manifest "$DEST/rootfs")" "$want" "$f: everything is there as it was"
	rm -rf "$DEST"
done
probe "$WORK/i.tar"
is "$(sed -n '/^arch/,$p' "$OUT")" "architecture x86_64
created 1700000000
expires 1900000000
property description=a test, für alle
property os=Test
property release=12" "what metadata.yaml says"
unpack "$WORK/i.tar"
is "$(find "$DEST" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | paste -sd ' ')" "metadata.yaml rootfs templates" "what is there"
is "$(stat -c '%a %U' "$DEST" "$DEST/metadata.yaml" "$DEST/templates" "$DEST/templates/hostname.tpl" | paste -sd ' ')" \
	"700 root 600 root 700 root 600 root" "root's alone"
is "$(ls -A "$DEST/rootfs/dev")$(find "$DEST" -type p)" "" "no devices, no FIFOs"
fails_with_exists() { ! unpack "$WORK/i.tar" && grep -q '^17: .*is there already' "$ERR"; }
ok "a directory that is there stays" -- fails_with_exists
rm -rf "$DEST"

split() {
	local what=$1 file=$2
	probe "$WORK/meta.tar.xz" "rootfs=$file"
	is "$(sed -n 's/^fingerprint //p; s/^part //p; s/^property os=//p' "$OUT" | paste -sd ' ')" \
		"split $(cat "$WORK/meta.tar.xz" "$file" | sha256sum | cut -d ' ' -f 1) Test" "split, $what: looked into"
	ok "split, $what: unpacked" -- unpack "$WORK/meta.tar.xz" "rootfs=$file"
	is "$(manifest "$DEST/rootfs")" "$want" "split, $what: everything is there as it was"
	is "$(find "$DEST" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | paste -sd ' ')" "metadata.yaml rootfs templates" \
		"split, $what: with its templates"
	is "$(find "$DEST/rootfs/dev" -mindepth 1)$(find "$DEST" -type p)" "" "split, $what: no devices, no FIFOs"
	rm -rf "$DEST"
	probe "$file"
	is "$(head -n 1 "$OUT")" "part rootfs" "$what: one half is known as such"
}
split tar "$WORK/rootfs.tar.gz"
probe "$WORK/meta.tar.xz"
is "$(head -n 1 "$OUT")" "part metadata" "the other too"
half() { ! unpack "$@" && grep -q "^22: .*$half_text" "$ERR" && [ ! -e "$DEST.new" ]; }
half_text="one half of a split image"
ok "one half isn't unpacked" -- half "$WORK/meta.tar.xz"
half_text="both files have a root file system"
ok "nor two wholes" -- half "$WORK/i.tar" "rootfs=$WORK/rootfs.tar.gz"
half_text="has no metadata.yaml"
ok "nor the halves the wrong way around" -- half "$WORK/rootfs.tar.gz" "rootfs=$WORK/meta.tar.xz"

# ---- attributes
caps='\x01\x00\x00\x02\x00\x20\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00'
accept "extended attributes" "file,rootfs/ping,pax.SCHILY.xattr.security.capability=$caps,pax.SCHILY.xattr.user.note=yes,pax.SCHILY.xattr.trusted.overlay.opaque=y,pax.SCHILY.xattr.user.overlay.opaque=y,pax.SCHILY.xattr.security.selinux=x" \
	"dir,rootfs/opaque,pax.SCHILY.xattr.trusted.overlay.opaque=y,pax.SCHILY.xattr.user.overlay.opaque=y"
is "$(perl -e 'for (@ARGV) { my $b = "\0" x 4096; my $n = syscall(194, $_, $b, 4096); print join(" ", sort split /\0/, substr($b, 0, $n)), "\n" }' \
	"$DEST/rootfs/ping" "$DEST/rootfs/opaque")" "security.capability user.note" "those of a file, none of an overlay"
accept "files that come twice" file,rootfs/a,data=1 file,rootfs/b,data=2 hard,rootfs/b,link=rootfs/a sym,rootfs/c,link=x file,rootfs/a,data=3 \
	file,rootfs/c,data=4 dir,rootfs/new/deep,mode=700 dir,rootfs/new,mode=711
is "$(cat "$DEST"/rootfs/{a,b,c}; stat -c %a "$DEST/rootfs/new" "$DEST/rootfs/new/deep")" "314711
700" "the last counts, links keep the first"
accept "names in no charset" 'file,rootfs/\xff\xfe' 'file,rootfs/\x01\x0a' 'file,rootfs/x,pax.path=rootfs/\xff'
is "$(find "$DEST/rootfs" -type f -printf x)" xxx "are kept as they are"
accept "what isn't an image's is left out" dir,backup file,backup/x,data=1 file,rootfs/dev/x,data=1 "hard,rootfs/dev/y,link=rootfs/dev/x"
is "$(find "$DEST" -mindepth 1 -printf '%P\n' | sort | paste -sd ' ')" "metadata.yaml rootfs" "left out"
rm -rf "$DEST"

# ---- names that lead elsewhere
attack 22 "has an absolute name" "absolute" file,/etc/x
attack 22 "has an absolute name" "absolute, several slashes" "file,//etc/x"
attack 22 "has .. in its name" ".." file,rootfs/../../x
attack 22 "has .. in its name" ".. at the end" dir,rootfs/..
attack 22 "has .. in its name" ".. outside rootfs" file,../x
attack 22 "without a name" "no name" file,
attack 36 "more than 255 bytes" "a long name" "file,rootfs/%256*x"
attack 36 "more than 4000 bytes" "a long path" "file,rootfs/%2100*x/"
attack 27 "deeper than directories" "a deep path" "dir,rootfs/%200*x/"
attack 22 "goes through a symbolic link" "through a link" sym,rootfs/l,link=/etc file,rootfs/l/x
attack 22 "goes through a symbolic link" "through a link within" dir,rootfs/d sym,rootfs/l,link=d file,rootfs/l/x
attack 22 "goes through a symbolic link" "a directory through a link" sym,rootfs/l,link=../.. dir,rootfs/l/x
attack 22 "in the place of a file" "a directory for a link" sym,rootfs/l,link=/etc dir,rootfs/l
attack 22 "take the place of a directory" "a link for a directory" dir,rootfs/d sym,rootfs/d,link=/etc
attack 22 "lies below a file" "below a file" file,rootfs/f file,rootfs/f/x
attack 22 "take the place of a directory" "rootfs as a link, later" sym,rootfs/d/x,link=y file,rootfs/d
attack 22 "a hard link to what isn't" "a hard link to nothing" hard,rootfs/h,link=rootfs/none
attack 22 "a hard link to what isn't" "a hard link out of rootfs" hard,rootfs/h,link=metadata.yaml
attack 22 "a hard link to what isn't" "a hard link to a directory" dir,rootfs/d hard,rootfs/h,link=rootfs/d
attack 22 "a hard link: the entry" "an absolute hard link" hard,rootfs/h,link=/etc/passwd
attack 22 "a hard link: the entry" "a hard link with .." hard,rootfs/h,link=rootfs/../../x
attack 22 "a hard link to what isn't" "a hard link through a link" sym,rootfs/l,link=/etc hard,rootfs/h,link=rootfs/l/passwd
attack 22 "link to nowhere" "a link without a target" sym,rootfs/l
attack 22 "link to nowhere" "a link with a long target" "sym,rootfs/l,link=%4090*x"

# ---- what isn't taken
attack 22 "is a device node" "a character device" chr,rootfs/null,major=1,minor=3
attack 22 "is a device node" "a block device" blk,rootfs/sda,major=8
attack 22 "is a device node" "a whiteout" chr,rootfs/etc
attack 22 "neither a file nor a directory" "a template as link" dir,templates sym,templates/x,link=/etc/shadow
attack 22 "neither a file nor a directory" "a template as hard link" file,rootfs/x hard,templates/x,link=rootfs/x
attack 22 "must be a directory" "templates as file" file,templates
attack 22 "is there twice" "metadata.yaml twice" "$META"
attack 22 "no user or group number" "a negative owner" file,rootfs/x,pax.uid=-1
attack 22 "no user or group number" "a too large owner" file,rootfs/x,pax.uid=4294967295
attack 27 "more than 68719476736 bytes" "a size beyond all" file,rootfs/x,size=99999999999999
attack 74 "size attribute overflow" "a size beyond 63 bits" file,rootfs/x,pax.size=9223372036854775807
attack 22 "64 extended attributes" "too many attributes" "file,rootfs/x$(printf ',pax.SCHILY.xattr.user.%d=x' {1..65})"

META='sym,metadata.yaml,link=/etc/shadow' attack 22 "must be a regular file" "metadata.yaml as link"
META='dir,metadata.yaml' attack 22 "must be a regular file" "metadata.yaml as directory"
META='file,metadata.yaml,fill=262145' attack 27 "262145 bytes long" "metadata.yaml too long"
META='file,metadata.yaml,data=a: &x b' attack 22 "anchors aren't taken" "metadata.yaml with an anchor"
META='file,metadata.yaml,data=a: b' attack 22 "for which architecture" "metadata.yaml without architecture"
META='file,metadata.yaml,data=a: %100*[' attack 22 "nested deeper" "metadata.yaml nested"
META='file,other,data=x' attack 22 "has no metadata.yaml" "no metadata.yaml"
"$ROOT/tests/lib/tarball.pl" "$META" sym,rootfs,link=/ file,rootfs/etc/x >"$WORK/attack.tar"
refused 22 "must be a directory" "rootfs as a link" "$WORK/attack.tar"
"$ROOT/tests/lib/tarball.pl" "$META" file,rootfs >"$WORK/attack.tar"
refused 22 "must be a directory" "rootfs as a file" "$WORK/attack.tar"
"$ROOT/tests/lib/tarball.pl" file,x >"$WORK/attack.tar"
refused 22 "has n" "a tarball of anything" "$WORK/attack.tar"

# ---- limits
refused 27 "more than 1000000 bytes" "bytes" "$WORK/i.tar" bytes=1000000
refused 27 "more than 5 entries" "entries" "$WORK/i.tar" entries=5
refused 27 "deeper than directories" "depth" "$WORK/i.tar" depth=3
"$ROOT/tests/lib/tarball.pl" "$META" "dir,rootfs/%100*d/" >"$WORK/attack.tar"
refused 27 "more than 60 entries" "directories that aren't named" "$WORK/attack.tar" entries=60
truncate -s 1025M "$WORK/zero"
{
	"$ROOT/tests/lib/tarball.pl" "$META" | head -c -1024
	tar -C "$WORK" --transform 's,^,rootfs/,' -c zero
} | zstd -q1 >"$WORK/bomb.tar.zst"
refused 27 "that is a bomb" "a bomb" "$WORK/bomb.tar.zst"
tar -C "$WORK" -S --transform 's,^,rootfs/,' -cf "$WORK/sparse.tar" zero
refused 27 "more than 1000000 bytes" "a bomb of holes" "$WORK/sparse.tar" bytes=1000000
rm -f "$WORK/zero"

# ---- no images
: >"$WORK/empty"
refused 22 "the file is empty" "an empty file" "$WORK/empty"
head -c 100000 /dev/urandom >"$WORK/noise"
refused 22 "this is no image" "noise" "$WORK/noise"
bzip2 -k "$WORK/i.tar" 2>/dev/null && refused 22 "gzip, xz or zstd" "another compression" "$WORK/i.tar.bz2"
refused 22 "regular file" "a directory" "$WORK"
head -c 5000 "$WORK/i.tar" >"$WORK/cut.tar"
refused 74 "damaged" "a tarball cut off" "$WORK/cut.tar"
for f in i.tar.gz i.tar.xz i.tar.zst; do
	head -c "$(($(stat -c %s "$WORK/$f") - 8))" "$WORK/$f" >"$WORK/cut"
	refused 74 "damaged" "$f cut off" "$WORK/cut"
done

# ---- a full disk
mkdir "$STATE/small"
mount -t tmpfs -o size=1m small "$STATE/small"
full() {
	! image unpack "$@" "dest=$STATE/small/dest" && grep -q '^28: .*No space left\|^28: the disk is full' "$ERR" &&
		[ -z "$(ls -A "$STATE/small")" ]
}
ok "a full disk: says so, and leaves nothing" -- full "$WORK/i.tar"

# ---- squashfs
if [ -n "$(command -v mksquashfs)" ] && [ -e /usr/bin/unsquashfs ]; then
	squash() {
		rm -f "$WORK/r.sqfs"
		mksquashfs "$1" "$WORK/r.sqfs" -quiet -no-progress -nopad >/dev/null
	}
	squash "$root"
	split squashfs "$WORK/r.sqfs"
	bad() { refused "$1" "$2" "squashfs: $3" "$WORK/meta.tar.xz" "rootfs=$WORK/r.sqfs" "${@:4}"; }
	head -c 3000000 /dev/urandom >"$root/noise"
	squash "$root"
	ok "squashfs: a full disk: says so, and leaves nothing" -- full "$WORK/meta.tar.xz" "rootfs=$WORK/r.sqfs"
	rm "$root/noise"
	squash "$root"
	exec 9<"$WORK/r.sqfs"
	rm "$WORK/r.sqfs"
	refused 2 "was removed" "squashfs: a file that has no name any more" "$WORK/meta.tar.xz" rootfs=/dev/fd/9
	exec 9<&-
	squash "$root"
	bad 27 "more than 1000000 bytes" "bytes" bytes=1000000
	bad 27 "more than 5 entries" "entries" entries=5
	bad 27 "directories deeper" "depth" depth=2
	mknod "$root/etc/null" c 1 3
	squash "$root"
	bad 22 "is a device node" "a device node"
	rm "$root/etc/null"
	mknod "$root/etc/gone" c 0 0
	squash "$root"
	bad 22 "is a device node" "a whiteout"
	rm "$root/etc/gone"
	touch "$root/etc/line
end"
	squash "$root"
	bad 22 "line end" "a line end"
	rm "$root"/etc/line*
	squash "$root"
	truncate -s -1 "$WORK/r.sqfs"
	bad 74 "cut off" "cut off"
	squash "$root"
	printf '%0500d' 7 | dd of="$WORK/r.sqfs" bs=1 seek=100 conv=notrunc status=none
	bad 74 "damaged" "damaged"
	printf 'hsqs' >"$WORK/r.sqfs"
	bad 74 "damaged" "nothing but a head"
	squash "$root"
	half_text="its other half is missing"
	ok "a squashfs alone isn't unpacked" -- half "$WORK/r.sqfs"
else
	skip 18 "squashfs-tools isn't installed"
fi
umount "$STATE/small"
no_helper "no helper is left"

# ---- ended in the middle
truncate -s 700M "$WORK/zero"
{
	"$ROOT/tests/lib/tarball.pl" "$META" | head -c -1024
	tar -C "$WORK" --transform 's,^,rootfs/,' -c zero
} | zstd -q1 >"$WORK/large.tar.zst"
rm -f "$WORK/zero"
begin() {
	"$BUILD/tools/imagectl" "$BIN" unpack "$WORK/large.tar.zst" "dest=$DEST" >"$OUT" 2>"$ERR" &
	core=$!
	until [ -s "$DEST.new/rootfs/zero" ] || ! kill -0 $core 2>/dev/null; do :; done
}
# caged CAPS ROOT NAME: of the helper that works, caught when its filter is loaded
caged() {
	local pid=
	until pid=$(pgrep -n -x lxdfs-unpack) && grep -q '^Seccomp:.2' "/proc/$pid/status" 2>/dev/null; do
		kill -0 $core 2>/dev/null || break
	done
	is "$(sed -n 's/^CapPrm:\t0*//p; s/^CapBnd:\t0*//p; s/^NoNewPrivs:\t//p' "/proc/$pid/status" | paste -sd ' ')" \
		"$1 $1 1" "$3: its capabilities, now and ever"
	is "$(ls -A "/proc/$pid/root")" "$2" "$3: what it sees of files"
	isnt "$(readlink "/proc/$pid/ns/net")" "$(readlink /proc/self/ns/net)" "$3: a network of its own, with nothing in it"
	kill -KILL $core
	wait $core 2>/dev/null
	no_helper "$3: ends without its core"
}
begin
caged 8000001b dest "unpacking"
"$BUILD/tools/imagectl" "$BIN" probe "$WORK/large.tar.zst" >"$OUT" 2>"$ERR" &
core=$!
caged "" "" "looking"
ok "canceled in the middle" -- eval '! unpack "$WORK/large.tar.zst" cancel=100'
is "$(cat "$ERR")$(lefts)" "125: reading the image was canceled" "says so, and leaves nothing"
ok "canceled at once" -- eval '! probe "$WORK/large.tar.zst" cancel=0'
no_helper "no helper goes on"
begin
pkill -KILL -x lxdfs-unpack
wait $core 2>/dev/null
is "$(cat "$ERR")$(lefts)" "5: lxdfs-unpack was killed in the middle of its work" \
	"the helper killed: says so, and leaves nothing"
begin
kill -KILL $core
wait $core 2>/dev/null
no_helper "the core killed: its helper ends too"
ok "and what it left doesn't hinder" -- unpack "$WORK/i.tar"
is "$(lefts)" dest "it is gone"
rm -rf "$DEST"

# ---- removal
deep=$WORK/deep
mkdir -p "$deep/$(printf 'd/%.0s' {1..300})" "$WORK/kept"
ln -s "$WORK/kept" "$deep/d/link"
touch "$WORK/kept/file" "$deep/$(printf 'd/%.0s' {1..300})x"
ok "a deep tree is removed" -- image remove "$deep"
is "$(ls -d "$deep" "$WORK/kept/file" 2>/dev/null)" "$WORK/kept/file" "it, and nothing behind a link"
ok "none to be removed is fine" -- image remove "$deep"

done_testing
