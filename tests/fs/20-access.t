#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who may do what: group lxd, strangers, and one instance given to another group. Each attack is compared by what
# it could have changed, not by how it ended.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/tree.sh"
# shellcheck disable=SC2119
daemon_start
use_busybox || { fail "the image is there"; done_testing; }

GID=$(stat -c %g "$LXD/instances")
WEB=43000
foo=$LXD/instances/foo
bar=$LXD/instances/bar

# Each in its primary group or not: admin and carol have what they have by a supplementary group alone.
admin() { user 42001 "42001,$GID"; }
stranger() { user 42002 42002; }
alice() { user 42003 "$WEB"; }
bob() { user 42004 "$WEB"; }
dave() { user 42007 "42007,$GID,$WEB"; }
carol() { user 42005 "42005,42006,$WEB"; }

# sh_u SCRIPT [ARGUMENT...]: as the present user
sh_u() { u bash -c "$@"; }

# ---- group lxd: the tour of README.md, as it is typed there
tour=$(sed -n '/^## Five minutes/,/^## /s/^    //p' "$ROOT/README.md" | grep -v '^nft ' | sed "s,/lxd/,$LXD/,g")
like "$tour" "mkdir $foo" "the README has a tour"
admin
while IFS= read -r line; do
	case $line in *exec/1*) # a script is faster than DHCP
		timeout 20 bash -c 'until grep -q "^[^ ]* *10\|inet *10\|10\." "$1"; do sleep 0.2; done' x "$foo/addresses" ;;
	esac
	sh_u "$line" >"$WORK/out" 2>"$WORK/err"
	is "$?$(cat "$WORK/err")" 0 "as typed by a member: ${line//$LXD//lxd}"
	case $line in
	*/state\ */addresses\ */pid*) like "$(cat "$WORK/out")" '^running' "which shows the instance" ;;
	*exec/1*) like "$(cat "$WORK/out")" 'inet 10\.' "which prints its address" ;;
	esac
done <<<"$tour"
is "$(ls "$LXD/instances")" "" "nothing of it is left"

# ---- a stranger
user root
mkdir "$foo" "$bar"
put 64MiB "$foo/config/limits.memory"
stranger
for d in config effective environment images networks profiles storage warnings instances; do
	nok "a stranger doesn't list $d/" -- u ls "$LXD/$d"
done
for d in config effective environment images networks profiles storage warnings instances/foo; do
	nok "nor enters $d/" -- sh_u 'cd "$1"' x "$LXD/$d"
done
for f in config/set images/aliases/busybox profiles/default/description networks/lxdbr0/type instances/foo/state \
	instances/foo/config/limits.memory instances/foo/set events; do
	nok "nor reads $f" -- u cat "$LXD/$f"
done
ok "he reads README, error and schema/" -- u cat "$LXD/README" "$LXD/error" "$LXD/schema/instance/limits.memory"
refused "he starts nothing" -- sh -c 'echo running >"$1"' x "$foo/state"
refused "he makes nothing" -- mkdir "$LXD/instances/evil"
refused "he removes nothing" -- rmdir "$bar"
refused "he renames nothing" -- mv "$bar" "$LXD/instances/evil"
refused "he changes no modes" -- chmod -R 777 "$foo" "$LXD/instances" "$LXD/config" "$LXD/README"
refused "he takes no groups" -- chgrp -R 42002 "$foo"
refused "he imports no image" -- sh -c 'echo >"$1"' x "$LXD/images/x"
refused "he makes no alias" -- ln -s ../x "$LXD/images/aliases/x"
refused "README isn't written" -- sh -c 'echo >"$1"' x "$LXD/README"
user root
nok "by root neither" -- sh -c 'echo x >"$1"' x "$LXD/README"
nok "nor are its owner and mode changed" -- chmod 666 "$LXD/README"

# ---- one instance, given away
chgrp $WEB "$foo"
host_keys() { find "$foo" -path "$foo/effective" -prune -o ! -type l ! -group $WEB -printf '%P %m\n' | sort | tr '\n' ' '; }
is "$(host_keys)" "devices/eth0/network 664 devices/eth0/type 664 devices/root/pool 664 devices/root/type 664 ephemeral 664 profiles 664 source 664 " \
	"what doesn't go along reaches the host, and can be read"
alice
is "$(u cat "$foo/config/limits.memory")" 64MiB "the group reads keys"
ok "all of it" -- sh_u 'find "$1" -type f ! -name wait | xargs cat >/dev/null' x "$foo"
ok "lists it" -- u ls -lR "$foo"
nok "but not what others there are" -- u ls "$LXD/instances"
ok "it starts it" -- sh_u 'echo running >"$1/state"' x "$foo"
is "$(cat "$foo/state")" running "it runs"
ok "runs a command" -- sh_u 'mkdir "$1/exec/a" && echo id >"$1/exec/a/command" && echo run >"$1/exec/a/state"' x "$foo"
like "$(u cat "$foo/exec/a/stdout")" '^uid=0' "and reads what it printed"
is "$(stat -c %g "$foo/exec/a" "$foo/exec/a/command" | sort -u)" $WEB "which is the group's"
carol
like "$(u cat "$foo/exec/a/stdout")" '^uid=0' "a supplementary group counts"
ok "it sets limits" -- sh_u 'echo 48MiB >"$1/config/limits.memory"; echo 33 >"$1/config/limits.processes"' x "$foo"
user root
is "$(find /sys/fs/cgroup -path "*$NAME*" ! -path "*/ns/*" -name pids.max -exec cat {} + | grep -cx 33)" 1 "which are in the kernel"
is "$(find /sys/fs/cgroup -path "*$NAME*" ! -path "*/ns/*" \( -name memory.limit_in_bytes -o -name memory.max \) -exec cat {} + | grep -c 50331648)" \
	1 "both"
bob
ok "and the description" -- sh_u 'echo "of web" >"$1/description"' x "$foo"
ok "removes the command" -- u rm -r "$foo/exec/a"
ok "unsets a key" -- u rm "$foo/config/limits.processes"
ok "sets many" -- sh_u 'printf "config/user.a=1\nconfig/limits.processes=44\n" >"$1/set"' x "$foo"
ok "edits in place" -- u sed -i s/1/2/ "$foo/config/user.a"
is "$(cat "$foo/config/user.a" "$foo/config/limits.processes")" "2
44" "and all of this is so"
ok "stops it" -- sh_u 'echo "stopped force" >"$1/state"' x "$foo"

# ---- and nothing else
user root
put 10.99.0.7 "$foo/devices/eth0/ipv4.address" 2>/dev/null
put true "$foo/devices/eth0/security.mac_filtering"
put 00:16:3e:01:02:03 "$foo/devices/eth0/hwaddr"
put true "$foo/config/security.idmap.isolated"
put mine "$foo/config/user.mine"
mkdir "$STATE/given"
mkdir "$foo/devices/data"
printf 'type=disk\nsource=%s\npath=/data\nreadonly=true\n' "$STATE/given" >"$foo/devices/data/set"
for who in alice carol; do
	$who
	refused "$who: not another instance" -- sh -c 'cat "$1/state" || echo running >"$1/state"' x "$bar"
	refused "$who: not its files" -- sh -c 'echo 1MiB >"$1/config/limits.memory"' x "$bar"
	refused "$who: nothing new beside it" -- mkdir "$LXD/instances/new"
	refused "$who: no removal" -- rmdir "$foo"
	refused "$who: no rm -r" -- rm -r "$foo"
	refused "$who: no other name" -- mv "$foo" "$LXD/instances/mine"
	for k in security.privileged=true security.nesting=true security.syscalls.deny_default=false \
		security.idmap.isolated=false security.idmap.base=1000000 raw.idmap='both 0 0'; do
		refused "$who: no ${k%%=*} by write" -- sh -c 'echo "$2" >"$1"' x "$foo/config/${k%%=*}" "${k#*=}"
		refused "$who: nor by local/" -- sh -c 'echo "$2" >"$1"' x "$foo/local/config/${k%%=*}" "${k#*=}"
		refused "$who: nor by config/set" -- sh -c 'echo "$2" >"$1"' x "$foo/config/set" "$k"
		refused "$who: nor by set" -- sh -c 'printf "config/user.x=1\nconfig/%s\n" "$2" >"$1"' x "$foo/set" "$k"
		harmless "$who: nor by mv" -- sh -c 'echo "$2" >"$1/config/user.mine" && mv "$1/config/user.mine" "$1/config/$3"; echo mine >"$1/config/user.mine"' \
			x "$foo" "${k#*=}" "${k%%=*}"
		harmless "$who: nor by a scratch file" -- sh -c 'cd "$1/config" && echo "$2" >sedAbCdEf && mv sedAbCdEf "$3"; rm -f sedAbCdEf' \
			x "$foo" "${k#*=}" "${k%%=*}"
	done
	refused "$who: none is unset" -- rm "$foo/config/security.idmap.isolated"
	refused "$who: nor by set" -- sh -c 'echo config/security.idmap.isolated= >"$1/set"' x "$foo"
	refused "$who: nor moved away" -- mv "$foo/config/security.idmap.isolated" "$foo/config/user.mine"
	refused "$who: nor edited in place" -- sed -i s/true/false/ "$foo/config/security.idmap.isolated"
	refused "$who: nor replaced by rsync's way" -- sh -c 'cd "$1" && echo false >.x.AbCdEf && mv -f .x.AbCdEf security.idmap.isolated' \
		x "$foo/config"
	refused "$who: not the image" -- sh -c 'echo none >"$1/source"' x "$foo"
	refused "$who: not the profiles" -- sh -c 'echo default >"$1/profiles"' x "$foo"
	refused "$who: nor their absence" -- rm "$foo/profiles"
	refused "$who: nor by set" -- sh -c 'echo profiles=default >"$1/set"' x "$foo"
	refused "$who: it can't be made ephemeral, to be gone at its stop" -- sh -c 'echo true >"$1/ephemeral"' x "$foo"
	for k in hwaddr=00:16:3e:99:99:99 security.mac_filtering=false security.ipv4_filtering=false ipv4.address=10.1.2.3 \
		network=other parent=lo type=none host_name=veth0 mtu=68; do
		refused "$who: no ${k%%=*} of a NIC" -- sh -c 'echo "$2" >"$1"' x "$foo/devices/eth0/${k%%=*}" "${k#*=}"
		refused "$who: nor by its set" -- sh -c 'echo "$2" >"$1"' x "$foo/devices/eth0/set" "$k"
		harmless "$who: nor unset" -- rm "$foo/local/devices/eth0/${k%%=*}"
	done
	refused "$who: a device isn't dropped" -- rmdir "$foo/devices/eth0"
	refused "$who: nor its own part of it" -- rmdir "$foo/local/devices/eth0"
	nok "$who: nor with rm -r" -- u rm -r "$foo/devices/data"
	is "$(cat "$foo/devices/data/source")" "$STATE/given" "which leaves what is the host's"
	put /data "$foo/devices/data/path"
	refused "$who: nor by set" -- sh -c 'echo "!devices/data" >"$1/set"' x "$foo"
	refused "$who: nor renamed" -- mv "$foo/devices/data" "$foo/devices/other"
	refused "$who: none is made" -- mkdir "$foo/devices/evil"
	refused "$who: nor in local/" -- mkdir "$foo/local/devices/evil"
	refused "$who: nor by set" -- sh -c 'printf "devices/evil/\n" >"$1/set"' x "$foo"
	refused "$who: nor by a key alone" -- sh -c 'printf "devices/evil/path=/x\n" >"$1/set"' x "$foo"
	refused "$who: no disk of the host" -- sh -c 'printf "devices/evil/\ndevices/evil/type=disk\ndevices/evil/source=/\ndevices/evil/path=/x\n" >"$1/set"' x "$foo"
	refused "$who: the disk's source stays" -- sh -c 'echo / >"$1"' x "$foo/devices/data/source"
	refused "$who: and that it is read only" -- rm "$foo/devices/data/readonly"
	refused "$who: and isn't the root" -- sh -c 'echo / >"$1/devices/data/path"' x "$foo"
	refused "$who: not the daemon's notes" -- sh -c 'echo x >"$1/config/volatile.uuid"' x "$foo"
	refused "$who: nor by set" -- sh -c 'echo config/volatile.idmap=x >"$1/set"' x "$foo"
	refused "$who: nobody's group" -- chgrp -R "$WEB" "$foo"
	refused "$who: no modes" -- chmod -R 777 "$foo"
	refused "$who: not the profile" -- sh -c 'echo true >"$1"' x "$LXD/profiles/default/config/security.privileged"
	refused "$who: not the server" -- sh -c 'echo x >"$1"' x "$LXD/config/user.x"
	nok "$who: no events" -- u cat "$LXD/events"
	nok "$who: the files of other instances, and the host's, stay behind its state directory" -- u ls "$STATE/pools" "$STATE/objects"
	nok "$who: files isn't followed" -- u ls "$foo/files/"
done

# ---- -R, and giving a host key away on purpose
user root
chgrp lxd "$foo" 2>/dev/null || chgrp "$GID" "$foo"
alice
nok "taken back, it is closed" -- u cat "$foo/state"
user root
nok "chgrp -R says what it leaves" -- chgrp -R $WEB "$foo"
alice
refused "no key of the host went along" -- sh -c 'echo 00:16:3e:99:99:99 >"$1"' x "$foo/devices/eth0/hwaddr"
user root
chgrp "$GID" "$foo"
is "$(find "$foo" ! -type l -group $WEB)" "" "what -R gave goes back with the instance"
chgrp $WEB "$foo"
fails_with EPERM "chown root:GROUP" "chgrp of one says how" -- chgrp $WEB "$foo/devices/eth0/hwaddr"
ok "chown root:GROUP gives it" -- chown root:$WEB "$foo/devices/eth0/hwaddr"
alice
ok "which is enough to write it" -- sh_u 'echo 00:16:3e:aa:aa:aa >"$1"' x "$foo/devices/eth0/hwaddr"
is "$(cat "$foo/devices/eth0/hwaddr")" 00:16:3e:aa:aa:aa "it is written"
refused "and not its neighbour" -- sh -c 'echo false >"$1"' x "$foo/devices/eth0/security.mac_filtering"
user root
chown root:$WEB "$foo/devices/data/source"
rmdir "$foo/devices/data"
mkdir "$foo/devices/data"
printf 'type=disk\nsource=%s\npath=/data\n' "$STATE/given" >"$foo/devices/data/set"
alice
refused "what was given of a device goes with it: a new one of that name is closed" -- \
	sh -c 'echo / >"$1"' x "$foo/devices/data/source"

# ---- a key's own mode
user root
chmod 0440 "$foo/config/limits.memory"
chown root:"$GID" "$foo/config/limits.processes"
put secret "$foo/config/user.secret"
chown root:root "$foo/config/user.secret"
chmod 0600 "$foo/config/user.secret"
for who in alice dave; do
	$who
	refused "$who: a key of mode 0440 isn't written" -- sh -c 'echo 1GiB >"$1"' x "$foo/config/limits.memory"
	refused "$who: nor by local/" -- sh -c 'echo 1GiB >"$1"' x "$foo/local/config/limits.memory"
	refused "$who: nor by set" -- sh -c 'echo config/limits.memory=1GiB >"$1/set"' x "$foo"
	refused "$who: nor unset" -- rm -f "$foo/config/limits.memory"
	refused "$who: nor replaced" -- sed -i s/48/96/ "$foo/config/limits.memory"
	refused "$who: nor moved away" -- mv "$foo/config/limits.memory" "$foo/config/user.mine"
	refused "$who: nor moved over" -- mv "$foo/config/user.a" "$foo/config/limits.memory"
	nok "$who: one of mode 0600 isn't read" -- u cat "$foo/config/user.secret"
	unlike "$(u cat "$foo/set" "$foo/config/set" "$foo/local/config/user.secret" "$foo/effective/config/user.secret" 2>/dev/null)" \
		secret "$who: nor by another name"
	harmless "$who: nor renamed to be read" -- mv "$foo/config/user.secret" "$foo/config/user.b"
	harmless "$who: nor backed up to be read" -- mv "$foo/config/user.secret" "$foo/config/user.secret~"
	nok "$who: and that copy isn't there" -- u cat "$foo/config/user.secret~"
done
like "$(cat "$foo/set")" 'user.secret=secret' "root sees it there"
alice
refused "a key that went to another group is closed" -- sh -c 'echo 99 >"$1"' x "$foo/config/limits.processes"
dave
ok "and open to that group" -- sh_u 'echo 45 >"$1"' x "$foo/config/limits.processes"
user root
chmod 0550 "$foo/config"
alice
refused "a directory that can't be written: no new keys" -- sh -c 'echo 1 >"$1"' x "$foo/config/user.new"
refused "nor by set" -- sh -c 'echo config/user.new=1 >"$1/set"' x "$foo"
refused "none unset" -- rm "$foo/config/user.a"
refused "nor by set" -- sh -c 'echo config/user.a= >"$1/set"' x "$foo"
ok "what is there can be written" -- sh_u 'echo 3 >"$1/config/user.a"' x "$foo"
user root
chmod 0440 "$foo/state"
alice
refused "who may not write state may not start" -- sh -c 'echo running >"$1/state"' x "$foo"
refused "nor by a scratch file" -- sh -c 'cd "$1/config" 2>/dev/null; echo running >"$1/devices/eth0/x.tmp" && mv "$1/devices/eth0/x.tmp" "$1/state"' x "$foo"
user root
chmod 0770 "$foo/exec"
chgrp "$GID" "$foo/exec"
alice
refused "who may not write exec/ runs nothing" -- mkdir "$foo/exec/b"

# ---- kept
user root
look() { stat -c '%n %a %u %g' "$foo" "$foo"/{state,exec,config,config/user.secret,config/limits.memory,config/limits.processes,devices/eth0/hwaddr}; }
before=$(look)
core() { pgrep -f "lxdfsd.*$NAME" | while read -r p; do [ "$(cat "/proc/$p/comm")" = lxdfsd ] && echo "$p"; done | tail -n 1; }
kill -KILL "$(core)"
is "$(look)" "$before" "owners and modes outlive a core that is killed"
alice
refused "and bind as before" -- sh -c 'echo running >"$1/state"' x "$foo"
user root
daemon_stop && daemon_again
is "$(look)" "$before" "and a restart of the daemon"
mv "$foo" "$LXD/instances/foo2"
is "$(stat -c %g "$LXD/instances/foo2")" $WEB "and another name"
mv "$LXD/instances/foo2" "$foo"

# ---- taken back while somebody is inside
chmod 0660 "$foo/state"
chmod 0770 "$foo/config"
chgrp $WEB "$foo/exec"
alice
coproc INSIDE { cd "$foo" && u bash -c 'ls -lR . >/dev/null; exec 3>config/user.a 4>state; echo ready; read -r x; ls; cat state config/user.a
	echo 9 >&3; echo running >&4; echo 9 >config/user.a; echo running >state; mkdir exec/z; rm config/user.mine; echo done' 2>/dev/null; }
read -r _ <&"${INSIDE[0]}"
user root
chgrp "$GID" "$foo"
before=$(tree)
echo go >&"${INSIDE[1]}"
said=$(timeout 10 sed '/^done$/q' <&"${INSIDE[0]}")
is "$said" "done" "who stands in it reads nothing any more"
is "$(tree)" "$before" "and changes nothing"
chgrp $WEB "$foo"

# ---- one's own
bob
u cat "$LXD/error" >/dev/null
alice
sh_u 'echo no >"$1/config/limits.processes"; mkdir "$1/no"' x "$foo" 2>/dev/null
like "$(u cat "$LXD/error")" . "a user reads his own failure"
bob
unlike "$(u cat "$LXD/error")" 'no' "and not another's"
alice
sh_u 'echo 5 >"$1/config/limits.memory~"' x "$foo"
bob
nok "a scratch file is nobody else's" -- u cat "$foo/config/limits.memory~"
nok "nor to write" -- sh_u 'test -e "$1"' x "$foo/config/limits.memory~"
nok "nor to move" -- u mv "$foo/config/limits.memory~" "$foo/config/limits.cpu"
nok "nor to remove" -- u rm "$foo/config/limits.memory~"
alice
is "$(u cat "$foo/config/limits.memory~")" 5 "it is where it was"

# Pids come round: who removes an object file by file has ten seconds, and isn't the next one of that number.
alice
u perl -e 'unlink "$ARGV[0]/state" or die; print $$' "$foo" >"$WORK/pid"
is "$(cat "$foo/state")" stopped "who removes state removes nothing for others"
read -r pid <"$WORK/pid"
bob
echo $((pid - 1)) >/proc/sys/kernel/ns_last_pid
u perl -e 'print $$, " ", -e "$ARGV[0]/state" ? "there" : "not there"' "$foo" >"$WORK/pid"
is "$(cat "$WORK/pid")" "$pid there" "nor for another user whose process has the same number"

# ---- words put into another's mouth: a descriptor that a setuid program writes to
cat >"$WORK/say.pl" <<'EOP'
# as alice opens the file, as root writes to it: what a setuid program does with the descriptor it is given
use POSIX;
my ($file, $uid, $gid, $text) = @ARGV;
$) = "$gid $gid"; $> = $uid;
open my $f, '>', $file or die "open: $!\n";
$> = 0; $) = '0 0';
syswrite $f, $text or die "write: $!\n";
close $f or die "close: $!\n";
EOP
refused "root's writes to what alice opened are alice's" -- \
	perl "$WORK/say.pl" "$foo/set" 42003 $WEB "# error:
config/security.privileged=true
#"
refused "also line by line" -- perl "$WORK/say.pl" "$foo/set" 42003 $WEB "config/security.nesting=true
"

# ---- what is shown on a terminal
alice
u mkdir "$foo/"$'\e]0;owned\a' 2>/dev/null
sh_u 'echo x >"$1"' x "$foo/config/limits."$'\e[2J' 2>/dev/null
is "$(u cat "$LXD/error" "$foo/error" | tr -d '\n' | LC_ALL=C grep -c '[[:cntrl:]]')" 0 "no control characters in sentences"

user root
rm -r "$bar"
done_testing
