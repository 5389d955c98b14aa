# SPDX-License-Identifier: MIT
# The end-to-end cases (tests/run) and the demonstration: a guest with a real kernel, and in it the
# programs of the install tree build/root.
build/lab/init: tests/lab/init.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) -Werror -O2 -static -o $@ $<

build/root: all
	$(MAKE) install DESTDIR=build/root PREFIX=/usr

# Every case with our target where it has the choice; with tgt what shows that it is as good.
WITH_TGT = recovery recovery:lio flow chap login-failures startup session-mode many rescan daemon \
	restart
e2e: build/root build/lab/init
	tests/run
	tests/run --target tgt $(WITH_TGT)
demo: deps
	$(MAKE) build/root build/lab/init
	tests/demo

.PHONY: e2e build/root
