#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Commands inside: what they print, how they end, what they can't reach.
. "$(dirname "$0")/../lib/daemon.sh"
. "$ROOT/tests/lib/container.sh"

n=0
# run NAME=VALUE...: a command with a directory of its own, $DIR
run() {
	n=$((n + 1))
	DIR=$WORK/x.$n
	ctl exec "dir=$DIR" "$@"
}

ok "it starts" -- start

ok "a command" -- run 'command=echo out; echo err >&2; exit 3'
is "$(cat "$OUT")" "exit 3" "its status"
is "$(cat "$DIR/stdout")|$(cat "$DIR/stderr")|$(cat "$DIR/status")" "out|err|exit 3" "its files"
is "$(stat -c %a "$DIR" "$DIR/stdout" "$DIR/status" | tr '\n' ' ')" "700 600 600 " "which are private"
ok "arguments" -- run arg=/bin/echo 'arg=a  b' 'arg=$(id)' "arg=c
d"
is "$(cat "$DIR/stdout")" "a  b \$(id) c
d" "are passed as they are"
refuses 17 "another directory" "a directory holds one command" ctl exec "dir=$DIR" command=true
refuses 2 "no command /bin/nothing" "a command that isn't there" run arg=/bin/nothing
is "$(ls "$DIR")" "" "leaves no files"
refuses 13 "can't be executed" "a file that is none" run arg=/etc/passwd
refuses 2 "/nowhere can't be entered" "a directory that isn't there" run command=true cwd=/nowhere
ok "a command that is killed" -- run 'command=kill -KILL $$'
is "$(cat "$DIR/status")" "signal 9" "says by what"

run 'command=pwd; id -u; id -g; echo $HOME' uid=1000 gid=1000
is "$(tr '\n' ' ' <"$DIR/stdout")" "/tmp 1000 1000 /tmp " "a user, and the home from the container's passwd"
run 'command=pwd' cwd=/etc
is "$(cat "$DIR/stdout")" /etc "a directory"
echo "some input" >"$WORK/input"
run command=cat "stdin=$WORK/input"
is "$(cat "$DIR/stdout")" "some input" "standard input"
run command=cat
is "$(cat "$DIR/stdout" "$DIR/status")" "exit 0" "none is an empty one"
run 'command=head -c 300000 /dev/zero; echo x >&2' max=100000
is "$(stat -c %s "$DIR/stdout") $(cat "$DIR/stderr" "$DIR/status")" "100000 x
exit 0" "output is cut, the command isn't stopped"
run 'command=sleep 1000 & echo started'
is "$(cat "$DIR/stdout" "$DIR/status")" "started
exit 0" "a child in the background isn't waited for"
kill -KILL "$(pgrep -f '^sleep 1000$')"

# ---- what it can't reach
run arg=/bin/probe arg=descriptors
is "$(sort "$DIR/stdout" | tr '\n' ' ')" "0 1 2 " "no descriptor but the three"
run 'command=for i in 0 1 2; do readlink /proc/self/fd/$i; done'
is "$(sed 's/:.*//' "$DIR/stdout" | sort -u)" pipe "and these are pipes"
run arg=/bin/probe arg=exe
is "$(cat "$DIR/stdout")" "Text file busy there" "its own program is the image's"
cat >"$IMAGE/bin/reader" <<'EOF'
#!/bin/sh
cat /proc/$PPID/exe /proc/$PPID/environ >/dev/null
EOF
run 'command=echo $PPID'
is "$(cat "$DIR/stdout")" 0 "it has no parent inside"
run 'command=cat /proc/self/cgroup'
is "$(cut -d : -f 3 "$DIR/stdout" | sort -u)" / "its groups are the container's"
before=$(field processes)
run arg=/bin/sleep arg=1000 wait=no
is "$(field processes)" $((before + 1)) "it is counted with the container's processes"
inner=$(pgrep -f '^/bin/sleep 1000$')
is "$(sed -n 's/^Seccomp:\t//p' "/proc/$inner/status")" 2 "it has the filter"
is "$(stat -c %u "/proc/$inner")" 1000000 "and the container's ids"
helper=$(pgrep -x lxdfs-enter)
unlike "$(cat "/proc/$helper/cgroup")" "$UUID" "its helper stays outside the container's groups"
like "$(readlink "/proc/$helper/exe")" 'memfd:lxdfs-enter' "and runs from memory"
is "$(tr '\0' ' ' <"/proc/$helper/cmdline")" "lxdfs-enter " "and its command line tells nothing"
is "$(sed -n 's/^CapEff:\t//p' "/proc/$helper/status")" 0000000000000020 "it may signal and nothing else"

# ---- found again by another core
ctl status "dir=$DIR"
is "$(cat "$OUT")" running "another core finds it running"
ctl signal "dir=$DIR" number=15 wait=yes
is "$(cat "$OUT")" "signal 15" "ends it, and hears how"
ctl status "dir=$DIR"
is "$(cat "$OUT")" "signal 15" "which stays to be read"
refuses 3 "has ended" "then there is nobody to signal" ctl signal "dir=$DIR" number=15
refuses 2 "no command was run" "a directory without a command" eval 'mkdir -p "$WORK/empty"; ctl status "dir=$WORK/empty"'
run 'command=sleep 1000; true' wait=no
ctl signal "dir=$DIR" number=9 wait=yes
is "$(cat "$OUT"; pgrep -f '^sleep 1000')" "signal 9" "what it started in its session ends with it"
run arg=/bin/sleep arg=1000 wait=no
inner=$(pgrep -f '^/bin/sleep 1000$')
kill -KILL "$(pgrep -x lxdfs-enter)"
tail --pid="$inner" -f /dev/null
refuses 10 "helper of the command was killed" "a helper that is killed takes the command along, and says so" ctl status "dir=$DIR"

# ---- the container ends under it
run arg=/bin/sleep arg=1000 wait=no
last=$DIR
ok "the container ends" -- ctl finish
ctl status "dir=$last" wait=yes
is "$(cat "$OUT")" "signal 9" "its commands end with it"
refuses 2 "no monitor" "and no command starts" run command=true
nothing_left "nothing is left"

done_testing
