/* How parameters start: normal(mean, deviation), uniform(lo, hi), xavier(), kaiming(), zeros(),
 * ones(), constant(v). */
#ifndef INIT_H
#define INIT_H

#include "base/diag.h"
#include "graph/graph.h"

bool init_is_name(const char *name);
void init_offer_names(Nearest *nearest);

/* The numbers that an init takes; -1 where there is no init of the name. */
int init_n_numbers(const char *name);
/* What it means for a parameter of a shape [out, in, ...]: xavier is uniform within
 * sqrt(6 / (in + out)) (Glorot and Bengio 2010), kaiming within sqrt(6 / in) (He et al. 2015). */
Init init_make(const char *name, const double *numbers, const Shape *shape);

#endif
