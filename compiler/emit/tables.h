/* The tables of the program: its tensors, options, schedule rows and writes, and rt_program itself. */
#ifndef TABLES_H
#define TABLES_H

#include "emit/emit.h"

/* The definitions of all tables (RtParameter, RtTensor, ... arrays; see runtime/rt.h). */
const char *tables_text(Arena *arena, const Emission *emission);
/* The definition of rt_program. */
const char *tables_program(Arena *arena, const Emission *emission);
/* Where the tensor of the step's numbers lies. */
size_t tables_step_offset(const Emission *emission);

#endif
