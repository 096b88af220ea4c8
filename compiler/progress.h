/* Long searches seen and stopped: a line on a terminal, and Ctrl-C that ends the search with the
 * best plan so far. */
#ifndef PROGRESS_H
#define PROGRESS_H

#include "cli.h"
#include "plan/plan.h"

/* Until progress_detach, the search under these options shows its progress where standard error is
 * a terminal, and the first Ctrl-C stops it (the second ends the command). */
void progress_attach(const Options *options, PlanOptions *plan_options);
void progress_detach(void);

#endif
