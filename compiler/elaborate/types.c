/* Which instances are equal: two get the same type where they have the same module, marks,
 * operators, attributes, shapes and wiring. Numbers (scalars and float attributes) may differ, and
 * so may inits.
 *
 * An instance is written as text, children before parents. A tensor made inside reads as the number
 * of its node within the instance; one from outside as the number of its first use; a parameter of
 * the instance itself as p. A child reads as its type and the tensors that it takes from outside.
 * So each node is written once, and each instance's outside tensors once more in its parent. */
#include "elaborate/scope.h"

typedef ARRAY(int) Ints;

typedef struct {
    Expander *x;
    Map *types; /* from texts */
    int n_types;
    Ints *children;
    Ints *outside; /* of each instance: tensors it takes from outside, in the order of first use */
    int *seen_by;  /* of each tensor: the last instance that saw it from inside */
    int *seen_as;  /* and its position in outside there */
} Typing;

/* A parameter made in the instance or below it: instances are numbered parents first, and what is
 * below one follows it without gap. */
static bool is_own(const Typing *typing, int tensor, int instance, int end_instance)
{
    int made_in = typing->x->tensors.data[tensor].instance;
    return made_in >= instance && made_in < end_instance;
}

static void write_tensor(Typing *typing, Text *text, int instance, int end_instance, int tensor)
{
    const Tensor *t = &typing->x->tensors.data[tensor];
    Ints *outside = &typing->outside[instance];
    bool own = is_own(typing, tensor, instance, end_instance);
    if (t->producer >= 0 && own) {
        const Node *node = &typing->x->nodes.data[t->producer];
        text_printf(text, " n%d.%d", t->producer - typing->x->first_nodes.data[instance],
                    tensor - node->outputs[0]);
        return;
    }
    bool seen = typing->seen_by[tensor] == instance + 1;
    if (!seen) {
        typing->seen_by[tensor] = instance + 1;
        typing->seen_as[tensor] = outside->n;
        PUSH(typing->x->arena, *outside, tensor);
    }
    text_printf(text, " %c%d", own ? 'p' : 'x', typing->seen_as[tensor]);
    if (!seen)
        text_printf(text, "%s%s", dtype_name(t->dtype), shape_text(typing->x->arena, &t->shape));
}

static void write_attrs(Text *text, const Node *node)
{
    const Operator *row = op_row(node->op);
    for (int i = 0; i < row->n_params; i++) {
        const Attr *attr = &node->attrs[i];
        if (!attr->given)
            continue;
        text_printf(text, " %s=%lld%s", row->params[i].name, (long long)attr->i,
                    attr->word ? attr->word : "");
        for (int k = 0; k < attr->n_list; k++)
            text_printf(text, ",%lld", (long long)attr->list[k]);
    }
}

static void write_node(Typing *typing, Text *text, int instance, int end_instance, const Node *node)
{
    text_printf(text, "%s", node->what);
    write_attrs(text, node);
    for (int i = 0; i < node->n_inputs; i++) {
        if (node->inputs[i] == SCALAR_INPUT)
            text_printf(text, " s");
        else
            write_tensor(typing, text, instance, end_instance, node->inputs[i]);
    }
    if (typing->x->tensors.data[node->outputs[0]].keep)
        text_printf(text, " keep");
    text_printf(text, "\n");
}

static void write_child(Typing *typing, Text *text, int instance, int end_instance, int child)
{
    const Ints *taken = &typing->outside[child];
    text_printf(text, "#%d", typing->x->instances.data[child].type);
    for (int i = 0; i < taken->n; i++)
        write_tensor(typing, text, instance, end_instance, taken->data[i]);
    text_printf(text, "\n");
}

/* Nodes and children in the order of their nodes. */
static void write_instance(Typing *typing, Text *text, int instance, int end_instance)
{
    Expander *x = typing->x;
    const Ints *children = &typing->children[instance];
    int next = 0;
    text_printf(text, "%s%s\n",
                x->instances.data[instance].module ? x->instances.data[instance].module : "",
                x->instances.data[instance].checkpoint ? " checkpoint" : "");
    for (int i = x->first_nodes.data[instance];; i++) {
        while (next < children->n && x->first_nodes.data[children->data[next]] <= i) {
            int child = children->data[next++];
            write_child(typing, text, instance, end_instance, child);
            if (x->end_nodes.data[child] > i)
                i = x->end_nodes.data[child];
        }
        if (i >= x->end_nodes.data[instance])
            break;
        write_node(typing, text, instance, end_instance, &x->nodes.data[i]);
    }
}

void instances_type(Expander *x)
{
    int n = x->instances.n;
    Typing typing = {.x = x,
                     .types = map_new(x->arena),
                     .children = NEW_N(x->arena, Ints, n),
                     .outside = NEW_N(x->arena, Ints, n),
                     .seen_by = NEW_N(x->arena, int, x->tensors.n + 1),
                     .seen_as = NEW_N(x->arena, int, x->tensors.n + 1)};
    int *ends = NEW_N(x->arena, int, n);
    for (int i = 1; i < n; i++)
        PUSH(x->arena, typing.children[x->instances.data[i].parent], i);
    for (int i = n - 1; i >= 0; i--) {
        const Ints *children = &typing.children[i];
        ends[i] = children->n ? ends[children->data[children->n - 1]] : i + 1;
        Text text = text_new(x->arena);
        write_instance(&typing, &text, i, ends[i]);
        if (map_add(typing.types, text.data, typing.n_types))
            typing.n_types++;
        x->instances.data[i].type = map_get(typing.types, text.data);
    }
}
