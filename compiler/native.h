/* The machine at hand as a device: measured once, and kept as a device file. */
#ifndef NATIVE_H
#define NATIVE_H

#include "plan/device.h"

/* The rates of this machine for programs of the cpu target: from the user's cache folder or, the
 * first time, from a micro-benchmark of about two seconds, of which a line on standard error tells
 * unless quiet. NULL after saying why in *reason: no compiler, or stopped by the user. */
const Device *native_device(Arena *arena, bool quiet, const char **reason);

#endif
