#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# What there is can be found by looking: keys that aren't set, defaults, schema/, where a value comes from.
# shellcheck disable=SC2002,SC2010,SC2012,SC2016,SC2086 # cat is tested; names are plain; $1 is the inner shell's; words are meant
. "$(dirname "$0")/../lib/daemon.sh"
daemon_start --no-init

foo=$LXD/instances/foo
mkdir "$foo" "$LXD/profiles/p" "$LXD/profiles/q"
put 10 "$LXD/profiles/p/config/limits.processes"
put 64MiB "$LXD/profiles/p/config/limits.memory"
put 20 "$LXD/profiles/q/config/limits.processes"
mkdir "$LXD/profiles/p/devices/d"
put disk "$LXD/profiles/p/devices/d/type"
put /mnt "$LXD/profiles/p/devices/d/path"
printf 'p\nq\n' >"$foo/profiles"

# ---- what is set, what is inherited, what applies (23)

is "$(ls "$foo/config" | tr '\n' ' ')" "limits.memory limits.processes set " "config/ shows what is set or inherited"
is "$(ls "$foo/local/config")" "" "local/ only what is set here"
is "$(cat "$foo/config/limits.processes")" 20 "the later profile wins"
put 30 "$foo/config/limits.processes"
is "$(cat "$foo/config/limits.processes" "$foo/local/config/limits.processes" "$foo/effective/config/limits.processes")" $'30\n30\n30' "and what is set here wins over both"
is "$(ls "$foo/devices/d" | tr '\n' ' ')" "path set type " "an inherited device is shown"
is "$(ls "$foo/local/devices")" "" "but not in local/"
put /srv "$foo/devices/d/path"
is "$(cat "$foo/devices/d/path" "$foo/devices/d/type" "$foo/effective/devices/d/path")" $'/srv\ndisk\n/srv' "a key of it can be set here"
is "$(ls "$foo/local/devices/d")" path "which is all that local/ shows of it"
ok "rm of it" -- rm "$foo/devices/d/path"
is "$(cat "$foo/devices/d/path")" /mnt "brings back the profile's"
nok "a key that isn't set isn't there" -- test -e "$foo/config/limits.cpu.priority"
is "$(cat "$foo/effective/config/limits.cpu.priority")" 10 "its default is in effective/"
is "$(cat "$foo/effective/devices/d/readonly")" false "of a device, too"
nok "a key without a default and not set isn't" -- test -e "$foo/effective/config/limits.cpu"
nok "nor one that doesn't exist" -- test -e "$foo/effective/config/limits.nosuch"
fails_with EACCES "can only be read" "effective/ can't be written" -- put 5 "$foo/effective/config/limits.cpu.priority"
fails_with EPERM "" "nor added to" -- put 5 "$foo/effective/config/limits.cpu"
ok "every name in effective/ can be read" -- sh -c 'cat "$1"/effective/config/* "$1"/effective/devices/*/* >/dev/null' sh "$foo"
is "$(find "$foo/effective" -type f | sed 's,.*/,,' | sort | uniq -d | grep -v '^set$')" "" "each key is there once"
is "$(cat "$LXD/effective/config/"* | wc -l)" "$(find "$LXD/effective/config" -type f | wc -l)" "the server's keys have their defaults, too"

# ---- schema/

ok "schema/ has tables" -- test -d "$LXD/schema/instance"
wrong=
for f in "$LXD"/schema/*/*; do
	for word in type: values: applies: class:; do
		grep -qi "$word" "$f" || wrong+="$f:$word "
	done
	[ "$(stat -c %s "$f")" = "$(wc -c <"$f")" ] || wrong+="$f:size "
done
is "$wrong" "" "every key's file tells type, values, when it applies, class, and its size is right"
like "$(grep ^values: "$LXD/schema/network-bridge/ipv4.address")" 'auto.*IPv4' \
	"words that a key takes besides are told with what else it takes"
like "$(grep ^values: "$LXD/schema/instance/limits.cpu.priority")" ' 0 to 10$' "a number with its range"
ok "a key is found by what it does" -- grep -rqi "processes" "$LXD/schema/instance"
is "$(cd "$foo/config" && find "$LXD/schema/instance" -name 'limits.memory' | wc -l)" 1 "a row has one file"
wrong=
for f in "$foo"/effective/config/*; do
	key=${f##*/}
	[ -e "$LXD/schema/instance/$key" ] || wrong+="$key "
done
is "$wrong" "" "each key of effective/ has its row"
as 4242 4242 ls "$LXD/schema/instance" >"$WORK/names"
is "$(wc -l <"$WORK/names")" "$(ls "$LXD/schema/instance" | wc -l)" "anybody may read it"
ok "and README" -- as 4242 4242 cat "$LXD/README"
fails_with EACCES "can only be read" "nobody writes it" -- put x "$LXD/schema/instance/limits.memory"
fails_with EPERM "" "nor makes a key" -- mkdir "$LXD/schema/x"

# ---- completion works without help of its own

is "$(bash -c 'compgen -f "$1/config/limits.p"' sh "$foo")" "$foo/config/limits.processes" "a shell completes keys that are set"
is "$(bash -c 'compgen -f "$1/schema/instance/limits.memory.sw"' sh "$LXD" | head -n 1)" "$LXD/schema/instance/limits.memory.swap" "and in schema/ those that aren't"

# ---- names that are close

for pair in limits.memroy:limits.memory limits.cpus:limits.cpu boot.autostrt:boot.autostart limits.proceses:limits.processes securty.nesting:security.nesting; do
	fails_with EINVAL "${pair#*:}" "${pair%:*} is guessed" -- put 1 "$foo/config/${pair%:*}"
done
fails_with EINVAL "path" "and of a device" -- put /mnt "$foo/devices/d/pth"

# ---- nothing is doubled or missing in a listing, whatever is read meanwhile

for i in {1..1000}; do mkdir "$LXD/instances/i$i"; done
is "$(ls "$LXD/instances" | grep -c '^i')" 1000 "a directory of 1000 instances"
is "$(busybox ls "$LXD/instances" | sort -u | grep -c '^i')" 1000 "for busybox, too"
is "$(find "$LXD/instances" -maxdepth 2 -name uuid -exec cat {} + | sort -u | wc -l)" 1001 "each is its own"
is "$(find "$LXD/instances" -printf '%i\n' | sort -n | uniq -d | head)" "" "no two files have one inode number"
rmdir "$LXD"/instances/i*
is "$(ls "$LXD/instances")" foo "and they go"

done_testing
