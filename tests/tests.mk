# SPDX-License-Identifier: MIT
# Unit tests: tests/unit/NAME.c is one program. Simulations: tests/sim/NAME.c is one program with
# the daemon on the fakes. Both run on the host and need neither root nor a kernel with iSCSI.
# tests/target/NAME.c is a unit test that sees the target and not the initiator.
UNIT = $(patsubst tests/%.c,$(B)/tests/%,$(call src,tests/unit) $(call src,tests/target))
SIM_PARTS = $(addprefix tests/sim/,sim.c scenarios.c inject.c cover.c)
SIM = $(patsubst tests/sim/%.c,$(B)/tests/sim/%,$(filter-out $(SIM_PARTS),$(call src,tests/sim)))
FAKE = $(call objs,tests/fake) $(B)/tests/sim/sim.o
# what the fakes stand in for
FAKE_WRAPS = -Wl,--wrap=sock_connect_start,--wrap=sock_connect_result
FAKE_WRAPS += -Wl,--wrap=uv_getaddrinfo,--wrap=thread_start
ISCSID_SIM = $(filter-out $(B)/iscsid/netlink.o $(B)/iscsid/clock.o,$(ISCSID))

$(B)/tests/target/%.o $(B)/tests/rig/%.o: SEES_tests = $(SEES_target) tests tests/rig
$(B)/tests/target/%.o: tests/target/%.c Makefile tests/tests.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(addprefix -I,$(SEES_tests)) $(call pkg,cflags,$(PKGS) check) -MMD -MP -c -o $@ $<
$(B)/tests/%.o: tests/%.c Makefile tests/tests.mk
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) $(addprefix -I,$(SEES_tests)) $(call pkg,cflags,$(PKGS) check) -MMD -MP -c -o $@ $<
$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/node.a $(B)/common.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call pkg,libs,check) $(LIBS)
$(B)/tests/target/%: $(B)/tests/target/%.o $(B)/tests/rig/rig.o $(B)/target.a $(B)/common.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call pkg,libs,check) $(LIBS)
$(B)/tests/sim/%: $(B)/tests/sim/%.o $(FAKE) $(ISCSID_SIM) $(B)/node.a $(B)/common.a
	$(CC) $(ALL_LDFLAGS) $(FAKE_WRAPS) -o $@ $^ $(call pkg,libs,check) $(LIBS)

$(B)/tests/sim/model: $(addprefix $(B)/tests/sim/,scenarios.o inject.o cover.o)

# a time limit is there to end a hang, not to measure: the machine may be busy
unit sim: export CK_DEFAULT_TIMEOUT = 300
unit: $(UNIT)
	@for t in $^; do echo "== $${t#$(B)/tests/}"; $$t 2>$$t.log || { cat $$t.log; exit 1; }; done
sim: $(SIM)
	@for t in $^; do echo "== sim/$${t##*/}"; $$t 2>$$t.log || { cat $$t.log; exit 1; }; done
cli: all
	tests/cli.sh $(B)/sbin
	tests/manual $(B)/sbin
targetadm: all
	tests/targetadm/run $(B)
	tests/targetadm/config $(B)
interop: all $(B)/tests/interop-node
	tests/interop.sh $(B)/tests/interop-node
$(B)/tests/interop-node: $(B)/tests/interop-node.o $(B)/node.a $(B)/common.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)

include tests/e2e.mk
include tests/fuzz.mk

conformance: all
	tests/conformance/tools $(B)
	tests/conformance/run $(B)

HOST_CHECKS = unit sim cli targetadm conformance fuzz
check: deps
	$(MAKE) $(HOST_CHECKS)
	$(if $(SAN),,$(MAKE) interop e2e && tests/exit-codes)

BENCH = $(addprefix $(B)/bench/,floor timed replace)
bench: deps
	$(MAKE) build/root build/lab/init $(BENCH) $(B)/tests/unit/writers
	tests/bench/run
	tests/bench/io $(B)
	tests/bench/node-db $(B)/sbin
	WRITERS=long CK_TIMEOUT_MULTIPLIER=20 $(B)/tests/unit/writers
$(B)/bench/%: tests/bench/%.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) -Werror -O2 -o $@ $<

.PHONY: unit sim cli targetadm conformance interop
.SECONDARY:
