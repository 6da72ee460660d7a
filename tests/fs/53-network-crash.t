#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The core is killed while networks are changed, made and removed: afterwards the kernel has what the files say.
. "$(dirname "$0")/../lib/daemon.sh"

command -v dnsmasq >/dev/null || skip_all "no dnsmasq"
N=$LXD/networks
core() { pgrep -f "^$BIN/lxdfsd --core[a-z-]* .*--name $NAME( |\$)"; }
# kill_core: and wait for the next one to serve
kill_core() {
	local pid
	pid=$(core)
	kill -KILL "$pid"
	while [ "$(core)" = "$pid" ] || ! ls "$N" >/dev/null 2>&1; do sleep 0.1; done
}
addresses() { ip -o -4 addr show dev "$1" | awk '{ print $4 }'; }
links() { ip -o link show type bridge | sed 's/^[0-9]*: \([^:@]*\).*/\1/' | sort | tr '\n' ' '; }
# a moment within what a change takes
moment() { sleep "0.0$((RANDOM % 10))$((RANDOM % 10))"; }

daemon_start --no-init
mkdir "$N/br1"
differ=
for i in 1 2 3 4 5 6; do
	(for k in 1 2 3 4; do printf '10.%d.%d.1/24\n' $((100 + i)) $k >"$N/br1/config/ipv4.address"; done) 2>/dev/null &
	changer=$!
	moment
	kill_core
	wait $changer
	said=$(get "$N/br1/config/ipv4.address")
	[ "$(addresses br1)" = "$said" ] || differ+="address $said, but $(addresses br1). "
	nft list ruleset | grep -qF "${said%.1/24}." || differ+="no rules of $said. "
	grep -qF "${said%.1/24}." "$RUN/networks/br1/dnsmasq.conf" || differ+="dnsmasq without $said. "
done
is "$differ" "" "address, rules and dnsmasq are what the file says, each time"

for i in 1 2 3 4 5 6; do
	(mkdir "$N/n$i" && rmdir "$N/n$i") 2>/dev/null &
	maker=$!
	moment
	kill_core
	wait $maker
done
is "$(links)" "$(find "$N" -mindepth 1 -maxdepth 1 -printf '%f\n' | sort | tr '\n' ' ')" \
	"there is a bridge for each network, and none without"
is "$(pgrep -c dnsmasq)" "$(find "$N" -mindepth 1 -maxdepth 1 | wc -l)" "and a dnsmasq"

done_testing
