/* Times that an emitted program measured with --profile, in place of the roofline's. */
#ifndef PROFILE_H
#define PROFILE_H

#include "plan/problem.h"

/* Sets the seconds of every node that the profile (schema rematc-profile/1) has a row for: the same
 * operator, name and phase, and of several such the same one in order. Returns how many nodes it
 * knew, or -1 after a message in *error. */
int profile_apply(Arena *arena, Problem *problem, const char *text, const char **error);

#endif
