#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Forwards through the tree, with real connections: an address of the host and its ports lead to instances, for the world,
# for the host and for the instances themselves; changed live, kept over a crash and a flush, refused where they can't be.
. "$(dirname "$0")/../lib/daemon.sh"

daemon_start --no-init
N=$LXD/networks
ok "a network" -- mkdir "$N/br0"
printf 'ipv4.address=10.5.0.1/24\nipv6.address=fd45::1/64\n' >"$N/br0/config/set"
. "$ROOT/tests/lib/acl.sh"
# with it a bridge sends by itself what is translated, and never back to where it came from
nf() {
	local f
	for f in /proc/sys/net/bridge/bridge-nf-call-*tables; do
		[ ! -e "$f" ] || echo "$1" >"$f"
	done
}
nf 0
ip addr add 192.0.2.80/24 dev out0
ip addr add 2001:db8::80/64 dev out0 nodad
F=$N/br0/forwards/192.0.2.80
F6=$N/br0/forwards/2001:db8::80
keeper() { pgrep -o -x lxdfsd; }
core() { pgrep -P "$(keeper)" -x lxdfsd; }
traces() { nft list ruleset | grep -c fwd; }

ok "a forward" -- mkdir "$F"
ok "its ports" -- put 'protocol=tcp listen_port=8080-8081 target_address=10.5.0.2 target_port=80-81' "$F/ports/web"
is "$(get "$F/ports/web")" "protocol=tcp listen_port=8080-8081 target_address=10.5.0.2 target_port=80-81" "as they are kept"
answers "lead to the instance" <<-END
	world tcp 192.0.2.80 8080 yes
	world tcp 192.0.2.80 8081 yes
	world tcp 192.0.2.80 8082 no
	world udp 192.0.2.80 8080 no
	world tcp 192.0.2.80 80 yes
	host tcp 192.0.2.80 8080 yes
	b tcp 192.0.2.80 8080 yes
	a tcp 192.0.2.80 8080 yes
END
nf 1
answers "and with br_netfilter too" <<-END
	world tcp 192.0.2.80 8080 yes
	b tcp 192.0.2.80 8080 yes
END
nf 0
put 'description=two ports, one target' "$F/ports/dns" 2>/dev/null
put 'target_port=80  protocol=udp listen_port=7000,7010 target_address=10.5.0.3 description=two ports, one target' "$F/ports/dns"
put 'protocol=tcp listen_port=81 target_address=10.5.0.3' "$F/ports/same"
answers "several to one, and a port that stays" <<-END
	world udp 192.0.2.80 7000 yes
	world udp 192.0.2.80 7010 yes
	world udp 192.0.2.80 7001 no
	a udp 192.0.2.80 7000 yes
	b udp 192.0.2.80 7000 yes
	world tcp 192.0.2.80 81 yes
END
is "$(get "$F/ports/dns")" "protocol=udp listen_port=7000,7010 target_address=10.5.0.3 target_port=80 description=two ports, one target" \
	"in another order"
ok "one that is removed" -- rm "$F/ports/web"
answers "leads nowhere" <<-END
	world tcp 192.0.2.80 8080 no
	host tcp 192.0.2.80 8080 no
	world udp 192.0.2.80 7000 yes
END
ok "a target for the rest" -- put 10.5.0.2 "$F/target_address"
# the echo of the instance's, not of the host's: only that one can tell
ip netns exec a nft 'add table inet see; add chain inet see c { type filter hook input priority 0; }; add rule inet see c tcp dport 80 counter'
ask world tcp 192.0.2.80 80
is "$? $(ip netns exec a nft list table inet see | grep -c 'packets 0')" "0 0" "gets what no port says otherwise"
ip netns exec a nft flush ruleset
ok "IPv6" -- mkdir "$F6"
ok "its target" -- put fd45::3 "$F6/target_address"
ok "a port of its own" -- put 'protocol=tcp listen_port=8080 target_address=fd45::2 target_port=80' "$F6/ports/1"
answers "as well" <<-END
	world tcp 2001:db8::80 80 yes
	world udp 2001:db8::80 81 yes
	world tcp 2001:db8::80 8080 yes
	b tcp 2001:db8::80 8080 yes
	host tcp 2001:db8::80 8080 yes
END

# ---- refused
fails_with EINVAL "no address" "a name that is none" -- mkdir "$N/br0/forwards/web"
fails_with EINVAL "is written 2001:db8::1" "one that is written otherwise" -- mkdir "$N/br0/forwards/2001:db8:0::1"
fails_with EINVAL "nothing comes for it" "one of the host alone" -- mkdir "$N/br0/forwards/127.0.0.1"
fails_with EINVAL "where instances have theirs" "one of a network" -- mkdir "$N/br0/forwards/10.5.0.9"
ok "another network" -- mkdir "$N/br1"
fails_with EEXIST "networks/br0/forwards/192.0.2.80" "one that is forwarded already" -- mkdir "$N/br1/forwards/192.0.2.80"
fails_with EINVAL "isn't in network br0" "a target elsewhere" -- put 192.0.2.2 "$F/target_address"
fails_with EINVAL "the bridge's own" "the bridge itself" -- put 10.5.0.1 "$F/target_address"
fails_with EINVAL "two protocols" "a target of the other protocol" -- put fd45::2 "$F/target_address"
fails_with EINVAL "UDP port 7010 is said twice" "a port that is said twice" -- \
	put 'protocol=udp listen_port=7005-7020 target_address=10.5.0.2' "$F/ports/twice"
fails_with EINVAL "3 listen ports and 2 target ports" "unequal numbers" -- \
	put 'protocol=udp listen_port=1-3 target_address=10.5.0.2 target_port=5,6' "$F/ports/odd"
fails_with EINVAL "has no listen_port=" "no port" -- put 'protocol=udp target_address=10.5.0.2' "$F/ports/odd"
for bad in 'protocol=icmp listen_port=1 target_address=10.5.0.2' 'protocol=tcp listen_port=0 target_address=10.5.0.2' \
	'protocol=tcp listen_port=1;drop target_address=10.5.0.2' 'protocol=tcp listen_port=1 target_address=10.5.0.2}' \
	'protocol=tcp listen_port=1 target_address=10.5.0.2 flush=ruleset'; do
	fails_with EINVAL "" "hostile: $bad" -- put "$bad" "$F/ports/bad"
done
ok "none of that is kept" -- test ! -e "$F/ports/bad" -a ! -e "$F/ports/odd"
fails_with EINVAL "forward 192.0.2.80 wouldn't work" "a network that its targets wouldn't be in" -- \
	put 10.6.0.1/24 "$N/br0/config/ipv4.address"
fails_with EBUSY "networks/br0/forwards/192.0.2.80" "a network with forwards stays" -- rmdir "$N/br0"
fails_with EBUSY "networks/br0/forwards/192.0.2.80" "and keeps its name" -- mv "$N/br0" "$N/br2"

# ---- a crash, a flush
before=$(nft list table inet "$NAME" | sort)
pid=$(core)
kill -KILL "$pid"
tail --pid "$pid" -f /dev/null
ls "$N" >/dev/null
is "$(nft list table inet "$NAME" | sort)" "$before" "a new core has them as they were"
answers "and they work" <<-END
	world udp 192.0.2.80 7000 yes
	world tcp 2001:db8::80 8080 yes
END
nft flush ruleset
back() { [ "$(nft list table inet "$NAME" 2>/dev/null | sort)" = "$before" ]; }
ok "somebody flushes all: they come back" -- eventually back

# ---- another address, the end
ip addr add 192.0.2.81/24 dev out0
ok "another address" -- mv "$F" "$N/br0/forwards/192.0.2.81"
answers "is where they are now" <<-END
	world udp 192.0.2.81 7000 yes
	world udp 192.0.2.80 7000 no
END
ok "one is removed" -- rmdir "$N/br0/forwards/192.0.2.81"
answers "and leads nowhere" <<-END
	world udp 192.0.2.81 7000 no
	world tcp 2001:db8::80 8080 yes
END
ok "and the other" -- rm -r "$F6"
is "$(traces)" 0 "nothing is left of them"
acl_world_end
done_testing
