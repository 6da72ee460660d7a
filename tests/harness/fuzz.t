#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Each parser's fuzz target, over its corpus and LXDFS_FUZZ_RUNS inputs beyond it, the same ones each time; `make fuzz`
# looks for new ones.
. "$(dirname "$0")/../lib/tap.sh"
cd "$(dirname "$0")/../.." || exit 1
command -v clang >/dev/null || skip_all "no clang, whose libFuzzer this is"

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
# the job server of a make that runs this test isn't that one's
ok "the targets are built" -- env -u MAKEFLAGS -u MAKELEVEL make -s -j"$(nproc)" V=fuzz fuzz-build
for source in tests/fuzz/fuzz_*.c; do
	name=${source##*/fuzz_}
	name=${name%.c}
	mkdir "$work/$name"
	if LSAN_OPTIONS=print_suppressions=0 "build/fuzz/fuzz/fuzz_$name" -runs="${LXDFS_FUZZ_RUNS:-3000}" -max_total_time=20 -seed=1 -verbosity=0 \
		-artifact_prefix="$work/" "$work/$name" "tests/fuzz/corpus/$name" >"$work/out" 2>&1; then
		pass "$name"
	else
		fail "$name"
		diag "$(tail -n 60 "$work/out")"
	fi
done

done_testing
