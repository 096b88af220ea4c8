/* The table of targets. */
#include "emit/target.h"

#include <string.h>

const Target targets[] = {
#define TARGET(name, suffix, alignment, keeps_rows, lanes, help)                                   \
    {#name, suffix, alignment, keeps_rows, lanes, help},
#include "emit/targets.def"
#undef TARGET
};
const int n_targets = (int)(sizeof targets / sizeof *targets);

const Target *target_find(const char *name)
{
    for (int i = 0; i < n_targets; i++)
        if (strcmp(targets[i].name, name) == 0)
            return &targets[i];
    return NULL;
}
