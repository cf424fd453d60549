# imgbuild. The commands a user needs: make hub, make check, make install. `make help` lists all.
SHELL := /bin/bash
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules

VERSION := 0.1.0
CC      ?= cc
ifeq ($(origin CC),default)
CC := gcc
endif
prefix  ?= /usr/local
DESTDIR ?=

# BUILD=release (default), asan, cov: each has a folder of its own under build/.
BUILD ?= release
B     := build/$(BUILD)

PKGS     := yaml-0.1 libarchive libcrypto jansson libdeflate
CPPFLAGS += -D_GNU_SOURCE -DIMGBUILD_VERSION='"$(VERSION)"' -DIMGBUILD_DATA='"$(prefix)/share/imgbuild"' -Ibuilder
WARN     := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith \
            -Wwrite-strings -Wvla -Wundef -Wformat=2 -Wconversion -Wno-sign-conversion
ifneq ($(CI)$(WERROR),)
WARN     += -Werror
endif
CFLAGS   ?= -O2 -g
CFLAGS   += -std=gnu17 $(WARN) -fno-strict-aliasing -fstack-protector-strong
LDFLAGS  += -Wl,--as-needed -Wl,-z,relro
LDLIBS    = $(shell pkg-config --libs $(PKGS))

ifeq ($(BUILD),asan)
CFLAGS  += -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
LDFLAGS += -fsanitize=address,undefined
endif
ifeq ($(BUILD),cov)
CFLAGS  += -O0 --coverage
LDFLAGS += --coverage
endif

SRC  := $(wildcard builder/*/*.c)
MAIN := builder/goal/main.c
OBJ  := $(SRC:%.c=$(B)/%.o)
LIBOBJ := $(filter-out $(B)/$(MAIN:.c=.o),$(OBJ))

UNIT := $(wildcard tests/unit/*/test_*.c)
UNIT_BIN := $(UNIT:%.c=$(B)/%)
WRAPS := malloc calloc realloc write read fsync syncfs close renameat renameat2 mkdirat linkat unlinkat
WRAP_FLAGS := $(WRAPS:%=-Wl,--wrap=%)

all: imgbuild

imgbuild: $(B)/imgbuild
	cp -f $< $@

$(B)/imgbuild: $(OBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(B)/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(B)/tests/unit/%: $(B)/tests/unit/%.o $(B)/tests/unit/fail.o $(LIBOBJ)
	$(CC) $(CFLAGS) $(LDFLAGS) $(WRAP_FLAGS) -o $@ $^ $(LDLIBS) -lcmocka
$(B)/tests/unit/%.o: CPPFLAGS += -Itests/unit
.PRECIOUS: $(B)/%.o

unit: $(UNIT_BIN)
	@set -e; for t in $(UNIT_BIN); do $$t; done

-include $(OBJ:.o=.d) $(UNIT:%.c=$(B)/%.d)
.PHONY: all unit
