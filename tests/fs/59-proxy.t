#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Proxy devices: streams, datagrams and unix sockets from one side to the other, seen by who sends and who receives; what
# the helper is left with; and that it outlives the core, comes back when it is killed, and goes with the instance.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/net.sh"

sysctl -qw net/ipv6/conf/default/accept_dad=0
# with it a bridge gives nothing that it translates back to the port that it came from
sysctl -qw net/bridge/bridge-nf-call-iptables=0 2>/dev/null
space out
ip link add up0 type veth peer name eth0 netns out
ip addr add 192.0.2.1/24 dev up0
ip addr add 2001:db8::1/64 dev up0
ip link set up0 up
ip -n out addr add 192.0.2.2/24 dev eth0
ip -n out addr add 2001:db8::2/64 dev eth0
ip -n out link set eth0 up
ip -n out route add default via 192.0.2.1
# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
I=$LXD/instances/p1
D=$I/devices
core() { pgrep -f "^$BIN/lxdfsd --core[a-z-]* .*--name $NAME( |\$)"; }
kill_core() {
	local pid
	pid=$(core)
	kill -KILL "$pid"
	while [ "$(core)" = "$pid" ] || ! ls "$I" >/dev/null 2>&1; do sleep 0.1; done
}
inside() { nsenter -t "$(get "$I/pid")" -n "$@"; }
# by a child: this shell is told of every orphan's end, and a signal interrupts a write
start() { bash -c 'echo running >"$1/state"' - "$I"; }
stop() { bash -c 'echo "stopped force" >"$1/state"' - "$I"; }
device() {
	[ -d "$D/$1" ] || mkdir "$D/$1"
	printf '%s\n' "${@:2}" | cat >"$D/$1/set"
}
helpers() { pgrep -x lxdfs-proxy | sort | tr '\n' ' '; }
cat >"$WORK/echo.pl" <<'P'
# KIND ADDRESS [PORT]: answers each line with NAME: LINE; of a stream it first tells how many bytes it got when that ends
use IO::Socket::IP; use IO::Socket::UNIX; use Socket qw(:all);
my ($kind, $a, $port) = @ARGV;
$SIG{CHLD} = "IGNORE";
if ($kind eq "udp") {
	my $s = IO::Socket::IP->new(LocalAddr => $a, LocalPort => $port, Proto => "udp") or die "$@";
	while (defined(my $p = recv($s, my $m, 65000, 0))) { send($s, "got $m", 0, $p); }
}
my $s = $kind eq "tcp" ? IO::Socket::IP->new(LocalAddr => $a, LocalPort => $port, Listen => 5, ReuseAddr => 1)
	: IO::Socket::UNIX->new(Local => $a =~ s/^@/\0/r, Listen => 5);
$s or die "$kind $a: $@ $!";
while (my $c = $s->accept) {
	next if fork;
	my ($n, $all) = (0, "");
	while (my $got = sysread($c, my $m, 65536)) {
		$n += $got;
		$all .= $m if $n < 1000;
		# the answer to a line comes at once
		syswrite($c, "got $all") if $n < 1000 && $all =~ /end\n$/;
	}
	my $who = $kind eq "unix" ? "" : " from " . $c->peerhost;
	syswrite($c, "$n bytes$who\n");
	exit;
}
P
cat >"$WORK/say.pl" <<'P'
# KIND ADDRESS PORT TEXT: what is answered to it
use IO::Socket::IP; use IO::Socket::UNIX;
my ($kind, $a, $port, $text) = @ARGV;
$SIG{ALRM} = sub { print "nothing\n"; exit 1 };
alarm 5;
my $s = $kind eq "unix" ? IO::Socket::UNIX->new(Peer => $a =~ s/^@/\0/r)
	: IO::Socket::IP->new(PeerAddr => $a, PeerPort => $port, Proto => $kind);
$s or do { print "refused\n"; exit 1 };
if ($kind eq "udp") { send($s, $text, 0); recv($s, my $m, 65000, 0) // do { print "refused\n"; exit 1 }; print $m; exit }
$text = "x" x $1 if $text =~ /^many (\d+)/;
for (my $i = 0; $i < length $text;) { $i += syswrite($s, $text, 65536, $i) // last }
shutdown($s, 1);
local $/; print <$s> // "";
P
serve() { nsenter -t "$(get "$I/pid")" -n perl "$WORK/echo.pl" "$@" & }
say() { perl "$WORK/say.pl" "$@" 2>/dev/null; }
say_from() { in_space out perl "$WORK/say.pl" "$@" 2>/dev/null; }
answers() { [[ "$(say "$@")" == *got* ]]; }

# ---- refused
mkdir "$I"
put busybox "$I/source"
device web type=proxy listen=tcp:192.0.2.1:8080 connect=tcp:127.0.0.1:80
for bad in tcp tcp:host:80 tcp:1.2.3.4 tcp:1.2.3.4:0 tcp:1.2.3.4:9-1 tcp:::1:80 'tcp:[1.2.3.4]:80' sctp:1.2.3.4:5 unix: unix:rel unix:/a/../b 'tcp:1.2.3.4:80;' "tcp:1.2.3.4:1-700"; do
	fails_with EINVAL "listen is" "$bad is no address" -- put "$bad" "$D/web/listen"
done
fails_with EINVAL "udp goes on to udp alone" "a stream and datagrams don't go together" -- put udp:127.0.0.1:80 "$D/web/connect"
fails_with EINVAL "as many, or one" "ports go in pairs" -- put tcp:127.0.0.1:80-82 "$D/web/connect"
fails_with EINVAL "must be ipv4.address of a NIC" "nat needs an address that stays" -- put true "$D/web/nat"
fails_with EACCES "" "a group that has the instance sets none of it" -- \
	sh -c 'chgrp 4242 "$1" "$1"/devices 2>/dev/null; exec setpriv --reuid 4242 --regid 4242 --clear-groups --inh-caps=-all --bounding-set=-all sh -c "echo tcp:0.0.0.0:22 > $1/devices/web/listen"' - "$I"

# ---- streams
ok "an instance with a proxy" -- start
serve tcp 127.0.0.1 80
is "$(helpers | wc -w)" 1 "has one helper"
ok "what comes to the host goes on into it" -- eventually answers tcp 192.0.2.1 8080 $'hello end\n'
is "$(say_from tcp 192.0.2.1 8080 abc)" "3 bytes from 127.0.0.1" "from elsewhere too, to the last byte after one end is closed"
is "$(say tcp 192.0.2.1 8080 "many 20000000")" "20000000 bytes from 127.0.0.1" "20 MB arrive"
for i in 1 2 3 4 5 6 7 8; do say tcp 192.0.2.1 8080 "many 1000000" >"$WORK/par.$i" & done
for i in 1 2 3 4 5 6 7 8; do wait -n; done 2>/dev/null
is "$(sort -u "$WORK"/par.*)" "1000000 bytes from 127.0.0.1" "eight at a time as well"
pid=$(helpers)
pid=${pid% }
like "$(cat "/proc/$pid/status")" $'Uid:\t65534.*CapEff:\t0000000000000000.*CapBnd:\t0000000000000000.*NoNewPrivs:\t1\nSeccomp:\t2' "its helper is nobody, without rights and most calls"
ok "the PROXY protocol" -- put true "$D/web/proxy_protocol"
like "$(say_from tcp 192.0.2.1 8080 $'x end\n')" "^got PROXY TCP4 192[.]0[.]2[.]2 192[.]0[.]2[.]1 [0-9]+ 8080" "tells who it is"
rm "$D/web/proxy_protocol"
ok "other ports" -- put tcp:192.0.2.1:9001-9003,9010 "$D/web/listen"
is "$(say tcp 192.0.2.1 9002 ab) $(say tcp 192.0.2.1 9010 abc) $(say tcp 192.0.2.1 8080 x)" "2 bytes from 127.0.0.1 3 bytes from 127.0.0.1 refused" "are the only ones"
# the kernel tells a link that its carrier has come in its own time, and until then an address can't be used
settled() { ! ip -n out -6 addr show dev eth0 tentative | grep -q 2001; }
eventually settled
ok "IPv6" -- put 'tcp:[2001:db8::1]:8080' "$D/web/listen"
is "$(say_from tcp 2001:db8::1 8080 x)" "1 bytes from 127.0.0.1" "goes on to IPv4"
perl "$WORK/echo.pl" tcp 192.0.2.1 7070 &
eventually answers tcp 192.0.2.1 7070 $'x end\n'
fails_with EADDRINUSE "can't listen" "what is taken" -- put tcp:192.0.2.1:7070 "$D/web/listen"
is "$(say_from tcp 2001:db8::1 8080 x)" "1 bytes from 127.0.0.1" "changes nothing"
put tcp:192.0.2.1:8080 "$D/web/listen"

# ---- datagrams
serve udp 127.0.0.1 53
ok "udp" -- device dns type=proxy listen=udp:192.0.2.1:5353 connect=udp:127.0.0.1:53
ok "goes on, and back" -- eventually answers udp 192.0.2.1 5353 question
is "$(say_from udp 192.0.2.1 5353 a) $(say udp 192.0.2.1 5353 b)" "got a got b" "to who asked"

# ---- unix sockets
mkdir "$WORK/run"
ok "a unix socket on the host" -- device sock type=proxy "listen=unix:$WORK/run/p.sock" connect=tcp:127.0.0.1:80 mode=0660 uid=4242 gid=4243
is "$(stat -c '%a %u %g' "$WORK/run/p.sock")" "660 4242 4243" "belongs to whom it was given"
is "$(say unix "$WORK/run/p.sock" "" abcd)" "4 bytes from 127.0.0.1" "and leads inside"
serve unix "@deep"
ok "abstract ones" -- device abs type=proxy listen=unix:@lxdfs-test connect=unix:@deep
ok "are each side's own" -- eventually answers unix @lxdfs-test "" $'x end\n'
perl "$WORK/echo.pl" unix "$WORK/run/host.sock" &
perl "$WORK/echo.pl" tcp 127.0.0.1 6060 &
ok "one in the instance" -- device back type=proxy bind=instance listen=unix:/run/back.sock "connect=unix:$WORK/run/host.sock" uid=7 mode=0600
root=/proc/$(get "$I/pid")/root
is "$(nsenter -t "$(get "$I/pid")" -U -m stat -c '%a %u' /run/back.sock 2>/dev/null || stat -c '%a %u' "$root/run/back.sock")" "600 7" "belongs to a user there"
is "$(say unix "$root/run/back.sock" "" abc)" "3 bytes" "and leads to the host"
ok "from the instance to the host" -- device rev type=proxy bind=instance listen=tcp:127.0.0.1:6060 connect=tcp:127.0.0.1:6060
is "$(inside perl "$WORK/say.pl" tcp 127.0.0.1 6060 ab)" "2 bytes from 127.0.0.1" "by an address"
# a link inside leads nowhere on the host
nsenter -t "$(get "$I/pid")" -U -m -r -S 0 -G 0 /bin/ln -s "$WORK/run/host.sock" /run/link.sock
ok "there is a link inside" -- test -L "$root/run/link.sock"
ok "a path that is a link inside" -- device evil type=proxy listen=tcp:192.0.2.1:6666 connect=unix:/run/link.sock
is "$(say tcp 192.0.2.1 6666 x)" "" "isn't followed on the host"
ok "it is removed" -- rmdir "$D/evil"
is "$(say tcp 192.0.2.1 6666 x)" refused "and listens no more"

# ---- the life of helpers
before=$(helpers)
kill_core
is "$(helpers)" "$before" "a core that is killed leaves them as they are"
is "$(say tcp 192.0.2.1 8080 abc)" "3 bytes from 127.0.0.1" "they serve on"
ok "the next core has them" -- put tcp:192.0.2.1:8081 "$D/web/listen"
is "$(say tcp 192.0.2.1 8080 x) $(say tcp 192.0.2.1 8081 x)" "refused 1 bytes from 127.0.0.1" "and changes one"
before=$(helpers)
# shellcheck disable=SC2086
kill -KILL $before
all_back() { [ "$(helpers | wc -w)" = 6 ] && [ "$(say tcp 192.0.2.1 8081 x)" = "1 bytes from 127.0.0.1" ] && [ "$(say unix "$WORK/run/p.sock" "" abcd)" = "4 bytes from 127.0.0.1" ]; }
ok "killed, they come back" -- eventually all_back
ok "with a warning" -- eventually sh -c 'grep -q "ended by itself" "$1"/*/message' - "$LXD/warnings"
is "$(say unix "$root/run/back.sock" "" abc)" "3 bytes" "at their sockets"

# ---- nat
address=$(sed -n 's/^eth0 \([0-9.]*\)$/\1/p' "$I/addresses")
put "$address" "$D/eth0/ipv4.address"
serve tcp 0.0.0.0 8000
ok "nat" -- device nat type=proxy listen=tcp:192.0.2.1:7000 connect=tcp:0.0.0.0:8000 nat=true
is "$(helpers | wc -w)" 6 "has no helper"
natted() { [ "$(say_from tcp 192.0.2.1 7000 abc)" = "3 bytes from 192.0.2.2" ]; }
eventually natted
is "$(say_from tcp 192.0.2.1 7000 abc)" "3 bytes from 192.0.2.2" "the instance sees who sends"
is "$(say tcp 192.0.2.1 7000 abc)" "3 bytes from 192.0.2.1" "the host reaches it too"
like "$(inside perl "$WORK/say.pl" tcp 192.0.2.1 7000 ab)" "^2 bytes" "and the instance itself"
kill_core
is "$(say_from tcp 192.0.2.1 7000 abc)" "3 bytes from 192.0.2.2" "a core that is killed leaves it"
nft flush ruleset
ok "flushed rules are back" -- eventually natted
fails_with EINVAL "must be ipv4.address of a NIC" "the address can't be taken from under it" -- rm "$D/eth0/ipv4.address"
ok "all addresses of the host" -- put tcp:0.0.0.0:7001 "$D/nat/listen"
is "$(say_from tcp 192.0.2.1 7001 a) $(say_from tcp 192.0.2.1 7000 a)" "1 bytes from 192.0.2.2 refused" "lead there"

# ---- the end
ok "it stops" -- stop
none() { [ -z "$(helpers)" ]; }
ok "all helpers are gone" -- eventually none
unlike "$(nft list ruleset)" "proxy-" "and rules"
is "$(find "$WORK/run" -name p.sock; find "$RUN/proxies" -type s)" "" "and sockets"
ok "it starts again, with all of them" -- start
is "$(helpers | wc -w)" 6 "indeed"
core_pid=$(core)
kill -STOP "$core_pid"
kill -KILL "$(pgrep -x lxdfs-monitor)"
kill -KILL "$core_pid"
ok "one that ends while no core looks" -- eventually grep -q stopped "$I/state"
ok "takes its helpers along" -- eventually none
unlike "$(nft list ruleset)" "proxy-" "and rules"
device bad type=proxy listen=tcp:198.51.100.9:1 connect=tcp:127.0.0.1:80
fails_with EADDRNOTAVAIL "device bad: the proxy can't listen" "a proxy that can't serve keeps it from starting" -- start
ok "and nothing is left" -- eventually none
is "$(get "$I/state")" "stopped" "of it"
jobs -p | xargs kill 2>/dev/null
daemon_stop
ip link delete up0
spaces_gone
done_testing
