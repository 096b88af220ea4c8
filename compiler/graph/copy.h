/* Copies of copies. */
#ifndef COPY_H
#define COPY_H

#include "graph/graph.h"

/* `first` writes all of a tensor in its order; `then` reads that tensor. Gives the copy that reads
 * what `first` reads and writes what `then` writes; false where it takes more than COPY_RANK axes
 * or does not follow the axes of `first`. */
bool copy_compose(const CopyPart *first, const CopyPart *then, CopyPart *result);

#endif
