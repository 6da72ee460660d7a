#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Two projects with instances of one name on one bridge: links, addresses and names in DNS differ, and go with them.
. "$(dirname "$0")/../lib/daemon.sh"
command -v dnsmasq >/dev/null || skip_all "no dnsmasq"
command -v busybox >/dev/null || skip_all "no busybox to ask with"
# shellcheck disable=SC2119
daemon_start
use_busybox || { fail "the image is there"; done_testing; }

W=$LXD/projects/web
A=$LXD/instances/foo
B=$W/instances/foo
dns=$(cut -d / -f 1 "$LXD/networks/lxdbr0/config/ipv4.address")
# a NAME, aaaa NAME: what the bridge's dnsmasq answers
answer() { busybox nslookup -type="$1" "$2" "$dns" 2>/dev/null | sed -n '/^Name/,$s/^Address: //p'; }
a() { answer a "$1"; }
# inside DIRECTORY COMMAND: in the instance
inside() {
	mkdir "$1/exec/x" && echo "$2" >"$1/exec/x/command" && echo run >"$1/exec/x/state"
	cat "$1/exec/x/stdout"
	rmdir "$1/exec/x"
}
ipv4() { inside "$1" "ip -4 -o addr show eth0" | sed -n 's/.*inet \([0-9.]*\).*/\1/p'; }
has_ipv4() { [ "$(ipv4 "$1")" ]; }

mkdir "$W" "$A" "$B"
cp "$ROOT/build/busybox.tar.xz" "$W/images/"
ln -s "$(readlink "$LXD/images/aliases/busybox")" "$W/images/aliases/busybox"
# the one of the project first: it can't take the other's name
ok "the project's starts" -- put running "$B/state"
ok "has an address" -- eventually has_ipv4 "$B"
ip=$(ipv4 "$B")
is "$(a foo.web.lxd)" "$ip" "which its name with the project's tells"
is "$(a foo.web)" "" "in the domain alone: elsewhere it could be somebody's"
is "$(a foo.lxd)$(a foo)" "" "but not its name alone"
like "$(answer aaaa foo.web.lxd)" "^fd" "it has one of IPv6"
ok "the other starts" -- put running "$A/state"
ok "has an address" -- eventually has_ipv4 "$A"
isnt "$(ipv4 "$A")" "$ip" "another"
is "$(a foo.lxd)" "$(ipv4 "$A")" "which its name tells"
is "$(a foo.web.lxd)" "$ip" "beside the other's"
is "$(inside "$A" "nslookup foo.web.lxd | tail -n +3 | grep -c 'Address.*$ip'")" 1 "instances of both ask one another"
is "$(ip -o link show master lxdbr0 | cut -d : -f 2 | sort -u | wc -l)" 2 "their links have names of their own"
isnt "$(cat "$A/devices/eth0/hwaddr" "$A/config/volatile.eth0.hwaddr" 2>/dev/null)" "$(cat "$B/devices/eth0/hwaddr" "$B/config/volatile.eth0.hwaddr" 2>/dev/null)" \
	"and addresses"

# ---- over a restart of the daemon, of dnsmasq
"$BIN/lxdfsd" --stop --mount "$LXD" --state "$STATE" --run "$RUN" --name "$NAME" >>"$BASE/log" 2>&1
daemon_again
is "$(a foo.web.lxd) $(a foo.lxd)" "$ip $(ipv4 "$A")" "both are known after a restart"
put lab "$LXD/networks/lxdbr0/config/dns.domain"
is_named() { [ "$(a "$1")" = "$ip" ]; }
ok "another domain is soon theirs" -- eventually is_named foo.web.lab
is "$(a foo.web.lxd)" "" "and the one before no more"

# ---- and go
ok "the project's stops" -- put "stopped force" "$B/state"
is "$(a foo.web.lxd)$(a foo.web)$(a foo.web.lab)" "" "its names are gone"
is "$(cat "$RUN/networks/lxdbr0/names"/* | grep web)" "" "and what they were kept in"
put "stopped force" "$A/state"
rmdir "$A" "$B"
done_testing
