#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# A bridge's part of the firewall: what comes in, what is passed on and under which address, with an instance on
# one side and the world on the other, each a network namespace.
. "$(dirname "$0")/../lib/daemon.sh"

CTL=("$BUILD/tools/filterctl" "$NAME")
ctl() { "${CTL[@]}" "$@" 2>&1; }

# ---- inst (10.5.0.2) -- br0 (10.5.0.1) host (192.0.2.1, also .77) -- world (192.0.2.2, no way back to 10.5.0.0)

ip netns add inst
ip netns add world
ip link add br0 type bridge
ip link add port0 type veth peer name eth0 netns inst
ip link add out0 type veth peer name eth0 netns world
ip link set port0 master br0
for l in br0 port0 out0; do
	ip link set "$l" up
done
ip addr add 10.5.0.1/24 dev br0
ip addr add fd45::1/64 dev br0 nodad
ip addr add 192.0.2.1/24 dev out0
ip addr add 192.0.2.77/24 dev out0
ip addr add 2001:db8::1/64 dev out0 nodad
ip addr add 2001:db8::77/64 dev out0 nodad preferred_lft 0
echo 1 >/proc/sys/net/ipv4/ip_forward
echo 1 >/proc/sys/net/ipv6/conf/all/forwarding
for n in inst world; do
	ip -n "$n" link set lo up
	ip -n "$n" link set eth0 up
done
ip -n inst addr add 10.5.0.2/24 dev eth0
ip -n inst addr add fd45::2/64 dev eth0 nodad
ip -n inst route add default via 10.5.0.1
ip -n inst route add default via fd45::1
ip -n world addr add 192.0.2.2/24 dev eth0
ip -n world addr add 2001:db8::2/64 dev eth0 nodad
# the world knows the way to the bridge's network only where a test says so
known() { ip -n world "$1" "$2" "$3" via "$4"; }

# The world counts whose pings it sees, the host whose questions for names pass its input.
ip netns exec world nft -f - <<-'RULES'
	table inet see {
		set from4 { type ipv4_addr; flags dynamic; }
		set from6 { type ipv6_addr; flags dynamic; }
		chain see {
			type filter hook input priority 0;
			icmp type echo-request add @from4 { ip saddr }
			icmpv6 type echo-request add @from6 { ip6 saddr }
		}
	}
RULES
ip netns exec inst nft -f - <<-'RULES'
	table inet see {
		counter told { }
		chain see {
			type filter hook input priority 0;
			icmp type destination-unreachable counter name told
			icmpv6 type destination-unreachable counter name told
		}
	}
RULES
nft -f - <<-'RULES'
	table inet see {
		counter asked { }
		chain see { type filter hook input priority 100; udp dport 53 counter name asked; }
	}
RULES
# seen FAMILY: the sources since the last look
seen() {
	ip netns exec world nft list set inet see "from$1" | sed -n 's/.*elements = { \(.*\) }.*/\1/p'
	ip netns exec world nft flush set inet see "from$1"
}
host_ping() { busybox ping -c 1 -W 1 "$1"; }
inst_ping() { ip netns exec inst busybox ping -c 1 -W 1 "$1"; }
world_ping() { ip netns exec world busybox ping -c 1 -W 1 "$1"; }
# told: how often the instance was told that something can't be reached
told() { ip netns exec inst nft list counter inet see told | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }
# asked NAMESPACE ADDRESS: how many of one question got through; "" is the host itself
asked() {
	nft reset counter inet see asked >/dev/null
	# shellcheck disable=SC2016 # bash inside
	${1:+ip netns exec "$1"} bash -c 'echo x >/dev/udp/"$1"/53' asked "$2" 2>/dev/null
	nft list counter inet see asked | sed -n 's/.*packets \([0-9]*\).*/\1/p'
}

# ---- translation

ok "all of it is set" -- ctl nat-set bridge=br0 dns=yes v4=10.5.0.1/24 v4.flags=firewall,routing,nat,dhcp \
	v6=fd45::1/64 v6.flags=firewall,routing,nat,dhcp
ok "out through masquerading" -- inst_ping 192.0.2.2
is "$(seen 4)" 192.0.2.1 "the world sees the host's address"
ok "out through masquerading, IPv6" -- inst_ping 2001:db8::2
is "$(seen 6)" 2001:db8::1 "the world sees the host's address, IPv6"
ok "the host reaches the instance" -- host_ping 10.5.0.2
ok "and the instance the host" -- inst_ping 10.5.0.1

ctl nat-set bridge=br0 v4=10.5.0.1/24 v4.flags=firewall,routing,nat v4.snat=192.0.2.77 \
	v6=fd45::1/64 v6.flags=firewall,routing,nat v6.snat=2001:db8::77
ok "out under a chosen address" -- inst_ping 192.0.2.2
is "$(seen 4)" 192.0.2.77 "the world sees the chosen one"
ok "out under a chosen address, IPv6" -- inst_ping 2001:db8::2
is "$(seen 6)" 2001:db8::77 "the world sees the chosen one, IPv6"

ctl nat-set bridge=br0 v4=10.5.0.1/24 v4.flags=firewall,routing v6=fd45::1/64 v6.flags=firewall,routing
nok "without translation and without a way back nothing comes back" -- inst_ping 192.0.2.2
is "$(seen 4)" 10.5.0.2 "the world sees the instance's own address"
known route add 10.5.0.0/24 192.0.2.1
known route add fd45::/64 2001:db8::1
ok "with a way back it does" -- inst_ping 192.0.2.2
ok "with a way back it does, IPv6" -- inst_ping 2001:db8::2
ok "the world reaches the instance" -- world_ping 10.5.0.2
ok "the world reaches the instance, IPv6" -- world_ping fd45::2

# ---- forwarding, by family

ctl nat-set bridge=br0 v4=10.5.0.1/24 v4.flags=firewall v6=fd45::1/64 v6.flags=firewall,routing
nok "IPv4 routing off: not out" -- inst_ping 192.0.2.2
nok "nor in" -- world_ping 10.5.0.2
ok "IPv6 goes on" -- inst_ping 2001:db8::2
ok "the host still reaches it" -- host_ping 10.5.0.2
is "$(told)" 1 "and the instance was told"
ctl nat-set bridge=br0 v4=10.5.0.1/24 v4.flags=firewall,routing v6=fd45::1/64 v6.flags=firewall
nok "IPv6 routing off: not out" -- inst_ping 2001:db8::2
is "$(told)" 2 "and it was told, IPv6"
nok "nor in, IPv6" -- world_ping fd45::2
ok "IPv4 goes on" -- inst_ping 192.0.2.2
ctl nat-set bridge=br0 v4=10.5.0.1/24 v6=fd45::1/64
is "$(nft list tables | grep -F "$NAME")" "" "without firewall and translation there isn't even a table"
ok "and the host's own rules decide" -- inst_ping 192.0.2.2

# ---- questions for names

ctl nat-set bridge=br0 dns=yes v4=10.5.0.1/24 v4.flags=firewall,routing v6=fd45::1/64 v6.flags=firewall,routing
is "$(asked inst 10.5.0.1)" 1 "the instance may ask"
is "$(asked inst fd45::1)" 1 "the instance may ask, IPv6"
is "$(asked world 10.5.0.1)" 0 "the world may not"
is "$(asked world fd45::1)" 0 "the world may not, IPv6"
is "$(asked world 192.0.2.1)" 1 "but the host's other addresses are its own business"
is "$(asked "" 10.5.0.1)" 1 "the host itself may"
ctl nat-set bridge=br0 v4=10.5.0.1/24 v4.flags=firewall,routing
is "$(asked world 10.5.0.1)" 1 "where the bridge serves no names nothing is kept out"

# ---- several bridges, and the end

ok "a second bridge" -- ctl nat-set bridge=br_1.x v4=10.6.0.1/24 v4.flags=firewall,routing,nat
like "$(nft list table inet "$NAME")" "chain forward-br_5f1.x .*oifname \"br_1.x\"" "has chains of its own"
ok "cleared twice" -- sh -c "'${CTL[0]}' '$NAME' nat-clear br_1.x && '${CTL[0]}' '$NAME' nat-clear br_1.x"
unlike "$(nft list table inet "$NAME")" "br_" "and it is gone"
like "$(nft list table inet "$NAME")" "chain in-br0" "the first one's rules stay"
ok "the last one is cleared" -- ctl nat-clear br0
is "$(nft list tables | grep -F "$NAME")" "" "and the table went with it"
ok "no table to clear is no failure" -- ctl nat-clear br0
ok "none to tear down either" -- ctl nat-teardown
ctl nat-set bridge=br0 v4=10.5.0.1/24 v4.flags=firewall,nat
ok "teardown" -- ctl nat-teardown
is "$(nft list tables)" "table inet see" "leaves nothing"

like "$(ctl nat-set bridge='br"0' v4=10.5.0.1/24 v4.flags=nat)" "^EINVAL: " "a quote in a name is refused"
like "$(ctl nat-set bridge=br0 v4=fd45::1/64 v4.flags=nat)" "^EINVAL: .*br0.*IPv4" "an address of the other family is refused"
like "$(ctl nat-set bridge=br0 v4=10.5.0.1/24 v4.flags=nat v4.snat=fd45::1)" "^EINVAL: .*nat.address" "so is a translated one"
is "$(nft list tables)" "table inet see" "and nothing was set with them"

nft delete table inet see
ip netns del inst
ip netns del world
umount /run/netns
ip link del br0
ip link del port0 2>/dev/null
ip link del out0 2>/dev/null
done_testing
