#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Names of instances on a managed bridge: whose they are, with a project in them outside of project default, and that
# they go with the instance. What lying requests do to them is in tests/net/35-dhcp-forged.t.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/net.sh"

command -v dnsmasq >/dev/null || skip_all "no dnsmasq"
# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
I=$LXD/instances
C=$LXD/networks/lxdbr0/config
gateway=$(get "$C/ipv4.address")
gateway=${gateway%/*}
# by a child: this shell is told of every orphan's end, and a signal interrupts a write
start() { bash -c 'echo running >"$1/state"' - "$1"; }
stop() { bash -c 'echo "stopped force" >"$1/state"' - "$1"; }
# look NAME [TYPE]: as somebody on the bridge sees it
space guest
net veth name=vguest peer=eth0 mac=$MAC2 netns=/run/netns/guest
net set name=vguest master=lxdbr0 up=yes
ip -n guest addr add "${gateway%.*}.250/24" dev eth0
ip -n guest link set eth0 up
look() { in_space guest timeout 2 busybox nslookup -type="${2:-a}" "$1" "$gateway" 2>/dev/null | sed -n '/^Name/,$s/^Address: //p' | tr '\n' ' '; }
is_named() { [ "$(look "$1")" = "$2 " ]; }
is_gone() { [ -z "$(look "$1")$(look "$1" aaaa)" ]; }
address() { sed -n 's/^eth0 \([0-9.]*\)$/\1/p' "$1/addresses"; }

mkdir "$I/foo"
put busybox "$I/foo/source"
ok "an instance" -- start "$I/foo"
eventually test -n "$(address "$I/foo")"
foo=$(address "$I/foo")
ok "has its name" -- eventually is_named foo.lxd "$foo"
ok "also without the domain" -- is_named foo "$foo"
like "$(cat "$RUN"/networks/lxdbr0/hosts/*)" "$foo,foo" "the address is promised to it, unfiltered as it is"
is "$(look _gateway.lxd)" "$gateway " "so has the bridge"

# ---- a project
mkdir "$LXD/projects/blue"
B=$LXD/projects/blue
printf 'features.profiles=false\nfeatures.images=false\n' | cat >"$B/config/set"
mkdir "$B/instances/foo"
put busybox "$B/instances/foo/source"
ok "one of the same name in another project" -- start "$B/instances/foo"
eventually test -n "$(address "$B/instances/foo")"
blue=$(address "$B/instances/foo")
isnt "$blue" "$foo" "has an address of its own"
ok "and a name with the project in it" -- eventually is_named foo.blue.lxd "$blue"
ok "the first keeps its own" -- is_named foo.lxd "$foo"
is "$(look foo.blue)" "" "outside of the domain there is none"
ok "another domain" -- put example.test "$C/dns.domain"
ok "is that of both" -- eventually is_named foo.blue.example.test "$blue"
ok "of the first as well" -- eventually is_named foo.example.test "$foo"
rm "$C/dns.domain"
ok "it stops" -- stop "$B/instances/foo"
ok "and its name is gone" -- eventually is_gone foo.blue.lxd
ok "not the other" -- eventually is_named foo.lxd "$foo"

# ---- DHCPv6 gives addresses: names have what is promised
ok "stateful" -- put true "$C/ipv6.dhcp.stateful"
six=$(sed -n 's/.*\[\(.*\)\].*/\1/p' "$RUN"/networks/lxdbr0/hosts/*)
isnt "$six" "" "an IPv6 address is promised"
has_six() { [ "$(look foo.lxd aaaa)" = "$six " ]; }
ok "and named" -- eventually has_six
ok "not any more" -- rm "$C/ipv6.dhcp.stateful"
none_six() { ! grep -q '\[' "$RUN"/networks/lxdbr0/hosts/* && ! grep -q : "$RUN"/networks/lxdbr0/names/*; }
ok "then none is" -- eventually none_six

# ---- the end
ok "who has no DNS" -- put none "$C/dns.mode"
ok "has no names" -- eventually sh -c '! ls "$1"/* 2>/dev/null' - "$RUN/networks/lxdbr0/names"
rm "$C/dns.mode"
ok "again" -- eventually is_named foo.lxd "$foo"
ok "it stops" -- stop "$I/foo"
ok "its name is gone" -- eventually is_gone foo.lxd
is "$(find "$RUN/networks/lxdbr0/names" "$RUN/networks/lxdbr0/hosts" -type f)" "" "and nothing is left of it"
ip link delete vguest
daemon_stop
spaces_gone
done_testing
