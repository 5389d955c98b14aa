# SPDX-License-Identifier: MIT
# The end-to-end cases (tests/run) and the demonstration, on a real kernel in a guest.
build/lab/init: tests/lab/init.c
	@mkdir -p $(@D)
	$(CC) -std=gnu17 -D_GNU_SOURCE $(WARN) -Werror -O2 -static -o $@ $<

build/root: all
	$(MAKE) -s install DESTDIR=build/root PREFIX=/usr

e2e: build/lab/init build/root
	tests/run
demo: build/lab/init build/root
	tests/demo

.PHONY: e2e demo build/root
