/* Is there a GPU that a program could use? */
#ifndef GPU_H
#define GPU_H

#include <stdbool.h>

/* Asks the driver, which need not be installed. */
bool gpu_usable(void);

#endif
