/* Raw recompute instances, `.g` files: line 1 "n m"; n lines "<bytes> <cost> <is_backward 0|1>" in
 * base order; m lines "<from> <to>". Each node writes one value, of which its successors read. */
#ifndef RECOMPUTE_INSTANCE_H
#define RECOMPUTE_INSTANCE_H

#include "plan/recompute.h"

/* NULL where the text is no instance; *message then says why, as `NAME:LINE:COL: error: ...`. The
 * budget is left at 0. */
RecomputeProblem *instance_parse(Arena *arena, const char *name, const char *text, size_t n,
                                 const char **message);

#endif
