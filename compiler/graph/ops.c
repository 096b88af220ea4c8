/* Makes the operator table from ops.def: signatures are read once, and the expressions of the
 * elementwise rows are scanned for the operands that they name. */
#include "graph/ops.h"

#include <ctype.h>
#include <string.h>

static Operator table[N_OPS] = {
#define ELEMENTWISE(name_, signature_, value, by_a, by_b, help_)                                   \
    {.name = #name_,                                                                               \
     .group = OP_IS_ELEMENTWISE,                                                                   \
     .signature = signature_,                                                                      \
     .help = help_,                                                                                \
     .part = {value, by_a, by_b}},
#define OPERATOR(name_, signature_, help_)                                                         \
    {.name = #name_, .group = OP_IS_OPERATOR, .signature = signature_, .help = help_},
#define KERNEL(name_, help_)                                                                       \
    {.name = #name_, .group = OP_IS_KERNEL, .signature = "", .help = help_},
#include "graph/ops.def"
#undef ELEMENTWISE
#undef OPERATOR
#undef KERNEL
};

static const char *const type_names[] = {
    [PARAM_TENSOR] = "tensor", [PARAM_TENSOR_OR_BOOL] = "tensor|bool",
    [PARAM_INT] = "int",       [PARAM_FLOAT] = "float",
    [PARAM_BOOL] = "bool",     [PARAM_LIST] = "list",
    [PARAM_WORD] = "word",     [PARAM_INIT] = "init",
    [PARAM_PAIR] = "pair"};

static const char *copy_text(const char *start, size_t n)
{
    char *copy = xmalloc(n + 1);
    memcpy(copy, start, n);
    copy[n] = '\0';
    return copy;
}

/* The length of what starts at text, up to a character of `ends` outside parentheses. */
static size_t span_until(const char *text, const char *ends)
{
    int depth = 0;
    size_t n = 0;
    for (; text[n]; n++) {
        if (depth == 0 && strchr(ends, text[n]))
            break;
        depth += text[n] == '(';
        depth -= text[n] == ')';
    }
    while (n > 0 && text[n - 1] == ' ')
        n--;
    return n;
}

static ParamType type_parse(const char *text, size_t n)
{
    for (int i = 0; i < (int)(sizeof type_names / sizeof *type_names); i++)
        if (strlen(type_names[i]) == n && strncmp(type_names[i], text, n) == 0)
            return (ParamType)i;
    bug("unknown type in a signature at '%s'", text);
}

/* One parameter: `x`, `*xs`, `NAME: TYPE`, `NAME: TYPE?`, `NAME: TYPE = DEFAULT`. */
static const char *param_parse(const char *at, OpParam *param)
{
    *param = (OpParam){.type = PARAM_TENSOR};
    if (*at == '*') {
        param->variadic = true;
        at++;
    }
    size_t n = span_until(at, ":?=,)");
    param->name = copy_text(at, n);
    at += n;
    if (*at == ':') {
        at += 1 + strspn(at + 1, " ");
        n = span_until(at, "?=,)");
        param->type = type_parse(at, n);
        at += n + strspn(at + n, " ");
    }
    param->optional = *at == '?' || *at == '=';
    if (*at == '?')
        at++;
    if (*at == '=') {
        at += 1 + strspn(at + 1, " ");
        n = span_until(at, ",)");
        param->default_value = copy_text(at, n);
        at += n;
    }
    return at;
}

int signature_parse(const char *signature, OpParam *params)
{
    int n = 0;
    const char *at = strchr(signature, '(');
    if (!at)
        return 0;
    while (*at != ')' && at[1] != ')') {
        if (n == MAX_PARAMS || (*at != '(' && *at != ','))
            bug("cannot read the signature '%s'", signature);
        at += 1 + strspn(at + 1, " ");
        at = param_parse(at, &params[n++]);
    }
    return n;
}

/* The operands that an expression names: its one-letter identifiers. */
static unsigned names_of(const char *expression)
{
    static const char letters[] = "gabyup";
    unsigned names = 0;
    for (const char *at = expression; *at;) {
        size_t n = 0;
        while (isalnum((unsigned char)at[n]) || at[n] == '_' || (n > 0 && at[n] == '.'))
            n++;
        const char *letter = n == 1 ? strchr(letters, *at) : NULL;
        if (letter)
            names |= 1u << (letter - letters);
        at += n ? n : 1;
    }
    return names;
}

static void row_complete(Operator *row)
{
    row->internal = row->group == OP_IS_KERNEL || !*row->signature;
    row->n_params = signature_parse(row->signature, row->params);
    for (int part = 0; part < N_PARTS; part++)
        row->names[part] = row->part[part] ? names_of(row->part[part]) : 0;
    if (row->group == OP_IS_ELEMENTWISE)
        row->arity = row->names[PART_VALUE] & NAMES_B ? 2 : 1;
}

const Operator *op_row(OpKind op)
{
    static bool done;
    if (!done)
        for (int i = 0; i < N_OPS; i++)
            row_complete(&table[i]);
    done = true;
    return &table[op];
}

int op_find(const char *name)
{
    for (int i = 0; i < N_OPS; i++)
        if (!op_row((OpKind)i)->internal && strcmp(table[i].name, name) == 0)
            return i;
    return -1;
}
