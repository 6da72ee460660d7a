# SPDX-License-Identifier: Apache-2.0
# lxdfs: one non-recursive makefile. `make help` lists the targets.
V ?= release
B := build/$(V)
prefix ?= /usr/local
bindir ?= $(prefix)/bin
sbindir ?= $(prefix)/sbin
libexecdir ?= $(prefix)/libexec/lxdfs
datadir ?= $(prefix)/share/lxdfs
mandir ?= $(prefix)/share/man
unitdir ?= /etc/systemd/system
# Where mount(8) looks for helpers of file systems.
mountdir ?= /sbin
DESTDIR ?=
JOBS ?= $(shell nproc)

CC ?= gcc
WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wvla -Wundef -Wwrite-strings -Wstrict-prototypes \
	-Wmissing-prototypes -Wpointer-arith -Wimplicit-fallthrough
HARDEN := -fstack-protector-strong -fstack-clash-protection -fcf-protection -fPIE
OPT_release := -O2 -g -D_FORTIFY_SOURCE=3 -ftrivial-auto-var-init=zero
OPT_asan := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
# (what might be unset is seen by the other builds; this one sees it where it is not)
OPT_tsan := -O1 -g -fsanitize=thread -Wno-maybe-uninitialized
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
TOOLS := $(wildcard tests/tools/*.c tests/bench/*.c)
FUZZ := $(wildcard tests/fuzz/fuzz_*.c)

obj = $(patsubst %.c,$(B)/%.o,$(1))

PROGRAMS := $(addprefix $(B)/bin/,$(if $(wildcard fs/bin/*.c),lxdfsd) $(patsubst %.c,lxdfs-%,$(notdir $(filter-out fs/bin/%,$(BIN)))))

.PHONY: all help run stop check check-unit check-t check-asan check-tsan check-big check-vm lint lint-lite fuzz fuzz-build bench bench-tools compare-attacks fuzz-operations docs \
	install uninstall format clean

##
## make all          builds the programs into build/$V/bin
all: $(PROGRAMS)

help:
	@sed -n 's/^## //p' Makefile

$(B)/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(ALL_CPPFLAGS) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

$(B)/liblxdfs.a: $(call obj,$(LIB))
	@rm -f $@; $(AR) rcs $@ $^
$(B)/libbase.a: $(call obj,$(BASE))
	@rm -f $@; $(AR) rcs $@ $^

-include $(patsubst %.c,$(B)/%.d,$(LIB) $(BIN) $(UNIT) $(TOOLS) $(FUZZ))

# What each program may hold: the privileged core links everything, a helper only its own parts.
# Parsers of foreign bytes are for helpers and tests, not for the core.
LIBS_core := -lfuse3 -lseccomp -lcap -lnftables -lcrypto -lconfig
LIBS_all := $(LIBS_core) -lssl -larchive -lyaml
PARTS_monitor := $(patsubst %,$(B)/engine/%.o,instance/wire instance/init instance/root instance/mounts instance/devtree \
	instance/listeners instance/rlimits instance/console instance/environ instance/idmap confine/mask storage/overlay) $(B)/libbase.a
PARTS_enter := $(patsubst %,$(B)/engine/%.o,instance/wire instance/rlimits instance/environ confine/cgroup-join instance/terminal) $(B)/libbase.a
PARTS_mount := $(patsubst %,$(B)/engine/%.o,instance/wire instance/mounts confine/mask storage/overlay) $(B)/libbase.a
PARTS_intercept := $(patsubst %,$(B)/engine/%.o,instance/wire instance/intercept-order confine/intercept \
	confine/intercept-act confine/intercept-mount confine/intercept-cage confine/caller) \
	$(patsubst %.c,$(B)/%.o,$(wildcard engine/confine/cgroup*.c)) $(B)/libbase.a
LIBS_intercept := -lseccomp
PARTS_notify := $(B)/libbase.a
PARTS_judge := $(patsubst %,$(B)/certs/%.o,cage cert judge) $(B)/libbase.a
LIBS_judge := -lcrypto -lseccomp
PARTS_tls := $(patsubst %,$(B)/certs/%.o,cage cert handshake proof relay) $(B)/libbase.a
LIBS_tls := -lssl -lcrypto -lseccomp
PARTS_9p := $(patsubst %,$(B)/fs/9p/%.o,view session answer answer-file answer-change fid wire) $(B)/libbase.a
LIBS_9p := -lseccomp
PARTS_proxy := $(patsubst %,$(B)/engine/device/%.o,proxy-order proxy-socket proxy-relay proxy-cage) $(B)/libbase.a
LIBS_proxy := -lseccomp
PARTS_client := $(patsubst %,$(B)/fs/9p/%.o,options pins carrier client mirror mirror-node wire) \
	$(patsubst %,$(B)/certs/%.o,cert dial relay token) $(B)/libbase.a
LIBS_client := -lfuse3 -lssl -lcrypto
PARTS_unpack := $(patsubst %,$(B)/engine/image/%.o,order text entry seen tally metadata tar writer squashfs cage) $(B)/libbase.a
LIBS_unpack := -larchive -lyaml -lseccomp
# Rows of keys name what applies them, and so everything; it isn't installed.
PARTS_gen-docs := $(B)/liblxdfs.a
LIBS_gen-docs := $(LIBS_all)

$(B)/bin/lxdfsd: $(call obj,$(wildcard fs/bin/*.c)) $(B)/liblxdfs.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_core)

.SECONDEXPANSION:
# (a % here would be the stem before the second expansion)
main_of = $(foreach f,$(BIN),$(if $(filter $(1).c,$(notdir $(f))),$(f)))
$(B)/bin/lxdfs-%: $$(call obj,$$(call main_of,$$*)) $$(PARTS_$$*)
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_$*)

$(B)/unit/%: $(B)/tests/unit/%.o $(B)/liblxdfs.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(LIBS_all)

$(B)/tools/%: $(B)/tests/tools/%.o $(B)/liblxdfs.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_all)

# Run inside containers, whose images have no libraries.
$(B)/tools/probe $(B)/tools/asker: $(B)/tools/%: tests/tools/%.c Makefile
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=gnu17 -O1 $(WARN) -static -pthread -o $@ $<
$(B)/tools/attack: $(wildcard tests/attack/probes/*.c tests/attack/probes/*.h) Makefile
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=gnu17 -O1 $(WARN) -static -o $@ $(filter %.c,$^)

# Into a daemon under test, see there.
$(B)/tools/crashpoint.so: tests/preload/crashpoint.c Makefile
	@mkdir -p $(@D)
	$(CC) -D_GNU_SOURCE -std=gnu17 -O1 $(WARN) -fPIC -shared -o $@ $<

UNIT_BIN := $(patsubst tests/unit/%.c,$(B)/unit/%,$(UNIT))
TOOL_BIN := $(patsubst tests/tools/%.c,$(B)/tools/%,$(wildcard tests/tools/*.c)) $(B)/tools/attack $(B)/tools/crashpoint.so

##
## make run          sets this host up, builds, starts lxdfs at /lxd (root; again: changes nothing)
run:
	@scripts/setup-host
	@$(MAKE) -s --no-print-directory -j$(JOBS) all
	@scripts/run-host start $(B)/bin

## make stop         stops it, with all containers, and takes everything down
stop:
	@scripts/run-host stop $(B)/bin

##
## make check        builds with warnings as errors, lints, runs every test (root)
# Tests are found by name: tests/unit/test_*.c and tests/*/*.t. T="tests/fs/20-keys.t ..." runs some of the latter.
T ?= $(filter-out tests/big/%,$(sort $(wildcard tests/*/*.t)))
check:
	@scripts/setup-host --test
	@$(MAKE) -s --no-print-directory -j$(JOBS) WERROR=1 all $(UNIT_BIN) $(TOOL_BIN)
	@$(MAKE) -s --no-print-directory lint-lite check-unit check-t

## make check-unit   the unit tests alone
check-unit: $(UNIT_BIN)
	@for t in $(UNIT_BIN); do \
		out=$$(CMOCKA_MESSAGE_OUTPUT=TAP $$t 2>&1) || { printf '%s\n' "$$out"; echo "$$t failed"; exit 1; }; \
	done; echo "unit: $(words $(UNIT_BIN)) programs passed"

## make check-t      the tests of tests/*/*.t alone; T="tests/fs/20-keys.t" chooses
check-t: all $(TOOL_BIN)
	@[ -z "$(T)" ] || LXDFS_BUILD=$(CURDIR)/$(B) prove -Q -j$(JOBS) $(T)

## make check-asan   the same tests in a build with the address and undefined-behaviour sanitizers
check-asan:
	@scripts/setup-host --test
	@$(MAKE) -s --no-print-directory -j$(JOBS) V=asan WERROR=1 all $(patsubst $(B)/%,build/asan/%,$(UNIT_BIN) $(TOOL_BIN))
	@$(MAKE) -s --no-print-directory V=asan check-unit check-t

## make check-tsan   the tests of tests/fs with a core under the thread sanitizer; TSAN_T="..." chooses
# Helpers are programs of one thread, and its runtime can't live in the sandbox of some: they are the release's.
TSAN_T ?= $(sort $(wildcard tests/fs/*.t))
check-tsan: $(PROGRAMS)
	@scripts/setup-host --test
	@$(MAKE) -s --no-print-directory -j$(JOBS) V=tsan WERROR=1 build/tsan/bin/lxdfsd $(patsubst $(B)/%,build/tsan/%,$(TOOL_BIN))
	@cp $(filter-out %/lxdfsd,$(PROGRAMS)) build/tsan/bin/
	@LXDFS_BUILD=$(CURDIR)/build/tsan prove -Q -j$(JOBS) $(TSAN_T)

## make check-big    what takes minutes: a Debian 12 made by debootstrap boots (needs its archive, once)
check-big: all $(TOOL_BIN)
	@scripts/setup-host --test
	@LXDFS_BUILD=$(CURDIR)/$(B) prove $(wildcard tests/big/*.t)

## make check-vm     the chosen tests under a stock Debian kernel: AppArmor, cgroup v2 (slow)
# VM_T="tests/fs/20-keys.t" chooses them; all of fs, engine, attack and net otherwise.
check-vm: all $(TOOL_BIN)
	@scripts/setup-host --test
	@LXDFS_BUILD=$(CURDIR)/$(B) tests/vm/suite $(VM_T)

## make lint         all that reads the source without running it; lint-lite leaves out what takes minutes
lint:
	@scripts/lint
lint-lite:
	@scripts/lint --lite

## make fuzz         every parser's fuzz target for FUZZ_SECONDS each
FUZZ_SECONDS ?= 20
ifeq ($(V),fuzz)
FUZZ_BIN := $(patsubst tests/fuzz/%.c,$(B)/fuzz/%,$(FUZZ))
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/liblxdfs.a
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -fsanitize=fuzzer -o $@ $^ $(LIBS_all)
fuzz-build: $(FUZZ_BIN)
fuzz: fuzz-build
	@for t in $(FUZZ_BIN); do n=$${t##*/fuzz_}; mkdir -p $(B)/corpus/$$n tests/fuzz/corpus/$$n; \
		echo "fuzz: $$n"; LSAN_OPTIONS=print_suppressions=0 $$t -max_total_time=$(FUZZ_SECONDS) -print_final_stats=0 \
			-verbosity=0 -artifact_prefix=$(B)/ $(B)/corpus/$$n tests/fuzz/corpus/$$n || exit 1; \
	done
else
fuzz:
	@scripts/setup-host --test
	@$(MAKE) -s --no-print-directory V=fuzz fuzz
endif

## make bench        prints ratios: each side in the same run, interleaved
BENCH_BIN := $(patsubst tests/bench/%.c,$(B)/bench/%,$(wildcard tests/bench/*.c))
$(B)/bench/%: $(B)/tests/bench/%.o
	@mkdir -p $(@D)
	$(CC) $(ALL_LDFLAGS) -o $@ $^ $(LIBS_all)
bench-tools: $(BENCH_BIN)
bench: all $(BENCH_BIN) $(TOOL_BIN)
	@scripts/setup-host --test
	@LXDFS_BUILD=$(CURDIR)/$(B) tests/bench/run $(BENCH)

## make fuzz-operations   operations in a random order for SECONDS (60), what must hold after each; then kills between any two steps
SECONDS ?= 60
STRIDE ?= 5
fuzz-operations: all $(TOOL_BIN)
	@scripts/setup-host --test
	@LXDFS_BUILD=$(CURDIR)/$(B) SECONDS_LONG=$(SECONDS) SEED=$(SEED) STRIDE=$(STRIDE) prove -v tests/engine/40-operations.t tests/engine/41-crash-points.t

## make compare-attacks   what root of a container reaches, in containers of lxdfs, crun and Debian's LXD 5.0
compare-attacks: all $(TOOL_BIN)
	@scripts/setup-host --test
	@LXDFS_BUILD=$(CURDIR)/$(B) tests/attack/compare

##
## make install      into $(DESTDIR)$(prefix), with a systemd unit; uninstall takes it out again
# What is installed beside the programs: the scripts that first start needs, the image, the unit.
HELPERS = $(filter-out $(B)/bin/lxdfsd $(B)/bin/lxdfs-gen-docs,$(PROGRAMS))
install: all docs
	install -d $(DESTDIR)$(bindir) $(DESTDIR)$(sbindir) $(DESTDIR)$(libexecdir) $(DESTDIR)$(datadir) $(DESTDIR)$(unitdir)
	install -m 0755 $(B)/bin/lxdfsd $(DESTDIR)$(sbindir)/
	install -m 0755 scripts/lxdfs-shell $(DESTDIR)$(bindir)/
	install -m 0755 $(HELPERS) scripts/first-start scripts/setup-host $(DESTDIR)$(libexecdir)/
	install -d $(DESTDIR)$(mountdir)
	ln -sf $(libexecdir)/lxdfs-client $(DESTDIR)$(mountdir)/mount.lxdfs
	install -m 0644 README.md doc/*.md $(DESTDIR)$(datadir)/
	$(if $(wildcard scripts/make-busybox-image),scripts/make-busybox-image $(DESTDIR)$(datadir)/busybox.tar.xz)
	sed 's,@sbindir@,$(sbindir),g; s,@libexecdir@,$(libexecdir),g; s,@datadir@,$(datadir),g' \
		scripts/lxdfs.service.in >$(DESTDIR)$(unitdir)/lxdfs.service
	chmod 0644 $(DESTDIR)$(unitdir)/lxdfs.service
	install -d $(DESTDIR)$(datadir)/reference
	install -m 0644 build/doc/reference/*.md $(DESTDIR)$(datadir)/reference/
	for m in build/doc/man/*.[1-8]; do \
		install -D -m 0644 $$m $(DESTDIR)$(mandir)/man$${m##*.}/$${m##*/} || exit 1; \
	done

uninstall:
	rm -f $(DESTDIR)$(mountdir)/mount.lxdfs $(DESTDIR)$(sbindir)/lxdfsd $(DESTDIR)$(bindir)/lxdfs-shell $(DESTDIR)$(unitdir)/lxdfs.service
	rm -rf $(DESTDIR)$(libexecdir) $(DESTDIR)$(datadir)
	rm -f $(DESTDIR)$(mandir)/man*/lxdfs*.[1-8]

## make docs         the reference pages and man pages from the key tables, into build/doc
docs: all
	$(if $(filter %/lxdfs-gen-docs,$(PROGRAMS)),$(B)/bin/lxdfs-gen-docs build/doc)

##
## make format       clang-format over the whole source
format:
	clang-format -i $$(git ls-files '*.c' '*.h')

## make clean        removes build/
clean:
	rm -rf build
##
## V=release|asan|tsan|fuzz chooses the build variant, WERROR=1 makes warnings errors.
