#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Who waits is woken: inotify, the stream of events, poll, `wait`; and who is tired of waiting can go.
# shellcheck disable=SC2002,SC2010,SC2012,SC2016,SC2086 # cat is tested; names are plain; $1 is the inner shell's; words are meant
. "$(dirname "$0")/../lib/daemon.sh"

# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
foo=$LXD/instances/foo
mkdir "$foo"
put 20MiB "$foo/config/limits.memory"

# watch FILE...: until something happens to one of them; returns when the watch is in place
watch() {
	: >"$WORK/heard"
	inotifywait -q -t 60 --format '%w%f %e' "$@" >"$WORK/heard" 2>"$WORK/watching" &
	watcher=$!
	# in place when the process holds its inotify descriptor and sleeps in it
	until grep -qs '^inotify wd' /proc/$watcher/fdinfo/* || ! kill -0 $watcher 2>/dev/null; do :; done
}
# hears REGEX NAME: what it was
hears() {
	wait "$watcher"
	like "$(cat "$WORK/heard")" "$1" "$2"
}

# ---- inotify (25)

watch -e modify,attrib,close_write "$foo/config/limits.memory"
sh -c 'echo 21MiB >"$1"' sh "$foo/config/limits.memory"
hears 'limits.memory (MODIFY|CLOSE_WRITE|ATTRIB)' "a write by another process"
watch -e create,delete,moved_to,modify,close_write "$foo/config"
sh -c 'echo 20 >"$1"' sh "$foo/config/limits.processes"
hears 'limits.processes' "a key that comes, in its directory"
watch -e create "$LXD/instances"
mkdir "$LXD/instances/bar"
hears "instances/bar CREATE,ISDIR" "a new instance"
watch -e delete "$LXD/instances"
rmdir "$LXD/instances/bar"
hears "instances/bar DELETE,ISDIR" "one that goes"

ok "an instance starts" -- put running "$foo/state"
watch -e attrib,modify "$foo/state"
kill -KILL "$(cat "$foo/pid")"
hears 'state ATTRIB' "an instance that ends by itself"
ok "is seen to be stopped" -- put "stopped 30" "$foo/wait"
is "$(cat "$foo/state")" stopped "as its state says"
watch -e attrib,modify "$foo/addresses"
ok "it starts again" -- put running "$foo/state"
hears 'addresses ATTRIB' "its address comes"
for _ in 1 2 3; do cat "$foo/addresses" >/dev/null; done
ok "a watch of many files" -- sh -c 'timeout 20 inotifywait -q -t 1 -r "$1" >/dev/null 2>&1; [ $? = 2 ]' sh "$foo"

# ---- the stream

# listen COMMAND...: what the stream says while COMMAND runs, until the line that matches $until
exec 7<"$LXD/events"
put frozen "$foo/state"
put running "$foo/state"
IFS= read -r -u 7 line
like "$line" '^\{.*\}$' "the stream has a line for what happens"
like "$line" '"foo"|instances/foo' "which names the instance"
exec 7<&-
exec 7<"$LXD/events" 8<"$LXD/events"
put frozen "$foo/state"
put running "$foo/state"
IFS= read -r -u 7 line7
IFS= read -r -u 8 line8
is "$line7" "$line8" "two readers hear the same"
exec 7<&- 8<&-
is "$(perl -e '
	use IO::Poll; use Fcntl; $SIG{ALRM} = sub { die "asleep\n" }; alarm 60;
	sysopen F, shift, O_RDONLY | O_NONBLOCK or die "$!";
	defined sysread F, $x, 4096 and die "something to read";
	die "errno" unless $!{EAGAIN};
	$p = IO::Poll->new; $p->mask(\*F => POLLIN);
	for (1 .. 50) { $p->poll(0.002) and die "ready" }
	system "echo frozen >$ARGV[0]; echo running >$ARGV[0]";
	$p->poll(30) or die "not woken";
	sysread F, $x, 4096; print $x =~ /^\{.*\}\n/ ? "woken" : $x' "$LXD/events" "$foo/state" 2>&1)" woken "poll wakes when there is something, and not before"
ok "epoll of many streams" -- perl -e '
	use IO::Select; my $f = shift; my $s = IO::Select->new;
	my @f; for (1 .. 50) { open my $h, "<", $f or die; push @f, $h; $s->add($h) }
	system "echo frozen >$ARGV[0]; echo running >$ARGV[0]"; my @r = $s->can_read(30); @r or die "none"' "$LXD/events" "$foo/state"
fds=$(fd_count "$(pgrep -P "$(pgrep -o -x lxdfsd)" -x lxdfsd)")
for _ in 1 2 3 4 5 6 7 8 9 10; do
	perl -e 'use IO::Poll; open F, "<", shift or die; $p = IO::Poll->new; $p->mask(\*F => POLLIN); for (1 .. 20) { $p->poll(0.001) }' "$LXD/events"
done
like "$(($(fd_count "$(pgrep -P "$(pgrep -o -x lxdfsd)" -x lxdfsd)") - fds))" '^-?[0-3]$' "polls that time out leave no descriptors in the daemon"
# bash ignores SIGINT for what it runs in the background
env --default-signal=INT cat "$LXD/events" >/dev/null &
reader=$!
until grep -qs '^0 ' /proc/$reader/syscall; do :; done
kill -INT $reader
wait $reader
is $? 130 "^C ends a reader of the stream"

# ---- wait, and ^C (26)

ok "wait for what is so already" -- put "running 10" "$foo/wait"
fails_with ETIMEDOUT "still running" "wait for what doesn't come" -- put "stopped 0" "$foo/wait"
sh -c 'echo stopped >"$1/wait"; echo "$?" >"$2"' sh "$foo" "$WORK/waited" &
waiter=$!
sh -c 'echo "stopped force" >"$1/state"' sh "$foo"
wait $waiter
is "$(cat "$WORK/waited")" 0 "who waits for a state gets it"
# interrupted SIGNAL FILE VALUE: the write is under way, then the signal comes; the exit status
interrupted() {
	env --default-signal=INT perl -e 'open F, ">", shift or die; $v = shift; syswrite F, "$v\n" or exit($!{EINTR} ? 4 : 5); exit 0' "$2" "$3" &
	local pid=$!
	until grep -qs '^1 ' /proc/$pid/syscall; do kill -0 $pid 2>/dev/null || break; done
	kill -"$1" $pid
	wait $pid
}
interrupted INT "$foo/wait" running
is $? 130 "^C ends a wait"
interrupted TERM "$foo/wait" running
is $? 143 "and so does SIGTERM"
interrupted KILL "$foo/wait" running 2>/dev/null
is $? 137 "and SIGKILL"
ok "the instance can be used" -- put "stopped 0" "$foo/wait"

# An init that doesn't end when it is told to: the stop takes long, and can be broken off.
ok "it starts" -- put running "$foo/state"
ok "its init is deaf" -- sh -c 'kill -STOP "$(cat "$1/pid")"' sh "$foo"
interrupted INT "$foo/state" "stopped 600"
is $? 130 "^C breaks off a stop"
kill -CONT "$(cat "$foo/pid")" 2>/dev/null
like "$(cat "$foo/state")" '^(running|stopped)$' "which has a state again"
ok "it can be stopped by force" -- put "stopped force" "$foo/state"

# ---- many that wait don't hinder the others

for i in {1..40}; do
	env --default-signal=INT sh -c 'echo running >"$1/wait"; echo "$?"' sh "$foo" >"$WORK/w$i" 2>&1 &
	echo $! >"$WORK/p$i"
done
for i in {1..40}; do
	pid=$(cat "$WORK/p$i")
	until grep -qs '^1 ' "/proc/$pid/syscall"; do kill -0 "$pid" 2>/dev/null || break; done
done
ok "ls of everything, while 40 wait" -- timeout 60 ls -lR "$LXD"
ok "a key can be set" -- timeout 60 sh -c 'echo 25MiB >"$1"' sh "$foo/config/limits.memory"
kill -INT "$(cat "$WORK/p20")"
kill -TERM "$(cat "$WORK/p21")"
ok "any of them can be broken off" -- timeout 60 tail --pid="$(cat "$WORK/p21")" -f /dev/null
ok "it starts" -- put running "$foo/state"
wait
is "$(cat "$WORK"/w* | sort | uniq -c | sort -rn | head -n 1 | tr -s ' ')" " 39 0" "and all others are woken"
ok "stopped" -- put "stopped force" "$foo/state"

done_testing
