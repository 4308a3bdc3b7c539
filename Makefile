# SPDX-License-Identifier: Apache-2.0
# One Makefile, not recursive but for the second make after `deps`: what
# pkg-config says is read when make starts, so the libraries must be there.
# `make help` lists the targets.
#
#   O=DIR       where everything built goes (default: build)
#   T=NAME      one test: make test T=geo/mmdb, make e2e T=blocked_country_gets_403
#   V=1         show the commands
#   WERROR=1    warnings are errors (CI)
#   OPT=-O0     another optimisation; CC=clang another compiler (with another O)
#   SAN=address,undefined | thread     build with sanitizers (asan, tsan set it)
#   PROGRAM=FILE   what the stories run (build/release/portolan: what is installed)

# make's own default would be cc.
ifeq ($(origin CC),default)
CC	= gcc
endif
O	?= build
OPT	?= -O2
VERSION	:= $(shell cat VERSION)
Q	:= $(if $(V),,@)
say	= $(if $(V),,@printf '  %-5s %s\n' $(1) $(2))
SUBMAKE	= $(MAKE) --no-print-directory

# Folders of src/ from the lowest floor up; scripts/check-floors knows which
# may include which.
FOLDERS	= base http geo net policy conf serve store upstream edge engine \
	  console master command

PKGS	= libevent libevent_pthreads openssl libnghttp2 libmaxminddb yaml-0.1 jansson sqlite3 \
	  libcurl zlib libpq
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

WARN	= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	  -Wpointer-arith -Wcast-qual -Wformat=2 -Wundef -Wvla -Wwrite-strings \
	  -Wno-string-concatenation
ifdef WERROR
WARN	+= -Werror
endif
HARDEN	= -fPIE -fstack-protector-strong -fstack-clash-protection \
	  -fvisibility=hidden -fno-strict-overflow
ifeq ($(shell uname -m),x86_64)
HARDEN	+= -fcf-protection
endif
ifdef SAN
HARDEN	+= -fsanitize=$(SAN) -fno-omit-frame-pointer \
	  -fno-sanitize-recover=undefined -DPORTOLAN_SANITIZED
SANLD	= -fsanitize=$(SAN)
# gcc takes the checks that it put in itself for null formats.
WARN	+= $(if $(findstring gcc,$(CC)),-Wno-format-truncation -Wno-format-overflow)
else ifneq ($(OPT),-O0)
HARDEN	+= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
endif
# What the linter needs to know as well.
CPPFLAGS_ALL = -std=gnu11 -D_GNU_SOURCE -Isrc -I$(O)/gen \
	  -DPORTOLAN_VERSION='"$(VERSION)"' $(PKG_CFLAGS)
# -MMD: rebuild what includes a changed header.
CFLAGS_ALL = $(CPPFLAGS_ALL) -g $(OPT) $(WARN) $(HARDEN) $(CFLAGS) -MMD -MP
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now -Wl,-z,noexecstack -Wl,--as-needed \
	  $(SANLD) $(LDFLAGS)
LIBS	= $(PKG_LIBS) -lpthread -lm

srcs	= $(sort $(wildcard src/$(1)/*.c))
objs	= $(patsubst src/%.c,$(O)/obj/%.o,$(call srcs,$(1)))
lib	= $(O)/lib$(1).a
# A folder's library and those of all floors before it, highest first.
upto	= $(if $(filter $(1),$(firstword $(2))),$(1),$(firstword $(2)) \
	  $(call upto,$(1),$(wordlist 2,99,$(2))))
HAVE	= $(foreach f,$(FOLDERS),$(if $(call srcs,$(f)),$(f)))
libs	= $(foreach f,$(HAVE),$(call lib,$(f)))
libsupto = $(foreach f,$(filter $(HAVE),$(call upto,$(1),$(FOLDERS))),$(call lib,$(f)))
group	= -Wl,--start-group $(filter %.a,$^) -Wl,--end-group

.PHONY: all release test e2e unit asan tsan fuzz lint bench soak demo install uninstall \
	cluster soak-mesh clean help deps floors test-run tests-build fuzz-build \
	bench-build bench-crowd bench-invokes bench-long bench-quick \
	bench-record bench-store bench-table e2e-jose instructions profile gen
.DELETE_ON_ERROR:
.SECONDARY:

all: $(O)/portolan				## build the program
	@:

help:						## this list
	@grep -hE '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | \
	    sed -E 's/^([a-z0-9-]+):.*## */  make \1\t/' | expand -t 24

deps:						## install what is missing (apt; root or sudo)
	@scripts/install-deps

# --- the program ---------------------------------------------------------------

$(O)/portolan: $(O)/obj/main.o $(libs)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< $(group) $(LIBS)

# What is installed and measured: the folders that a request passes are
# compiled once more and linked as one, so that their small functions need no
# calls: 8 % of a request's instructions.  Not in `make`, where each link would
# take ten seconds; gcc alone does it without another linker.
HOT	= base http geo net policy serve upstream edge
ifeq ($(SAN)$(findstring clang,$(CC)),)
LTO	= -flto=auto -fno-plt
endif
hotobjs	= $(foreach f,$(HOT),$(patsubst src/%.c,$(O)/lto/%.o,$(call srcs,$(f))))

release: $(O)/release/portolan			## the program that is installed, linked as one

$(O)/lto/%.o: src/%.c | $(GEN)
	@mkdir -p $(@D)
	$(call say,LTO,$<)
	$(Q)$(CC) $(CFLAGS_ALL) $(LTO) -c -o $@ $<

$(O)/release/portolan: $(O)/obj/main.o $(hotobjs) \
    $(filter-out $(foreach f,$(HOT),$(call lib,$(f))),$(libs))
	@mkdir -p $(@D)
	$(call say,LINK,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LTO) $(LDFLAGS_ALL) -o $@ $(filter %.o,$^) \
	    $(group) $(LIBS)

define folder_rule
$$(call lib,$(1)): $$(call objs,$(1))
	$$(call say,AR,$$@)
	$$(Q)rm -f $$@
	$$(Q)$$(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rule,$(f))))

# Which tree this is; written when it is another one than last time.
$(O)/gen/commit.inc: .FORCE
	@mkdir -p $(@D)
	@echo "\"$$(git -C $(CURDIR) rev-parse --short=12 HEAD 2>/dev/null || \
	    echo unknown)\"" >$@.new
	@cmp -s $@.new $@ && rm $@.new || mv $@.new $@

.PHONY: .FORCE

# Tables and pictures that are data in the tree and bytes in the program:
# data/NAME -> gen/NAME.inc, to be included where they are used; so are the
# files of pages, web/DIR/NAME -> gen/DIR/NAME.inc.
GEN	= $(O)/gen/commit.inc \
	  $(patsubst data/%,$(O)/gen/%.inc,$(wildcard data/*.csv data/*.svg data/*.sql data/*.txt)) \
	  $(patsubst web/%,$(O)/gen/%.inc,$(wildcard web/*/*))
gen: $(GEN)
$(O)/gen/%.inc: web/%
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)xxd -i < $< > $@

$(O)/gen/%.inc: data/%
	@mkdir -p $(@D)
	$(call say,GEN,$@)
	$(Q)xxd -i < $< > $@

$(O)/obj/%.o: src/%.c | $(GEN)
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# --- tests -----------------------------------------------------------------------

# tests/unit/FOLDER/MODULE_test.c, linked with FOLDER's floor and those below;
# tests/e2e/WHAT_IT_SAYS.py against the program.
UNITS	= $(patsubst tests/unit/%_test.c,%,$(sort $(wildcard tests/unit/*/*_test.c)))
STORIES	= $(patsubst tests/e2e/%.py,%,$(sort $(wildcard tests/e2e/*.py)))
UNIT_RUN = $(if $(T),$(filter $(T),$(UNITS)),$(filter-out $(SKIP),$(UNITS)))
E2E_RUN	= $(if $(T),$(filter $(T),$(STORIES)),$(STORIES))
UNIT_BINS = $(UNIT_RUN:%=$(O)/unit/%_test)
# Programs of their own: bench/NAME.c -> NAME, linked with bench/lib and every floor.
BENCHES	= $(patsubst bench/%.c,$(O)/bench/%,$(sort $(wildcard bench/*.c)))
PROGRAM	?= $(O)/portolan
RUN_TESTS = PORTOLAN=$(abspath $(PROGRAM)) scripts/run-tests

define unit_rule
$(O)/unit/$(1)/%_test: tests/unit/$(1)/%_test.c $$(call libsupto,$(1))
	@mkdir -p $$(@D)
	$$(call say,TEST,$$@)
	$$(Q)$$(CC) $$(CFLAGS_ALL) -Itests $$(LDFLAGS_ALL) -o $$@ $$< \
	    $$(group) -lcmocka $$(LIBS)
endef
$(foreach f,$(FOLDERS),$(eval $(call unit_rule,$(f))))

test: deps					## all that is needed, then every test (T=name: one)
	+@$(SUBMAKE) -j$$(nproc) test-run

test-run: floors all $(UNIT_BINS)
	@$(RUN_TESTS) unit $(UNIT_BINS) -- e2e $(E2E_RUN:%=tests/e2e/%.py)

# Compiled and linked, not run: what CI does with each compiler.
tests-build: $(UNIT_BINS) $(BENCHES)

unit: $(UNIT_BINS)				## unit tests (T=folder/module: one)
	@$(RUN_TESTS) unit $(UNIT_BINS)

e2e: $(PROGRAM)					## end-to-end stories (T=name: one)
	@$(RUN_TESTS) e2e $(E2E_RUN:%=tests/e2e/%.py)

# Needs node, npm and npm's registry, which the rest does without.
e2e-jose: $(O)/portolan				## tenants' stores against npm's jose
	@mkdir -p $(O)/jose && cp tests/jose/box.mjs tests/jose/package*.json $(O)/jose
	@cd $(O)/jose && npm ci --no-audit --no-fund --loglevel=error
	@JOSE=$(abspath $(O))/jose PORTOLAN=$(abspath $(O)/portolan) \
	    python3 tests/jose/states_are_read_by_npm_jose.py

floors:						## who includes whom
	@scripts/check-floors

# --- sanitizers, fuzzing, lint -------------------------------------------------

# Sanitized programs are several times slower; TIME_SCALE stretches the limits.
asan:						## every test under ASan and UBSan
	+@TIME_SCALE=3 $(SUBMAKE) O=$(O)/asan SAN=address,undefined OPT=-O1 test-run

# Long ones that have no second thread to race with.
ONE_THREAD = geo/mmdb_damage geo/mmdb_write policy/residency

tsan:						## every test under TSan, but for long ones of one thread
	+@TIME_SCALE=4 TSAN_OPTIONS=suppressions=$(CURDIR)/tests/tsan-suppressions \
	    $(SUBMAKE) O=$(O)/tsan SAN=thread OPT=-O1 \
	    SKIP="$(ONE_THREAD)" test-run

# tests/fuzz/fuzz_MODULE.c with tests/fuzz/corpus/MODULE/.
FUZZ_SECONDS ?= 60
FUZZERS	= $(patsubst tests/fuzz/fuzz_%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))
FUZZ_RUN = $(if $(T),$(filter $(T),$(FUZZERS)),$(FUZZERS))

fuzz:						## every fuzz harness for FUZZ_SECONDS=60, JOBS=2 at a time (T=module: one)
	@scripts/install-deps ci
	+@$(SUBMAKE) O=$(O)/fuzz CC=clang OPT=-O1 \
	    SAN=address,undefined,fuzzer-no-link fuzz-build
	@scripts/run-fuzz $(O)/fuzz $(FUZZ_SECONDS) $(FUZZ_RUN)

fuzz-build: $(FUZZ_RUN:%=$(O)/fuzz_%)

$(O)/fuzz_%: tests/fuzz/fuzz_%.c $(libs)
	$(call say,FUZZ,$@)
	$(Q)$(CC) $(CFLAGS_ALL) -Itests -fsanitize=fuzzer $(LDFLAGS_ALL) -o $@ $< \
	    $(group) $(LIBS)

lint: floors gen				## style, clang-tidy, cppcheck, floors
	@scripts/install-deps ci
	@scripts/check-style
	@LINT_CACHE=$${LINT_CACHE-$(O)/lint} scripts/lint $(CPPFLAGS_ALL)

# --- benchmarks, demo ------------------------------------------------------------

bench-build: release $(BENCHES)

# What they share.
$(O)/obj/bench/%.o: bench/lib/%.c
	@mkdir -p $(@D)
	$(call say,CC,$<)
	$(Q)$(CC) $(CFLAGS_ALL) -c -o $@ $<

$(O)/libbench.a: $(patsubst bench/lib/%.c,$(O)/obj/bench/%.o,$(wildcard bench/lib/*.c))
	$(call say,AR,$@)
	$(Q)rm -f $@
	$(Q)$(AR) rcs $@ $^

$(O)/bench/%: bench/%.c $(O)/libbench.a $(libs)
	@mkdir -p $(@D)
	$(call say,BENCH,$@)
	$(Q)$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< $(group) $(LIBS)

bench:						## against nginx and HAProxy on this machine (bench/README.md)
	@scripts/install-deps bench
	+@$(SUBMAKE) bench-build
	@O=$(O) bench/run $(ARGS)

bench-long:					## whether the edge grows: ten minutes at full rate (ARGS="--minutes 1")
	+@$(SUBMAKE) bench ARGS="--part growth $(ARGS)"

bench-record:					## bench, into bench/history.csv and the README's table (ARGS="--part growth": the long one)
	+@$(SUBMAKE) bench ARGS="--history bench/history.csv $(ARGS)"; \
	    code=$$?; bench/table && exit $$code

bench-table:					## the README's table, out of bench/history.csv
	@bench/table

bench-crowd:					## a normal client beside 10,000 idle and 1,000 dripping ones
	+@$(SUBMAKE) bench-build
	@O=$(abspath $(O)) bench/crowd $(ARGS)

bench-invokes:					## invokes per second of an engine worker, states durable
	+@$(SUBMAKE) bench-build
	@O=$(abspath $(O)) bench/invokes-run $(ARGS)

bench-store:					## loads and saves a second, of SQLite and PostgreSQL; lag, and a change of home
	+@$(SUBMAKE) bench-build
	@O=$(abspath $(O)) bench/store-run $(ARGS)

soak: all					## change without loss, in figures, in minutes (ARGS=--long: a night's)
	@PORTOLAN=$(abspath $(O)/portolan) scripts/soak $(ARGS)

soak-mesh: all					## three regions, killed and cut off at random (SECONDS=300)
	@PORTOLAN=$(abspath $(O)/portolan) MESH_SECONDS=$(or $(SECONDS),300) \
	    python3 tests/e2e/a_mesh_loses_nothing_acknowledged.py

bench-quick:					## the same in two minutes
	+@$(SUBMAKE) bench ARGS="--quick $(ARGS)"

profile:					## instructions a request, by folder of src/ (ARGS="--scenario h1-browser")
	@scripts/install-deps bench
	+@$(SUBMAKE) bench-build
	@O=$(O) bench/profile $(ARGS)

instructions:					## one line: instructions a request in user space (.ci/run prints it)
	@scripts/install-deps ci
	+@$(SUBMAKE) bench-build
	@O=$(O) bench/profile --total

demo: deps					## a platform of three regions on loopback (ARGS=--once REGIONS=6 GEODB=FILE)
	+@$(SUBMAKE) -j$$(nproc) all
	@REGIONS=$(REGIONS) GEODB=$(GEODB) scripts/demo $(O)/portolan $(ARGS)

cluster: deps					## four regions with PostgreSQL servers, 80 ms apart, on this machine (ARGS=--once)
	+@$(SUBMAKE) -j$$(nproc) all $(O)/bench/delay
	@scripts/cluster $(O)/portolan $(O)/bench/delay $(ARGS)

# --- installation ------------------------------------------------------------------

PREFIX	?= /usr/local
BIN	= $(DESTDIR)$(PREFIX)/sbin
SHARE	= $(DESTDIR)$(PREFIX)/share

install: release				## into PREFIX=/usr/local, below DESTDIR
	install -D -m 755 $(O)/release/portolan $(BIN)/portolan
	for page in docs/man/*.[0-9]; do \
	    install -D -m 644 $$page $(SHARE)/man/man$${page##*.}/$${page##*/}; done
	for file in $$(find conf -type f); do \
	    install -D -m 644 $$file $(SHARE)/portolan/$$file; done
	install -d $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's#/usr/local#$(PREFIX)#' conf/portolan.service \
	    > $(DESTDIR)$(PREFIX)/lib/systemd/system/portolan.service
	for file in LICENSE README.md data/NOTE.md docs/ARCHITECTURE.md \
	    docs/OPERATING.md; do \
	    install -D -m 644 $$file $(SHARE)/doc/portolan/$${file##*/}; done

uninstall:					## take out what install put there
	rm -f $(BIN)/portolan
	rm -rf $(SHARE)/portolan $(SHARE)/doc/portolan
	rm -f $(DESTDIR)$(PREFIX)/lib/systemd/system/portolan.service
	for page in docs/man/*.[0-9]; do \
	    rm -f $(SHARE)/man/man$${page##*.}/$${page##*/}; done

clean:						## remove everything built
	rm -rf $(O)
