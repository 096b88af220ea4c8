/* Look-ups in the operator table by what the user wrote. */
#include "elaborate/operators.h"

#include <string.h>

const Operator *operator_find(const char *name)
{
    int op = op_find(name);
    return op < 0 ? NULL : op_row((OpKind)op);
}

void operator_offer_names(Nearest *nearest)
{
    for (int op = 0; op < N_OPS; op++) {
        const Operator *row = op_row((OpKind)op);
        if (!row->internal && row->group != OP_IS_KERNEL)
            nearest_offer(nearest, row->name);
    }
}

const OpParam *operator_param(const Operator *row, const char *name)
{
    for (int i = 0; i < row->n_params; i++)
        if (strcmp(row->params[i].name, name) == 0)
            return &row->params[i];
    return NULL;
}

const OpParam *operator_param_at(const Operator *row, int position)
{
    if (row->n_params && row->params[0].variadic)
        return &row->params[0];
    return position < row->n_params ? &row->params[position] : NULL;
}
