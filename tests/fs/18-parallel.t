#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Many at once: changes of one object are one after the other, and readers see the old or the new.
# shellcheck disable=SC2002,SC2010,SC2012,SC2016,SC2086 # cat is tested; names are plain; $1 is the inner shell's; words are meant
. "$(dirname "$0")/../lib/daemon.sh"
daemon_start --no-init

foo=$LXD/instances/foo
mkdir "$foo"

# ---- two writers, a reader that never sees a mix (28)

pair() { printf 'user.a=%s\nuser.b=%s\n' "$1" "$1" >"$WORK/$2" && dd "if=$WORK/$2" "of=$foo/config/set" bs=1M status=none; }
pair 0 w0
for w in 1 2; do
	for i in {1..60}; do pair "$w-$i" "w$w"; done &
	writers+=" $!"
done
perl -e '
	my ($f, @pids) = @ARGV;
	while (grep { -d "/proc/$_" } @pids) {
		open F, "<", $f or die; local $/; my $t = <F>; close F;
		$n++; my ($a) = $t =~ /^user.a=(.*)$/m; my ($b) = $t =~ /^user.b=(.*)$/m;
		defined $a && defined $b && $a eq $b or push @bad, $t;
	}
	print scalar @bad, "\n", $n > 0 ? "read" : "not read", "\n"' "$foo/config/set" $writers >"$WORK/reader"
wait
is "$(cat "$WORK/reader")" $'0\nread' "a reader sees one change or the other"
is "$(cat "$foo/config/user.a")" "$(cat "$foo/config/user.b")" "and what is left is one of them"

# A long value in many reads belongs together.
long() { yes "$1" | head -n 5000; }
long a >"$foo/config/user.long"
for i in 1 2 3 4 5 6; do
	long b >"$foo/config/user.long"
	long a >"$foo/config/user.long"
done &
writer=$!
perl -e '
	my ($f, $pid) = @ARGV;
	while (-d "/proc/$pid") {
		open F, "<", $f or die; my $t = ""; while (sysread F, my $x, 1000) { $t .= $x } close F;
		$n++; $bad++ unless $t =~ /^(a\n)+$|^(b\n)+$/ && length $t == 10000;
	}
	print $bad + 0, "\n"' "$foo/config/user.long" $writer >"$WORK/reader"
wait
is "$(cat "$WORK/reader")" 0 "one that reads in pieces reads one value"

# ---- none is lost

for w in 1 2 3 4 5 6 7 8; do
	for i in {1..20}; do echo "$w-$i" >"$foo/config/user.w$w-$i" || echo "$w-$i"; done >"$WORK/lost$w" 2>&1 &
done
wait
is "$(cat "$WORK"/lost*)" "" "eight that write different keys of one instance"
is "$(ls "$foo/config" | grep -c '^user.w')" 160 "all of them are there"
is "$(cat "$foo"/config/user.w* | sort -u | wc -l)" 160 "with their values"
for w in 1 2 3 4; do
	rm "$foo"/config/user.w"$w"-* &
	for i in {1..20}; do cat "$foo/config/user.w5-$i"; done >/dev/null 2>"$WORK/lost$w" &
done
wait
is "$(cat "$WORK"/lost*)" "" "readers aren't disturbed by who removes others"
is "$(ls "$foo/config" | grep -c '^user.w')" 80 "all of these are gone, and no others"

# ---- objects that come and go while they are listed

for w in 1 2 3 4; do
	for i in {1..30}; do
		mkdir "$LXD/instances/x$w-$i" && echo 64MiB >"$LXD/instances/x$w-$i/config/limits.memory" && rmdir "$LXD/instances/x$w-$i"
	done >"$WORK/lost$w" 2>&1 &
	makers+=" $!"
done
perl -e '
	my ($d, @pids) = @ARGV;
	while (grep { -d "/proc/$_" } @pids) {
		opendir D, $d or die; my @n = grep { !/^\./ } readdir D; closedir D;
		my %n; $n{$_}++ and $twice++ for @n; $n{foo} or $missing++;
		for (@n) { my @s = lstat "$d/$_/state"; @s || $!{ENOENT} or $odd .= "$! " }
	}
	print $twice + 0, " ", $missing + 0, " $odd\n"' "$LXD/instances" $makers >"$WORK/reader"
wait
is "$(cat "$WORK/reader")" "0 0 " "who lists them sees each once, and those that stay always"
is "$(cat "$WORK"/lost*)" "" "who makes and removes them has no failures"
is "$(ls "$LXD/instances")" foo "none is left"
for w in 1 2 3 4 5 6; do mkdir "$LXD/instances/same" 2>/dev/null && echo made & done >"$WORK/made"
wait
is "$(cat "$WORK/made")" made "of six that make one, one does"
for w in 1 2 3 4 5 6; do rmdir "$LXD/instances/same" 2>/dev/null && echo gone & done >"$WORK/gone"
wait
is "$(cat "$WORK/gone")" gone "of six that remove it, one does"

# ---- a profile that changes below many instances

mkdir "$LXD/profiles/p"
for i in {1..30}; do mkdir "$LXD/instances/u$i" && echo p >"$LXD/instances/u$i/profiles"; done
for v in {1..10}; do echo $((v * 10)) >"$LXD/profiles/p/config/limits.processes"; done &
for i in {1..30}; do echo "$i" >"$LXD/instances/u$i/config/user.i"; done
wait
is "$(cat "$LXD"/instances/u*/config/limits.processes | sort -u)" 100 "all have its last value"
is "$(cat "$LXD"/instances/u*/config/user.i | wc -l)" 30 "and their own"
ls -l "$LXD"/instances/u*/config >/dev/null
rm "$LXD/profiles/p/config/limits.processes"
is "$(find "$LXD/instances" -path '*/config/limits.processes' | wc -l)" 0 "what it no longer gives nobody has"

done_testing
