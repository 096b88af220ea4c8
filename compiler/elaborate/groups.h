/* Parameter groups of the train block. */
#ifndef GROUPS_H
#define GROUPS_H

#include "elaborate/scope.h"
#include "graph/optimizer.h"

/* An argument (NULL: the default) into the field of hyper that a parameter of the optimizer names.
 * False after an error. */
bool hyper_take(const Scope *scope, const OpParam *param, const Argument *argument, Hyper *hyper);

/* Fills train->groups, group 0 for the rest first, and sets every parameter's group. */
void expand_groups(Scope *scope, const TrainBlock *block, const Optimizer *optimizer,
                   const Hyper *hyper, Train *train);

#endif
