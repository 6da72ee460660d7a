#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The file `set`: many keys in one change, all of it or nothing, and what it shows brings back what is.
# shellcheck disable=SC2002,SC2010,SC2012,SC2016,SC2086 # cat is tested; names are plain; $1 is the inner shell's; words are meant
. "$(dirname "$0")/../lib/daemon.sh"
daemon_start --no-init

a=$LXD/instances/a
b=$LXD/instances/b
mkdir "$a" "$b" "$LXD/profiles/p"
lines() { printf '%s\n' "$@"; }
# set_lines FILE LINE...: in one write
set_lines() {
	local file=$1
	shift
	lines "$@" >"$WORK/lines.$BASHPID"
	dd "if=$WORK/lines.$BASHPID" "of=$file" bs=1M status=none
}

# ---- lines

ok "keys of an instance" -- set_lines "$a/set" "description=a line" config/limits.memory=64MiB config/limits.processes=20 profiles=p
is "$(cat "$a/description" "$a/config/limits.memory" "$a/config/limits.processes" "$a/profiles")" $'a line\n64MiB\n20\np' "are set"
is "$(cat "$a/set")" "$(lines "description=a line" profiles=p config/limits.memory=64MiB config/limits.processes=20)" "are shown"
is "$(cat "$a/config/set")" "$(lines limits.memory=64MiB limits.processes=20)" "config/set has its own"
ok "KEY= unsets, comments and empty lines don't count" -- set_lines "$a/set" "# a comment" "" config/limits.processes= "description="
is "$(cat "$a/set")" "$(lines profiles=p config/limits.memory=64MiB)" "what is left"
ok "one more key" -- set_lines "$a/config/set" limits.processes=30
is "$(cat "$a/config/limits.memory" "$a/config/limits.processes")" $'64MiB\n30' "the others stay"
ok "a device in lines" -- set_lines "$a/set" devices/d/type=disk devices/d/path=/mnt devices/d/source=/srv
is "$(cat "$a/devices/d/set")" "$(lines type=disk path=/mnt source=/srv)" "its type comes first"
ok "an empty device" -- set_lines "$a/set" devices/e/
like "$(cat "$a/set")" 'devices/e/' "is shown"
ok "a device goes" -- set_lines "$a/set" '!devices/e' '!devices/d'
is "$(ls "$a/devices")" "" "with all its keys"
ok "a file that is an empty write" -- sh -c ': >"$1"' sh "$a/set"
ok "bash writes a line a write" -- bash -c 'cat >"$1" <<END
config/limits.memory=65MiB
config/limits.processes=31
END' sh "$a/set"
is "$(cat "$a/config/limits.memory" "$a/config/limits.processes")" $'65MiB\n31' "one change all the same"
ok "a loop" -- bash -c 'for i in 1 2 3; do echo "config/user.k$i=$i"; done >"$1"' sh "$a/set"
is "$(cat "$a"/config/user.k?)" $'1\n2\n3' "too"
ok ">>" -- bash -c 'echo config/user.k4=4 >>"$1"' sh "$a/set"
ok "tee" -- bash -c 'echo config/user.k5=5 | tee "$1" | tee -a "$1"' sh "$a/set"
ok "without a newline at its end" -- bash -c 'printf config/user.k6=6 >"$1"' sh "$a/set"
is "$(cat "$a"/config/user.k?)" $'1\n2\n3\n4\n5\n6' "all of these"
ok "sed -i of a set" -- sed -i s/31/32/ "$a/config/set"
is "$(cat "$a/config/limits.processes")" 32 "is a change"

# ---- all or nothing

version() { cat "$a/version"; }
before=$(cat "$a/set")
number=$(version)
refused() {
	local errno=$1 sentence=$2 name=$3
	shift 3
	fails_with "$errno" "$sentence" "$name" -- set_lines "$a/set" "$@"
	is "$(cat "$a/set") $(version)" "$before $number" "$name: nothing changed"
}
refused EINVAL limits.memory "a wrong value behind right ones" config/limits.processes=5 config/limits.memory=fish
refused EINVAL limits.memory "and before them" config/limits.memory=fish config/limits.processes=5
refused EINVAL "limits.memory" "a misspelt key" config/limits.processes=5 config/limits.memroy=5MiB
refused EINVAL "line 2" "no line" config/limits.processes=5 "what is this"
refused EINVAL "line 1" "no name" "=5"
refused EINVAL "line 1" "no such directory" "state/x=5"
refused EINVAL "line 1" "a device in a device" "devices/a/b/c=5"
refused EINVAL "line 2" "a quote that isn't closed" config/limits.processes=5 "config/user.x=\$'abc"
refused EINVAL "line 1" "an escape that is none" "config/user.x=\$'a\\qb'"
refused EPERM "set by lxdfs" "what lxdfs sets" config/limits.processes=5 config/volatile.x=y
refused EOPNOTSUPP "limits.disk.priority" "what isn't built" config/limits.processes=5 config/limits.disk.priority=5
refused EINVAL "profile" "what only fails as a whole" config/limits.processes=5 profiles=nosuch
refused EPERM "" "what is fixed" config/limits.processes=5 type=vm
nok "a wrong line in a loop" -- bash -c 'for l in config/limits.processes=5 config/limits.memory=fish config/user.z=z; do echo "$l"; done >"$1"' sh "$a/set"
is "$(cat "$a/set") $(version)" "$before $number" "nothing of the loop is set"
nok "a wrong line in a document" -- bash -c $'cat >"$1" <<END\nconfig/limits.processes=5\nconfig/limits.memory=fish\nconfig/user.z=z\nEND' sh "$a/set"
is "$(cat "$a/set") $(version)" "$before $number" "nothing of it is set"
nok "programs that share a descriptor, one is wrong" -- bash -c '{ echo config/user.q=1; echo fish; } >"$1"' sh "$a/set"
is "$(cat "$a/set") $(version)" "$before $number" "nothing is set"

# ---- if-version (28)

number=$(version)
ok "if-version with the number that is" -- set_lines "$a/set" "if-version=$number" config/limits.processes=40
is "$(version)" $((number + 1)) "it moves on"
fails_with ESTALE "not $number" "if-version with the old one" -- set_lines "$a/set" "if-version=$number" config/limits.processes=41
is "$(cat "$a/config/limits.processes")" 40 "changes nothing"
fails_with ESTALE "not $number" "if-version alone asks" -- set_lines "$a/set" "if-version=$number"
fails_with EINVAL "line 1" "a version that is none" -- set_lines "$a/set" if-version=x config/limits.processes=42
fails_with EINVAL "no key if-version" "and one that isn't first" -- set_lines "$a/set" config/limits.processes=42 "if-version=$((number + 1))"
ok "in config/ too" -- set_lines "$a/config/set" "if-version=$((number + 1))" limits.processes=43
# Ten that count with it: none is lost.
put 0 "$a/config/user.count"
for i in {1..10}; do
	while :; do
		v=$(version)
		n=$(cat "$a/config/user.count")
		set_lines "$a/set" "if-version=$v" "config/user.count=$((n + 1))" 2>/dev/null && break
	done &
done 2>/dev/null
wait
is "$(cat "$a/config/user.count")" 10 "ten that read, add and write lose nothing"

# ---- what it shows brings back what is (24)

ok "cat a/set > b/set" -- sh -c 'cat "$1/set" >"$2/set"' sh "$a" "$b"
is "$(cat "$b/set")" "$(cat "$a/set")" "makes them the same"
ok "cp, too" -- cp "$a/set" "$b/set"
is "$(cat "$b/set")" "$(cat "$a/set")" "and they stay so"
is "$(cat "$LXD/profiles/p/set")" "" "an empty set is empty"
ok "a profile takes what an instance has in config/" -- cp "$a/config/set" "$LXD/profiles/p/config/set"
is "$(cat "$LXD/profiles/p/config/set")" "$(cat "$a/config/set")" "the same"

values=(
	'plain' ' leading' 'trailing ' "it's" 'back\slash' "\$'looks quoted'" "\$'" "'" '"' '""' 'a=b' '=x' '#no comment'
	'!no device' $'two\nlines' $'\nfirst is empty' $'three\n\nlines' $'tab\there' $'\t' 'ünïcödé' '$HOME `id` $(id)' '*' '~' '\n' '\x41' '%s'
	"it's \"all\" \\ \$'of' it" $'ends in a backslash\\' ' ' 'if-version=1' 'a;b|c&d>e'
)
i=0
for v in "${values[@]}"; do
	i=$((i + 1))
	printf '%s\n' "$v" >"$a/config/user.v$i" || diag "value ${v@Q}: $(cat "$LXD/error")"
done
cat "$a/config/set" >"$WORK/config-set"
ok "odd values are copied" -- sh -c 'cat "$1" >"$2"' sh "$WORK/config-set" "$b/config/set"
is "$(cat "$b/config/set")" "$(cat "$WORK/config-set")" "the copy's set is the same"
i=0
for v in "${values[@]}"; do
	i=$((i + 1))
	is "$(cat "$b/config/user.v$i" 2>&1)" "$v" "the value ${v@Q}"
done
# Lines of `set` mean to bash what they mean to us.
i=0
wrong=
for v in "${values[@]}"; do
	i=$((i + 1))
	line=$(grep "^user.v$i=" "$WORK/config-set")
	case ${line#*=} in
	"\$'"*) [ "$(eval "printf %s ${line#*=}")" = "$v" ] || wrong+="${v@Q} " ;;
	esac
done
is "$wrong" "" "what is quoted is quoted as bash does it"
# The lines of one are a script that makes another from nothing.
mkdir "$LXD/instances/c"
ok "into a new one" -- cp "$a/set" "$LXD/instances/c/set"
is "$(cat "$LXD/instances/c/set")" "$(cat "$a/set")" "the same"

done_testing
