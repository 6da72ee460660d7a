#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Access control lists of NICs with real packets: what a port of a bridge sends to the host, to another port and to the
# world behind, and what is sent to it.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/acl.sh"

answers "without lists all reach one another" <<-END
	a tcp 10.5.0.3 80 yes
	a udp fd45::3 80 yes
	world tcp 10.5.0.2 80 yes
	host udp 10.5.0.2 81 yes
END

# ---- a list on a's port
ok "an empty list" -- port list=web port=port-a lists=web "${NETS[@]}"
answers "rejects everything, both ways" <<-END
	a tcp 10.5.0.3 80 no
	a tcp 10.5.0.1 80 no
	a udp fd45::3 80 no
	a udp 192.0.2.2 80 no
	a ping 10.5.0.3 no
	b tcp 10.5.0.2 80 no
	host tcp 10.5.0.2 80 no
	host udp fd45::2 80 no
	world ping 10.5.0.2 no
	b tcp 10.5.0.1 80 yes
	world tcp 10.5.0.3 80 yes
END
in_ns a ip neigh flush dev eth0
in_ns a busybox arping -q -c 1 -w 1 -I eth0 10.5.0.1
is $? 0 "but neighbours are found"
port list=web 'out=action=allow' now port=port-a lists=web "${NETS[@]}"
answers "out is allowed: answers come back, and nothing else comes in" <<-END
	a tcp 10.5.0.3 80 yes
	a tcp 10.5.0.1 80 yes
	a udp fd45::3 80 yes
	a udp 192.0.2.2 80 yes
	a tcp 2001:db8::2 81 yes
	a ping 192.0.2.2 yes
	a ping fd45::3 yes
	b tcp 10.5.0.2 80 no
	host ping 10.5.0.2 no
	host udp fd45::2 80 no
	world tcp 10.5.0.2 80 no
END
port list=web 'in=action=allow protocol=tcp destination_port=80' port=port-a lists=web "${NETS[@]}"
answers "one port is open: its answers go out, and nothing else does" <<-END
	b tcp 10.5.0.2 80 yes
	b tcp fd45::2 80 yes
	host tcp 10.5.0.2 80 yes
	world tcp 10.5.0.2 80 yes
	b tcp 10.5.0.2 81 no
	b udp 10.5.0.2 80 no
	b ping 10.5.0.2 no
	a tcp 10.5.0.3 80 no
	a udp 10.5.0.1 80 no
END
port list=web 'in=action=allow source=10.5.0.3,fd45::1-fd45::2 protocol=udp source_port=1024-65535 destination_port=70-80,82' \
	port=port-a lists=web ingress=drop egress=drop "${NETS[@]}"
answers "sources and lists of ports" <<-END
	b udp 10.5.0.2 80 yes
	b udp 10.5.0.2 81 no
	b udp fd45::2 80 no
	host udp fd45::2 80 yes
	host udp 10.5.0.2 80 no
	world udp 10.5.0.2 80 no
END
port list=web 'out=action=allow destination=10.5.0.0/24 protocol=tcp' port=port-a lists=web "${NETS[@]}"
answers "destinations" <<-END
	a tcp 10.5.0.3 80 yes
	a tcp 10.5.0.1 80 yes
	a tcp 192.0.2.2 80 no
	a tcp fd45::3 80 no
	a udp 10.5.0.3 80 no
END
port list=web 'out=action=allow destination=@external' port=port-a lists=web "${NETS[@]}"
answers "@external" <<-END
	a tcp 192.0.2.2 80 yes
	a tcp 2001:db8::2 80 yes
	a tcp 10.5.0.3 80 no
	a tcp fd45::1 80 no
END
port list=web 'in=action=allow source=@internal' port=port-a lists=web "${NETS[@]}"
answers "@internal" <<-END
	b tcp 10.5.0.2 80 yes
	host tcp fd45::2 80 yes
	world tcp 10.5.0.2 80 no
	world tcp fd45::2 80 no
END
port list=friends 'out=action=allow' 'in=action=allow' list=web 'in=action=allow source=friends' 'out=action=allow destination=friends' \
	port=port-a lists=web "${NETS[@]}" port=port-b lists=friends "${NETS[@]}"
answers "a list as a group" <<-END
	b tcp 10.5.0.2 80 yes
	a udp fd45::3 80 yes
	host tcp 10.5.0.2 80 no
	a tcp 10.5.0.1 80 no
	world tcp 10.5.0.2 80 no
	b tcp 192.0.2.2 80 yes
END
port list=web 'in=action=allow protocol=icmp4 icmp_type=8' port=port-a lists=web "${NETS[@]}"
answers "pings of IPv4" <<-END
	b ping 10.5.0.2 yes
	world ping 10.5.0.2 yes
	b ping fd45::2 no
	b tcp 10.5.0.2 80 no
	a ping 10.5.0.3 no
END
port list=web 'in=action=allow protocol=icmp6' 'out=action=allow protocol=icmp6 icmp_type=128 icmp_code=0' port=port-a lists=web "${NETS[@]}"
answers "pings of IPv6" <<-END
	b ping fd45::2 yes
	a ping 2001:db8::2 yes
	b ping 10.5.0.2 no
END
port list=web 'in=action=allow' 'in=action=drop source=10.5.0.3' list=more 'in=action=reject protocol=tcp destination_port=81' \
	port=port-a lists=web,more "${NETS[@]}"
answers "drop and reject come before allow, in whichever list" <<-END
	b tcp 10.5.0.2 80 no
	b tcp fd45::2 80 yes
	b tcp fd45::2 81 no
	host tcp 10.5.0.2 80 yes
	host tcp 10.5.0.2 81 no
	host udp 10.5.0.2 81 yes
END
port list=web 'in=action=drop state=disabled' 'in=action=allow protocol=tcp state=logged' port=port-a lists=web "${NETS[@]}" logged
answers "a rule that is disabled isn't there, one that is logged is" <<-END
	b tcp 10.5.0.2 80 yes
	b udp 10.5.0.2 80 no
END
if log_begin; then
	answers "with a listener" <<-END
		b tcp 10.5.0.2 80 yes
		b udp 10.5.0.2 80 no
		a udp 10.5.0.1 80 no
	END
	is "$(log_end)" "$(printf 'lxdfs acl %s\n' 'default egress reject' 'default ingress reject' 'web ingress 1 allow')" "what is logged says why"
else
	skip 2 "no nfnetlink_log in this kernel"
fi
port list=web 'out=action=allow-stateless' port=port-a lists=web ingress=drop egress=drop "${NETS[@]}"
answers "what is allowed without state has no answer" <<-END
	a udp 10.5.0.3 80 no
	a tcp 10.5.0.1 80 no
END
port list=web 'out=action=allow-stateless' 'in=action=allow-stateless protocol=udp source_port=80' port=port-a lists=web "${NETS[@]}"
answers "but where that is allowed as well" <<-END
	a udp 10.5.0.3 80 yes
	a udp 10.5.0.3 81 no
	b udp 10.5.0.2 80 no
END
port list=web port=port-a lists=web ingress=allow egress=allow "${NETS[@]}"
answers "defaults that allow" <<-END
	a tcp 192.0.2.2 80 yes
	b tcp 10.5.0.2 80 yes
	world udp fd45::2 80 yes
END

# ---- packets in pieces
port list=web 'out=action=allow protocol=udp destination_port=80' 'in=action=allow protocol=udp destination_port=81' \
	'out=action=allow protocol=icmp4' port=port-a lists=web ingress=drop egress=drop "${NETS[@]}"
answers "of a packet that passes all pieces do, those of the answer too" <<-END
	a udp 10.5.0.3 80 4000 yes
	a udp 192.0.2.2 80 4000 yes
	a udp fd45::3 80 4000 yes
	b udp 10.5.0.2 81 4000 yes
	world udp fd45::2 81 4000 yes
	a ping 10.5.0.3 4000 yes
	a udp 10.5.0.3 81 4000 no
	b udp fd45::2 80 4000 no
END
# heard LINK FRAME...: how many copies of a frame of a's come in there
VARS=("M=$MACA" A=10.5.0.2 V=10.5.0.3 G=10.5.0.1 A6=fd45::2 V6=fd45::3 X=00:16:3e:00:00:99 N=:: L=fe80::1 VL=fe80::2)
nft -f - <<-RULES
	table bridge see {
		counter data { }
		chain forward { type filter hook forward priority 100; iifname "port-a" counter name data; }
		chain input { type filter hook input priority 100; iifname "port-a" counter name data; }
	}
RULES
heard() {
	nft reset counter bridge see data >/dev/null
	in_ns a "$FRAME" send eth0 "${VARS[@]}" -- "$*"
	# a frame to a MAC that the bridge has forgotten goes to several ports
	nft list counter bridge see data | sed -n 's/.*packets 0 .*/0/p; s/.*packets [1-9].*/1/p'
}
MACB=$(ip -n b -o link show eth0 | sed 's,.*link/ether \([^ ]*\).*,\1,')
is "$(heard "dst=$MACB ip4 src=A dst=V udp sport=99 dport=80")" 1 "a frame as the rule has it passes"
is "$(heard "dst=$MACB ip4 src=A dst=V udp sport=99 dport=82")" 0 "another one doesn't"
is "$(heard "dst=$MACB ip4 src=A dst=V off=64 data")" 0 "a later piece without its first one is nothing"
is "$(heard "dst=$MACB ip6 src=A6 dst=V6 frag off=64 data")" 0 "nor is one of IPv6"
is "$(heard "dst=$MACB vlan id=5 ip4 src=A dst=V udp sport=99 dport=80")" 0 "nor what has a tag"
is "$(heard "dst=$MACB raw type=0x88b6")" 0 "nor what isn't IP"
is "$(heard "dst=$MACB ip6 src=A6 dst=V6 hop dstopt udp sport=99 dport=80")" 1 "extension headers hide nothing"
is "$(heard "dst=$MACB ip6 src=A6 dst=V6 hop dstopt udp sport=99 dport=82")" 0 "from the rules"
is "$(heard "dst=$MACB ip4 src=V dst=A udp sport=81 dport=7777")" 0 "a packet with both addresses swapped isn't an answer"
nft delete table bridge see

# ---- reject says so where this kernel can; else it is a drop
nft -f - 2>/dev/null <<-RULES && can=4 || can=3
	table bridge try { chain c { type filter hook input priority 0; ether type ip reject; }; }
	delete table bridge try
RULES
port list=web 'out=action=reject protocol=tcp' port=port-a lists=web "${NETS[@]}"
WAIT=3000000 ask a tcp 10.5.0.1 80
is $? "$can" "a rejected connection to the host $([ "$can" = 4 ] && echo "is refused" || echo "times out: this kernel has no nft_reject_bridge")"

# ---- what runs goes on; what is taken away ends
port list=web 'out=action=allow' port=port-a lists=web "${NETS[@]}"
ask_twice() {
	in_ns a perl -MSocket=:all -e 'socket(my $s, AF_INET, SOCK_STREAM, 0); connect($s, pack_sockaddr_in(80, inet_aton("10.5.0.3"))) or die;
		$| = 1; syswrite($s, "x"); sysread($s, my $t, 1); print "$t\n"; <STDIN>; $SIG{ALRM} = sub { print "none\n"; exit };
		alarm 1; syswrite($s, "y"); sysread($s, $t, 1); print "$t\n"' <"$WORK/go" >"$WORK/said" &
}
for what in "out=action=allow" "out=action=allow protocol=udp"; do
	mkfifo "$WORK/go" "$WORK/said"
	ask_twice
	exec 5>"$WORK/go" 6<"$WORK/said"
	read -r first <&6
	# another process, as after the core's death
	port list=web "$what" port=port-a lists=web "${NETS[@]}"
	echo go >&5
	read -r second <&6
	exec 5>&- 6<&-
	rm "$WORK/go" "$WORK/said"
	case $what in
	*udp) is "$first $second" "x none" "a connection ends with its rule" ;;
	*) is "$first $second" "x y" "a connection goes on when all is said anew" ;;
	esac
done

# ---- nothing is left of lists and ports that are gone
port list=web 'in=action=allow source=web' port=port-a lists=web "${NETS[@]}"
port
is "$(nft list ruleset | grep -c acl)" 0 "without lists nothing is left of them"

acl_world_end
done_testing
