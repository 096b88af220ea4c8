/* The expander's entry: runs the model, types the instances, resolves the train block, and checks
 * that every parameter can be trained. */
#include "elaborate/expand.h"

#include "elaborate/scope.h"

static Expander *expander_new(Arena *arena, const Ast *ast, const Consts *consts, Diag *diag)
{
    Expander *x = NEW(arena, Expander);
    x->arena = arena;
    x->ast = ast;
    x->consts = consts;
    x->diag = diag;
    x->sites = names_of_sites(arena, ast);
    x->modules = map_new(arena);
    for (int i = 0; i < ast->modules.n; i++)
        map_add(x->modules, ast->modules.data[i].name.text, i);
    return x;
}

/* Tensors that some loss depends on. */
static bool *reach_losses(const Expander *x)
{
    bool *reached = NEW_N(x->arena, bool, x->tensors.n + 1);
    for (int i = 0; i < x->losses.n; i++)
        reached[x->losses.data[i].tensor] = true;
    for (int i = x->nodes.n - 1; i >= 0; i--) {
        const Node *node = &x->nodes.data[i];
        bool any = false;
        for (int k = 0; k < node->n_outputs; k++)
            any |= reached[node->outputs[k]];
        for (int k = 0; any && k < node->n_inputs; k++)
            if (node->inputs[k] != SCALAR_INPUT)
                reached[node->inputs[k]] = true;
    }
    return reached;
}

static void check_parameters(const Expander *x)
{
    const bool *reached = reach_losses(x);
    for (int i = 0; i < x->tensors.n; i++) {
        const Tensor *tensor = &x->tensors.data[i];
        if (tensor->class == CLASS_parameter && !reached[i])
            diag_error(x->diag, tensor->span,
                       "no loss depends on the parameter '%s', so it cannot be trained",
                       tensor->name);
    }
}

static Graph *graph_of(const Expander *x, const char *name)
{
    Graph *graph = NEW(x->arena, Graph);
    *graph = (Graph){
        .stage = STAGE_EXPANDED,
        .name = name,
        .tensors = x->tensors.data,
        .n_tensors = x->tensors.n,
        .nodes = x->nodes.data,
        .n_nodes = x->nodes.n,
        .instances = x->instances.data,
        .n_instances = x->instances.n,
        .losses = x->losses.data,
        .outputs = x->outputs.data,
        .n_losses = x->losses.n,
        .n_outputs = x->outputs.n,
        .inputs = x->inputs.data,
        .n_inputs = x->inputs.n,
        .step = -1,
    };
    return graph;
}

Graph *expand(Arena *arena, const Ast *ast, const Consts *consts, Diag *diag)
{
    Expander *x = expander_new(arena, ast, consts, diag);
    const Model *model = &ast->models.data[0];
    Values values = {0};
    Scope scope = {.x = x,
                   .slots = map_new(arena),
                   .values = &values,
                   .index = -1,
                   .prefix = "",
                   .suffix = ""};
    int parent;
    diag_hold(diag);
    instance_open(&scope, "", model->name.text, false, model->name.span, &parent);
    expand_body(&scope, &model->body);
    instance_close(&scope, -1);
    x->instances.data[0].parent = -1;
    Train train = {0};
    if (!diag_errors(diag))
        check_parameters(x);
    expand_train(&scope, ast->trains.n ? &ast->trains.data[0] : NULL, &train);
    diag_release(diag);
    if (diag_errors(diag))
        return NULL;
    instances_type(x);
    Graph *graph = graph_of(x, model->name.text);
    graph->train = train;
    return graph;
}
