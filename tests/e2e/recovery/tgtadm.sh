# SPDX-License-Identifier: MIT
# tgtadm.sh - the targets by tgtadm's command lines, in three daemons: one for target 1, which ends,
# and one for the place that $moved moves to, as tgt redirects all that it has.
lun=1

daemon() { # CONTROL-PORT PARAMETERS
	ip netns exec far "$tgtd" -t 1 -C "$1" -p "/run/target$1.pid" --iscsi "$2"
	control=$1 await 10 tgt sys show
}
serve() {
	local n portals=''
	for n in 2 3 4 5; do
		portals+=portal=$(address $n):3260,
	done
	daemon 0 "${portals%,}"
	for n in 2 3 4 5; do
		tgt_target $n "$(name $n)" ALL
	done
	tgt account new --user somebody --password 123456789012
	daemon 2 "portal=$elsewhere:3260"
	control=2 tgt_target $moved "$(name $moved)" ALL
	serve_first
}
serve_first() {
	daemon 1 "portal=$(address 1):3260"
	control=1 tgt_target 1 "$(name 1)" ALL
}

restart() {
	kill -9 "$(cat /run/target1.pid)"
	sleep 2
	serve_first
}
cut() { # N
	local sid
	sid=$(tgt conn show --tid "$1" | sed -n 's/^Session: //p')
	tgt conn delete --tid "$1" --sid "$sid" --cid 0
}
refuse() { tgt account bind --tid $refused --user somebody; }
grant() { tgt account unbind --tid $refused --user somebody; }
move() {
	tgt target update --tid $moved --name RedirectAddress --value $elsewhere
	tgt target update --tid $moved --name RedirectPort --value 3260
	tgt target update --tid $moved --name RedirectReason --value Temporary
}
