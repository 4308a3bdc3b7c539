# SPDX-License-Identifier: Apache-2.0
# One Makefile, not recursive.  `make help` lists the targets.
#
#   O=DIR       where everything built goes (default: build)
#   T=NAME      one test: make unit T=geo/mmdb, make e2e T=blocked_country_gets_403
#   WERROR=1    warnings are errors (CI)
#   SAN=address,undefined | thread     build with sanitizers (asan, tsan set it)

O	?= build
# make's own default would be cc.
ifeq ($(origin CC),default)
CC	= gcc
endif
OPT	?= -O2
VERSION	:= $(shell cat VERSION)

# Folders of src/ from the lowest floor up; scripts/check-floors knows which
# may include which.
FOLDERS	= base http geo net policy conf serve store upstream edge engine \
	  console master command

PKGS	= libevent libevent_pthreads openssl libmaxminddb yaml-0.1 jansson sqlite3
# Immediate, and only once the libraries are there (install-deps comes first).
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
PKG_LIBS   := $(shell pkg-config --libs $(PKGS) 2>/dev/null)

WARN	= -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	  -Wpointer-arith -Wcast-qual -Wformat=2 -Wundef -Wvla -Wwrite-strings
ifdef WERROR
WARN	+= -Werror
endif
HARDEN	= -fPIE -fstack-protector-strong -fvisibility=hidden -fno-strict-overflow
ifdef SAN
HARDEN	+= -fsanitize=$(SAN) -fno-omit-frame-pointer -fno-sanitize-recover=undefined
SANLD	= -fsanitize=$(SAN)
else ifneq ($(OPT),-O0)
HARDEN	+= -U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3
endif
# Rebuild what includes a changed header.
CFLAGS_ALL = -std=gnu11 -g $(OPT) $(WARN) $(HARDEN) -D_GNU_SOURCE -Isrc \
	  -I$(O)/gen -DPORTOLAN_VERSION='"$(VERSION)"' $(PKG_CFLAGS) $(CFLAGS) \
	  -MMD -MP
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now -Wl,--as-needed $(SANLD) $(LDFLAGS)
LIBS	= $(PKG_LIBS) -lpthread -lm

srcs	= $(sort $(wildcard src/$(1)/*.c))
objs	= $(patsubst src/%.c,$(O)/obj/%.o,$(call srcs,$(1)))
lib	= $(O)/lib$(1).a
# A folder's library and those of all floors before it, highest first.
upto	= $(if $(filter $(1),$(firstword $(2))),$(1),$(firstword $(2)) \
	  $(call upto,$(1),$(wordlist 2,99,$(2))))
HAVE	= $(foreach f,$(FOLDERS),$(if $(call srcs,$(f)),$(f)))
libsupto = $(foreach f,$(filter $(HAVE),$(call upto,$(1),$(FOLDERS))),$(call lib,$(f)))

.PHONY: all test e2e unit asan tsan fuzz lint bench demo install uninstall \
	clean help deps floors format fuzz-build
.DELETE_ON_ERROR:
.SECONDARY:

all: $(O)/portolan				## build the program

help:						## this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | \
	    sed -E 's/^([a-z-]+):.*## */  make \1\t/' | expand -t 24

deps:						## install what is missing (apt)
	scripts/install-deps

# --- the program ---------------------------------------------------------------

$(O)/portolan: $(O)/obj/main.o $(foreach f,$(FOLDERS),$(if $(call srcs,$(f)),$(call lib,$(f))))
	$(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@ $< -Wl,--start-group \
	    $(filter %.a,$^) -Wl,--end-group $(LIBS)

define folder_rule
$$(call lib,$(1)): $$(call objs,$(1))
	@rm -f $$@
	$$(AR) rcs $$@ $$^
endef
$(foreach f,$(FOLDERS),$(eval $(call folder_rule,$(f))))

$(O)/obj/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS_ALL) -c -o $@ $<

# Tables and pages that are data in the tree and bytes in the program:
# data/NAME -> gen/NAME.inc.
$(O)/gen/%.inc: data/%
	@mkdir -p $(@D)
	xxd -i < $< > $@
$(O)/obj/geo/country.o: $(O)/gen/countries.csv.inc $(O)/gen/country-aliases.csv.inc
$(O)/obj/command/map_render.o: $(O)/gen/world.svg.inc

-include $(shell find $(O) -name '*.d' 2>/dev/null)

# --- tests -----------------------------------------------------------------------

# tests/unit/FOLDER/MODULE_test.c, linked with FOLDER's floor and those below.
UNIT_SRCS = $(sort $(wildcard tests/unit/*/*_test.c))
ifdef T
UNIT_RUN  = $(filter $(O)/unit/$(T)_test,$(UNIT_SRCS:tests/unit/%.c=$(O)/unit/%))
else
UNIT_RUN  = $(UNIT_SRCS:tests/unit/%.c=$(O)/unit/%)
endif

define unit_rule
$(O)/unit/$(1)/%_test: tests/unit/$(1)/%_test.c $$(call libsupto,$(1))
	@mkdir -p $$(@D)
	$$(CC) $$(CFLAGS_ALL) -Itests $$(LDFLAGS_ALL) -o $$@ $$< \
	    -Wl,--start-group $$(filter %.a,$$^) -Wl,--end-group -lcmocka $$(LIBS)
endef
$(foreach f,$(FOLDERS),$(eval $(call unit_rule,$(f))))

test: deps					## install, build, floors, unit tests, end-to-end stories
	@$(MAKE) --no-print-directory test-run

.PHONY: test-run
test-run: floors all
	@$(MAKE) --no-print-directory unit
	@$(MAKE) --no-print-directory e2e

unit: $(UNIT_RUN)				## unit tests (T=folder/module for one)
	@scripts/run-tests unit $(UNIT_RUN)

e2e: $(O)/portolan				## end-to-end stories (T=name for one)
	@PORTOLAN=$(abspath $(O)/portolan) scripts/run-tests e2e $(if $(T),tests/e2e/$(T).py)

floors:						## who includes whom
	scripts/check-floors

# --- sanitizers, fuzzing, lint -------------------------------------------------

asan:						## unit tests and stories under ASan and UBSan
	@$(MAKE) --no-print-directory O=$(O)/asan SAN=address,undefined OPT=-O1 all unit e2e

tsan:						## unit tests and stories under TSan
	@$(MAKE) --no-print-directory O=$(O)/tsan SAN=thread OPT=-O1 all unit e2e

# tests/fuzz/fuzz_MODULE.c; SECONDS of each in FUZZ_SECONDS.
FUZZ_SECONDS ?= 60
FUZZERS	= $(patsubst tests/fuzz/%.c,%,$(sort $(wildcard tests/fuzz/fuzz_*.c)))

fuzz:						## every fuzz harness for FUZZ_SECONDS (60) each
	@$(MAKE) --no-print-directory O=$(O)/fuzz CC=clang OPT=-O1 \
	    SAN=address,undefined,fuzzer-no-link fuzz-build
	@scripts/run-fuzz $(O)/fuzz $(FUZZ_SECONDS) $(if $(T),fuzz_$(T),$(FUZZERS))

fuzz-build: $(FUZZERS:%=$(O)/%)

$(O)/fuzz_%: tests/fuzz/fuzz_%.c $(foreach f,$(HAVE),$(call lib,$(f)))
	$(CC) $(CFLAGS_ALL) -fsanitize=fuzzer $(LDFLAGS_ALL) -o $@ $< \
	    -Wl,--start-group $(filter %.a,$^) -Wl,--end-group $(LIBS)

lint: floors					## formatting, clang-tidy, cppcheck, floors
	scripts/check-style
	scripts/lint

bench: all					## against nginx and HAProxy on this machine (see bench/README.md)
	O=$(O) bench/run

demo: deps					## a platform of three regions on loopback (ARGS=--once, REGIONS=6, GEODB=FILE)
	@$(MAKE) --no-print-directory all
	@REGIONS=$(REGIONS) GEODB=$(GEODB) scripts/demo $(O)/portolan $(ARGS)

# --- installation ------------------------------------------------------------------

PREFIX	?= /usr/local
install: all					## into PREFIX (/usr/local), below DESTDIR
	install -D -m 755 $(O)/portolan $(DESTDIR)$(PREFIX)/sbin/portolan
	for page in docs/man/*.[0-9]; do [ -e "$$page" ] || continue; \
	    install -D -m 644 $$page $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done
	for file in conf/*.yaml; do \
	    install -D -m 644 $$file $(DESTDIR)$(PREFIX)/share/portolan/$$file; done

uninstall:					## what install put there
	rm -f $(DESTDIR)$(PREFIX)/sbin/portolan
	rm -rf $(DESTDIR)$(PREFIX)/share/portolan
	for page in docs/man/*.[0-9]; do \
	    rm -f $(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$${page##*/}; done

clean:						## everything built
	rm -rf $(O)
