# SPDX-License-Identifier: MIT
# lib.sh - iscsi-targetd by tgt's names and in tgt's words, as libiscsi's own scripts call it.
# Expects build; a daemon is known by its number.
target=iqn.2024-01.org.example:conformance
port=$((20000 + $$ % 20000))
box=$(mktemp -d)
daemons=()
end() {
	local n
	for n in "${daemons[@]}"; do
		adm "$n" --op delete --force --mode target --tid 1
		adm "$n" --op delete --mode system
	done > /dev/null 2>&1
	rm -rf "$box"
}
trap end EXIT
ln -s "$build/iscsi-targetd.bin" "$box/tgtd"
ln -s "$build/iscsi-targetadm.bin" "$box/tgtadm"
PATH=$box:$PATH

adm() { # N OPTION...
	TGT_IPC_SOCKET=$box/socket$1 tgtadm "${@:2}"
}
start() { # N BACKING OPTION...: a daemon with one unit, open to all
	local at=$((port + $1))
	daemons+=("$1")
	TGT_IPC_SOCKET=$box/socket$1 tgtd \
		--iscsi "portal=127.0.0.1:$at,nop_interval=1,nop_count=3,portal=[::1]:$at" &&
		adm "$1" --op new --mode target --tid 1 -T "$target" &&
		adm "$1" --op bind --mode target --tid 1 -I ALL &&
		adm "$1" --op new --mode logicalunit --tid 1 --lun 1 -b "$2" "${@:3}"
}
