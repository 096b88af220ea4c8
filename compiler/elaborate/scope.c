/* Scopes, values, instances: the expander's bookkeeping. */
#include "elaborate/scope.h"

enum {
    MAX_RECURSION = 2000,  /* expressions, bodies and calls around one another */
    MAX_OBJECTS = 1 << 18, /* nodes and instances: far above any model, soon reached */
    MAX_NOTES = 4          /* calls shown around an error */
};

void scope_error(const Scope *scope, Span span, const char *format, ...)
{
    Diag *diag = scope->x->diag;
    Text message = text_new(scope->x->arena);
    va_list args;
    va_start(args, format);
    text_vprintf(&message, format, args);
    va_end(args);
    diag_error(diag, span, "%s", message.data);
    for (int i = 0; i < MAX_NOTES && scope->caller; i++) {
        diag_note(diag, scope->call, "in '%s', called here",
                  scope->x->instances.data[scope->callee].path);
        scope = scope->caller;
    }
}

const char *scope_path(const Scope *scope, const char *name)
{
    return arena_printf(scope->x->arena, "%s%s%s", scope->prefix, name, scope->suffix);
}

void scope_set(Scope *scope, const char *name, Value value)
{
    int i = map_get(scope->slots, name);
    if (i >= 0) {
        scope->values->data[i] = value;
        return;
    }
    map_add(scope->slots, name, scope->values->n);
    PUSH(scope->x->arena, *scope->values, value);
}

const Value *scope_get(const Scope *scope, const char *name)
{
    int i = map_get(scope->slots, name);
    return i < 0 ? NULL : &scope->values->data[i];
}

static bool has_room(Scope *scope, Span span, int n)
{
    if (n < MAX_OBJECTS && !scope->x->too_large)
        return true;
    if (!scope->x->too_large)
        scope_error(scope, span, "the model grows beyond %d operators or calls", MAX_OBJECTS);
    scope->x->too_large = true;
    return false;
}

bool instance_open(Scope *scope, const char *path, const char *module, bool checkpoint, Span span,
                   int *parent)
{
    Expander *x = scope->x;
    Instance instance = {.path = path,
                         .module = module,
                         .parent = scope->instance,
                         .index = scope->index,
                         .checkpoint = checkpoint,
                         .span = span};
    *parent = scope->instance;
    if (!has_room(scope, span, x->instances.n + x->nodes.n))
        return false;
    scope->instance = x->instances.n;
    PUSH(x->arena, x->instances, instance);
    PUSH(x->arena, x->first_nodes, x->nodes.n);
    PUSH(x->arena, x->end_nodes, x->nodes.n);
    return true;
}

void instance_close(Scope *scope, int parent)
{
    scope->x->end_nodes.data[scope->instance] = scope->x->nodes.n;
    scope->instance = parent;
}

bool scope_enter(Scope *scope, Span span)
{
    if (scope->x->depth++ < MAX_RECURSION)
        return true;
    scope_error(scope, span, "calls and expressions are nested too deeply here");
    return false;
}

int tensor_add(Scope *scope, Tensor tensor)
{
    Expander *x = scope->x;
    tensor.origin = -1;
    tensor.instance = scope->instance;
    tensor.keep = x->keeps > 0;
    PUSH(x->arena, x->tensors, tensor);
    return x->tensors.n - 1;
}

Value value_error(void)
{
    return (Value){.kind = VALUE_error};
}

Value value_tensor(int tensor)
{
    return (Value){.kind = VALUE_tensor, .tensor = tensor};
}

Value value_number(Number number)
{
    return (Value){.kind = VALUE_number, .number = number};
}

const char *value_text(const Scope *scope, Value value)
{
    Arena *arena = scope->x->arena;
    switch (value.kind) {
    case VALUE_error: return "an error";
    case VALUE_tensor: {
        const Tensor *tensor = &scope->x->tensors.data[value.tensor];
        return arena_printf(arena, "a tensor %s%s", dtype_name(tensor->dtype),
                            shape_text(arena, &tensor->shape));
    }
    case VALUE_number:
        return value.number.is_float ? arena_printf(arena, "%.10g", value.number.f)
                                     : number_print(arena, value.number);
    case VALUE_bool: return value.truth ? "true" : "false";
    case VALUE_text: return "a string";
    case VALUE_word: return arena_printf(arena, "'%s'", value.text);
    case VALUE_list: return "a list";
    case VALUE_call: return arena_printf(arena, "%s(...)", value.text);
    }
    bug("value_text: kind %d", (int)value.kind);
}
