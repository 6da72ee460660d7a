#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# The stock kernel: the machine offers what the suite needs there, and a first test of each kind passes in it.
# One boot for all of it; `make check-vm` runs the rest.
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1

[ "$(id -u)" = 0 ] || skip_all "needs root"
if ! why=$(tests/vm/run --prepare 2>&1); then
	skip_all "no virtual machine: $(tail -n 1 <<<"$why")"
fi
LXDFS_BUILD=${LXDFS_BUILD:-$PWD/build/release}
export LXDFS_BUILD

# The first of each kind, and what only this kernel has.
tests=(tests/attack/70-apparmor.t)
for kind in fs engine net; do
	for t in tests/"$kind"/*.t; do
		if [ -e "$t" ]; then
			tests+=("$t")
			break
		fi
	done
done

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/inside" <<'I'
check() { if (eval "$2") >/dev/null 2>&1; then echo "pass $1"; else echo "FAIL $1"; fi; }
check "AppArmor is on" '[ "$(cat /sys/module/apparmor/parameters/enabled)" = Y ]'
check "cgroup v2 is alone, with its controllers" \
	'for c in cpuset cpu io memory pids; do grep -qw $c /sys/fs/cgroup/cgroup.subtree_control || exit 1; done'
check "FUSE" '[ -c /dev/fuse ]'
check "bridge and veth" 'ip link add br0 type bridge && ip link add v0 type veth peer name v1'
check "user namespaces" '[ "$(unshare -Urm id -u)" = 0 ]'
for t; do
	if bash "$t" >/tmp/out 2>&1; then
		echo "pass $t"
	else
		echo "FAIL $t"
		grep -v '^ok' /tmp/out | sed 's/^/note /'
	fi
done
exit 7
I
tests/vm/run -t 1200 -m 2048 -s "$work" -e LXDFS_BUILD -e LXDFS_VM=yes -- bash "$work/inside" ${tests[@]+"${tests[@]}"} \
	>"$work/out" 2>"$work/err"
is $? 7 "the machine runs a script and hands back its status"
while read -r word text; do
	case $word in
	pass) pass "$text" ;;
	FAIL) fail "$text" ;;
	note) diag "$text" ;;
	esac
done <"$work/out"
is "$(grep -cE '^(pass|FAIL) ' "$work/out")" $((5 + ${#tests[@]})) "every question was answered"
if [ -s "$work/err" ]; then
	diag "$(cat "$work/err")"
fi

done_testing
