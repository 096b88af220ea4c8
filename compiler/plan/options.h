/* Ways to treat a block between its forward and its backward: which of what it saves is dropped,
 * and what has to run again for that. Equal blocks share them. */
#ifndef PLAN_OPTIONS_H
#define PLAN_OPTIONS_H

#include "plan/blocks.h"
#include "plan/segments.h"

/* Option 0 of a block keeps everything; each further one keeps less and costs more. */
typedef struct {
    int *node; /* what runs again, as positions within the block, ascending */
    int n_nodes;
    double seconds; /* of running it */
} BlockOption;

typedef struct {
    BlockOption *option;
    int n;
} OptionSet;

typedef struct {
    Blocks blocks;
    int *type; /* [blocks.n] equal blocks have the same */
    OptionSet *of_type;
    int n_types;
    int most_options;
} Catalog;

/* The exact Pareto set (bytes kept, seconds) of each type of block, thinned to a few dozen; where a
 * block saves too many tensors to try all subsets, the largest of them are tried. */
Catalog catalog_new(Arena *arena, const Problem *problem, bool only_whole);
/* At most `most` blocks: equal numbers of neighbours merged, their options taken together. */
Catalog catalog_merge(Arena *arena, const Catalog *catalog, int most);

static inline int catalog_start(const Catalog *catalog, int block)
{
    return block > 0 ? catalog->blocks.end[block - 1] : 0;
}
/* Puts what option `option` of the block runs again (its last one where it has fewer) into a new
 * segment within `parent`; the rest of the block into `parent`. */
void catalog_apply(const Catalog *catalog, int block, int option, int parent, Segments *segments);

#endif
