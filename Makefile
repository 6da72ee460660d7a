# SPDX-License-Identifier: Apache-2.0
# lxdfs: one non-recursive makefile. `make help` lists the targets.
V ?= release
B := build/$(V)
prefix ?= /usr/local
sbindir ?= $(prefix)/sbin
libexecdir ?= $(prefix)/libexec/lxdfs
datadir ?= $(prefix)/share/lxdfs
mandir ?= $(prefix)/share/man
unitdir ?= /etc/systemd/system
DESTDIR ?=

CC ?= gcc
WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wvla -Wundef -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wimplicit-fallthrough
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
OPT_release := -O2 -g -D_FORTIFY_SOURCE=3 -ftrivial-auto-var-init=zero
OPT_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
OPT_tsan := -O1 -g -fsanitize=thread
OPT_fuzz := -O1 -g -fsanitize=address,undefined,fuzzer-no-link
ifeq ($(V),fuzz)
CC := clang
HARDEN := -fPIE
endif
ifeq ($(WERROR),1)
WARN += -Werror
endif
ALL_CPPFLAGS = -D_GNU_SOURCE -DFUSE_USE_VERSION=314 -I. -include engine/base/banned.h $(CPPFLAGS)
ALL_CFLAGS = -std=gnu17 $(OPT_$(V)) $(WARN) $(HARDEN) -fno-strict-aliasing -pthread $(CFLAGS)
ALL_LDFLAGS = -pie -pthread -Wl,-z,relro,-z,now -Wl,--as-needed $(OPT_$(V)) $(LDFLAGS)

BIN := $(wildcard engine/bin/*.c certs/bin/*.c fs/bin/*.c fs/9p/bin/*.c)
LIB := $(filter-out $(BIN),$(wildcard engine/*/*.c net/*.c certs/*.c fs/*.c fs/tree/*.c fs/9p/*.c))
BASE := $(wildcard engine/base/*.c)
UNIT := $(wildcard tests/unit/test_*.c)
TOOLS := $(wildcard tests/tools/*.c tests/bench/*.c tests/attack/*.c)
FUZZ := $(wildcard tests/fuzz/fuzz_*.c)

obj = $(patsubst %.c,$(B)/%.o,$(1))

PROGRAMS := $(addprefix $(B)/bin/,lxdfsd $(patsubst %.c,lxdfs-%,$(notdir $(filter-out fs/bin/%,$(BIN)))))

.PHONY: all help check check-unit check-fs check-asan lint fuzz bench docs run stop install uninstall deb clean format
all: $(PROGRAMS)

help:
	@echo 'all run stop check check-unit check-fs check-asan lint fuzz bench docs install uninstall format clean'
	@echo 'V=release|asan|tsan|fuzz chooses the variant, WERROR=1 makes warnings errors'

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/liblxdfs.a: $(call obj,$(LIB))
	@rm -f $@; $(AR) rcs $@ $^
$(B)/libbase.a: $(call obj,$(BASE))
	@rm -f $@; $(AR) rcs $@ $^

-include $(patsubst %.c,$(B)/%.d,$(LIB) $(BIN) $(UNIT) $(TOOLS) $(FUZZ))

# What each program may hold: the privileged core links everything, a helper only its own parts.
LIBS_all := -lfuse3 -lseccomp -lcap -lnftables -lcrypto -lconfig -larchive
PARTS_monitor := $(B)/libbase.a
PARTS_enter := $(B)/libbase.a
PARTS_unpack := $(B)/libbase.a
LIBS_unpack := -larchive -lseccomp

$(B)/bin/lxdfsd: $(call obj,$(wildcard fs/bin/*.c)) $(B)/liblxdfs.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_all)

.SECONDEXPANSION:
$(B)/bin/lxdfs-%: $$(call obj,$$(filter %/$$*.c,$$(BIN))) $$(PARTS_$$*)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_$*)

$(B)/unit/%: $(B)/tests/unit/%.o $(B)/liblxdfs.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(LIBS_all)

$(B)/tools/%: $(B)/tests/tools/%.o $(B)/liblxdfs.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_all)

UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT))
TOOL_BIN := $(patsubst tests/tools/%.c,$(B)/tools/%,$(wildcard tests/tools/*.c))

check: check-unit

check-unit: $(UNIT_BIN)
	@for t in $(UNIT_BIN); do CMOCKA_MESSAGE_OUTPUT=TAP $$t || exit 1; done

format:
	clang-format -i $$(git ls-files '*.c' '*.h')

clean:
	rm -rf build
