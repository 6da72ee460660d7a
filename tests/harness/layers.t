#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# scripts/check-layers lets the arrows of the architecture pass, and no other.
. "$(dirname "$0")/../lib/tap.sh"
root=$(cd "$(dirname "$0")/../.." && pwd)
tree=$(mktemp -d)
trap 'rm -rf "$tree"' EXIT

# includes FILE LINE: a source tree that holds this file alone
includes() {
	rm -rf "${tree:?}"/*
	mkdir -p "$tree/$(dirname "$1")"
	printf '%s\n' "$2" >"$tree/$1"
	"$root/scripts/check-layers" "$tree"
}

while read -r verdict file header; do
	if [ "$verdict" = yes ]; then
		ok "$file may include $header" -- includes "$file" "#include \"$header\""
	else
		nok "$file may not include $header" -- includes "$file" "#include \"$header\""
	fi
done <<'ROWS'
yes fs/fuse.c engine/model/object.h
yes fs/tree/instances.c net/leases.h
yes fs/tree/instances.c fs/fuse.h
yes engine/keys/instance.c engine/kind/instance.h
yes engine/kind/instance.c engine/instance/start.h
yes engine/instance/start.c engine/device/device.h
yes engine/instance/start.c net/filter.h
yes engine/device/nic.c net/filter.h
yes engine/storage/overlay.c engine/model/object.h
yes engine/model/txn.c engine/base/buf.h
yes net/filter.c engine/base/buf.h
yes certs/tls.c engine/base/buf.h
yes fs/9p/serve.c engine/base/msg.h
no engine/base/buf.c engine/model/object.h
no engine/model/txn.c engine/keys/instance.h
no engine/model/txn.c net/filter.h
no engine/device/nic.c engine/instance/start.h
no engine/device/nic.c engine/kind/instance.h
no engine/instance/start.c engine/kind/instance.h
no engine/instance/start.c fs/fuse.h
no net/filter.c engine/model/object.h
no net/filter.c certs/tls.h
no certs/tls.c net/filter.h
no fs/9p/serve.c engine/model/object.h
no fs/fuse.c fuse.h
no engine/novel/x.c engine/base/buf.h
ROWS
nok "only net/nft.c may include libnftables" -- includes net/filter.c '#include <nftables/libnftables.h>'
ok "and it may" -- includes net/nft.c '#include <nftables/libnftables.h>'
nok "engine/ knows no FUSE" -- includes engine/kind/instance.c '#include <fuse_lowlevel.h>'
ok "the source as it is keeps the layers" -- "$root/scripts/check-layers"

done_testing
