#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What no sane person writes: the error comes from the call that was wrong, with a sentence, and nothing changed.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/tree.sh"
# shellcheck disable=SC2119
daemon_start
foo=$LXD/instances/foo
eth0=$foo/devices/eth0
mkdir "$foo" "$LXD/instances/bar" "$LXD/profiles/p"
put 00:16:3e:00:00:01 "$eth0/hwaddr"

whole=$(tree)
# unchanged NAME: since the last look
unchanged() {
	: >"$tap_out"
	tree_compared "$1" "$whole"
	whole=$(tree)
}

# bad CALL ERRNO SENTENCE FILE TEXT: that call of a write fails so
bad() {
	local call=$1 errno=$2 sentence=$3 file=$4 text=$5
	fails_with "$errno" "$sentence" "${file#"$LXD"/}: $(printf %.60q "$text")" -- writes "$file" "$text"
	grep -q "^$call:" "$tap_out" || { fail "the call is $call"; diag "$(cat "$tap_out")"; }
}

# ---- keys that aren't
bad open EINVAL "limits.memory is one" "$foo/config/limits.memori" 1
bad open EINVAL "no key" "$foo/config/colour" blue
bad open EINVAL "no key" "$eth0/colour" blue
bad open EINVAL "no key" "$LXD/networks/lxdbr0/config/colour" blue
bad open EINVAL "no key" "$LXD/config/colour" blue
bad open EINVAL "no key" "$LXD/profiles/p/config/colour" blue
bad open EINVAL "no key" "$foo/config/user." 1
bad open EINVAL "no key" "$foo/config/user.a=b" 1
bad open ENAMETOOLONG "at most" "$foo/config/user.$(printf %0200d 1)" 1
bad open EPERM "" "$foo/colour" 1
bad open EPERM "" "$LXD/colour" 1
bad open EPERM "" "$LXD/instances/colour" 1
bad open EPERM "" "$foo/devices/colour" 1
bad open EPERM "lxdfs alone" "$foo/config/volatile.x" 1
bad open EACCES "only be read" "$foo/pid" 1
bad open EACCES "only be read" "$foo/effective/config/security.nesting" true
bad open EISDIR "" "$foo/config" 1
bad open EOPNOTSUPP "can't be set yet" "$foo/config/snapshots.expiry" 1d
unchanged "no key was made"

# ---- values of each type, each wrong in its own way
while read -r errno file value; do
	[ -n "$value" ] || continue
	bad write "$errno" "$(basename "$file")" "$LXD/$file" "$value"
done <<'END'
EINVAL instances/foo/config/limits.memory.swap maybe
EINVAL instances/foo/config/limits.memory.swap 2
EINVAL instances/foo/config/limits.processes many
EINVAL instances/foo/config/limits.processes 1e3
EINVAL instances/foo/config/limits.processes 0x10
EINVAL instances/foo/config/limits.processes 10 20
ERANGE instances/foo/config/limits.processes 0
ERANGE instances/foo/config/limits.processes -1
ERANGE instances/foo/config/limits.processes 99999999999999999999999
EINVAL instances/foo/config/limits.memory 64Mega
EINVAL instances/foo/config/limits.memory MiB
EINVAL instances/foo/config/limits.memory -64MiB
ERANGE instances/foo/config/limits.memory 1KiB
ERANGE instances/foo/config/limits.memory 99999999999999999999EiB
ERANGE instances/foo/config/limits.memory 101%
EINVAL instances/foo/config/limits.memory.enforce medium
EINVAL instances/foo/config/limits.cpu 3-1
EINVAL instances/foo/config/limits.cpu 1,,2
EINVAL instances/foo/config/limits.cpu a
EINVAL instances/foo/config/limits.cpu.allowance fast
EINVAL instances/foo/config/limits.cpu.allowance 25ms/
EINVAL instances/foo/devices/eth0/hwaddr 00:16:3e:00:00
EINVAL instances/foo/devices/eth0/hwaddr 00:16:3e:00:00:zz
ERANGE instances/foo/devices/eth0/hwaddr 01:00:5e:00:00:01
EINVAL instances/foo/devices/eth0/ipv4.address 10.0.0
EINVAL instances/foo/devices/eth0/ipv4.address 10.0.0.256
EINVAL instances/foo/devices/eth0/ipv4.address 10.0.0.1/24
EINVAL instances/foo/devices/eth0/ipv4.address 010.0.0.1
EINVAL instances/foo/devices/eth0/ipv4.address ::1
EINVAL instances/foo/devices/eth0/ipv6.address 10.0.0.1
EINVAL instances/foo/devices/eth0/ipv6.address fe80::%eth0
EINVAL instances/foo/devices/eth0/ipv6.address 1::2::3
EINVAL instances/foo/devices/eth0/name eth0:1
EINVAL instances/foo/devices/eth0/name ..
EINVAL instances/foo/devices/eth0/name a/b
EINVAL instances/foo/devices/eth0/name seventeen-letters
EINVAL instances/foo/devices/eth0/security.mac_filtering yes;reboot
EINVAL instances/foo/devices/root/path relative
EINVAL instances/foo/devices/root/path /a/../b
EINVAL instances/foo/devices/eth0/type bicycle
EINVAL networks/lxdbr0/config/ipv4.address 10.0.0.1
EINVAL networks/lxdbr0/config/ipv4.address 10.0.0.1/33
ERANGE networks/lxdbr0/config/ipv4.dhcp.ranges 10.0.0.9-10.0.0.1
EINVAL networks/lxdbr0/config/dns.domain bad domain
EINVAL networks/lxdbr0/config/dns.domain -x-
EINVAL networks/lxdbr0/config/dns.mode sometimes
END
unchanged "no value was taken"
for text in $'true\n\nfalse' $'64MiB\nrm' ' ' $'\t' $'64MiB\r'; do
	bad write EINVAL limits.memory "$foo/config/limits.memory" "$text"
done
unchanged "nor lines where one word is wanted"

# ---- bytes
ok "a NUL is refused" -- sh -c '! printf "a\0b" >"$1/config/user.x" 2>/dev/null' x "$foo"
like "$(cat "$LXD/error")" NUL "with a sentence"
bad write EINVAL "several lines" "$foo/description" "one
two"
for bytes in '\377\376' 'a\300\200' '\355\240\200' 'a\033[2Jb' 'a\177' '\001'; do
	printf '%b' "$bytes" >"$WORK/bytes"
	fails_with EINVAL description "bytes $bytes in one line of text" -- cp "$WORK/bytes" "$foo/description"
done
unchanged "no such byte was kept"

# ---- too much
for n in 65537 131072 1048576 2000000; do
	head -c $n /dev/zero | tr '\0' a >"$WORK/big"
	for f in config/user.x config/limits.memory description devices/eth0/hwaddr set state wait profiles; do
		nok "$n bytes into $f" -- cp "$WORK/big" "$foo/$f"
		like "$(cat "$LXD/error")" . "with a sentence"
	done
done
unchanged "nothing of it was kept"
head -c 65536 /dev/zero | tr '\0' a >"$WORK/big"
ok "64 KiB are a value" -- cp "$WORK/big" "$foo/config/user.big"
ok "which is read as it was written" -- sh -c 'tr -d "\n" <"$1" | cmp - "$2"' x "$foo/config/user.big" "$WORK/big"
rm "$foo/config/user.big"
whole=$(tree)

# ---- names
good_and_bad() {
	local dir=$1 name
	shift
	while IFS= read -r name; do
		[ -n "$name" ] || continue
		name=$(printf '%b' "$name")
		case $1 in
		good)
			ok "$dir: $(printf %.40q "$name") is a name" -- mkdir "$LXD/$dir/$name"
			ok "and is removed" -- rmdir "$LXD/$dir/$name"
			;;
		*)
			nok "$dir: $(printf %.40q "$name") is none" -- mkdir "$LXD/$dir/$name"
			like "$(cat "$tap_out")" 'Invalid argument|File name too long|Operation not permitted' "which the errno says"
			[ ${#name} -gt 255 ] || like "$(cat "$LXD/error")" 'name|characters' "and a sentence"
			;;
		esac
	done
}
x15=$(printf %015d 0 | tr 0 x)
x63=$(printf %063d 0 | tr 0 x)
evil=$(printf '%s\n' '-a' '.hidden' 'a b' 'a\\nb' '\\e[2J' 'ä' 'a:b' '$(id)' 'a;b' "a'b" 'a"b' 'a`b' '*' 'a,b' 'a\\\\b' 'a%b' "${x63}x" "$x63$x63$x63$x63" "$x63$x63$x63$x63$x63")
good_and_bad instances good < <(printf '%s\n' a A a1 web-1 a-b-c "$x63")
good_and_bad instances bad < <(printf '%s\n' "$evil" 1a a- a_b a.b)
good_and_bad profiles good < <(printf '%s\n' a 1 a.b a_b a-b "$x63")
good_and_bad profiles bad < <(printf '%s\n' "$evil")
good_and_bad networks good < <(printf '%s\n' br0 "$x15")
good_and_bad networks bad < <(printf '%s\n' "$evil" lo all default none "x$x15")
good_and_bad storage bad < <(printf '%s\n' "$evil")
good_and_bad instances/foo/devices good < <(printf '%s\n' eth9 a.b 9x a_b-c "$x63")
good_and_bad instances/foo/devices bad < <(printf '%s\n' "$evil")
good_and_bad instances/foo/exec good < <(printf '%s\n' 1 a.b "$x63")
good_and_bad instances/foo/exec bad < <(printf '%s\n' "$evil")
unchanged "no such name is there"
for name in 'a b' '../x' 'x/y' '..' "$x63" 'ä' '-x' "x
y"; do
	harmless "set: device $(printf %q "$name")" -- sh -c 'printf "%s\n" "devices/$2/" "devices/$2/type=none" >"$1/set"' x "$foo" \
		"${name/#"$x63"/x$x63}"
done

# ---- devices that lack something
mkdir "$foo/devices/d"
nok "a device without a type" -- sh -c 'echo running >"$1/state"' x "$foo"
is "$(cat "$foo/state")" stopped "keeps the instance from starting"
like "$(cat "$LXD/error")" 'd.*type' "and the sentence names it"
put disk "$foo/devices/d/type"
nok "a disk without a path" -- sh -c 'echo running >"$1/state"' x "$foo"
like "$(cat "$LXD/error")" 'd.*(path|source)' "is named too"
rmdir "$foo/devices/d"
put nic "$foo/devices/n/type" 2>/dev/null
mkdir -p "$foo/devices/n"
printf 'type=nic\nnetwork=lxdbr0\n' >"$foo/devices/n/set"
whole=$(tree)
bad write EINVAL "00:16:3e:00:00:01" "$foo/devices/n/hwaddr" 00:16:3e:00:00:01
unchanged "one MAC address isn't two devices'"
rmdir "$foo/devices/n"
whole=$(tree)

# ---- set
while IFS= read -r line; do
	harmless "set: $line" -- sh -c 'printf "config/user.x=1\n%b\nconfig/user.y=1\n" "$2" >"$1/set"' x "$foo" "$line"
done <<'END'
no equals sign
=value
config/=1
config=1
/config/user.z=1
config//user.z=1
config/user.z/a=1
../bar/config/user.z=1
devices/=1
devices//x=1
devices/eth0/a/b=1
!config/user.z
!devices/
config/user.z=$'open
config/user.z=$'a' b
config/user.z=$'\\q'
config/user.z=$'\\x00'
config/user.z=a\0b
config/limits.memory=much
config/volatile.z=1
config/colour=blue
if-version=1
exec/1/command=id
END
bad write EINVAL "line 1" "$foo/set" "rubbish
"
printf 'if-version=99999\nconfig/user.z=1\n' >"$WORK/lines"
harmless "another version" -- cp "$WORK/lines" "$foo/set"
unchanged "none of these lines did anything"

# ---- calls that make no sense here
while read -r errno command; do
	[ -n "$command" ] || continue
	fails_with "$errno" "" "$command" -- bash -c "cd '$LXD' && $command"
done <<'END'
EPERM mkdir x
EPERM mkdir config/x
EPERM mkdir instances/foo/x
EPERM mkdir instances/foo/config/x
EPERM mkdir instances/foo/devices/eth0/x
EPERM mkdir instances/foo/effective/x
EPERM mkdir instances/foo/usage/x
EPERM mkdir images/x
EPERM mkdir images/aliases/x
EPERM mkdir warnings/x
EPERM mkdir schema/x
EPERM mkdir environment/x
EPERM rmdir config
EPERM rmdir instances
EPERM rmdir instances/foo/config
EPERM rmdir instances/foo/exec
EPERM rmdir instances/foo/devices
EPERM rmdir instances/foo/local/config
EPERM rmdir profiles/default
EBUSY rmdir networks/lxdbr0
EBUSY rmdir storage/default
EPERM rmdir instances/foo/devices/root
EPERM rm README
EPERM rm error
EPERM ln -s /etc/passwd x
EPERM ln -s /etc/passwd instances/x
EPERM ln -s /etc/passwd instances/foo/config/user.x
EPERM ln -s /etc/passwd instances/foo/devices/x
EPERM ln -s / images/x
ENOENT ln -s /etc/passwd images/aliases/x
EPERM ln instances/foo/state instances/foo/state2
EPERM ln instances/foo/devices/eth0/hwaddr instances/foo/config/user.x
EPERM mknod instances/foo/config/user.x p
EPERM mknod instances/foo/config/user.x c 1 3
EPERM mknod x b 8 0
EPERM mknod instances/x p
EPERM mv instances/foo profiles/foo
EPERM mv instances/foo foo
EEXIST mv -T instances/foo instances/bar
EPERM mv config x
EPERM mv README x
EPERM mv instances/foo/devices/eth0 instances/foo/devices/eth1
EPERM mv instances/foo/exec instances/foo/x
EPERM mv profiles/default profiles/other
EPERM chmod 600 README
EPERM chown 1 schema
EINVAL truncate -s 5 instances/foo/config/../description
EOPNOTSUPP fallocate -l 5 instances/foo/description
EOPNOTSUPP setfattr -n user.x -v 1 instances/foo
ENOTDIR cat instances/foo/state/x
ENOENT cat instances/nobody/state
EINVAL echo fast >instances/foo/state
EINVAL echo "stopped never" >instances/foo/state
EINVAL echo asleep >instances/foo/wait
EINVAL echo "stopped -1" >instances/foo/wait
EINVAL dd if=/dev/zero of=instances/foo/description bs=1 count=1 seek=1000 conv=notrunc status=none
END
unchanged "none of these calls did anything"
ok "two names aren't exchanged" -- perl -e '
	require "syscall.ph" if 0; my ($a, $b) = @ARGV;
	exit(syscall(316, -100, $a, -100, $b, 2) == -1 ? 0 : 1)' "$foo" "$LXD/instances/bar"
unchanged "and are where they were"

# ---- more than there is room for
n=0
while [ $n -lt 300 ] && mkdir "$foo/exec/c$n" 2>/dev/null; do n=$((n + 1)); done
is $n 256 "an instance has so many commands and no more"
fails_with ENOSPC "256 commands already: rmdir" "as the sentence says" -- mkdir "$foo/exec/more"
yes | head -c 1048576 >"$WORK/megabyte"
for ((n = 0; n < 80; n++)); do cat "$WORK/megabyte" 2>/dev/null >>"$foo/exec/c$((n / 16))/stdin" || break; done
is $n 64 "they hold so much for their commands to read, together"
like "$(cat "$LXD/error")" "at most 64 MiB: rmdir" "that sentence, too"
ok "all of it goes" -- rmdir "$foo"/exec/c*
unchanged "and nothing else did"

# ---- images that aren't
META='file,metadata.yaml,data=architecture: x86_64\x0acreation_date: 1700000000\x0a'
image() { "$ROOT/tests/lib/tarball.pl" "$@" >"$WORK/image.tar"; }
not_an_image() {
	nok "no image: $1" -- cp "$WORK/image.tar" "$LXD/images/"
	like "$(cat "$LXD/error")" "$2" "and the sentence says why"
}
printf 'hello\n' >"$WORK/image.tar"; not_an_image "text" .
head -c 100000 /dev/urandom >"$WORK/image.tar"; not_an_image "noise" .
: >"$WORK/image.tar"; harmless "an empty file" -- cp "$WORK/image.tar" "$LXD/images/"
nok "and no name of it stays" -- test -e "$LXD/images/image.tar"
exec 5>"$LXD/images/image.tar"
image "$META" dir,rootfs file,rootfs/x,fill=5000; truncate -s 3000 "$WORK/image.tar"; not_an_image "cut off" .
exec 5>&-
image "$META" dir,rootfs 'file,rootfs/../../../../../../../../tmp/lxdfs-evil,data=x'; not_an_image "a name with .." '\.\.'
image "$META" dir,rootfs 'file,/tmp/lxdfs-evil,data=x'; not_an_image "an absolute name" .
image "$META" dir,rootfs 'sym,rootfs/tmp,link=/tmp' 'file,rootfs/tmp/lxdfs-evil,data=x'; not_an_image "a symlink on the way" 'link'
image "$META" dir,rootfs 'sym,rootfs/up,link=../../../../..' 'file,rootfs/up/lxdfs-evil,data=x'; not_an_image "a relative one" 'link'
image "$META" dir,rootfs 'hard,rootfs/shadow,link=/etc/shadow'; not_an_image "a hard link out of it" .
image "$META" dir,rootfs 'blk,rootfs/disk,major=8,minor=0,mode=666'; not_an_image "a device node" 'device'
image 'file,metadata.yaml,data=architecture: \x5b' dir,rootfs; not_an_image "metadata that is no YAML" 'metadata'
image 'sym,metadata.yaml,link=/etc/passwd' dir,rootfs; not_an_image "metadata that is a link" .
image 'file,metadata.yaml,fill=20000000' dir,rootfs; not_an_image "metadata of 20 MB" .
image "$META" dir,rootfs 'file,rootfs/big,size=9000000000000'; not_an_image "a file larger than any" .
is "$(find /tmp/lxdfs-evil "$STATE/images" "$STATE/unpacked" -mindepth 1 2>/dev/null)" "" "nothing was left of them"
unchanged "and the tree is as it was"

done_testing
