#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Bounds of what goes through a NIC, measured: with and without a bridge, both ways.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/net.sh"

tc qdisc show dev lo >/dev/null 2>&1 || skip_all "no tc"
space one
space two
net plug name=pone peer=eth0 mac="$MAC2" netns=/run/netns/one
net bridge name=br0 mac="$MAC1"
net set name=br0 up=yes
ip addr add 10.77.0.1/24 dev br0
net attach name=vtwo bridge=br0 peer=eth0 mac="$MAC3" netns=/run/netns/two >/dev/null
ip addr add 10.78.0.1/24 dev pone
in_space one ip addr add 10.78.0.2/24 dev eth0
in_space two ip addr add 10.77.0.2/24 dev eth0
for name in one two; do
	in_space "$name" ip link set eth0 up
	ip -n "$name" neigh replace 10.78.0.1 lladdr "$(tell mac link name=pone)" dev eth0
	ip -n "$name" neigh replace 10.77.0.1 lladdr "$MAC1" dev eth0
done
in_space one ip route add default via 10.78.0.1
sysctl -qw net/ipv4/conf/pone/forwarding=1
# what comes is counted, and not answered
nft -f - <<-'N'
	table inet watch {
		counter arrived { }
		counter urgent { }
		chain look {
			type filter hook input priority 0;
			udp dport 9999 counter name arrived drop
		}
		chain on {
			type filter hook forward priority 0;
			meta priority 1:5 counter name urgent
		}
	}
N
read_counter() { nft reset counter inet watch "$1" | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }
# sent NAME ADDRESS: how many of 500 packets with 1000 bytes arrive that the instance sends at once
sent() {
	read_counter arrived >/dev/null
	in_space "$1" bash -c 'exec 3>/dev/udp/$1/9999; for i in {1..500}; do printf "%01000d" 0 >&3; done' - "$2" 2>/dev/null
	sleep 0.2
	read_counter arrived
}
# received NAME ADDRESS: milliseconds for a megabyte from there to the instance
received() {
	local begin
	begin=$(date +%s%3N)
	in_space "$1" busybox wget -q -O "$WORK/got" "http://$2:7777/million" 2>/dev/null
	[ "$(stat -c %s "$WORK/got")" = 1000000 ] || echo -n lost
	echo $(($(date +%s%3N) - begin))
}
mkdir "$WORK/served"
head -c 1000000 /dev/zero >"$WORK/served/million"
busybox httpd -f -p 7777 -h "$WORK/served" &
server=$!
between() { [ "$1" -ge "$2" ] && [ "$1" -le "$3" ]; }

for at in "one pone 10.78.0 port=no" "two vtwo 10.77.0 port=yes"; do
	# shellcheck disable=SC2086 # words are wanted
	set -- $at
	is "$(sent "$1" "$3.1")" 500 "$2: without a bound all that is sent arrives"
	ok "$2: 400kbit of what is sent" -- net shape name="$2" "$4" from=400000
	# a burst of 64 KiB, and 50 packets a second
	got=$(sent "$1" "$3.1")
	ok "$2: the burst arrives, and little more ($got)" -- between "$got" 50 200
	ok "$2: another bound takes its place" -- net shape name="$2" "$4" from=80000000
	is "$(sent "$1" "$3.1")" 500 "$2: and is in force at once"
	ok "$2: 4Mbit of what is received" -- net shape name="$2" "$4" to=4000000
	took=$(received "$1" "$3.1")
	# two seconds, less what the bucket holds at first
	ok "$2: a megabyte takes two seconds ($took ms)" -- between "$took" 1500 20000
	ok "$2: no bound again" -- net shape name="$2" "$4"
	took=$(received "$1" "$3.1")
	ok "$2: then it takes less ($took ms)" -- between "$took" 0 1400
	unlike "$(tc qdisc show dev "$2")" tbf "$2: its queue is gone"
done
unlike "$(nft list ruleset)" "limit|bound|pone|vtwo" "no rule of them is left"

# ---- priorities
in_space one busybox ping -q -c 1 -W 1 10.77.0.2 >/dev/null
is "$(read_counter urgent)" 0 "what is forwarded has the kernel's priority"
ok "a priority" -- net shape name=pone priority=65541
in_space one busybox ping -q -c 1 -W 1 10.77.0.2 >/dev/null
is "$(read_counter urgent)" 1 "is what was asked for"
refuses 19 "there is no link nolink" "a link that isn't there" shape name=nolink to=4000000
unlike "$(nft list ruleset)" nolink "leaves no rule"
ok "forgotten" -- net shape name=pone clear=yes
ok "once more is no failure" -- net shape name=pone clear=yes
kill "$server"
wait "$server" 2>/dev/null
nft delete table inet watch
net unplug name=pone
net detach name=vtwo
net teardown
net delete name=br0
is "$(nft list ruleset)" "" "no rule is left"
spaces_gone
done_testing
