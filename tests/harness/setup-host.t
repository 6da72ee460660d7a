#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scripts/setup-host: what it adds, and that it adds nothing twice. /etc's files are stand-ins in this namespace.
. "$(dirname "$0")/../lib/daemon.sh"
setup=$ROOT/scripts/setup-host

# files SUBUID: fresh stand-ins, with this text in both id files
files() {
	local f
	for f in subuid subgid; do
		printf '%s' "$1" >"$WORK/$f"
		mountpoint -q "/etc/$f" || { [ -e "/etc/$f" ] && mount --bind "$WORK/$f" "/etc/$f"; }
	done
}
gone() {
	umount /etc/subuid /etc/subgid
}

if [ ! -e /etc/subuid ] || [ ! -e /etc/subgid ]; then
	skip_all "this host has no /etc/subuid and /etc/subgid to stand in for"
fi
# packages and the group are the host's: this test is about the rest
"$setup" >/dev/null || skip_all "setup-host can't complete this host"

while IFS='|' read -r name before line; do
	files "$(printf '%b' "$before")"
	nok "$name: --check says that a line is missing" -- "$setup" --check
	like "$("$setup" --check)" "such as $line" "$name: and which"
	"$setup" >/dev/null
	is "$(tail -n 1 /etc/subuid) $(tail -n 1 /etc/subgid)" "$line $line" "$name: it is added"
	is "$(cut -d : -f 3 /etc/subuid | grep -vc '^[0-9]*$')" 0 "$name: as a line of its own"
	ok "$name: then nothing is missing" -- "$setup" --check
	before=$(cat /etc/subuid /etc/subgid)
	is "$("$setup")" "" "$name: a second run is silent"
	is "$(cat /etc/subuid /etc/subgid)" "$before" "$name: and adds nothing"
done <<'ROWS'
empty files||root:1000000:1000000000
another user below|joe:100000:65536\n|root:1000000:1000000000
a last line without its newline|joe:100000:65536|root:1000000:1000000000
another user in the way|joe:100000:65536\nann:1000000:65536\n|root:1114112:1000000000
ROWS

files 'lxd:500000:65536
'
ok "ranges of lxd are enough" -- "$setup" --check
nok "an unknown option is refused" -- "$setup" --chekc
gone

done_testing
