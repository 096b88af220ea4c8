# The CUDA simulator and what is built with it: three builds of everything (plain, sanitizers, exact checker).
# Without g++ or clang++ nothing here is built and the tests that need it say that they were skipped.
CUDASIM   := tests/cudasim
SIM_BUILD := $(BUILD)/cudasim
SIM_CXX   := $(shell command -v g++)
SIM_CLANG := $(shell command -v clang++)
SIM_FLAGS := -std=c++17 -Wall -Wextra -Werror -Wno-unknown-pragmas -g -I$(CUDASIM)/include -I$(CUDASIM) -I$(CUDASIM)/bugs
SIM_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
SIM_CHECK := -fsanitize=thread -mllvm -tsan-instrument-read-before-write

# How the simulator (LIB), emitted CUDA (TEXT) and emitted C (HOST) are compiled in each build.
SIM_TEXT := -fno-strict-aliasing -ffp-contract=off -Wno-unused-function
SIM_HOST := -std=c11 -D_POSIX_C_SOURCE=200809L -O1 -g
SIM_plain_LIB     := g++ -O2 $(SIM_FLAGS)
SIM_plain_TEXT    := g++ -O1 $(SIM_FLAGS) $(SIM_TEXT) -g0 -Wno-maybe-uninitialized
SIM_plain_HOST    := gcc $(SIM_HOST)
SIM_sanitize_LIB  := clang++ -O1 $(SIM_SANITIZE) $(SIM_FLAGS)
SIM_sanitize_TEXT := $(SIM_sanitize_LIB) $(SIM_TEXT)
SIM_sanitize_HOST := clang $(SIM_SANITIZE) $(SIM_HOST)
SIM_check_LIB     := clang++ -O2 $(SIM_FLAGS)
SIM_check_TEXT    := clang++ -O1 $(SIM_CHECK) $(SIM_FLAGS) $(SIM_TEXT)
SIM_check_HOST    := clang $(SIM_HOST)
SIM_check_LINK    := -Wl,--wrap=rt_ran

SIM_SOURCES := sim memory stream block blas
SIM_HEADERS := $(wildcard $(CUDASIM)/*.h $(CUDASIM)/include/*.h $(CUDASIM)/bugs/*.h)
SIM_BUGS    := $(sort $(wildcard $(CUDASIM)/bugs/*.cu))

# A library and the planted bugs for build $(1); $(2): sources beside the common ones.
define SIM_RULES
$(SIM_BUILD)/$(1)/lib/%.o: $(CUDASIM)/%.cpp $(SIM_HEADERS) $(CUDASIM)/cudasim.mk
	@mkdir -p $$(@D)
	@echo "  SIM   $$@"
	$$(Q)$$(SIM_$(1)_LIB) $(if $(2),-fno-builtin) -c $$< -o $$@
SIM_$(1)_OBJECTS := $(patsubst %,$(SIM_BUILD)/$(1)/lib/%.o,$(SIM_SOURCES) $(2))
$(SIM_BUILD)/$(1)/planted.o: $(CUDASIM)/bugs/bugs.cpp $(SIM_HEADERS) $(CUDASIM)/cudasim.mk
	@mkdir -p $$(@D)
	@echo "  SIM   $$@"
	$$(Q)$$(SIM_$(1)_LIB) -c $$< -o $$@
$(SIM_BUILD)/$(1)/flags: $(CUDASIM)/cudasim.mk
	@mkdir -p $$(@D)
	$$(Q)printf 'TEXT="%s"\nHOST="%s"\nLINK="%s"\n' "$$(SIM_$(1)_TEXT)" "$$(SIM_$(1)_HOST)" "$$(SIM_$(1)_LIB) $$(SIM_$(1)_LINK)" > $$@
$(SIM_BUILD)/$(1)/bugs.o: $(SIM_BUILD)/all_bugs.cpp $(SIM_BUGS) $(SIM_HEADERS) $(CUDASIM)/cudasim.mk
	@mkdir -p $$(@D)
	@echo "  SIM   $$@"
	$$(Q)$$(SIM_$(1)_TEXT) -I. -c $$< -o $$@
$(SIM_BUILD)/$(1)/planted: $(SIM_BUILD)/$(1)/bugs.o $(SIM_BUILD)/$(1)/planted.o $$(SIM_$(1)_OBJECTS)
	@echo "  LD    $$@"
	$$(Q)$$(SIM_$(1)_LIB) $$^ -o $$@
endef
$(eval $(call SIM_RULES,plain,))
$(eval $(call SIM_RULES,sanitize,))
$(eval $(call SIM_RULES,check,checker arena))

# All bugs in one file, each in a namespace of its own: one compiler run instead of twenty.
$(SIM_BUILD)/all_bugs.cpp: $(SIM_BUGS) $(CUDASIM)/cudasim.mk
	@mkdir -p $(@D)
	$(Q)(printf '#include "bug.h"\n#include <cublas_v2.h>\n'; for bug in $(SIM_BUGS); do \
	    printf 'namespace bug_%s {\n#include "%s"\n}\n' "$$(basename $$bug .cu)" "$$bug"; done) > $@

SIM_BUILDS := $(if $(SIM_CXX),plain) $(if $(SIM_CLANG),sanitize check)
.PHONY: cudasim
cudasim: $(foreach build,$(SIM_BUILDS),$(SIM_BUILD)/$(build)/planted $(SIM_BUILD)/$(build)/flags)

# The suites that LONG=1 makes longer: all shapes, builds, strategies and architectures.
.PHONY: check-long gpu-check $(LONG_SUITES:%=long-%)
check-long: $(LONG_SUITES:%=long-%)
	$(Q)! grep '^failed: ' $(LONG_SUITES:%=$(BUILD)/long-%.txt)
$(LONG_SUITES:%=long-%): long-%: $(BUILD)/rematc $(BUILD)/check cudasim
	$(Q)export LONG=1; $(run_suite)

# tests/GPU.md says what it checks; it skips where there is no GPU.
gpu-check: $(BUILD)/rematc $(BUILD)/check
	$(Q)tests/gpu_check.sh
