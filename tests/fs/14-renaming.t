#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# mv: objects get other names, nothing is replaced.
# shellcheck disable=SC2002,SC2010,SC2012,SC2016,SC2086 # cat is tested; names are plain; $1 is the inner shell's; words are meant
. "$(dirname "$0")/../lib/daemon.sh"
daemon_start --no-init

dir=$LXD/instances
mkdir "$dir/foo" "$dir/other"
put 10MiB "$dir/foo/config/limits.memory"
uuid=$(cat "$dir/foo/uuid")
# rename2 FLAGS OLD NEW: renameat2(2)
rename2() {
	perl -e 'my ($f, $o, $n) = @ARGV; syscall(316, -100, "$o\0", -100, "$n\0", $f + 0) == 0 or die "$!\n"' "$@"
}

ok "mv of an instance" -- mv "$dir/foo" "$dir/bar"
is "$(cat "$dir/bar/uuid" "$dir/bar/config/limits.memory")" "$uuid"$'\n10MiB' "it is the same"
nok "the old name is free" -- test -e "$dir/foo"
is "$(ls "$dir" | tr '\n' ' ')" "bar other " "and isn't listed"
ok "mv -T" -- mv -T "$dir/bar" "$dir/foo"
ok "busybox mv" -- busybox mv "$dir/foo" "$dir/bar"
ok "by a trailing slash" -- mv "$dir/bar/" "$dir/foo"
ok "RENAME_NOREPLACE to a free name" -- rename2 1 "$dir/foo" "$dir/bar"
fails_with EEXIST "" "RENAME_NOREPLACE to one that is taken" -- rename2 1 "$dir/bar" "$dir/other"
fails_with EINVAL "exchanged" "RENAME_EXCHANGE" -- rename2 2 "$dir/bar" "$dir/other"
fails_with EEXIST "nothing is replaced" "rename onto another" -- rename2 0 "$dir/bar" "$dir/other"
fails_with EEXIST "" "mv -T onto another" -- mv -T "$dir/bar" "$dir/other"
ok "mv -n onto another" -- sh -c 'mv -nT "$1" "$2" || :' sh "$dir/bar" "$dir/other"
fails_with EPERM "another directory" "mv into another" -- mv "$dir/bar" "$dir/other/"
fails_with EPERM "another directory" "mv to profiles/" -- rename2 0 "$dir/bar" "$LXD/profiles/bar"
is "$(cat "$dir/bar/uuid")" "$uuid" "all is as it was"
is "$(ls "$dir" "$LXD/profiles" | grep -v : | tr '\n' ' ')" "bar other  " "all is where it was"
fails_with EINVAL "a_b" "a name that none may have" -- rename2 0 "$dir/bar" "$dir/a_b"
fails_with ENOENT "" "one that isn't there" -- rename2 0 "$dir/nosuch" "$dir/new"
fails_with EPERM "part of the tree" "a directory of the tree" -- mv "$LXD/profiles" "$LXD/x"
fails_with EPERM "" "a part of an object" -- mv -T "$dir/bar/config" "$dir/bar/x"
fails_with EPERM "" "a file of the tree" -- mv -T "$dir/bar/state" "$dir/bar/x"
fails_with EPERM "" "a state onto another" -- mv -T "$dir/bar/state" "$dir/bar/wait"
ok "a file that is open goes along" -- sh -c 'exec 7<"$1/bar/config/limits.memory"; mv "$1/bar" "$1/foo"; read -r x <&7; [ "$x" = 10MiB ]' sh "$dir"
is "$(cd "$dir/foo/config" && mv "$dir/foo" "$dir/bar" && cat limits.memory)" 10MiB "and who works in it"

# ---- keys

config=$dir/bar/config
put one "$config/user.a"
ok "mv of a key to another" -- mv "$config/user.a" "$config/user.b"
is "$(cat "$config/user.b") $(ls "$config" | tr '\n' ' ')" "one limits.memory set user.b " "moves its value"
put two "$config/user.a"
ok "mv over another" -- mv -f "$config/user.a" "$config/user.b"
is "$(cat "$config/user.b") $(ls "$config" | tr '\n' ' ')" "two limits.memory set user.b " "replaces it"
fails_with EINVAL "limits.memory" "a value that the other can't have" -- rename2 0 "$config/user.b" "$config/limits.memory"
is "$(cat "$config/user.b" "$config/limits.memory")" $'two\n10MiB' "changes nothing"
ok "mv to another instance" -- mv "$config/user.b" "$dir/other/config/user.c"
is "$(cat "$dir/other/config/user.c") $(ls "$config" | tr '\n' ' ')" "two limits.memory set " "moves its value"

# ---- profiles, and who uses them

mkdir "$LXD/profiles/p"
put p "$dir/bar/profiles"
put 5 "$LXD/profiles/p/config/limits.processes"
mv "$LXD/profiles/p" "$LXD/profiles/q" 2>/dev/null
is "$(cat "$dir/bar/config/limits.processes")" 5 "an instance keeps what a profile gives, whatever its name"

# ---- many at once: names are never lost or doubled

for i in 1 2 3 4 5 6; do mkdir "$dir/m$i"; done
for i in 1 2 3 4 5 6; do
	for n in {1..15}; do
		mv -T "$dir/m$i" "$dir/m$i-$n" && mv -T "$dir/m$i-$n" "$dir/m$i"
	done &
done
wait
is "$(ls "$dir" | grep -c '^m[1-6]$')" 6 "six that were renamed at once are all there"
for i in 1 2 3 4 5 6; do mv -T "$dir/m$i" "$dir/same" 2>/dev/null & done
wait
is "$(ls "$dir" | grep -c '^m[1-6]$')$(ls "$dir" | grep -c '^same$')" 51 "of six that want one name one gets it"

done_testing
