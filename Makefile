# SPDX-License-Identifier: MIT
# Targets: all install deps demo check bench clean. README.md says what they do.

PREFIX ?= /usr
DESTDIR ?=
VERSION = 3.0.0
CC = $(or $(FUZZER),gcc)
B = build$(if $(SAN),/san)$(if $(FUZZER),/fuzz)

CFLAGS ?= -O2 -g
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2
# DEVEL= (empty) for builds by others: warnings stay warnings
DEVEL ?= 1
ALL_CFLAGS = -std=gnu17 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' -fPIC -fstack-protector-strong \
	$(WARN) $(if $(DEVEL),-Werror) $(CFLAGS)
ALL_LDFLAGS = -Wl,--as-needed,-z,relro,-z,now -pie $(LDFLAGS)
ifdef SAN
ALL_CFLAGS += -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
ALL_LDFLAGS += -fsanitize=address,undefined
endif
ifdef FUZZER
ALL_CFLAGS += -fsanitize=fuzzer-no-link
endif

# What a program of each directory needs from Debian.
DEPS_BUILD = libc6-dev pkg-config
DEPS_BUILD += libuv1-dev libssl-dev libjson-c-dev libkmod-dev libmnl-dev libsystemd-dev
DEPS_BUILD += libisns-dev libudev-dev
DEPS_BUILD += libisal-dev
DEPS_BUILD += libmount-dev
DEPS_TEST = check user-mode-linux kmod udev systemd iproute2 iptables e2fsprogs util-linux
DEPS_TEST += procps strace python3
DEPS_TEST += dmsetup fdisk mdadm
DEPS_TEST += tgt open-iscsi libiscsi-bin fio xfsprogs
DEPS_TEST += open-isns-server open-isns-utils

PKGS = libuv json-c libcrypto libkmod libmnl mount libsystemd libisal
pkg = $(shell pkg-config --$(1) $(2) 2>/dev/null)

# Who may include whom: a directory sees these, and no others.
SEES_common/util = common/util
SEES_common/iscsi = common/util common/iscsi
SEES_common/proto = common/util common/iscsi common/proto
SEES_common/kernel = common/util common/iscsi common/kernel
SEES_libiscsi-node = common/util common/iscsi libiscsi-node
SEES_iscsid = common/util common/iscsi common/proto common/kernel libiscsi-node iscsid $(B)/iscsid
SEES_iscsiadm = common/util common/iscsi common/proto common/kernel libiscsi-node iscsiadm
SEES_target = common/util common/iscsi common/proto target $(B)/target
SEES_tests = $(SEES_iscsid) $(SEES_iscsiadm) tests tests/fake tests/sim

DIRS = common/util common/iscsi common/proto common/kernel libiscsi-node iscsid iscsiadm target
src = $(sort $(wildcard $(1)/*.c))
objs = $(patsubst %.c,$(B)/%.o,$(call src,$(1)))

COMMON = $(foreach d,common/util common/iscsi common/proto common/kernel,$(call objs,$(d)))
NODE = $(call objs,libiscsi-node)
# Programs are one main file on their directory's other files.
ISCSIADM_MAINS = iscsiadm/main.c iscsiadm/iscsi-iname.c
ISCSIADM = $(filter-out $(patsubst %.c,$(B)/%.o,$(ISCSIADM_MAINS)),$(call objs,iscsiadm))
ISCSID = $(filter-out $(B)/iscsid/main.o,$(call objs,iscsid))

TARGET_MAINS = target/main.c target/targetadm.c
TARGET = $(filter-out $(patsubst %.c,$(B)/%.o,$(TARGET_MAINS)),$(call objs,target))

PROGRAMS = iscsid iscsiadm iscsi-iname iscsi-targetd iscsi-targetadm
LIBNODE = $(B)/libiscsi-node.so.0

all: $(addprefix $(B)/sbin/,$(PROGRAMS)) $(LIBNODE)

$(B)/sbin/%: $(B)/%.bin
	@mkdir -p $(@D)
	@ln -sf ../$*.bin $@

LIBS = $(call pkg,libs,$(PKGS))
# iscsiadm loads those that few commands need by itself: iscsiadm/lazy.h.
LAZY = -lcrypto -ljson-c
$(B)/common.a: $(COMMON)
$(B)/node.a: $(NODE)
$(B)/target.a: $(TARGET)
$(B)/common.a $(B)/node.a $(B)/target.a:
	@rm -f $@
	ar rcs $@ $^

$(B)/iscsid.bin: $(B)/iscsid/main.o $(ISCSID) $(B)/node.a $(B)/common.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(B)/iscsiadm.bin: $(B)/iscsiadm/main.o $(ISCSIADM) $(B)/node.a $(B)/common.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(filter-out $(LAZY),$(LIBS))
$(B)/iscsi-iname.bin: $(B)/iscsiadm/iscsi-iname.o $(B)/common.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(call pkg,libs,libcrypto)
$(B)/iscsi-targetd.bin: $(B)/target/main.o $(B)/target.a $(B)/common.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(B)/iscsi-targetadm.bin: $(B)/target/targetadm.o $(B)/target.a $(B)/common.a
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS)
$(LIBNODE): $(NODE) $(B)/common.a libiscsi-node/iscsi-node.map
	$(CC) -shared $(filter-out -pie,$(ALL_LDFLAGS)) -Wl,-soname,$(@F) \
		-Wl,--version-script=libiscsi-node/iscsi-node.map -o $@ $(NODE) $(B)/common.a
	@ln -sf $(@F) $(B)/libiscsi-node.so

define compile
$(B)/$(1)/%.o: $(1)/%.c Makefile
	@mkdir -p $$(@D)
	$$(CC) $$(ALL_CFLAGS) $$(addprefix -I,$$(SEES_$(1))) $(call pkg,cflags,$(PKGS)) -MMD -MP -c -o $$@ $$<
endef
$(foreach d,$(DIRS),$(eval $(call compile,$(d))))

# The Varlink interfaces as C strings.
$(B)/iscsid/interface.h: iscsid/io.iscsid.varlink
$(B)/target/interface.h: target/io.iscsi.target.varlink
$(B)/iscsid/interface.h $(B)/target/interface.h:
	@mkdir -p $(@D)
	sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $< > $@
$(call objs,iscsid): | $(B)/iscsid/interface.h
$(call objs,target): | $(B)/target/interface.h

SBIN = $(DESTDIR)$(PREFIX)/sbin
LIBDIR = $(PREFIX)/lib
UNITDIR = $(DESTDIR)$(PREFIX)/lib/systemd/system
MAN = $(DESTDIR)$(PREFIX)/share/man

# Configuration and InitiatorName of a system that has them stay as they are.
install: all
	install -d $(SBIN) $(DESTDIR)$(PREFIX)/bin $(DESTDIR)/etc/iscsi/ifaces $(UNITDIR) \
		$(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(PREFIX)/include $(MAN)/man5 $(MAN)/man7 $(MAN)/man8
	for p in $(PROGRAMS); do install -m 755 $(B)/$$p.bin $(SBIN)/$$p || exit 1; done
	ln -sf ../sbin/iscsiadm $(DESTDIR)$(PREFIX)/bin/iscsiadm
	[ -e $(DESTDIR)/etc/iscsi/iscsid.conf ] || install -m 600 etc/iscsi/iscsid.conf $(DESTDIR)/etc/iscsi/
	install -m 600 etc/iscsi/ifaces/iface.example $(DESTDIR)/etc/iscsi/ifaces/
	install -d $(DESTDIR)$(PREFIX)/share/bash-completion/completions
	$(B)/iscsiadm.bin --bash-completion > $(DESTDIR)$(PREFIX)/share/bash-completion/completions/iscsiadm
	for u in systemd/*; do sed 's|@sbindir@|$(PREFIX)/sbin|' $$u > $(UNITDIR)/$${u##*/} || exit 1; done
	install -m 755 $(LIBNODE) $(DESTDIR)$(LIBDIR)/
	ln -sf $(notdir $(LIBNODE)) $(DESTDIR)$(LIBDIR)/libiscsi-node.so
	install -m 644 libiscsi-node/iscsi-node.h $(DESTDIR)$(PREFIX)/include/
	sed 's|@PREFIX@|$(PREFIX)|; s|@VERSION@|$(VERSION)|' libiscsi-node/libiscsi-node.pc.in \
		> $(DESTDIR)$(LIBDIR)/pkgconfig/libiscsi-node.pc
	for s in 5 7 8; do install -m 644 man/*.$$s $(MAN)/man$$s/ || exit 1; done

include tests/tests.mk
-include $(shell find $(B) -name '*.d' 2>/dev/null)

# Installs what is missing, nothing when all is there.
deps:
	@missing=$$(for p in $(DEPS_BUILD) $(DEPS_TEST); do \
		dpkg-query -Wf '$${Status}' $$p 2>/dev/null | grep -q 'ok installed' || echo $$p; done); \
	[ -z "$$missing" ] || { apt-get -q update && \
		DEBIAN_FRONTEND=noninteractive apt-get -qy --no-install-recommends install $$missing; }

clean:
	rm -rf build

.PHONY: all deps clean install check demo bench
