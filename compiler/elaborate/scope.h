/* What the parts of the expander share: values, the scope of one instance, the graph in the making.
 */
#ifndef SCOPE_H
#define SCOPE_H

#include "elaborate/constant.h"
#include "elaborate/names.h"
#include "graph/graph.h"

typedef enum {
    VALUE_error, /* reported already: whatever is made of it is an error too, silently */
    VALUE_tensor,
    VALUE_number,
    VALUE_bool,
    VALUE_text,
    VALUE_word, /* a name that is no value: an option such as `none` */
    VALUE_list, /* also tuples */
    VALUE_call  /* normal(0, 1): text is the callee, items are the arguments */
} ValueKind;

typedef struct Value Value;
struct Value {
    ValueKind kind;
    int tensor;
    Number number;
    bool truth;
    const char *text;
    Value *items;
    int n_items;
};

typedef ARRAY(Value) Values;

typedef struct {
    Arena *arena;
    const Ast *ast;
    const Consts *consts;
    Diag *diag;
    Site *sites;
    Map *modules; /* to ast->modules */
    ARRAY(Tensor) tensors;
    ARRAY(Node) nodes;
    ARRAY(Instance) instances;
    ARRAY(int) first_nodes; /* of each instance; all of its nodes follow one another */
    ARRAY(int) end_nodes;   /* the one after its last */
    ARRAY(Named) losses;
    ARRAY(Named) outputs;
    ARRAY(int) inputs;
    int depth; /* of the recursion */
    int keeps; /* keep marks around */
    uint32_t n_streams;
    bool too_large; /* reported already */
} Expander;

/* The scope of a module's instance, the model, or a block with a name. */
typedef struct Scope Scope;
struct Scope {
    Expander *x;
    Map *slots; /* name to values */
    Values *values;
    int instance;
    int index;           /* of the innermost repeat, or -1 */
    const char *prefix;  /* of paths: "" or "layer[3].attn." */
    const char *suffix;  /* of paths: the indexes of the repeats in this scope, "[3]" */
    Exprs returned;      /* the expressions of `return`, when the body is through */
    const Scope *caller; /* NULL in the model */
    Span call;
    int callee; /* the instance that the call made */
};

/* An argument as it reaches a call. */
typedef struct {
    Name name; /* text is NULL where positional */
    Value value;
    Span span;
} Argument;

/* What a call may take. */
typedef struct {
    const char *name, *text; /* text: the signature, for messages; NULL for none */
    const OpParam *params;
    int n_params;
} Signature;

/* A row of a table with a signature: it is read at its first use, as the operators' are. */
typedef struct {
    const char *name, *text;
    OpParam params[MAX_PARAMS];
    int n_params;
} SignatureRow;

/* scope.c */
__attribute__((format(printf, 3, 4))) void scope_error(const Scope *scope, Span span,
                                                       const char *format, ...);
const char *scope_path(const Scope *scope, const char *name);
void scope_set(Scope *scope, const char *name, Value value);
/* NULL where the name has no value here. */
const Value *scope_get(const Scope *scope, const char *name);
/* Opens an instance and closes it after its last node; false where the graph has grown too large.
 */
bool instance_open(Scope *scope, const char *path, const char *module, bool checkpoint, Span span,
                   int *parent);
void instance_close(Scope *scope, int parent);
/* Counts a level of recursion; false, with an error, where it is too deep. Leave it by depth--. */
bool scope_enter(Scope *scope, Span span);
int tensor_add(Scope *scope, Tensor tensor);

Value value_error(void);
Value value_tensor(int tensor);
Value value_number(Number number);
/* "a tensor of shape [3]", "the number 3", for "expected ..., found ...". */
const char *value_text(const Scope *scope, Value value);

/* call.c: a module's instance. */
void module_call(Scope *scope, const Module *module, const Expr *expr, const Argument *arguments,
                 Mark mark, Value *values, int n_values);

/* evaluate.c: a value in a scope. */
Value evaluate(Scope *scope, const Expr *expr);
Argument *evaluate_arguments(Scope *scope, const Args *args);
/* As many values as an assignment takes, under its mark. */
void evaluate_assigned(Scope *scope, const Stmt *assign, Value *values);
/* A whole number, a positive one for sizes; false after an error. */
bool evaluate_whole(Scope *scope, const Expr *expr, int64_t least, int64_t *result);
/* Sizes are at least 1; false after an error. */
bool evaluate_type(Scope *scope, const Type *type, Shape *shape, Dtype *dtype);

/* arguments.c */
Signature signature_of(SignatureRow *row);
/* Whether a value is a number that is whole, though it may have come about with a fraction. */
bool value_is_whole(Value value, int64_t *result);
/* of_param[i]: which argument goes to parameter i, or -1; a variadic parameter takes all leading
 * positional ones and of_param is the first. False after an error. */
bool arguments_bind(const Scope *scope, const Signature *signature, Span call,
                    const Argument *arguments, int n_arguments, int *of_param);
/* An argument (NULL: the default) as an attribute of a parameter that is no tensor; pairs have
 * their second number in *second. False after an error. */
bool argument_attr(const Scope *scope, const OpParam *param, const Argument *argument, Attr *attr,
                   double *second);
/* An init, as evaluated, for a parameter of a shape. */
bool argument_init(const Scope *scope, Value value, Span span, const Shape *shape, Init *init);

/* apply.c: an operator's node; its values are errors after an error. */
void operator_apply(Scope *scope, OpKind op, const Expr *at, const Argument *arguments,
                    int n_arguments, Value *values, int n_values);

/* body.c */
void expand_body(Scope *scope, const Stmts *body);

/* types.c */
void instances_type(Expander *x);

/* sources.c: the data source, matched to the model's inputs by name. */
void expand_data(Scope *scope, const Expr *expr, Data *data);

/* train.c: block is NULL where the file has none. Gives every parameter its group. */
void expand_train(Scope *scope, const TrainBlock *block, Train *train);

#endif
