# SPDX-License-Identifier: MIT
# lio.sh - the targets in the kernel. LIO redirects nobody: a daemon of ours takes its place at the
# portal that it leaves, and sends the logins after it.
lun=0
netns=far

tpg_of() { echo "$lio/iscsi/$(name "$1")/tpgt_1"; }
serve() {
	local n
	start_lio
	for n in "${!faults[@]}"; do
		truncate -s 64M "/run/disk$n"
		lio_target "$(name "$n")" "$(address "$n"):3260" "/run/disk$n"
	done
	lio_portal $elsewhere:3260
}

restart() { # as a service that clears the configuration and loads it again
	local target=$lio/iscsi/$(name 1)
	put "$target/tpgt_1/enable" 0
	rm "$target/tpgt_1/lun/lun_0/disk"
	rmdir "$target/tpgt_1/"{lun/lun_0,np/*,} "$target" $lio/core/fileio_0/restart*
	sleep 2
	lio_target "$(name 1)" "$(address 1):3260" /run/disk1
}
cut() { # N
	put "$(tpg_of "$1")/enable" 0
	put "$(tpg_of "$1")/enable" 1
}
refuse() { put "$(tpg_of $refused)/attrib/authentication" 1; }
grant() { put "$(tpg_of $refused)/attrib/authentication" 0; }
move() {
	rmdir "$(tpg_of $moved)/np/$(address $moved):3260"
	TARGET=ours
	tgtd=${target_daemon[ours]}
	ip netns exec far "$tgtd" -t 1 --iscsi "portal=$(address $moved):3260"
	await 10 tgt sys show
	tgt target new --tid 1 --targetname "$(name $moved)"
	tgt target bind --tid 1 --initiator-address ALL
	tgt target update --tid 1 --name fault --value redirect=$elsewhere:3260
}
