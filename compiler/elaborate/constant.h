/* Values known without any tensor: consts, -D overrides, and the arithmetic of numbers. */
#ifndef CONSTANT_H
#define CONSTANT_H

#include "ast/ast.h"

typedef enum { CONSTANT_number, CONSTANT_bool, CONSTANT_text } ConstantKind;

typedef struct {
    ConstantKind kind;
    Number number;
    bool truth;
    const char *text;
} Constant;

/* -D name=value */
typedef struct {
    const char *name, *value;
} Override;

typedef struct Consts Consts;

/* Works out every const, in any order. Errors: an unknown name, a cycle, an override that names no
 * const or is of another kind, overflow. A const with an error reads as 1. */
Consts *consts_resolve(Arena *arena, const Ast *ast, const Override *overrides, int n_overrides,
                       Diag *diag);
/* NULL where there is no such const. */
const Constant *consts_find(const Consts *consts, const char *name);

/* a op b. Whole numbers stay whole; a quotient is whole where it is exact. False after an error. */
bool number_binary(Diag *diag, Span span, char op, Number a, Number b, Number *result);
bool number_negate(Diag *diag, Span span, Number a, Number *result);

/* The functions of numbers: sqrt, exp, log, abs, square, floor, ceil, round, minimum, maximum. */
bool number_has_function(const char *name);
void number_offer_functions(Nearest *nearest);
/* Calls one of them; false after an error. */
bool number_call(Diag *diag, Span span, const char *name, const Number *args, int n_args,
                 Number *result);

#endif
