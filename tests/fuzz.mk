# SPDX-License-Identifier: MIT
# Fuzz programs: tests/fuzz/NAME.c is one, under ASan and UBSan, with the corpus tests/fuzz/corpus/NAME.
# `make fuzz` runs each corpus and TIME seconds of mutations; FUZZER=clang (clang and
# libclang-rt-14-dev) has libFuzzer do it, which keeps what it finds in build/san/fuzz/corpus.
FUZZ = $(patsubst tests/fuzz/%.c,$(B)/tests/fuzz/%,$(filter-out %/main.c,$(call src,tests/fuzz)))
TIME ?= 2

# libFuzzer's entry has no header
$(patsubst %,%.o,$(FUZZ)): WARN += -Wno-missing-prototypes

# what the programs for the target see and are linked with, in place of the initiator
$(B)/tests/fuzz/target.o $(B)/tests/fuzz/targets-conf.o: SEES_tests = $(SEES_target) tests
$(B)/tests/fuzz/target $(B)/tests/fuzz/targets-conf: $(B)/target.a

ifdef SAN
ifdef FUZZER
$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/node.a $(B)/common.a
	$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)
run_fuzz = mkdir -p $(B)/corpus/$$n && $$f -max_total_time=$(TIME) -max_len=16384 \
	-artifact_prefix=$$f.crash- $(B)/corpus/$$n tests/fuzz/corpus/$$n
else
$(B)/tests/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/main.o $(B)/node.a $(B)/common.a
	$(CC) $(ALL_LDFLAGS) -o $@ $(filter %.o,$^) -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)
run_fuzz = $$f -t $(TIME) tests/fuzz/corpus/$$n
endif
fuzz: $(FUZZ)
	@for f in $^; do n=$${f##*/}; echo "== fuzz/$$n"; $(run_fuzz) || exit 1; done
else
fuzz:
	@$(MAKE) --no-print-directory SAN=1 fuzz
endif

.PHONY: fuzz
