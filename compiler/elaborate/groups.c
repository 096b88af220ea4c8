/* Parameter groups: patterns to parameters, and the optimizer's numbers for each group. */
#include "elaborate/groups.h"

#include <string.h>

typedef struct {
    Scope *scope;
    const Optimizer *optimizer;
    const Hyper *hyper; /* of what no group changes */
    Train *train;
} Grouping;

bool hyper_take(const Scope *scope, const OpParam *param, const Argument *argument, Hyper *hyper)
{
    Attr attr;
    double second = 0;
    if (!argument_attr(scope, param, argument, &attr, &second))
        return false;
    double first = param->type == PARAM_BOOL || param->type == PARAM_INT ? (double)attr.i : attr.f;
    bool is_pair = param->type == PARAM_PAIR;
    if (first < 0 || second < 0 || (is_pair && (first >= 1 || second >= 1))) {
        scope_error(scope, argument->span,
                    is_pair ? "'%s' are at least 0 and less than 1" : "'%s' cannot be negative",
                    param->name);
        return false;
    }
    if (!hyper_set(hyper, param->name, first, second))
        bug("no field of Hyper is '%s'", param->name);
    return true;
}

/* Whether a pattern with * (any characters) and ? (one) matches a name. Going back to the last star
 * alone is enough, so the time is at most the product of the lengths. */
static bool glob_matches(const char *pattern, const char *name)
{
    const char *star = NULL, *resume = NULL;
    while (*name) {
        if (*pattern == '*') {
            star = ++pattern;
            resume = name;
        } else if (*pattern == '?' || *pattern == *name) {
            pattern++;
            name++;
        } else if (star) {
            pattern = star;
            name = ++resume;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static void set_group_hyper(Grouping *g, const Bindings *given, Hyper *hyper)
{
    const Optimizer *row = g->optimizer;
    for (int i = 0; i < given->n; i++) {
        const Binding *binding = &given->data[i];
        Nearest nearest = nearest_start(binding->name.text);
        int at = 0;
        while (at < row->n_params && strcmp(row->params[at].name, binding->name.text) != 0)
            nearest_offer(&nearest, row->params[at++].name);
        if (at == row->n_params) {
            scope_error(g->scope, binding->name.span, "%s has no '%s' to set for a group%s",
                        row->name, binding->name.text, nearest_hint(g->scope->x->arena, &nearest));
            continue;
        }
        Argument argument = {binding->name, evaluate(g->scope, binding->value),
                             binding->value->span};
        hyper_take(g->scope, &row->params[at], &argument, hyper);
    }
}

static Group group_new(Grouping *g, const GroupBlock *block)
{
    Arena *arena = g->scope->x->arena;
    Group group = {.hyper = *g->hyper,
                   .patterns = NEW_N(arena, const char *, block->patterns.n),
                   .n_patterns = block->patterns.n,
                   .span = block->keyword.span};
    for (int i = 0; i < block->patterns.n; i++)
        group.patterns[i] = block->patterns.data[i]->text;
    set_group_hyper(g, &block->settings, &group.hyper);
    return group;
}

static bool group_takes(const Group *group, const char *name, bool *matched)
{
    bool any = false;
    for (int i = 0; i < group->n_patterns; i++) {
        if (!glob_matches(group->patterns[i], name))
            continue;
        matched[i] = true;
        any = true;
    }
    return any;
}

/* Where there are errors, parameters may be missing on their account. */
static void warn_unmatched(const Grouping *g, const GroupBlock *block, const bool *matched)
{
    if (diag_errors(g->scope->x->diag))
        return;
    for (int i = 0; i < block->patterns.n; i++)
        if (!matched[i])
            diag_warning(g->scope->x->diag, block->patterns.data[i]->span,
                         "no parameter matches \"%s\"", block->patterns.data[i]->text);
}

/* A parameter belongs to the first group that has a pattern for it. */
void expand_groups(Scope *scope, const TrainBlock *block, const Optimizer *optimizer,
                   const Hyper *hyper, Train *train)
{
    Grouping grouping = {scope, optimizer, hyper, train}, *g = &grouping;
    Expander *x = scope->x;
    int n = block ? block->groups.n : 0;
    g->train->groups = NEW_N(x->arena, Group, n + 1);
    g->train->groups[0] = (Group){.hyper = *g->hyper, .span = g->train->span};
    g->train->n_groups = n + 1;
    for (int k = 1; k <= n; k++) {
        const GroupBlock *written = &block->groups.data[k - 1];
        Group *group = &g->train->groups[k];
        *group = group_new(g, written);
        bool *matched = NEW_N(x->arena, bool, group->n_patterns + 1);
        for (int i = 0; i < x->tensors.n; i++) {
            Tensor *tensor = &x->tensors.data[i];
            if (tensor->class == CLASS_parameter && group_takes(group, tensor->name, matched) &&
                tensor->group == 0)
                tensor->group = k;
        }
        warn_unmatched(g, written, matched);
    }
}
