#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Readers of all kinds get all of a file and are never kept waiting: cat, cp, tar, rsync, grep, find, test, ls.
# shellcheck disable=SC2002,SC2010,SC2012,SC2016,SC2086 # cat is tested; names are plain; $1 is the inner shell's; words are meant
. "$(dirname "$0")/../lib/daemon.sh"
daemon_start --no-init

foo=$LXD/instances/foo
ok "an instance is made" -- mkdir "$foo"
put 64MiB "$foo/config/limits.memory"
put "a line for people" "$foo/description"
printf 'one\ntwo\n' >"$foo/config/user.text"
ok "with a device" -- mkdir "$foo/devices/eth0"
put nic "$foo/devices/eth0/type"

# ---- sizes are exact (rule 1), a value is its text and one newline (2)

files() { find "$1" -type f; }
wrong=
while read -r f; do
	text=$(stat -c %s "$f"; cat "$f" | wc -c; stat -c %s "$f")
	[ "$(echo "$text" | sort -u | wc -l)" = 1 ] || wrong+="$f: ${text//$'\n'/ } "
done < <(files "$LXD")
is "$wrong" "" "the size of every file is that of its text"
is "$(files "$LXD" | wc -l)" "$(files "$LXD" | sort -u | wc -l)" "every file is listed once"
is "$(od -An -c "$foo/config/limits.memory" | tr -d ' ')" '64MiB\n' "a value reads as its text and one newline"
is "$(cat "$foo/config/user.text")" $'one\ntwo' "a text of two lines"
is "$(stat -c %s "$foo/config/user.text")" 8 "has the size of both"
is "$(stat -c %s "$foo/ephemeral") $(cat "$foo/ephemeral")" "6 false" "a default is shown"
mkdir "$LXD/instances/plain"
is "$(stat -c %s "$LXD/instances/plain/description")$(cat "$LXD/instances/plain/description")" 0 "an empty value reads as nothing"

# ---- the tools

for tool in cat "busybox cat" "dd status=none if=" "head -c 100000" "tail -c +1"; do
	case $tool in
	*if=) text=$(${tool}"$foo/config/limits.memory") ;;
	*) text=$($tool "$foo/config/limits.memory") ;;
	esac
	is "$text" 64MiB "$tool"
done
ok "cp" -- cp "$foo/config/limits.memory" "$WORK/cp"
ok "busybox cp" -- busybox cp "$foo/config/limits.memory" "$WORK/bb"
ok "install" -- install -m 600 "$foo/config/limits.memory" "$WORK/install"
is "$(cat "$WORK/cp" "$WORK/bb" "$WORK/install")" $'64MiB\n64MiB\n64MiB' "copies are whole"
read -r line <"$foo/config/limits.memory"
is "$line$(<"$foo/state")" 64MiBstopped "read and \$(<...)"
ok "cp -a of an instance" -- cp -a "$foo" "$WORK/copy"
is "$(cat "$WORK/copy/config/user.text")" $'one\ntwo' "is complete"
ok "tar c of an instance" -- tar cf "$WORK/foo.tar" -C "$LXD/instances" foo
is "$(tar xOf "$WORK/foo.tar" foo/config/limits.memory foo/config/user.text)" $'64MiB\none\ntwo' "is complete"
ok "busybox tar c" -- busybox tar cf "$WORK/bb.tar" -C "$LXD/instances" foo
is "$(tar xOf "$WORK/bb.tar" foo/config/limits.memory foo/config/user.text)" $'64MiB\none\ntwo' "is complete"
ok "rsync -a" -- rsync -a "$foo/" "$WORK/rsync/"
is "$(cat "$WORK/rsync/config/limits.memory" "$WORK/rsync/description")" $'64MiB\na line for people' "is complete"
is "$(stat -c %Y "$WORK/rsync/config/limits.memory")" "$(stat -c %Y "$foo/config/limits.memory")" "with its times"
is "$(rsync -a --itemize-changes "$foo/config/" "$WORK/rsync/config/" | grep -v '/set$\|^>f.*set$')" "" "and again copies nothing"
is "$(perl -e 'open F, "<", shift; print -s F, " ", scalar <F>' "$foo/config/limits.memory")" "6 64MiB" "perl"
is "$(perl -e 'open F, "<", shift; seek F, 2, 0; print <F>' "$foo/config/limits.memory")" MiB "a read from the middle"

# ---- no listed file blocks (3), write-only files read as nothing (4)

ok "grep -r over the tree ends" -- grep -r "a line for people" "$LXD"
is "$(grep -rl "a line for people" "$foo" | sort | tr '\n' ' ')" "$foo/description $foo/set " "grep -rl names the files"
ok "cat of every file" -- find "$LXD" -type f -exec cat {} +
ok "tar of the whole tree" -- tar cf /dev/null -C "$LXD" .
is "$(find "$LXD" -maxdepth 1 -name events)" "" "the stream isn't listed"
ok "but is there" -- test -e "$LXD/events"
is "$(stat -c %s "$foo/wait")$(cat "$foo/wait")" 0 "wait reads as nothing"
ok "du" -- du -s "$LXD"
ok "ls -lR" -- ls -lR "$LXD"
ok "busybox ls -lR" -- busybox ls -lR "$LXD"
ok "busybox find" -- busybox find "$LXD" -type f -size +0
ok "md5sum of an instance" -- find "$foo" -type f -exec md5sum {} +

# ---- test and stat

ok "test -e of a key that is set" -- test -e "$foo/config/limits.memory"
nok "not of one that isn't" -- test -e "$foo/config/limits.cpu"
ok "test -s" -- test -s "$foo/config/limits.memory"
nok "test -s of an empty one" -- test -s "$LXD/instances/plain/description"
ok "test -f, -r, -w" -- test -f "$foo/state" -a -r "$foo/state" -a -w "$foo/state"
ok "test -d" -- test -d "$foo/config"
fails_with ENOENT "" "cat of a key that isn't set" -- cat "$foo/config/limits.cpu"
fails_with ENOENT "" "an instance that isn't there" -- cat "$LXD/instances/none/state"
is "$(stat -c '%A %h' "$foo/config")" "drwxrwx--- 2" "a directory without directories has two links"
is "$(stat -c %h "$foo/devices")" 3 "one with one has three"
is "$(stat -c '%A %U' "$foo/uuid")" "-r--r----- root" "what can't be written shows that it can't"
is "$(find "$LXD" -type f -links +1)" "" "no file has more than one link"

# ---- the root file system is out of the tree (5)

put none "$foo/source"
is "$(find "$foo" -maxdepth 1 -type l | wc -l)" "$(find "$foo" -maxdepth 1 -name files | wc -l)" "files is a link, where it is at all"
is "$(find "$LXD" -xdev -type f | wc -l)" "$(find "$LXD" -type f | wc -l)" "nothing of another file system is walked into"

# ---- times (7)

touch "$WORK/ref"
while [ ! "$WORK/later" -nt "$WORK/ref" ]; do touch "$WORK/later"; done
put 65MiB "$foo/config/limits.memory"
is "$(find "$foo/config" "$foo/devices" -type f -newer "$WORK/later" ! -name set)" "$foo/config/limits.memory" "find -newer finds what was set"
is "$(cd "$foo/config" && find . -name '[lu]*' -printf '%T@ %f\n' | sort -rn | sed 's/.* //' | tr '\n' ' ')" "limits.memory user.text " "ls -t's order is that of setting"
before=$(stat -c %Y.%y "$foo/config/user.text")
put 66MiB "$foo/config/limits.memory"
is "$(stat -c %Y.%y "$foo/config/user.text")" "$before" "another key's time stays"
is "$(stat -c %Y "$foo")" "$(stat -c %Y "$foo/created_at")" "an instance is as old as it is"

# ---- what is read twice

exec 7<"$foo/config/limits.memory"
read -r -u 7 line
put 67MiB "$foo/config/limits.memory"
is "$line" 66MiB "an open file was read"
is "$(perl -e 'open F, "<&=7"; sysseek F, 0, 0; sysread F, $x, 100; print $x' )" 66MiB "and is pinned for its handle"
exec 7<&-
is "$(cat "$foo/config/limits.memory")" 67MiB "the next one reads the new value"

# ---- live files after changes

cat "$foo/version" "$foo/set" "$foo/config/set" >"$WORK/before"
put 68MiB "$foo/config/limits.memory"
cat "$foo/version" "$foo/set" "$foo/config/set" >"$WORK/after"
is "$(grep -c 68MiB "$WORK/after")" 2 "set shows a change at once"
isnt "$(head -n 1 "$WORK/after")" "$(head -n 1 "$WORK/before")" "and so does version"
ok "a profile" -- mkdir "$LXD/profiles/p"
is "$(cat "$LXD/profiles/p/used_by")" "" "nobody uses it"
put p "$foo/profiles"
is "$(cat "$LXD/profiles/p/used_by")" instances/foo "used_by shows a new user at once"
put 10 "$LXD/profiles/p/config/limits.processes"
is "$(cat "$foo/config/limits.processes")" 10 "a profile's key shows in its instances"
put 11 "$LXD/profiles/p/config/limits.processes"
is "$(cat "$foo/config/limits.processes" "$foo/effective/config/limits.processes")" $'11\n11' "and changes there"
rm "$LXD/profiles/p/config/limits.processes"
nok "and goes there" -- test -e "$foo/config/limits.processes"

# ---- many

for i in {1..300}; do mkdir "$LXD/instances/n$i"; done
is "$(find "$LXD/instances" -maxdepth 1 -name 'n*' | wc -l)" 300 "300 instances are listed"
is "$(ls "$LXD/instances" | sort -u | wc -l)" 302 "each once"
exec 8<"$LXD/instances"
rmdir "$LXD"/instances/n{1..300}
is "$(ls "$LXD/instances" | wc -l)" 2 "and none when they are gone"
exec 8<&-

# ---- gone, while it was open

mkdir "$LXD/instances/gone"
exec 7<"$LXD/instances/gone/state" 8<>"$LXD/instances/gone/description"
rmdir "$LXD/instances/gone"
nok "a file of what was removed can't be read" -- cat <&7
nok "nor written" -- sh -c 'echo x >&8'
exec 7<&- 8<&-
ok "and its name is free" -- mkdir "$LXD/instances/gone"
is "$(cat "$LXD/instances/gone/state")" stopped "for a new one"

done_testing
