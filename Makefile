# rematc: `make` builds build/rematc, `make demo` runs the main job, `make check` passes the tests.
# Everything built goes into build/. V=1 shows the commands.
BUILD   := build
CC      ?= cc
OPT     ?= -O2 -g
WARN    := -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes \
           -Wmissing-prototypes -Wvla -Werror
CPPFLAGS_ALL := -DREMATC_VERSION=\"0.1.0\" -D_POSIX_C_SOURCE=200809L -Icompiler -I. -I$(BUILD)/gen
CFLAGS_ALL   := -std=c11 $(OPT) $(WARN) -MMD -MP
LIBS    := -lutf8proc -lcjson -lz -lm
# As many jobs as processors, unless the user says how many.
MAKEFLAGS := $(MAKEFLAGS) $(if $(findstring -j,$(MAKEFLAGS)),,-j$(shell nproc))
Q       := $(if $(V),,@)

COMPILER_C := $(filter-out compiler/emit/embed.c,\
              $(sort $(wildcard compiler/*/*.c compiler/plan/strategies/*.c grammar/*.c)))
COMMAND_C  := $(sort $(wildcard compiler/*.c))
OBJECTS    := $(COMPILER_C:%.c=$(BUILD)/obj/%.o) $(BUILD)/obj/gen/lexer.o $(BUILD)/obj/gen/parser.o \
           $(BUILD)/obj/gen/embedded.o
COMMAND_O  := $(COMMAND_C:%.c=$(BUILD)/obj/%.o)

.PHONY: all check lint demo fuzz clean
all: $(BUILD)/rematc

# Where nvcc may be beside the user's own PATH: what set-up fetched, and NVIDIA's usual place.
export PATH := $(PATH):$(CURDIR)/$(BUILD)/cuda/bin:/usr/local/cuda/bin

# What is missing on this machine is installed before anything is built: make remakes what it includes.
ifneq ($(MAKECMDGOALS),clean)
include $(BUILD)/setup/build.mk
endif
ifneq ($(filter check% lint% fuzz bench%,$(MAKECMDGOALS)),)
include $(BUILD)/setup/check.mk
endif
# One after the other: only one process at a time can install packages.
$(BUILD)/setup/check.mk: | $(BUILD)/setup/build.mk
$(BUILD)/setup/%.mk: tests/setup.sh
	@sh tests/setup.sh $* $(BUILD)/cuda
	@mkdir -p $(@D) && touch $@

$(BUILD)/rematc: $(OBJECTS) $(COMMAND_O)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS) $^ $(LDFLAGS) $(LIBS) -o $@

# Made before anything is compiled; what needs them anew says the compiler itself (-MMD).
GENERATED := $(BUILD)/gen/parser.h $(BUILD)/gen/lexer.h $(BUILD)/gen/devices.def $(BUILD)/gen/suites.def

$(BUILD)/obj/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(CFLAGS) -c $< -o $@

# --- the scanner and the parser, in build/gen and under the same warnings as all else ---------------
$(BUILD)/gen/parser.c $(BUILD)/gen/parser.h &: grammar/parser.y Makefile
	@mkdir -p $(@D)
	$(Q)bison -Wall -Werror --header=$(BUILD)/gen/parser.h -o $(BUILD)/gen/parser.c $<

$(BUILD)/gen/lexer.c $(BUILD)/gen/lexer.h &: grammar/lexer.l Makefile
	@mkdir -p $(@D)
	$(Q)flex --header-file=$(BUILD)/gen/lexer.h -o $(BUILD)/gen/lexer.c $<

$(BUILD)/obj/gen/%.o: $(BUILD)/gen/%.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  CC    $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(CFLAGS) -c $< -o $@

# The built-in device files as C strings: DEVICE("a100", "...").
DEVICES := $(sort $(wildcard compiler/plan/devices/*.device))
$(BUILD)/gen/devices.def: $(DEVICES)
	@mkdir -p $(@D)
	$(Q)for f in $(DEVICES); do echo "DEVICE(\"$$(basename $$f .device)\","; \
	    sed 's/\\/\\\\/g; s/"/\\"/g; s/.*/"&\\n"/' $$f; echo ")"; done > $@

# What the compiler writes into every program, as text within it.
EMBEDDED := $(sort $(wildcard templates/*/* runtime/*))
$(BUILD)/embed: compiler/emit/embed.c
	@mkdir -p $(@D)
	$(Q)$(CC) $(CFLAGS_ALL) $(CFLAGS) $< $(LDFLAGS) -o $@
$(BUILD)/gen/embedded.c: $(BUILD)/embed $(EMBEDDED)
	@mkdir -p $(@D)
	$(Q)$(BUILD)/embed $(EMBEDDED) > $@

# --- tests: every tests/check_NAME.c defines Suite *NAME_suite(void) -------------------------------
# All that a test runs in its own process is compiled a second time, with sanitizers: a leak fails.
SANITIZE := -O1 -g -fsanitize=address,undefined -fno-sanitize-recover=all
TEST_C   := $(filter-out tests/check_main.c,$(sort $(wildcard tests/check_*.c)))
SUITES   := $(patsubst tests/check_%.c,%,$(TEST_C))
# The runtime's data sources are tested here; the rest of the runtime by programs that use it.
SOURCE_C := $(sort $(wildcard runtime/data*.c runtime/pairs*.c runtime/mt19937.c))
CHECK_C  := $(TEST_C) tests/check_main.c $(sort $(wildcard tests/support/*.c)) tests/fuzz/fuzz_front.c \
            $(COMPILER_C) $(COMMAND_C) $(SOURCE_C)
CHECK_O  := $(CHECK_C:%.c=$(BUILD)/asan/%.o) $(patsubst $(BUILD)/obj/gen/%,$(BUILD)/asan/gen/%,$(filter $(BUILD)/obj/gen/%,$(OBJECTS)))

# Changed only when the list has: a file may also go away.
$(BUILD)/gen/suites.def: FORCE
	@mkdir -p $(@D)
	@printf 'SUITE(%s)\n' $(SUITES) > $@.new
	@cmp -s $@.new $@ || mv $@.new $@
FORCE:

$(BUILD)/asan/%.o: %.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  ASAN  $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(SANITIZE) $(CFLAGS) -c $< -o $@

$(BUILD)/asan/gen/%.o: $(BUILD)/gen/%.c | $(GENERATED)
	@mkdir -p $(@D)
	@echo "  ASAN  $<"
	$(Q)$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(SANITIZE) $(CFLAGS) -c $< -o $@

# The command's own files are under test too; their main() steps aside.
$(BUILD)/asan/compiler/main.o: SANITIZE += -Dmain=command_main -Wno-missing-prototypes

$(BUILD)/check: $(CHECK_O)
	@echo "  LD    $@"
	$(Q)$(CC) $(CFLAGS_ALL) $(SANITIZE) $(CFLAGS) $^ $(LDFLAGS) -lcheck -lsubunit -lpthread -lrt $(LIBS) -o $@

# A job for each suite: its log is in build/ and is shown when it ends; all run whatever fails.
run_suite = CK_RUN_SUITE=$* $(BUILD)/check > $(BUILD)/$@.txt 2>&1 || \
            echo "failed: the suite $*" >> $(BUILD)/$@.txt; cat $(BUILD)/$@.txt

# The suites that LONG=1 makes longer are the longest without it, too: they begin first.
LONG_SUITES := $(patsubst tests/check_%.c,%,$(shell grep -lE "cuda_is_long|getenv..LONG" tests/check_*.c))
CHECKED     := $(addprefix suite-,$(LONG_SUITES) $(filter-out $(LONG_SUITES),$(SUITES)))
.PHONY: $(CHECKED)
check: lint $(CHECKED)
	$(Q)! grep '^failed: ' $(CHECKED:%=$(BUILD)/%.txt)
$(CHECKED): suite-%: $(BUILD)/rematc $(BUILD)/check cudasim
	$(Q)$(run_suite)

# libFuzzer on the front end: build/fuzz/fuzz_front FOLDER-OF-INPUTS
fuzz: $(BUILD)/gen/parser.h $(BUILD)/gen/lexer.h
	$(Q)$(MAKE) CC=clang BUILD=$(BUILD)/fuzz OPT="-O1 -g -fsanitize=fuzzer-no-link,address,undefined" \
	    FUZZ=-fsanitize=fuzzer,address,undefined $(BUILD)/fuzz/fuzz_front

$(BUILD)/fuzz_front: $(OBJECTS) $(BUILD)/obj/tests/fuzz/fuzz_front.o
	$(Q)$(CC) $(CFLAGS_ALL) $(FUZZ) $^ $(LDFLAGS) $(LIBS) -o $@

# --- the main job on real input --------------------------------------------------------------------
demo: $(BUILD)/rematc
	@MAKEFLAGS= sh examples/bert/demo.sh $(BUILD)/rematc $(BUILD)/demo


# --- lint: format, strict warnings of both compilers, clang-tidy, cppcheck, the order of the folders --
OWN_C    := $(sort $(wildcard compiler/*.c compiler/*/*.c compiler/plan/strategies/*.c grammar/*.c runtime/*.c tests/*.c tests/support/*.c))
OWN_TEXT := $(OWN_C) $(sort $(wildcard compiler/*.h compiler/*/*.h compiler/plan/strategies/*.h grammar/*.h runtime/*.h tests/*.h tests/support/*.h))
FORMATTED := $(OWN_TEXT) $(sort $(wildcard runtime/*.cu templates/*/*.[ch]* tests/cudasim/*.cpp tests/cudasim/*.h tests/cudasim/*/*.h tests/cudasim/bugs/*.c* tests/fuzz/*.c tests/preload/*.c))
SCRIPTS   := .ci/run $(sort $(wildcard tests/*.sh tests/*/*.sh examples/*/*.sh))

lint: $(OWN_C:%=$(BUILD)/lint/%.ok) $(BUILD)/lint/emitted.ok
	@echo "  LINT  format, scripts, folders, cppcheck"
	$(Q)clang-format --dry-run -Werror $(FORMATTED)
	$(Q)shellcheck $(SCRIPTS)
	$(Q)awk -f tests/lint/ranks.awk $(filter compiler/% runtime/%,$(OWN_TEXT)) $(wildcard grammar/*.[ly])
	$(Q)cppcheck --quiet --error-exitcode=1 --inline-suppr --enable=warning,portability --std=c11 \
	    --suppress=missingIncludeSystem --suppress=normalCheckLevelMaxBranches -D__GNUC__ -Icompiler -Iruntime $(OWN_C)

$(BUILD)/lint/%.ok: % .clang-tidy | $(OBJECTS)
	@mkdir -p $(@D)
	@echo "  LINT  $<"
	$(Q)clang -fsyntax-only $(CPPFLAGS_ALL) -Iruntime $(CFLAGS_ALL) -MF $@.d -MT $@ $<
	$(Q)clang-tidy --quiet $< -- $(CPPFLAGS_ALL) -Iruntime -std=c11 2>/dev/null
	@touch $@

# A program with every kernel, as emitted.
$(BUILD)/lint/emitted.ok: tests/cases/kernels/shapes.net $(BUILD)/rematc
	@echo "  LINT  $(@:.ok=)"
	$(Q)rm -rf $(@:.ok=) && $(BUILD)/rematc emit $< --target cpu -o $(@:.ok=) 2>/dev/null
	$(Q)for cc in gcc clang; do for f in $(@:.ok=)/*.c; do \
	    $$cc -fsyntax-only -std=c11 -D_POSIX_C_SOURCE=200809L -fopenmp $(WARN) $$f || exit 1; done; done
	@touch $@

clean:
	rm -rf $(BUILD)

-include $(OBJECTS:.o=.d) $(COMMAND_O:.o=.d) $(CHECK_O:.o=.d) $(OWN_C:%=$(BUILD)/lint/%.ok.d)

include tests/cudasim/cudasim.mk
