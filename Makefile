# Makefile: builds, tests and measures Windfall.  `make help` lists the targets.
CC      ?= cc
MODE    ?= release
BUILD   ?= build
PREFIX  ?= /usr/local
DIR     := $(BUILD)$(if $(filter-out release,$(MODE)),/$(MODE))

WARN    := -Wall -Wextra -Wconversion -Wmissing-prototypes -Werror
CFLAGS_release := -O2 -g -march=x86-64-v2
CFLAGS_debug   := -O1 -g -march=x86-64-v2 -DWINDFALL_DEBUG
CFLAGS_asan    := -O1 -g -march=x86-64-v2 -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
LDFLAGS_asan   := -fsanitize=address,undefined
# No path of the place where it is built gets into the result: the same source makes the same bytes anywhere (tools/reproduce).
CFLAGS  := -std=c17 -D_GNU_SOURCE $(WARN) $(CFLAGS_$(MODE)) -fno-strict-aliasing -fno-pie -Isrc -ffile-prefix-map=$(CURDIR)=.
LDFLAGS := $(LDFLAGS_$(MODE))
# Only libc is needed where the system runs (libm and libedit are opened when they are needed).  The build id tells images whether a runtime is the one that made them.  Not position-independent and above the
# static page and pure space (0x10000000, 0x20000000), so that nothing is relocated when it starts.
LDFLAGS += -no-pie -Wl,-Ttext-segment=0x60000000,--build-id=sha1,-z,norelro
LDLIBS  := -l:libgmp.a -l:libzstd.a -ldl

# Two runtimes are linked: the whole one, and the slim one of delivered programs, which has not what only development needs.
DEVELOPMENT := compile/% image/save.c image/shed-%.c image/unit-%.c main/boot.c main/edit.c main/main.c \
               prim/compiler.c prim/deliver.c prim/deliver-report.c prim/deliver-strings.c prim/dynamic.c prim/entities.c prim/explain.c prim/follow.c prim/images.c prim/inspect.c prim/names.c prim/purify.c prim/survey.c prim/swap.c prim/units.c shake/%
DELIVERY    := main/slim.c number/mpn.c

SOURCES := $(filter-out $(addprefix src/,$(DELIVERY)),$(sort $(wildcard src/*/*.c)))
OBJECTS := $(SOURCES:src/%.c=$(DIR)/%.o) $(DIR)/text/character-table.o
MAIN    := $(filter $(DIR)/main/%,$(OBJECTS))
LIBRARY := $(addprefix lisp/,$(shell cat lisp/ORDER))
CTESTS  := $(patsubst tests/c/%.c,$(DIR)/tests/%,$(sort $(wildcard tests/c/*.c)))
FUZZERS := $(patsubst tests/fuzz/%.c,$(DIR)/fuzz/%,$(sort $(wildcard tests/fuzz/*.c)))
WINDFALL := $(DIR)/windfall

.PHONY: all help setup demo test quick torture asan asan-test fuzz bench debug lint format rooms install clean
all: $(WINDFALL)

help: ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1\t\2/p' Makefile | expand -t 18

setup: ## install the Debian packages that are missing
	tools/setup

# The runtime loads the library's source and saves itself: runtime without symbols, the slim one, and image, in one file.
$(WINDFALL): $(DIR)/windfall-boot $(DIR)/windfall-slim $(LIBRARY) lisp/ORDER
	@echo "  SAVE $@"
	@$(if $(filter release,$(MODE)),strip -o $(DIR)/windfall-runtime $<,cp -f $< $(DIR)/windfall-runtime)
	@tools/runtime-parts $(DIR)/windfall-runtime $(DIR)/windfall-boot.map,$(DIR)/rooms.map $(DIR)/windfall-slim $(DIR)/slim/map > $(DIR)/runtime-parts
	@WINDFALL_RUNTIME_PARTS=$(DIR)/runtime-parts $< --library lisp --save $@ --runtime $(DIR)/windfall-runtime --slim $(DIR)/windfall-slim

$(DIR)/windfall-boot: $(DIR)/rooms.o $(MAIN)
	@echo "  LINK $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -Wl,-Map=$@.map -o $@ $^ $(LDLIBS)

# The runtime of delivered programs: the same sources without those that only development needs and with simpler ones in the place of some of GMP's;
# small code except where time is spent.  docs/decisions/slim-runtime.md says what each part of this is worth.
SLIM      := $(patsubst src/%.c,$(DIR)/slim/%.o,$(filter-out $(addprefix src/,$(DEVELOPMENT)),$(SOURCES)) $(addprefix src/,$(DELIVERY))) \
             $(DIR)/text/character-table.o $(DIR)/number/bases-table.o
SLIMFLAGS := -DWINDFALL_SLIM -Os -g0 -ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables -fno-unwind-tables -fmerge-all-constants
# Where programs spend their time.  (And TRUNC is an instruction to -O2, a function of libm to -Os.)
HOT       := $(wildcard src/run/*.c) $(patsubst %,src/heap/%.c,allocate barrier collect mark slide) $(patsubst %,src/number/%.c,divide integer irrational) \
             $(patsubst %,src/prim/%.c,conses hash sort stream_core) $(patsubst %,src/text/%.c,encode string)
$(HOT:src/%.c=$(DIR)/slim/%.o): SLIMFLAGS += -O2 -fno-align-functions -fno-align-jumps -fno-align-labels

$(DIR)/slim/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	@echo "  CC   $< (slim)"
	@$(CC) $(CFLAGS) $(SLIMFLAGS) -MMD -MP -c -o $@ $<

$(DIR)/slim/libgmp.a: Makefile
	@mkdir -p $(@D)
	@objcopy --remove-section .eh_frame $$($(CC) -print-file-name=libgmp.a) $@

$(DIR)/windfall-slim: $(SLIM) $(DIR)/slim/libgmp.a
	@echo "  LINK $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -s -Wl,--gc-sections,--hash-style=gnu,-z,noseparate-code,-O1,-Map=$(DIR)/slim/map -o $@ $^ -ldl

# Tables that a program of tools/ makes by asking a library.
$(DIR)/text/character-table.c: LIBRARY_ASKED := -l:libutf8proc.a
$(DIR)/number/bases-table.c: LIBRARY_ASKED := -l:libgmp.a
$(DIR)/text/character-table.c $(DIR)/number/bases-table.c: $(DIR)/%.c: Makefile
	@mkdir -p $(@D)
	@echo "  MAKE $@"
	@$(CC) -std=c17 -D_GNU_SOURCE $(WARN) -Isrc -o $(basename $@) tools/$(notdir $@) $(LIBRARY_ASKED)
	@$(basename $@) > $@
$(DIR)/text/character-table.c: tools/character-table.c src/text/character-table.h
$(DIR)/number/bases-table.c: tools/bases-table.c

$(DIR)/text/character-table.o $(DIR)/number/bases-table.o: %.o: %.c
	@$(CC) $(CFLAGS) -c -o $@ $<

# All rooms but main as one object: what tests and fuzzers are linked with too.
$(DIR)/rooms.o: $(filter-out $(DIR)/main/%,$(OBJECTS))
	@ld -r -Map=$(DIR)/rooms.map -o $@ $^

# In the bytecode loop these passes of GCC 12 do nothing but keep second copies of its variables, and so make three moves before each of 160 jumps:
# docs/decisions/compiler-checks-and-speed.md.
$(DIR)/run/loop.o $(DIR)/slim/run/loop.o: CFLAGS += -fno-tree-vrp -fno-tree-pre -fno-code-hoisting

$(DIR)/%.o: src/%.c Makefile
	@mkdir -p $(@D)
	@echo "  CC   $<"
	@$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

$(DIR)/tests/%: tests/c/%.c $(DIR)/rooms.o tests/c/world.h
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -Itests/c -o $@ $(filter-out %.h,$^) -lcmocka $(LDLIBS) -l:libutf8proc.a -lm

$(DIR)/fuzz/%: tests/fuzz/%.c $(DIR)/rooms.o
	@mkdir -p $(@D)
	@echo "  LINK $@"
	@$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

demo: setup ## install, build, run the examples and compare their output
	$(MAKE) all
	tools/examples $(WINDFALL)

test: setup ## all tests; last line: N passed, N failed
	@tools/rooms
	@$(MAKE) --no-print-directory all ctests fuzzers
	@tools/check $(DIR)

quick: all ## the Lisp tests only
	@WINDFALL=$(WINDFALL) tools/test

ctests: $(CTESTS)
fuzzers: $(FUZZERS)

torture: all ## the Lisp tests with a collection at every safe point, everything moving, all verified
	@WINDFALL=$(WINDFALL) tools/torture

asan: ## build with the address and undefined-behaviour sanitizers
	$(MAKE) MODE=asan all ctests
# What the runtime allocates for the life of the process is no leak.
asan-test: asan ## the same tests under the sanitizers
	@ASAN_OPTIONS=detect_leaks=0 WINDFALL=$(BUILD)/asan/windfall tools/check $(BUILD)/asan

fuzz: fuzzers ## the fuzzers, 60 seconds each
	set -e; for f in $(FUZZERS); do $$f 60; done

bench: all ## measure against the installed peers; writes bench/RESULTS.md
	tools/setup --bench
	bench/run --write

debug: ## build with assertions and poison
	$(MAKE) MODE=debug all

lint: rooms ## the house style, the page of the bytecode, cppcheck and clang-tidy: no finding (minutes)
	tools/setup --lint
	tools/bytecode-manual --check
	tools/delivery-manual --check
	tools/lint

rooms:
	tools/rooms

# No setting of clang-format lays tables and rows of cases out as the sources have them; so it sees only what was changed.
format: ## lay out the C lines that were changed since the last commit
	tools/setup --lint
	git clang-format --force --extensions c,h HEAD

install: all ## install under PREFIX (default /usr/local)
	install -D -m 755 $(WINDFALL) $(DESTDIR)$(PREFIX)/bin/windfall
	install -d $(DESTDIR)$(PREFIX)/share/doc/windfall
	cp -r README.md docs examples $(DESTDIR)$(PREFIX)/share/doc/windfall/

clean: ## remove the build
	rm -rf $(BUILD)

-include $(OBJECTS:.o=.d) $(SLIM:.o=.d)
