#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Ids: what a container's root is on the host, that isolated containers share no id, seen from both sides, and that
# maps change without any file changing its owner.
. "$(dirname "$0")/../lib/daemon.sh"

subs=$WORK/subids
printf 'root:1000000:1000000\nroot:4242:2\n' >"$subs"
for f in /etc/subuid /etc/subgid; do
	[ -e "$f" ] || skip_all "no $f, over which a test's own could be mounted"
	mount --bind "$subs" "$f"
done
. "$ROOT/tests/lib/attack.sh"

# the host's ids of an instance, as "FIRST-LAST" lines: from the host's side
ids() {
	c pid "$1"
	awk '{ print $2 "-" $2 + $3 - 1 }' "/proc/$OUT/uid_map" "/proc/$OUT/gid_map" | sort -u
}
set_key() { c set instance "$@"; }

# ---- unprivileged
make plain
is "$(ids plain)" "1000000-1999999" "the shared range is that of root"
c pid plain
is "$(stat -c %u "/proc/$OUT")" 1000000 "its root is an ordinary id of the host"
ok "which owns no file of the host" -- test -z "$(find /etc /usr/bin /var/lib -xdev -uid 1000000 -print -quit)"
run plain 'echo x >/file; chown 1000:1000 /file' >/dev/null
c root plain
is "$(stat -c %u:%g "$STATE"/pools/*/*/*/upper/file "$STATE"/pools/*/*/upper/file 2>/dev/null)" 1000:1000 "files on the disk have the ids that they have inside"

# ---- isolated
make a security.idmap.isolated true
make b security.idmap.isolated true
make big security.idmap.isolated true security.idmap.size 100000
is "$(ids a; ids b; ids big)" $'1065536-1131071\n1131072-1196607\n1196608-1296607' "ranges of their own, one behind the other"
is "$(run a cat /proc/self/uid_map | tr -s ' ' | sed 's/^ //')" "0 1065536 65536" "seen from inside"
run b 'sleep 1000 & echo $!' >/dev/null
c pid b
b_pid=$OUT
is "$(run a "kill -0 $b_pid 2>&1; ls /proc | grep -cx $b_pid")" "$(run a "kill -0 $b_pid 2>&1; echo 0")" "one doesn't see the other's processes"

# ---- overlaps are refused where they are written
c create c1
set_key c1 config security.idmap.isolated true
refuses EBUSY 'overlap those of a, 1065536 to 1131071' "a base in another's range" set instance c1 config security.idmap.base 1100000
refuses ERANGE "aren't among those" "a base below" set instance c1 config security.idmap.base 1000000
refuses ERANGE "aren't among those" "a base that ends above" set instance c1 config security.idmap.base 1950000
does "a free one" set instance c1 config security.idmap.base 1500000
c create c2
set_key c2 config security.idmap.isolated true
refuses EBUSY 'overlap those of c1, 1500000 to 1565535' "one that never ran has its base for itself" set instance c2 config security.idmap.base 1565535
does "the next is free" set instance c2 config security.idmap.base 1565536
refuses EBUSY 'overlap those of c2' "a size that reaches another's" set instance c1 config security.idmap.size 70000
c create profile-user
c set profile default config security.idmap.isolated true
refuses EINVAL "comes from the profile default" "a base in a profile is nobody's" set profile default config security.idmap.base 1700000
c unset profile default config security.idmap.isolated
does "one removed gives it back" remove c2
does "" set instance c1 config security.idmap.size 70000

# ---- kept
c stop a force
does "" start a
is "$(ids a)" 1065536-1131071 "a range is kept"
c stop a force
c create d
c set instance d config security.idmap.isolated true
does "" start d
is "$(ids d)" 1296608-1362143 "also while it doesn't run"
does "" start a
is "$(ids a)" 1065536-1131071 "and had again"
core_kill
core_start
refuses EBUSY 'overlap those of a, 1065536' "a new core knows who has what" set instance c1 config security.idmap.base 1065536
gone d

# ---- switched: what is on the disk stays as it is
owners() { (cd "$STATE/pools" && find . -path '*upper*' \( -name mine -o -name roots -o -name file -o -name upper \) -printf '%p %U %G\n' | sort); }
run a 'echo x >/mine; chown 33:33 /mine; echo y >/root/roots' >/dev/null
c stop a force
before=$(owners)
for key in "isolated false" "privileged true" "privileged false" "isolated true"; do
	name=security.${key% *}
	[ "${key% *}" = isolated ] && name=security.idmap.isolated
	does "$key" set instance a config "$name" "${key#* }"
	does "" start a
	is "$(run a 'stat -c %u:%g /mine /root/roots; cat /root/roots; chown 33 /mine && echo done' | tr '\n' ' ')" "33:33 0:0 y done " "$key: inside all is as it was"
	c stop a force
	is "$(owners)" "$before" "$key: on the disk too"
done
refuses EINVAL contradict "privileged and isolated at once" set instance a config security.privileged true

# ---- random runs: never an id that two have
RANDOM=7
names=(r1 r2 r3 r4 r5 r6)
for n in "${names[@]}"; do
	c create "$n"
	c set instance "$n" config security.idmap.isolated true
done
bad=
for ((i = 0; i < 60; i++)); do
	n=${names[RANDOM % ${#names[@]}]}
	case $((RANDOM % 5)) in
	0) c set instance "$n" config security.idmap.base $((1065536 + RANDOM * 20)) ;;
	1) c unset instance "$n" config security.idmap.base ;;
	2) c set instance "$n" config security.idmap.size $((65536 + RANDOM * 3)) ;;
	3) c stop "$n" force ;;
	*) c start "$n" ;;
	esac
	all=$(for n in "${names[@]}"; do
		c pid "$n"
		[ "${OUT:-0}" = 0 ] || awk '{ print $2, $2 + $3 - 1 }' "/proc/$OUT/uid_map"
	done | sort -n)
	bad+=$(awk 'NR > 1 && $1 <= last { print "overlap at " $1 } { last = $2 }' <<<"$all")
done
is "$bad" "" "no two that run share an id, whatever was done"
for n in "${names[@]}"; do gone "$n"; done

# ---- raw.idmap
c stop a force
does "ids of the host" set instance a config raw.idmap "both 4242 1000"
does "" start a
like "$(ids a)" 4242-4242 "are in the map"
mkdir "$WORK/shared"
chown 4242:4242 "$WORK/shared"
is "$(run a 'cat /proc/self/uid_map' | tr -s ' ' | sed 's/^ //' | tr '\n' ,)" "0 1065536 1000,1001 1066537 64535,1000 4242 1," "which is split around them"
c stop a force
c section instance a devices/shared
c set instance a devices/shared type disk
c set instance a devices/shared source "$WORK/shared"
c set instance a devices/shared path /shared
is "$SAID" ok "a directory of the host's"
c start a
run a 'touch /shared/x; chown 1000:1000 /shared/x' >/dev/null
is "$(stat -c %u:%g "$WORK/shared/x" 2>&1)" 4242:4242 "what they own is shared with the host"
refuses EPERM "a line root:4250:1" "one that root wasn't given" set instance b config raw.idmap "both 4250 1000"
refuses EINVAL "among those that" "one that containers have anyway" set instance b config raw.idmap "both 1000005 1000"
refuses EINVAL 'line 1 has "x"' "a slip" set instance b config raw.idmap "both x 1000"
core_end

# ---- ranges of user lxd come before those of root, and those of users and groups may differ
umount /etc/subuid /etc/subgid
printf 'root:1000000:1000000\nlxd:2000000:100\nlxd:2000000:200000\n' >"$WORK/subuid"
printf 'lxd:2010000:180000\nroot:1000000:1000000\n' >"$WORK/subgid"
mount --bind "$WORK/subuid" /etc/subuid
mount --bind "$WORK/subgid" /etc/subgid
core_start
is "$SAID" ok "a core with other files"
maps() {
	c pid "$1"
	cat "/proc/$OUT/uid_map" "/proc/$OUT/gid_map" | tr -s ' ' | sed 's/^ //' | tr '\n' ,
}
make both
is "$(maps both)" "0 2000000 200000,0 2010000 180000," "users and groups have ranges of their own"
run both 'echo x >/file; chown 199999:179999 /file' >/dev/null
is "$(run both stat -c %u:%g /file)" 199999:179999 "to their ends"
make own security.idmap.isolated true
is "$(maps own)" "0 2075536 65536,0 2075536 65536," "an isolated one has one range for both, above what they share"
c create none
refuses ENOSPC "" "when there is no range left" set instance none config security.idmap.isolated true
core_end
umount /etc/subuid /etc/subgid
done_testing
