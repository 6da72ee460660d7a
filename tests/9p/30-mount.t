#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The tree of a host mounted on another: by the kernel's own client where it has one, and by FUSE.
. "$(dirname "$0")/../lib/daemon.sh"
getent passwd lxdfs-remote >/dev/null || skip_all "no user lxdfs-remote: setup-host adds it"
# shellcheck disable=SC2119 # no arguments: the daemon makes what a new host begins with
daemon_start
use_busybox
mkdir "$LXD/instances/foo"
put 127.0.0.1:8443 "$LXD/config/core.https_address"

# What the client keeps is this test's own.
mkdir -p "$WORK/etc" "$WORK/mnt" "$WORK/other" /etc/lxdfs 2>/dev/null
mount --bind "$WORK/etc" /etc/lxdfs
M=$WORK/mnt
mnt() { "$BIN/lxdfs-client" "$@"; }

ways=fuse
# the kernel asks for the module by itself, where modules are
grep -qw 9p /proc/filesystems || modprobe 9p 2>/dev/null
grep -qw 9p /proc/filesystems && ways="fuse v9fs"

# ---- first contact

nok "a word that is no option" -- mnt 127.0.0.1:/ "$M" -o nonsense
is "$(mnt 127.0.0.1:/ "$M" -o nonsense 2>&1 >/dev/null; echo $?)" \
	"mount.lxdfs: there is no option nonsense: port, cert, key, token, fingerprint, project, ro, msize, reconnect, uid, gid, allow_other, v9fs and fuse are known
1" "is refused with those that are, and the status of wrong usage"
said=$(mnt 127.0.0.1:/ "$M" -o fuse,_netdev,x-systemd.automount 2>&1)
is $? 0 "a stranger mounts what strangers see"
server=$(openssl x509 -in "$LXD/certificates/server.crt" -outform DER | sha256sum | cut -d ' ' -f 1)
like "$said" "fingerprint $server" "and is told whom it met"
is "$(cat /etc/lxdfs/servers/127.0.0.1:8443)" "$server" "who is remembered"
ok "a key was made" -- test -s /etc/lxdfs/client.key
is "$(stat -c %a /etc/lxdfs/client.key)" 600 "for its owner alone"
is "$(echo "$M"/*)" "$M/README $M/join $M/public" "what strangers see is little"
umount "$M"

# ---- joining

touch "$LXD/certificates/tokens/me"
ok "with a token the mount is trusted" -- mnt 127.0.0.1:/ "$M" -o "fuse,token=$(cat "$LXD/certificates/tokens/me")"
like "$(ls "$M")" instances "and sees all"
is "$(cat "$LXD"/certificates/*/name)" me "by the token's name"
umount "$M"
nok "a token that was used" -- mnt 127.0.0.1:/ "$WORK/other" -o fuse,fingerprint="$(printf '%064d' 0)"
like "$(mnt 127.0.0.1:/ "$WORK/other" -o fuse,fingerprint="$(printf '%064d' 0)" 2>&1)" "is known by the fingerprint $server" \
	"another fingerprint than is known is refused"
printf '%064d\n' 1 >/etc/lxdfs/servers/127.0.0.1:8443
like "$(mnt 127.0.0.1:/ "$WORK/other" -o fuse 2>&1)" "has another certificate than before" "as is a server that is another"
echo "$server" >/etc/lxdfs/servers/127.0.0.1:8443
like "$(mnt 127.0.0.1:/ "$WORK/other" -o port=1 2>&1)" "port 1 of 127.0.0.1 can't be reached: Connection refused" "nobody there is said"

# ---- what works here works there, each way

for way in $ways; do
	ok "$way: mounted" -- mnt 127.0.0.1:/ "$M" -o "$way"
	is "$(cat "$M/instances/foo/state")" stopped "$way: a file is read"
	ok "$way: a key is written" -- bash -c "echo 64MiB >'$M/instances/foo/config/limits.memory'"
	is "$(cat "$LXD/instances/foo/config/limits.memory")" 64MiB "$way: and is in force"
	is "$(cat "$M/instances/foo/config/limits.memory")" 64MiB "$way: and read again"
	nok "$way: a wrong value is refused" -- bash -c "echo fish >'$M/instances/foo/config/limits.memory'"
	like "$(cat "$M/error")" 'limits.memory is "fish"' "$way: with its sentence"
	is "$(cat "$M/instances/foo/config/limits.memory")" 64MiB "$way: and nothing has changed"
	ok "$way: a key is unset" -- rm "$M/instances/foo/config/limits.memory"
	nok "$way: it is gone" -- test -e "$LXD/instances/foo/config/limits.memory"
	echo here >"$LXD/instances/foo/description"
	is "$(cat "$M/instances/foo/description")" here "$way: what changes there is seen at once"
	ok "$way: >> adds a line" -- bash -c "echo user.a=1 >>'$M/instances/foo/config/set'"
	is "$(cat "$LXD/instances/foo/config/user.a")" 1 "$way: of set"
	ok "$way: sed -i" -- sed -i s/here/there/ "$M/instances/foo/description"
	is "$(cat "$LXD/instances/foo/description")" there "$way: replaces what the file holds"
	ok "$way: tee" -- bash -c "echo by tee | tee '$M/instances/foo/description' >/dev/null"
	ok "$way: cp" -- bash -c "echo by cp >'$WORK/text'; cp '$WORK/text' '$M/instances/foo/description'"
	is "$(cat "$LXD/instances/foo/description")" "by cp" "$way: replaces"
	is "$(find "$M/schema" -maxdepth 1 | wc -l)" "$(find "$LXD/schema" -maxdepth 1 | wc -l)" "$way: a directory is listed whole"
	is "$(cd "$M/schema" && find . | sort | sha256sum)" "$(cd "$LXD/schema" && find . | sort | sha256sum)" "$way: find finds all"
	ok "$way: grep -r" -- grep -rq filtering "$M/schema"
	is "$(stat -c %s "$M/README")" "$(wc -c <"$M/README")" "$way: sizes are true"
	ok "$way: an instance is made" -- mkdir "$M/instances/bar"
	ok "$way: renamed" -- mv "$M/instances/bar" "$M/instances/baz"
	ok "$way: and removed" -- rm -r "$M/instances/baz"
	nok "$way: it is gone" -- test -e "$LXD/instances/baz"
	ok "$way: a container is started" -- bash -c "echo running >'$M/instances/foo/state'"
	mkdir "$M/instances/foo/exec/$way"
	echo 'echo out; echo err >&2; exit 3' >"$M/instances/foo/exec/$way/command"
	echo run >"$M/instances/foo/exec/$way/state"
	is "$(cat "$M/instances/foo/exec/$way/stdout") $(cat "$M/instances/foo/exec/$way/stderr") $(cat "$M/instances/foo/exec/$way/status")" \
		"out err exit 3" "$way: a command runs in it"
	timeout 20 head -n 1 "$M/events" >"$WORK/event" &
	head=$!
	eventually bash -c "echo user.b=\$RANDOM >>'$M/instances/foo/config/set'; test -s '$WORK/event'"
	wait $head
	like "$(cat "$WORK/event")" '"type"' "$way: events are read as they come"
	timeout -s INT 1 cat "$M/events" >/dev/null
	is $? 124 "$way: who waits for them can be interrupted"
	ok "$way: stopped by force" -- bash -c "echo stopped force >'$M/instances/foo/state'"
	is "$(df --output=source "$M" | tail -n 1)" 127.0.0.1:/ "$way: df names the host"
	for i in 1 2 3 4 5 6 7 8; do cat "$M"/instances/foo/* "$M"/schema/*/* 2>/dev/null | sha256sum & done >"$WORK/sums"
	wait
	is "$(sort -u "$WORK/sums" | wc -l)" 1 "$way: eight read all at the same time, and read the same"
	ok "$way: umount" -- umount "$M"
	ok "$way: and nobody is left" -- eventually bash -c '! pgrep -x lxdfs-client'
done

# ---- when the server goes

mnt 127.0.0.1:/ "$M" -o fuse
mnt 127.0.0.1:/ "$WORK/other" -o fuse,reconnect
cat "$WORK/other/README" >/dev/null
pkill -x lxdfs-9p
ok "a connection that is gone is an error, not a wait" -- eventually bash -c "! timeout 5 cat '$M/README'"
is "$(timeout 5 cat "$M/README" 2>&1 | sed 's/.*: //')" "Input/output error" "that one"
ok "umount works all the same" -- umount "$M"
is "$(timeout 20 head -c 4 "$WORK/other/README")" "$(head -c 4 "$LXD/README")" "with reconnect it goes on"
ok "with files that were known" -- grep -q . "$WORK/other/instances/foo/state"
rm "$LXD/config/core.https_address"
pkill -x lxdfs-9p
nok "while nobody is there it is an error" -- timeout 20 cat "$WORK/other/README"
put 127.0.0.1:8443 "$LXD/config/core.https_address"
ok "and goes on when somebody is" -- eventually timeout 20 cat "$WORK/other/README"
umount "$WORK/other"
ok "all processes of mounts end" -- eventually bash -c '! pgrep -x lxdfs-client'
umount /etc/lxdfs

done_testing
