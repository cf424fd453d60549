# imgbuild. What a user needs: make hub, make check, make install. `make help` lists the rest.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

VERSION := 0.1.0
ifeq ($(origin CC),default)
CC := gcc
endif
prefix     ?= /usr/local
bindir     ?= $(prefix)/bin
datadir    ?= $(prefix)/share
mandir     ?= $(datadir)/man
INSTALL    ?= install

# BUILD=release (default), asan, cov: each has a folder of its own under build/.
BUILD ?= release
B     := build/$(BUILD)

PKGS     := yaml-0.1 nettle jansson libdeflate ext2fs com_err fdisk
# Loaded when needed (builder/base/library.h): only their headers.
XML_CFLAGS := $(shell pkg-config --cflags libxml-2.0 2>/dev/null)
CPPFLAGS += -D_GNU_SOURCE -DIMGBUILD_VERSION='"$(VERSION)"' -DIMGBUILD_DATA='"$(datadir)/imgbuild"' -Ibuilder $(XML_CFLAGS)
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wconversion -Wno-sign-conversion
ifneq ($(CI)$(WERROR),)
WARN     += -Werror
endif
CFLAGS   ?= -O2 -g
CFLAGS   += -std=gnu17 $(WARN) -fno-strict-aliasing -fstack-protector-strong
LDFLAGS  += -Wl,--as-needed -Wl,-z,relro
LDLIBS    = $(shell pkg-config --libs $(PKGS)) -ldl

ifeq ($(BUILD),asan)
CFLAGS  += -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS += -fsanitize=address,undefined
endif
ifeq ($(BUILD),cov)
CFLAGS  += -O0 --coverage
LDFLAGS += --coverage
endif

SRC    := $(wildcard builder/*/*.c)
OBJ    := $(SRC:%.c=$(B)/%.o)
LIBOBJ := $(filter-out $(B)/builder/goal/main.o,$(OBJ))

UNIT     := $(wildcard tests/unit/*/test_*.c)
UNIT_BIN := $(UNIT:%.c=$(B)/%)
FUZZ     := $(wildcard tests/fuzz/fuzz_*.c)
FUZZ_BIN := $(FUZZ:tests/fuzz/%.c=$(B)/fuzz/%)
BENCH_BIN := $(B)/tests/bench/mkdisk $(B)/tests/bench/putdisk
# The calls that tests/unit/fail.c can make fail.
WRAPS := malloc calloc realloc write pwritev fallocate read fsync syncfs close renameat renameat2 mkdirat linkat unlinkat

.PHONY: all hub check check-vm install uninstall help asan unit fuzz cov tidy format layers bench clean

## make             build ./imgbuild
all: imgbuild

## make hub         install what is missing, build, and leave out/hub/
hub:
	@.ci/need build
	@$(MAKE) --no-print-directory -s -j$$(nproc) imgbuild
	./imgbuild hub

## make check       install what is missing and run the tests (under 15 minutes)
check:
	@.ci/need build check vm
	@$(MAKE) --no-print-directory -s -j$$(nproc) all WERROR=1
	@$(MAKE) --no-print-directory -s -j$$(nproc) tests BUILD=asan WERROR=1
	@tests/run

## make check-vm    the long stories: hubs, branches and the built image in guests (about 40 minutes)
check-vm:
	@.ci/need build check vm
	@$(MAKE) --no-print-directory -s -j$$(nproc) all
	@tests/vm/run all

imgbuild: $(B)/imgbuild
	cp -f $< $@

# Everything that tests/run wants to find built.
.PHONY: tests
tests: $(B)/imgbuild $(UNIT_BIN) $(FUZZ_BIN) $(B)/tests/bench/putdisk

$(B)/imgbuild: $(OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

# The version and folders are compiled in: build again when they change.
$(B)/flags: FORCE
	@mkdir -p $(@D)
	@echo '$(CC) $(CPPFLAGS) $(CFLAGS)' | cmp -s - $@ || echo '$(CC) $(CPPFLAGS) $(CFLAGS)' > $@
.PHONY: FORCE

$(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/tests/unit/fail.o $(LIBOBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) $(WRAPS:%=-Wl,--wrap=%) -o $@ $^ $(LDLIBS) -larchive -lcmocka
$(B)/tests/unit/%.o: CPPFLAGS += -Itests/unit
$(B)/fuzz/%: $(B)/tests/fuzz/%.o $(B)/tests/fuzz/replay.o $(LIBOBJ)
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)
.PRECIOUS: $(B)/%.o
# Linked in by .incbin, which -MMD does not see.
$(B)/builder/bundle/fetch.o: builder/bundle/fetch.py

## make asan        ./build/asan/imgbuild and the unit tests under ASan and UBSan
asan:
	@$(MAKE) --no-print-directory -j$$(nproc) tests unit BUILD=asan

## make unit        the unit tests of this BUILD
unit: $(UNIT_BIN)
	@set -e; for t in $(UNIT_BIN); do $$t; done

## make fuzz        run each fuzzer for SECONDS (default 60) with libFuzzer
SECONDS_EACH = $(or $(FUZZ_SECONDS),60)
fuzz:
	@.ci/need build dev
	@mkdir -p build/fuzz
	@set -e; for f in $(FUZZ:tests/fuzz/%.c=%); do \
		echo "== $$f"; \
		clang $(CPPFLAGS) -std=gnu17 -O1 -g -fsanitize=fuzzer,address,undefined -fno-sanitize-recover=all \
			-o build/fuzz/$$f tests/fuzz/$$f.c $(filter-out builder/goal/main.c,$(SRC)) $(LDLIBS); \
		mkdir -p build/fuzz/found-$$f; \
		build/fuzz/$$f -max_total_time=$(SECONDS_EACH) -timeout=10 -rss_limit_mb=1024 -print_final_stats=1 \
			-artifact_prefix=build/fuzz/$$f- build/fuzz/found-$$f tests/fuzz/corpus/$${f#fuzz_}; \
	done

## make cov         line coverage of the unit and command line tests, in build/cov/
cov:
	@.ci/need build check dev
	@$(MAKE) --no-print-directory -s -j$$(nproc) tests BUILD=cov
	@find build/cov -name '*.gcda' -delete
	@TESTS_BUILD=build/cov tests/run unit fuzz cli
	@lcov -q --capture --directory build/cov --output-file build/cov/all.info
	@lcov -q --extract build/cov/all.info '*/builder/*' --output-file build/cov/builder.info
	@genhtml -q --output-directory build/cov/html build/cov/builder.info
	@lcov --summary build/cov/builder.info

## make tidy        clang-tidy with the checks of .clang-tidy
tidy:
	@.ci/need build dev
	clang-tidy --quiet $(SRC) -- $(CPPFLAGS) -std=gnu17

## make format      rewrite the sources as .clang-format says (Debian 12's, version 14)
format:
	clang-format -i $(wildcard builder/*/*.[ch] tests/unit/*.[ch] tests/unit/*/*.[ch] tests/fuzz/*.[ch])

## make layers      fail when a file includes a header of a higher layer
layers:
	@tests/layers

## make bench       time imgbuild beside its peers, as ratios (BENCH="hub sites disk upload" for some)
bench:
	@.ci/need build bench
	@$(MAKE) --no-print-directory -s -j$$(nproc) all $(BENCH_BIN)
	@tests/bench/run $(B)/tests/bench $(BENCH)
$(B)/tests/bench/%: $(B)/tests/bench/%.o $(LIBOBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

## make install     honours DESTDIR, prefix, bindir, datadir, mandir
install: $(B)/imgbuild
	$(INSTALL) -d $(DESTDIR)$(bindir) $(DESTDIR)$(mandir)/man1 $(DESTDIR)$(datadir)/imgbuild \
		$(DESTDIR)$(datadir)/bash-completion/completions $(DESTDIR)$(datadir)/zsh/site-functions
	$(INSTALL) -m 0755 $(B)/imgbuild $(DESTDIR)$(bindir)/imgbuild
	$(B)/imgbuild --print man > $(DESTDIR)$(mandir)/man1/imgbuild.1
	$(B)/imgbuild --print bash > $(DESTDIR)$(datadir)/bash-completion/completions/imgbuild
	$(B)/imgbuild --print zsh > $(DESTDIR)$(datadir)/zsh/site-functions/_imgbuild
	rm -rf $(DESTDIR)$(datadir)/imgbuild/recipes $(DESTDIR)$(datadir)/imgbuild/overlays
	cp -R --preserve=mode recipes overlays $(DESTDIR)$(datadir)/imgbuild/
	find $(DESTDIR)$(datadir)/imgbuild -name __pycache__ -prune -exec rm -rf {} +
	chmod -R u=rwX,go=rX $(DESTDIR)$(datadir)/imgbuild

## make uninstall   remove what install put there
uninstall:
	rm -rf $(DESTDIR)$(datadir)/imgbuild
	rm -f $(DESTDIR)$(bindir)/imgbuild $(DESTDIR)$(mandir)/man1/imgbuild.1 \
		$(DESTDIR)$(datadir)/bash-completion/completions/imgbuild \
		$(DESTDIR)$(datadir)/zsh/site-functions/_imgbuild

## make clean       remove what was built; out/ stays
clean:
	rm -rf build imgbuild

help:
	@sed -n 's/^## //p' Makefile

-include $(OBJ:.o=.d) $(UNIT:%.c=$(B)/%.d) $(FUZZ:%.c=$(B)/%.d)
