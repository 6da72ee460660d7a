#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Writers of all kinds: a value is set by one write, and what is wrong fails in that write, with errno and sentence.
# shellcheck disable=SC2002,SC2010,SC2012,SC2016,SC2086 # cat is tested; names are plain; $1 is the inner shell's; words are meant
. "$(dirname "$0")/../lib/daemon.sh"
daemon_start --no-init

foo=$LXD/instances/foo
config=$foo/config
memory=$config/limits.memory
mkdir "$foo"

value() { cat "$memory"; }
sets() {
	local name=$1 want=$2
	shift 2
	ok "$name" -- bash -c "$1" sh "$memory"
	is "$(value)" "$want" "$name: the value"
}

# ---- tools (8, 11)

sets "echo" 10MiB 'echo 10MiB >"$1"'
sets "echo -n" 11MiB 'echo -n 11MiB >"$1"'
sets "printf" 12MiB 'printf %s 12MiB >"$1"'
sets "tee" 13MiB 'echo 13MiB | tee "$1"'
sets "tee -a" 14MiB 'echo 14MiB | tee -a "$1"'
sets ">>" 15MiB 'echo 15MiB >>"$1"'
sets "<>" 16MiB 'echo 16MiB 1<>"$1"'
sets "cat <<EOF" 17MiB $'cat >"$1" <<EOF\n17MiB\nEOF'
sets "dd" 18MiB 'echo 18MiB | dd of="$1" status=none'
sets "dd conv=notrunc" 19MiB 'echo 19MiB | dd of="$1" conv=notrunc status=none'
sets "dd oflag=append" 20MiB 'echo 20MiB | dd of="$1" oflag=append conv=notrunc status=none'
sets "a write that begins at the end, as a remote client's >> may" 21MiB 'perl -e '\''use Fcntl; sysopen F, shift, O_WRONLY; sysseek F, 6, 0; syswrite F, "21MiB\n" or die $!'\'' "$1"'
sets "cp" 22MiB 'echo 22MiB >'"$WORK"'/v; cp '"$WORK"'/v "$1"'
sets "busybox cp" 23MiB 'echo 23MiB >'"$WORK"'/v; busybox cp '"$WORK"'/v "$1"'
sets "busybox sh" 24MiB "busybox sh -c 'echo 24MiB >\$0' \"\$1\""
sets "busybox tee" 25MiB 'echo 25MiB | busybox tee "$1"'
sets "perl" 26MiB 'perl -e '\''open F, ">", shift; print F "26MiB\n"; close F or die'\'' "$1"'
sets "two lines are two assignments" 28MiB 'echo 27MiB; { echo 27MiB; echo 28MiB; } >"$1"'
sets "sponge-like: >| " 29MiB 'set -C; echo 29MiB >|"$1"'
ok "a line in pieces" -- perl -e 'use Fcntl; sysopen F, shift, O_WRONLY|O_TRUNC; syswrite F, "one"; syswrite F, " line\n"; close F or die' "$foo/description"
is "$(cat "$foo/description")" "one line" "is one value"
ok "dd of single bytes" -- sh -c 'echo bytes | dd of="$1" bs=1 status=none' sh "$foo/description"
is "$(cat "$foo/description")" "bytes" "too"
ok "a write that is refused, and then a right one" -- perl -e 'use Fcntl; sysopen F, shift, O_WRONLY|O_TRUNC; syswrite F, "fish\n" and die; syswrite F, "30MiB\n" or die $!' "$memory"
is "$(value)" 30MiB "on one descriptor"

# ---- truncation alone (10)

put 31MiB "$memory"
ok ": >" -- sh -c ': >"$1"' sh "$memory"
is "$(value)" 31MiB "changes nothing"
ok "truncate -s 0" -- truncate -s 0 "$memory"
is "$(value)" 31MiB "changes nothing"
ok "truncate to the size that it has" -- truncate -s 6 "$memory"
fails_with EINVAL "as long as its text" "truncate to another" -- truncate -s 3 "$memory"
fails_with EINVAL "written from its beginning" "a write in the middle" -- sh -c 'echo x | dd of="$1" bs=1 seek=3 conv=notrunc status=none obs=64' sh "$memory"
fails_with EINVAL "written from its beginning" "a write beyond the end" -- sh -c 'echo x | dd of="$1" bs=1 seek=300 conv=notrunc status=none obs=64' sh "$memory"
is "$(value)" 31MiB "and the value is as it was"
ok ": > of a key that isn't set" -- sh -c ': >"$1"' sh "$config/limits.processes"
nok "doesn't set it" -- test -e "$config/limits.processes"

# ---- lists

list=$foo/profiles
mkdir "$LXD/profiles/"{a,b,c}
ok "a list in one write" -- sh -c 'printf "a\nb\n" >"$1"' sh "$list"
is "$(cat "$list")" $'a\nb' "is set"
ok ">> adds" -- sh -c 'echo c >>"$1"' sh "$list"
is "$(cat "$list")" $'a\nb\nc' "is longer"
ok "a line for each write" -- sh -c '{ echo b; echo c; } >"$1"' sh "$list"
is "$(cat "$list")" $'b\nc' "are one list"
ok ">> in pieces" -- sh -c 'echo a >"$1"; { echo b; echo c; } >>"$1"' sh "$list"
is "$(cat "$list")" $'a\nb\nc' "adds both"
exec 7>>"$list" 8>>"$list"
put a "$list"
echo b >&7
echo c >&8
exec 7>&- 8>&-
is "$(cat "$list")" $'a\nb\nc' "two that append, after another one changed it"
put a "$list"

# ---- multi-line values (9)

text=$config/user.text
ok "cat <<EOF of many lines" -- bash -c $'cat >"$1" <<EOF\none\ntwo\n\nfour\nEOF' sh "$text"
is "$(cat "$text")" $'one\ntwo\n\nfour' "all of them"
ok "printf with many lines" -- bash -c 'printf "%s\n" 1 2 3 >"$1"' sh "$text"
is "$(cat "$text")" $'1\n2\n3' "all of them"
ok "a loop" -- bash -c 'for i in 4 5 6; do echo $i; done >"$1"' sh "$text"
is "$(cat "$text")" $'4\n5\n6' "all of it"
ok "programs that share a descriptor" -- sh -c '{ /bin/echo 7; /bin/echo 8; } >"$1"' sh "$text"
is "$(cat "$text")" $'7\n8' "write one text"
ok ">>" -- sh -c 'echo 9 >>"$1"' sh "$text"
is "$(cat "$text")" $'7\n8\n9' "adds to a text"
ok "by key name, with newline only" -- sh -c 'echo >"$1"' sh "$text"
ok "a tab stays" -- sh -c 'printf "a\tb\n" >"$1"' sh "$text"
is "$(cat "$text")" $'a\tb' "in a text"
ok "40 kB" -- sh -c 'yes 0123456789 | head -c 40000 >"$1"' sh "$text"
is "$(wc -c <"$text")" 40001 "and a newline"
# one line is in force when the write returns, before close(2)
exec 7>"$text"
echo at once >&7
is "$(cat "$text")" "at once" "one line is applied by its write"
echo and more >&7
exec 7>&-
is "$(cat "$text")" $'at once\nand more' "what follows is added to it"
ok "fsync commits" -- sh -c 'echo synced | dd of="$1" conv=fsync status=none' sh "$text"
is "$(cat "$text")" synced "what was written"

# ---- what is wrong (12, 13)

put 32MiB "$memory"
refused() {
	local errno=$1 sentence=$2 name=$3 bytes=$4 file=${5:-$memory}
	# in one write: bash's printf writes each line by itself
	printf '%b' "$bytes" >"$WORK/bytes"
	fails_with "$errno" "$sentence" "$name" -- dd "if=$WORK/bytes" "of=$file" bs=1M status=none
}
refused EINVAL limits.memory "a wrong value" fish
refused EINVAL "" "an empty value" '\n'
refused EINVAL "" "CRLF" '33MiB\r\n'
refused EINVAL NUL "a NUL" '33\0MiB\n'
refused EINVAL "" "a control character" '33\033MiB\n'
refused EINVAL "" "two newlines" '33MiB\n\n'
refused EINVAL "" "a leading newline" '\n33MiB\n'
refused EINVAL description "CRLF in a line of text" 'a\r\n' "$foo/description"
refused EINVAL "" "an escape in a line of text" 'a\033[31m\n' "$foo/description"
fails_with EFBIG "limits.memory" "70 kB for a scalar" -- sh -c 'yes | tr -d "\n" | head -c 70000 | dd of="$1" bs=70000 iflag=fullblock status=none' sh "$memory"
fails_with EFBIG "" "a megabyte for a scalar" -- sh -c 'yes | head -c 1048576 | dd of="$1" bs=1M iflag=fullblock status=none' sh "$foo/description"
fails_with EFBIG "user.text" "a megabyte for a text" -- sh -c 'yes | head -c 1000000 >"$1"' sh "$text"
fails_with EFBIG "" "two megabytes for a text" -- sh -c 'yes | head -c 2000000 >"$1"' sh "$text"
is "$(value) $(cat "$text" "$foo/description")" $'32MiB synced\nbytes' "the values are as they were"
fails_with EINVAL "profile" "something that doesn't exist in a value" -- put nosuch "$list"
fails_with EINVAL "limits.memory" "a misspelt key" -- put 1 "$config/limits.memry"
fails_with EINVAL "no key" "no key at all" -- put 1 "$config/nosuch"
fails_with ENAMETOOLONG "128" "a key with a long name" -- put 1 "$config/user.$(printf 'x%.0s' {1..200})"
fails_with ENAMETOOLONG "" "a name that no file has" -- put 1 "$config/user.$(printf 'x%.0s' {1..300})"
fails_with ENAMETOOLONG "" "an instance with a long name" -- mkdir "$LXD/instances/$(printf 'x%.0s' {1..64})"
fails_with EINVAL "a_b" "an instance with an odd name" -- mkdir "$LXD/instances/a_b"
fails_with EINVAL "" "a name with a newline" -- mkdir "$LXD/instances/a"$'\n'"b"
fails_with EEXIST "" "an instance that is there" -- mkdir "$foo"
fails_with EACCES "uuid can only be read" "what lxdfs sets" -- put x "$foo/uuid"
fails_with EPERM "set by lxdfs alone" "a key that lxdfs sets" -- put x "$config/volatile.x"
fails_with EOPNOTSUPP "limits.disk.priority" "a key whose effect isn't built" -- put 5 "$config/limits.disk.priority"
fails_with EPERM "no directory" "a directory that nobody knows" -- mkdir "$foo/x"
fails_with EPERM "no file named" "a file that nobody knows" -- put x "$foo/x"
fails_with EPERM "aliases" "a symbolic link" -- ln -s x "$foo/x"
fails_with EPERM "no hard links" "a hard link" -- ln "$foo/state" "$foo/x"
fails_with EPERM "no device nodes" "a FIFO" -- mkfifo "$foo/x"
fails_with EINVAL "running, stopped" "a wrong state" -- put flying "$foo/state"
fails_with EINVAL "seconds" "a wrong wait" -- put "running soon" "$foo/wait"
fails_with EACCES "" "another user" -- as 4242 4242 sh -c 'echo 1MiB >"$1"' sh "$memory"
is "$(ls "$foo" | grep -x x)" "" "nothing was made"

# ---- error files (14)

put fish "$memory" 2>/dev/null
like "$(cat "$foo/error")" '^[0-9-]+ [0-9:]+ \(uid 0\): .*limits.memory.*fish' "the object's error has time, caller, sentence"
like "$(cat "$LXD/error")" 'limits.memory.*fish' "and the tree's"
is "$(stat -c %s "$LXD/error")" "$(wc -c <"$LXD/error")" "of the right size"
mkdir "$LXD/instances/a_b" 2>/dev/null
like "$(cat "$LXD/error")" 'a_b' "a later failure replaces it there"
like "$(cat "$foo/error")" 'fish' "but not at another object"
user 4242 "4242,$(lxd_gid)"
is "$(get "$LXD/error")" "" "another user has none"
put toad "$memory" 2>/dev/null
like "$(get "$LXD/error")" 'toad' "but the one that it caused"
user root
unlike "$(cat "$LXD/error")" 'toad' "which root doesn't see as its own"
setsid sh -c 'echo newt >"$1"' sh "$memory" 2>/dev/null
unlike "$(cat "$LXD/error")" 'newt' "a session sees its own failure, not another session's"

# ---- attributes (21)

before=$(stat -c %y "$memory")
ok "touch" -- touch "$memory"
is "$(stat -c %y "$memory")" "$before" "changes no time"
ok "touch -d" -- touch -d 2001-01-01 "$memory"
ok "cp -p" -- sh -c 'echo 34MiB >'"$WORK"'/v; cp -p '"$WORK"'/v "$1"' sh "$memory"
is "$(value)" 34MiB "sets the value"
chmod 660 "$memory"
ok "chmod" -- chmod 640 "$memory"
is "$(stat -c %a "$memory" "$foo/local/config/limits.memory" | tr '\n' ' ')" "640 640 " "is seen at once, in local/ too"
ok "chown" -- chown 4242:4243 "$memory"
is "$(stat -c %u:%g "$memory")" 4242:4243 "is seen at once"
put 35MiB "$memory"
is "$(stat -c %u:%g:%a "$memory")" 4242:4243:640 "and stays when the value changes"
ls -lR "$foo" >/dev/null
mkdir -p "$foo/devices/eth0" && put nic "$foo/devices/eth0/type"
stat "$foo/devices/eth0/type" "$foo/devices/eth0/set" "$foo/config/user.text" "$foo/local/config/user.text" >/dev/null
ok "chgrp of the instance" -- chgrp 4244 "$foo"
is "$(stat -c %g "$foo" "$foo/state" "$foo/config" "$foo/config/user.text" "$foo/local/config/user.text" "$foo/devices/eth0/set" "$foo/effective/config/user.text" | sort -u)" 4244 "is seen everywhere at once"
isnt "$(stat -c %g "$foo/devices/eth0/type")" 4244 "but where it could reach the host"
fails_with EPERM "same for all" "chmod of what is fixed" -- chmod 600 "$LXD/README"
fails_with EOPNOTSUPP "" "an extended attribute" -- perl -e '$p = shift; $n = "user.x\0"; $v = "y"; syscall(188, "$p\0", $n, $v, 1, 0) == 0 or die "$!\n"' "$memory"
ok "cp -a over a key" -- sh -c 'echo 36MiB >'"$WORK"'/v; cp -a '"$WORK"'/v "$1"' sh "$memory"
is "$(value)" 36MiB "sets the value"

# ---- names that mean something elsewhere

mkdir "$LXD/instances/set" "$LXD/instances/error"
ok "an instance named set" -- put x "$LXD/instances/set/description"
is "$(cat "$LXD/instances/set/set")" "description=x" "has a set of its own"
ok "a device named set" -- mkdir "$foo/devices/set"
ok "and one named config" -- mkdir "$foo/devices/config"
put none "$foo/devices/set/type"
is "$(ls "$foo/devices" | tr '\n' ' ')" "config eth0 set " "are listed"
is "$(ls "$foo/devices/set" | tr '\n' ' ')" "set type " "with their own set"
ok "and can go" -- rmdir "$foo/devices/set" "$foo/devices/config"
for name in . .. .x -x 'a b' 'a/b' "$(printf 'x%.0s' {1..64})"; do
	nok "no device is named ${name@Q}" -- mkdir "$foo/devices/$name"
done
for name in 'user. ' 'user.a=b' 'user.*' $'user.a\nb' 'user.'; do
	nok "no key is named ${name@Q}" -- put x "$config/$name"
done

done_testing
