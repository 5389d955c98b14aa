#!/bin/bash
# SPDX-License-Identifier: MIT
# cli.sh - command lines with expected output: neither root, nor a daemon, nor a kernel with iSCSI.
#
#   tests/cli.sh SBIN [CASE...]
#
# A case is a directory of tests/cli: its "commands", a shell command on each line, run in a copy of
# its "root" (none: an empty directory), which the programs take for "/"; what they print, and the
# exit code where it is not 0, has to be as "expected" says. Lines of standard error begin with E|.
set -u
sbin=$(realpath "$1")
shift
cd "$(dirname "${BASH_SOURCE[0]}")/cli" || exit 1
[ $# -gt 0 ] || set -- *

box=$(mktemp -d)
trap 'rm -rf "$box"' EXIT
export ISCSI_ROOT=$box/root PATH=$sbin:$PATH LC_ALL=C

database() { # every file and link of the database, as a command
	find etc/iscsi -mindepth 2 ! -type d -printf '%M %P %l\n' | sort
}

transcript() { # CASE
	local line code
	cd "$ISCSI_ROOT" || exit 1
	while IFS= read -r line; do
		[[ $line != "#"* && $line ]] || continue
		code=0
		eval "$line" > "$box/stdout" 2> "$box/stderr" < /dev/null || code=$?
		echo "\$ $line"
		cat "$box/stdout"
		sed "s|$ISCSI_ROOT/|ROOT/|g; s/^/E|/" "$box/stderr"
		[ $code = 0 ] || echo "exit code $code"
	done
}

failed=0
for case in "$@"; do
	rm -rf "$ISCSI_ROOT"
	mkdir -p "$ISCSI_ROOT/etc/iscsi"
	[ ! -d "$case/root" ] || cp -r "$case/root/." "$ISCSI_ROOT"
	(transcript < "$case/commands") > "$box/actual"
	if diff -u --label "$case/expected" --label actual "$case/expected" "$box/actual"; then
		echo "ok cli/$case ($(grep -c '^\$' "$box/actual") commands)"
	else
		echo "FAIL cli/$case"
		failed=1
	fi
done
exit $failed
