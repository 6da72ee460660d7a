#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A container's root against what enters it: every process on its way in is attacked in a loop, paths are swapped under
# mounts and starts by a neighbour and by the container itself, and its /proc tells lies.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/attack.sh"
. "$ROOT/tests/lib/marks.sh"

marks_show
uuid_of() { sed -n 's/^uuid = "\(.*\)";/\1/p' "$(grep -l "name = \"$1\"" "$STATE"/objects/instances/*.conf)"; }
# upper NAME: where what it wrote lies on the host
upper() { find "$STATE/pools" -type d -path "*$(uuid_of "$1")*" -name upper | head -n 1; }

# ---- whoever enters is attacked: descriptors, program, memory, tracing (CVE-2024-21626, CVE-2019-5736, CVE-2022-1227)
for kind in "plain" "privileged security.privileged true" "nested security.nesting true"; do
	# shellcheck disable=SC2086 # pairs
	make $kind
	kind=${kind%% *}
	c job exec "$kind" "$MARKS attack watch 6 >/tmp/watched"
	eventually test -s "$(upper "$kind")/tmp/watched"
	begin=$SECONDS
	while [ $((SECONDS - begin)) -lt 6 ]; do
		c exec "$kind" 'true'
	done
	eventually grep -q '^seen' "$(upper "$kind")/tmp/watched"
	is "$(grep -v -e '^watching' -e '^seen' "$(upper "$kind")/tmp/watched" | cut -d ' ' -f 1-6 | sort | uniq -c)" "" "$kind: whoever enters gives nothing away"
	diag "$kind: $(grep '^seen' "$(upper "$kind")/tmp/watched")"
	like "$(grep '^seen' "$(upper "$kind")/tmp/watched")" 'seen: [1-9]' "$kind: some were seen"
done

# ---- its /proc tells lies (CVE-2015-1334): what enters isn't less confined
run plain 'cp /bin/attack /bin/probe /tmp; mkdir -p /tmp/lies; mount -t tmpfs lies /proc; mkdir -p /proc/self/attr /proc/self/fd /proc/self/ns /proc/1/ns /proc/1/root /proc/sys/kernel /proc/thread-self/attr; for f in self/attr/current self/attr/exec thread-self/attr/exec self/status self/uid_map self/cgroup 1/cgroup sys/kernel/cap_last_cap; do echo 0 >/proc/$f; done; ln -s / /proc/self/cwd; ln -s /bin/busybox /proc/self/exe' >"$WORK/out"
like "$(run plain probe syscalls)" "kexec_load ENOSYS" "with a /proc of its own making a command has its filter"
c pid plain
map=$(cat "/proc/$OUT/uid_map")
inside() { pgrep -f "$1" | while read -r p; do [ "$(cat "/proc/$p/uid_map")" != "$map" ] || echo "$p"; done | head -n 1; }
c job exec plain 'sleep 54321'
eventually pgrep -f '^sleep 54321'
pid=$(inside '^sleep 54321')
isnt "$pid" "" "it is in the container's user namespace"
is "$(sed -n 's/^Seccomp:[[:space:]]*//p' "/proc/$pid/status")" 2 "it has a filter"
c pid plain
for ns in mnt pid net ipc uts cgroup; do
	is "$(readlink "/proc/$pid/ns/$ns")" "$(readlink "/proc/$OUT/ns/$ns")" "it is in the container's $ns namespace"
done
is "$(sort "/proc/$pid/cgroup")" "$(sort "/proc/$OUT/cgroup")" "and in its groups"
gone plain

# ---- the directories in which a start mounts are links (CVE-2015-1335)
host_before=$(mounts | grep -v "$STATE/pools")
list() { find / -xdev -maxdepth 1 -newer "$WORK/mark.time" ! -path /tmp ! -path /run -printf '%p\n'; find /etc /mnt /srv /opt -xdev -maxdepth 2 -newer "$WORK/mark.time" -printf '%p\n' 2>/dev/null; }
touch "$WORK/mark.time"
c create links
does "it has run once" start links
c stop links force
dir=$(upper links)
for way in / /etc ../../../../../../../../../.. /proc/1/root "$BASE"; do
	for target in proc sys dev run etc; do
		rm -rf "${dir:?}/$target"
		ln -s "$way" "$dir/$target"
	done
	c start links
	is "$(mounts | grep -v "$STATE/pools")" "$host_before" "links to $way where it mounts: nothing is mounted on the host"
	c stop links force
done
is "$(list | grep -v -e "^$BASE" -e '/mtab$')" "" "nor is anything made there"
rm -rf "${dir:?}"/{proc,sys,dev,run,etc}
does "without them it starts" start links
gone links

# ---- a neighbour swaps the way to a device while it is attached, in a directory that both have
mkdir -p "$WORK/both/way/in" "$WORK/secret"
echo "the host's secret" >"$WORK/secret/file"
chmod 777 "$WORK/both" "$WORK/both/way" "$WORK/both/way/in"
for i in mean good; do
	c create $i
	c section instance $i devices/both
	c set instance $i devices/both type disk
	c set instance $i devices/both source "$WORK/both"
	c set instance $i devices/both path /both
	c start $i
	is "$SAID" ok "$i starts"
done
run mean 'mkdir -p /both/way/in; (while [ ! -e /both/enough ]; do mv /both/way /both/gone; ln -s / /both/way; rm /both/way; ln -s /../../../../../../.. /both/way; rm /both/way; mv /both/gone /both/way; done) >/dev/null 2>&1 & true' >/dev/null
c section instance good devices/d
c set instance good devices/d type disk
c set instance good devices/d path /both/way/in
bad=
for ((i = 0; i < 25; i++)); do
	c stop good force
	c set instance good devices/d source "$WORK/secret"
	c start good
	[ "$(mounts | grep -v -e "$STATE/pools")" = "$host_before" ] || bad+=" mounted on the host;"
	# with the name mean sees what good was given?
	case $(run mean 'cat /both/way/in/file /both/*/in/file 2>/dev/null') in *secret*) bad+=" mean reads what good was given;" ;; esac
done
: >"$WORK/both/enough"
is "$bad" "" "a way that a neighbour swaps leads nowhere else, 25 starts"
gone mean
gone good
gone privileged
gone nested
marks_hide
core_end
done_testing
