/* The arithmetic of numbers: exact in 64-bit whole numbers, or else an error; double otherwise. */
#include "elaborate/constant.h"

#include <math.h>
#include <string.h>

static bool finite_result(Diag *diag, Span span, double f, Number *result)
{
    *result = number_float(f);
    if (isfinite(f))
        return true;
    diag_error(diag, span, isnan(f) ? "this has no value" : "this is too large for a number");
    return false;
}

static bool whole_binary(char op, int64_t a, int64_t b, int64_t *result)
{
    switch (op) {
    case '+': return !__builtin_add_overflow(a, b, result);
    case '-': return !__builtin_sub_overflow(a, b, result);
    case '*': return !__builtin_mul_overflow(a, b, result);
    default: *result = b == -1 ? 0 : a / b; return b != -1 || !__builtin_sub_overflow(0, a, result);
    }
}

static double float_binary(char op, double a, double b)
{
    switch (op) {
    case '+': return a + b;
    case '-': return a - b;
    case '*': return a * b;
    default: return a / b;
    }
}

bool number_binary(Diag *diag, Span span, char op, Number a, Number b, Number *result)
{
    *result = number_int(1);
    if (op == '/' && b.f == 0) {
        diag_error(diag, span, "division by zero");
        return false;
    }
    bool exact = op != '/' || b.i == 0 || b.i == -1 || a.i % b.i == 0;
    if (a.is_float || b.is_float || !exact)
        return finite_result(diag, span, float_binary(op, a.f, b.f), result);
    int64_t whole;
    if (!whole_binary(op, a.i, b.i, &whole)) {
        diag_error(diag, span, "this does not fit in 64 bits: %lld %c %lld", (long long)a.i, op,
                   (long long)b.i);
        return false;
    }
    *result = number_int(whole);
    return true;
}

bool number_negate(Diag *diag, Span span, Number a, Number *result)
{
    return number_binary(diag, span, '-', number_int(0), a, result);
}

static double square(double x)
{
    return x * x;
}

typedef struct {
    const char *name;
    double (*unary)(double);
    double (*binary)(double, double);
} Function;

/* Of one or two numbers; the result is whole where the arguments are whole and it is, but for sqrt,
 * exp and log. */
static const Function functions[] = {
    {"sqrt", sqrt, NULL},     {"exp", exp, NULL},      {"log", log, NULL},   {"abs", fabs, NULL},
    {"square", square, NULL}, {"floor", floor, NULL},  {"ceil", ceil, NULL}, {"round", round, NULL},
    {"minimum", NULL, fmin},  {"maximum", NULL, fmax},
};

enum { N_FUNCTIONS = sizeof functions / sizeof *functions };

static const Function *find_function(const char *name)
{
    for (int i = 0; i < N_FUNCTIONS; i++)
        if (strcmp(functions[i].name, name) == 0)
            return &functions[i];
    return NULL;
}

bool number_has_function(const char *name)
{
    return find_function(name) != NULL;
}

void number_offer_functions(Nearest *nearest)
{
    for (int i = 0; i < N_FUNCTIONS; i++)
        nearest_offer(nearest, functions[i].name);
}

bool number_call(Diag *diag, Span span, const char *name, const Number *args, int n_args,
                 Number *result)
{
    const Function *function = find_function(name);
    int wanted = function->binary ? 2 : 1;
    *result = number_int(1);
    if (n_args != wanted) {
        diag_error(diag, span, "%s takes %d number%s, found %d", name, wanted,
                   wanted == 1 ? "" : "s", n_args);
        return false;
    }
    double f =
        function->binary ? function->binary(args[0].f, args[1].f) : function->unary(args[0].f);
    if (!finite_result(diag, span, f, result))
        return false;
    double limit = 9007199254740992.0; /* 2^53: beyond it a double is no exact whole number */
    if (f == floor(f) && fabs(f) < limit && function->unary != sqrt && function->unary != exp &&
        function->unary != log)
        *result = number_int((int64_t)f);
    return true;
}
