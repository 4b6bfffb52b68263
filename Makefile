# Makefile: builds Windfall.  `make help` lists the targets.
CC      ?= cc
MODE    ?= release
BUILD   ?= build
PREFIX  ?= /usr/local
WARN    := -Wall -Wextra -Wconversion -Wmissing-prototypes -Werror
CFLAGS_release := -O2 -g -fno-plt
CFLAGS_debug   := -O1 -g -DWINDFALL_DEBUG
CFLAGS_asan    := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer
DIR     := $(BUILD)$(if $(filter-out release,$(MODE)),/$(MODE))
CFLAGS  := -std=c17 -D_GNU_SOURCE $(WARN) $(CFLAGS_$(MODE)) -fno-strict-aliasing -Isrc
LDFLAGS_asan  := -fsanitize=address,undefined
LDFLAGS := $(LDFLAGS_$(MODE))
LDLIBS  := -lgmp -lutf8proc -ledit -lm
SOURCES := $(sort $(wildcard src/*/*.c))
OBJECTS := $(SOURCES:src/%.c=$(DIR)/%.o)
MAIN    := $(filter $(DIR)/main/%,$(OBJECTS))
LIBRARY := $(addprefix lisp/,$(shell cat lisp/ORDER 2>/dev/null))
CTESTS  := $(patsubst tests/c/%.c,$(DIR)/tests/%,$(wildcard tests/c/*.c))

.PHONY: all debug asan clean help rooms ctest test
all: $(DIR)/windfall

$(DIR)/windfall: $(OBJECTS) $(DIR)/library.o
	$(CC) $(CFLAGS) $(LDFLAGS) -o $@ $^ $(LDLIBS)

$(DIR)/%.o: src/%.c
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) -MMD -MP -c -o $@ $<

# The Lisp library as text inside the executable, in load order.
$(DIR)/library.S: lisp/ORDER tools/embed
	@mkdir -p $(@D)
	tools/embed $(LIBRARY) > $@
$(DIR)/library.o: $(DIR)/library.S $(LIBRARY)
	$(CC) -c -o $@ $<

$(DIR)/tests/%: tests/c/%.c $(filter-out $(MAIN),$(OBJECTS))
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(LDFLAGS) -Itests/c -o $@ $^ -lcmocka $(LDLIBS)
ctest: $(CTESTS)
	set -e; for x in $(CTESTS); do $$x; done

debug:
	$(MAKE) MODE=debug
rooms:
	tools/rooms
clean:
	rm -rf $(BUILD)

-include $(OBJECTS:.o=.d)
