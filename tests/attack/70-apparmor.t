#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# AppArmor: a profile for each container and each bridge's dnsmasq while they run, what it denies, and what a kernel
# without it makes of that: one warning, and all else as ever.
. "$(dirname "$0")/../lib/daemon.sh"
# shellcheck disable=SC2119
daemon_start
ok "the image" -- use_busybox
foo=$LXD/instances/foo
bar=$LXD/instances/bar
profiles() { grep "^$NAME-" /sys/kernel/security/apparmor/profiles | sed 's/ (enforce)//' | sort; }
label() { cat "/proc/$1/attr/apparmor/current" 2>/dev/null || cat "/proc/$1/attr/current" 2>/dev/null; }
uuid() { cat "$1/uuid"; }
# inside COMMAND [INSTANCE]: what it prints
inside() {
	local e=${2:-$foo}/exec/t$BASHPID
	mkdir "$e"
	put "$1" "$e/command"
	put run "$e/state" || cat "$ERROR_FILE"
	cat "$e/stdout" "$e/stderr"
	rmdir "$e"
}
told() { find "$LXD/warnings" -maxdepth 1 -name 'apparmor-*' | wc -l; }
has_apparmor() { [ "$(cat /sys/module/apparmor/parameters/enabled 2>/dev/null)" = Y ]; }

# ---- rules of the admin's are read before they are kept, with AppArmor or without
ok "an instance" -- mkdir "$foo"
ok "rules" -- put 'deny /etc/passwd r,' "$foo/config/raw.apparmor"
is "$(get "$foo/config/raw.apparmor")" 'deny /etc/passwd r,' "are kept"
fails_with EINVAL "line 2: apparmor_parser doesn't take it" "nonsense isn't" -- \
	put $'deny /etc/passwd r,\nfish and chips,' "$foo/config/raw.apparmor"
fails_with EINVAL "line 1: apparmor_parser doesn't take it" "nor a rule without its end" -- \
	put 'deny /etc/passwd r' "$foo/config/raw.apparmor"
fails_with EINVAL 'line 2: "}" closes what the rules' "nor another program's profile" -- \
	put $'deny /etc/passwd r,\n}\nprofile cat /bin/cat {' "$foo/config/raw.apparmor"
fails_with EINVAL 'before "{" is closed' "nor half a one" -- put 'profile x {' "$foo/config/raw.apparmor"
ok "a child of it may be" -- put $'profile x {\n  /bin/true mr,\n}\ndeny /etc/passwd r,' "$foo/config/raw.apparmor"
fails_with EINVAL "line 1: apparmor_parser doesn't take it" "a profile's rules are read as well" -- \
	put 'fish,' "$LXD/profiles/default/config/raw.apparmor"
is "$(tail -n 1 "$foo/config/raw.apparmor")" 'deny /etc/passwd r,' "what was refused changed nothing"
rm "$foo/config/raw.apparmor"

if ! has_apparmor; then
	is "$(told)" 1 "one warning tells that there is no AppArmor"
	like "$(cat "$LXD"/warnings/apparmor-*/message)" "no AppArmor" "and says why"
	like "$(cat "$LXD/environment/kernel_features")" 'apparmor_profiles false' "so does environment/"
	ok "an instance starts" -- put running "$foo/state"
	put stopped "$foo/state"
	ok "again" -- put running "$foo/state"
	is "$(told)" 1 "there is still one warning"
	like "$(cat "$foo/confinement")" "profile none" "it has no profile"
	skip 20 "no AppArmor in this kernel"
	done_testing
	exit
fi

# ---- while they run
is "$(told)" 0 "no warning"
like "$(cat "$LXD/environment/kernel_features")" 'apparmor_profiles true' "environment/ says so"
ok "foo starts" -- put running "$foo/state"
name=$NAME-$(uuid "$foo")
is "$(sed -n 's/^profile //p' "$foo/confinement")" "$name" "its profile has no name but its uuid"
is "$(label "$(get "$foo/pid")")" "$name (enforce)" "the kernel says the same of its init"
is "$(inside 'cat /proc/self/attr/current')" "$name (enforce)" "and of a command in it"
is "$(grep -c foo /sys/kernel/security/apparmor/profiles)" 0 "no profile is called as the instance"
dnsmasq=$(grep -x '[0-9]*' "$RUN/networks/lxdbr0/dnsmasq.pid")
like "$(label "$dnsmasq")" "^$NAME-[0-9a-f-]{36} \(enforce\)" "the bridge's dnsmasq has one"
ok "under which it gives addresses" -- eventually grep -q '^eth0 10\.' "$foo/addresses"
is "$(profiles | wc -l)" 2 "there are no others"

# ---- what it denies
like "$(inside 'echo changeprofile unconfined >/proc/self/attr/current')" "denied|Invalid|not permitted" "it can't be left"
like "$(inside 'echo exec unconfined >/proc/self/attr/exec && cat /proc/self/attr/current')" "denied|Invalid|not permitted" "nor with the next program"
like "$(inside 'mkdir /tmp/a; mount -t tmpfs x /tmp/a && echo mounted')" mounted "a tmpfs can be mounted"
like "$(inside 'mount --bind /etc /tmp/a && ls /tmp/a')" inittab "and a directory elsewhere"
put true "$foo/config/security.privileged"
ok "privileged" -- put restart "$foo/state"
is "$(label "$(get "$foo/pid")")" "$name (enforce)" "it has a profile too"
like "$(inside 'mkdir /tmp/a; mount -t tmpfs x /tmp/a && echo mounted')" mounted "a tmpfs can be mounted"
for type in proc sysfs debugfs tracefs binfmt_misc devtmpfs securityfs; do
	like "$(inside "mkdir /tmp/m; mount -t $type x /tmp/m && echo mounted; mount -o ro -t $type x /tmp/m && echo mounted")" "denied" "no $type"
	is "$(inside "grep -c ' /tmp/m ' /proc/mounts")" 0 "none"
done
for file in /proc/sysrq-trigger /proc/sys/kernel/core_pattern /proc/sys/vm/drop_caches /sys/power/state /sys/kernel/uevent_helper; do
	unlike "$(inside "(: >>$file) && echo opened")" opened "$file isn't written"
done
put false "$foo/config/security.privileged"

# ---- the admin's rules
put 'deny /etc/passwd r,' "$foo/config/raw.apparmor"
ok "with rules of the admin's" -- put restart "$foo/state"
like "$(inside 'cat /etc/passwd')" "Permission denied" "they hold"
like "$(inside 'cat /etc/group')" "root" "for what they name"
rm "$foo/config/raw.apparmor"

# ---- profiles of its own, with security.nesting
put true "$foo/config/security.nesting"
ok "nesting" -- put restart "$foo/state"
is "$(label "$(get "$foo/pid")")" "$name//&:$name:unconfined (enforce)" "its profile, and a namespace for its own"
is "$(inside 'cat /proc/self/attr/current')" "unconfined" "in which nothing confines it yet"
is "$(inside 'mount -t proc x /mnt && ls -d /mnt/1')" "/mnt/1" "it may mount a /proc of its own"
is "$(inside 'sleep 100 & kill $! && wait $! 2>/dev/null; echo $?' | head -n 1)" 143 "signals reach its processes"
printf 'profile inner {\n  file,\n  deny /etc/passwd r,\n}\n' >"$WORK/inner"
apparmor_parser -QKq --ofile="$WORK/inner.bin" "$WORK/inner"
mkdir "$foo/exec/in"
cp "$WORK/inner.bin" "$foo/exec/in/stdin"
put 'cat >/root/inner.bin' "$foo/exec/in/command"
put run "$foo/exec/in/state"
is "$(inside 'cat /root/inner.bin >/sys/kernel/security/apparmor/.replace && cat /sys/kernel/security/apparmor/profiles')" "inner (enforce)" \
	"it loads a profile of its own, and sees no other"
is "$(profiles | grep -c inner)" 0 "which isn't the host's"
like "$(inside 'echo exec inner >/proc/self/attr/exec && exec cat /proc/self/attr/current')" "^inner \(enforce\)" "a program may take it on"
like "$(inside 'echo exec inner >/proc/self/attr/exec && exec cat /etc/passwd')" "denied" "and is held by it"
like "$(inside "printf $name >/sys/kernel/security/apparmor/.remove; cat /proc/sysrq-trigger")" "denied|No such" "the one that holds it all isn't its to remove"
is "$(label "$(get "$foo/pid")")" "$name//&:$name:unconfined (enforce)" "and is there still"
put stopped "$foo/state"
ok "the namespace is gone with it" -- test ! -e "/sys/kernel/security/apparmor/policy/namespaces/$name"
put false "$foo/config/security.nesting"

# ---- their end
ok "foo starts" -- put running "$foo/state"
ok "bar" -- mkdir "$bar"
ok "starts" -- put running "$bar/state"
is "$(profiles | wc -l)" 3 "each has its own"
ok "bar stops" -- put stopped "$bar/state"
is "$(profiles | grep -c "$(uuid "$bar")")" 0 "its profile is gone"
ok "it starts again" -- put running "$bar/state"
bar_init=$(get "$bar/pid")
bar_monitor() { sed -n 's/^PPid:[[:space:]]*//p' "/proc/$bar_init/status"; }
kill -KILL "$(bar_monitor)"
bar_is_gone() { [ "$(profiles | grep -c "$(uuid "$bar")")" = 0 ]; }
ok "its monitor is killed: its profile goes with it" -- eventually bar_is_gone
ok "it starts again" -- put running "$bar/state"
bar_init=$(get "$bar/pid")
core=$(pgrep -P "$(pgrep -o -x lxdfsd)" -x lxdfsd)
kill -KILL "$core"
ok "a core that follows serves" -- eventually grep -q running "$bar/state"
is "$(profiles | wc -l)" 3 "a core that died took none away"
is "$(inside 'cat /proc/self/attr/current' "$bar")" "$NAME-$(uuid "$bar") (enforce)" "commands have it as before"
left=$NAME-$(uuid "$bar")
ok "the daemon ends" -- "$BIN/lxdfsd" --stop --mount "$LXD" --state "$STATE" --run "$RUN" --name "$NAME"
is "$(profiles | wc -l)" 3 "and what runs keeps its profiles"
kill -KILL "$(bar_monitor)"
timeout 30 tail --pid "$bar_init" -f /dev/null
ok "it starts" -- daemon_again
is "$(get "$bar/state")" stopped "bar was killed meanwhile"
is "$(profiles | grep -c "$left")" 0 "its profile is gone"
is "$(profiles | wc -l)" 2 "the others aren't"
ok "foo goes" -- eval 'put stopped "$foo/state" && rmdir "$foo"'
is "$(find "$RUN/apparmor" -name "*$(uuid "$bar")*" | wc -l)" 2 "what was compiled is kept for the next start"
is "$(find "$RUN/apparmor" | wc -l)" 5 "but for those that are gone"
done_testing
