#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Commands with a terminal: who talks to it, what the command has of it, its size, signals and end.
. "$(dirname "$0")/../lib/daemon.sh"

# shellcheck disable=SC2119
daemon_start
ok "the image busybox is imported" -- use_busybox
foo=$LXD/instances/foo
mkdir "$foo"
mkdir "$STATE/probe"
cp "$BUILD/tools/probe" "$STATE/probe/"
printf '%s\n' devices/p/ devices/p/type=disk "devices/p/source=$STATE/probe" devices/p/path=/probe >"$foo/set"
ok "it starts" -- put running "$foo/state"

# command NAME COMMAND [KEY=VALUE]...: one with a terminal, started; its directory in $E
command_of() {
	E=$foo/exec/$1
	mkdir "$E"
	put true "$E/interactive"
	put "$2" "$E/command"
	shift 2
	local key
	for key; do put "${key#*=}" "$E/${key%%=*}"; done
}
# talk PATH PATTERN [TEXT]: writes the text, then reads until the pattern came; prints what was read
talk() {
	timeout 20 ${AS[@]+"${AS[@]}"} perl -e 'my ($path, $pattern, $text) = @ARGV;
		open my $f, "+<", $path or die "$!\n"; syswrite $f, $text if defined $text;
		my $all = ""; while (sysread $f, my $piece, 4096) { $all .= $piece; last if $all =~ /$pattern[^\n]*\n/ }
		$all =~ s/\r//g; $all =~ s/^\n+//; print $all' "$@"
}

command_of sh 'stty -echo; echo ready; exec /bin/sh' 'environment=PS1='
nok "there is no terminal before it runs" -- test -e "$E/terminal"
ok "it is started" -- put start "$E/state"
terminal=$(readlink "$E/terminal")
like "$terminal" '^/dev/pts/[0-9]+$' "terminal leads to one of the host"
is "$(stat -c '%U:%G %a' "$terminal")" "$(stat -c '%U:%G' "$E") 660" "for whom the directory is"
like "$(talk "$E/terminal" 'built-in commands')" ready "what was printed before anybody looked is there"
is "$(talk "$E/terminal" 'end' 'tty; echo end
')" "/dev/pts/1
end" "a shell answers; its terminal is the container's"
is "$(talk "$E/terminal" 'end' 'stty size; echo end
')" "24 80
end" "of the usual size"
ok "another size" -- sh -c 'echo 100 >"$1/width" && echo 40 >"$1/height"' x "$E"
is "$(stty size <"$terminal")" "40 100" "of the host's side"
is "$(talk "$E/terminal" 'end' 'stty size; echo end
')" "40 100
end" "and inside"
stty cols 90 rows 30 <"$terminal"
is "$(talk "$E/terminal" 'end' 'stty size; echo end
')" "30 90
end" "one that was set by who uses it is taken over"
fails_with ERANGE 'width is "0"' "no columns" -- put 0 "$E/width"
fails_with EBUSY 'it was run already' "all else stays" -- put false "$E/interactive"
talk "$E/terminal" 'started' 'echo started; sleep 2345
' >/dev/null
eventually pgrep -f '^sleep 2345$'
is "$(printf '\003' >"$terminal"; talk "$E/terminal" 'end' 'echo end
' | tail -n 1)" end "^C ends what runs, not the shell"
is "$(talk "$E/terminal" end 'for i in 0 1 2; do readlink /proc/self/fd/$i; done; echo end
' | tr '\n' ' ')" "/dev/pts/1 /dev/pts/1 /dev/pts/1 end " "it has its terminal"
is "$(talk "$E/terminal" end '/probe/probe descriptors | tr "\n" " "; echo end
')" "0 1 2 end" "and nothing else"
like "$(cat "$E/stdout")" "/dev/pts/1" "stdout has a copy"

# ---- others
nok "a stranger can't open it" -- as 42001 42001 sh -c ': >"$1"' x "$terminal"
user 42001 "42001,$(stat -c %g "$E")"
is "$(talk "$E/terminal" 'end' 'echo end
')" "end" "a member of the group talks to it"
user root

# ---- another core
kill -KILL "$(pgrep -f "^$BIN/lxdfsd" | tail -n 1)"
is "$(cat "$E/state")" running "the next core finds it running"
is "$(readlink "$E/terminal")" "$terminal" "with its terminal"
ok "resizes it" -- put 70 "$E/width"
is "$(stty size <"$terminal")" "40 70" "as it should be"
talk "$E/terminal" 'nothing' 'exit 7
' >"$WORK/last"
ok "its end is its end" -- put wait "$E/state"
is "$(cat "$E/status")" "exit 7" "with its status"
nok "and the terminal's" -- test -L "$E/terminal" -a -e "$E/terminal"

# ---- input that was written before, output to the end, signals
command_of fed 'stty -echo; read a; echo "got $a"; read b; seq 2000; echo last'
put hello "$E/stdin"
ok "one that reads what was written before" -- put start "$E/state"
is "$(talk "$(readlink "$E/terminal")" nothing 'go
' | tail -n 1)" last "who reads gets all of it, then its end"
put wait "$E/state"
is "$(tr -d '\r' <"$E/stdout" | grep -v '^$' | sed -n '/^got/p;$p' | tr '\n' ' ') $(grep -c '^[0-9]' "$E/stdout")" "got hello last  2000" "so does stdout"
command_of alone 'echo done; exit 3'
ok "one that nobody looks at" -- timeout 10 bash -c 'echo run >"$1/state"' x "$E"
is "$(cat "$E/status" "$E/stdout" | tr -d '\r' | tr '\n' ' ')" "exit 3 done " "ends, too"
command_of killed 'sleep 1000' user=1000
put start "$E/state"
put 'kill TERM' "$E/state"
put wait "$E/state"
is "$(cat "$E/status")" "signal 15" "one that is killed says so"
command_of wide 'stty size; id -u; stat -c %u:%g $(tty)' width=132 height=50 user=1000
put run "$E/state"
is "$(tr -d '\r' <"$E/stdout" | tr '\n' ' ')" "50 132 1000 1000:5 " "size and user are those that were asked for; the terminal is the user's"

# ---- a container that has another thing there
command_of before 'umount -l /dev/pts; mkdir -p /tmp/pts; mount --bind /tmp/pts /dev/pts; ln -s /dev/null /dev/pts/ptmx'
put run "$E/state"
command_of after 'echo x'
fails_with ELOOP '/dev/pts/ptmx' "a link in place of /dev/pts/ptmx is refused" -- put run "$E/state"
command_of again 'rm /dev/pts/ptmx; mkfifo /dev/pts/ptmx'
put false "$E/interactive"
put run "$E/state"
command_of last 'echo x'
fails_with ENOTTY 'a devpts must be mounted there' "so is anything else" -- put run "$E/state"
put 'stopped force' "$foo/state"
rmdir "$foo"
done_testing
