/* The tables of the program: its tensors, options, schedule rows and writes, and rt_program itself.
 */
#ifndef TABLES_H
#define TABLES_H

#include "emit/emit.h"

/* All tables (arrays of RtParameter, RtTensor, ...; see runtime/rt.h), and rt_program. */
const char *tables_text(Arena *arena, const Emission *emission);
/* Where the tensor of the step's numbers lies. */
size_t tables_step_offset(const Emission *emission);

#endif
