/* The user's view of the operator table. */
#ifndef OPERATORS_H
#define OPERATORS_H

#include "base/diag.h"
#include "graph/ops.h"

/* The operator that a user means by a name; NULL for none. */
const Operator *operator_find(const char *name);
/* Offers every operator that the user may write. */
void operator_offer_names(Nearest *nearest);
/* The parameter of a name, or at a position counted without names; NULL where there is none. */
const OpParam *operator_param(const Operator *row, const char *name);
const OpParam *operator_param_at(const Operator *row, int position);

#endif
