/* The readable part of the program: functions, what they are called with, and the schedule. */
#ifndef SCHEDULE_H
#define SCHEDULE_H

#include "emit/outline.h"

/* Each function with the struct of what it takes and a table of its calls. */
const char *schedule_functions(Arena *arena, const Emission *emission, const Calls *calls,
                               const Outline *outline);
/* One line a call, with its steps, what becomes of its tensors, and the bytes then in use. */
const char *schedule_calls(Arena *arena, const Emission *emission, const Outline *outline);

#endif
