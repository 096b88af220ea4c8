/* What the user wrote, as a tree with a span at every node. The parser builds it, check and expand
 * read it, nobody changes it. */
#ifndef AST_H
#define AST_H

#include "base/diag.h"
#include "base/number.h"

/* How deep expressions and brackets may nest: every pass over the tree recurses. */
enum { AST_MAX_DEPTH = 200 };

typedef struct {
    const char *text; /* NULL where the name was left out */
    Span span;
} Name;

typedef struct Expr Expr;
typedef ARRAY(Expr *) Exprs;
typedef ARRAY(Name) Names;

typedef struct {
    Name name; /* text is NULL for a positional argument */
    Expr *value;
} Arg;
typedef ARRAY(Arg) Args;

typedef enum {
    EXPR_number,
    EXPR_bool,
    EXPR_string,
    EXPR_name,
    EXPR_list,   /* [a, b] */
    EXPR_tuple,  /* (a, b) */
    EXPR_negate, /* -a */
    EXPR_binary, /* a + b */
    EXPR_call    /* f(a, name = b) as name */
} ExprKind;

typedef struct {
    Name callee;
    Args args;
    Name as;
} Call;

typedef struct {
    char op; /* one of + - * / */
    Expr *left, *right;
} Binary;

struct Expr {
    ExprKind kind;
    Span span;
    int depth; /* 1 for a leaf */
    int site;  /* of a call, a binary or a negate: counts them and the statements of a file */
    union {
        Number number;
        bool truth;
        const char *text; /* of a string or a name */
        Exprs items;      /* of a list or a tuple */
        Expr *operand;
        Binary binary;
        Call call;
    };
};

/* f32[batch, 4 * n]; dims is empty for a scalar. */
typedef struct {
    Name dtype;
    Exprs dims;
    Span span;
} Type;

typedef enum { MARK_none, MARK_checkpoint, MARK_keep } Mark;

typedef struct Stmt Stmt;
typedef ARRAY(Stmt *) Stmts;

typedef enum {
    STMT_assign, /* checkpoint a, b = f(x) */
    STMT_block,  /* checkpoint as name { ... } */
    STMT_repeat, /* repeat i in n { ... } */
    STMT_param,  /* param w : f32[n] ~ normal(0, 0.02) */
    STMT_input,  /* input x : f32[n], or target */
    STMT_output, /* output a, b */
    STMT_loss,   /* loss name = expr */
    STMT_return  /* return a, b */
} StmtKind;

typedef struct {
    Mark mark;
    Names targets;
    Expr *value;
} Assign;

typedef struct {
    Mark mark;
    Name as;
    Stmts body;
} Block;

typedef struct {
    Name index;
    Expr *count;
    Stmts body;
} Repeat;

typedef struct {
    Name name;
    Type type;
    Expr *init;
} Param;

typedef struct {
    bool is_target;
    Name name;
    Type type;
} Input;

typedef struct {
    Name name;
    Expr *value;
} Loss;

struct Stmt {
    StmtKind kind;
    Span span; /* of a statement with a body: its first line */
    int site;
    union {
        Assign assign;
        Block block;
        Repeat repeat;
        Param param;
        Input input;
        Names outputs;
        Loss loss;
        Exprs values; /* returned */
    };
};

/* name = value: a const, a setting of train or of a group, or a module's parameter with its default
 * (value is NULL where there is none). */
typedef struct {
    Name name;
    Expr *value;
} Binding;
typedef ARRAY(Binding) Bindings;

typedef struct {
    Name name;
    Bindings params;
    Stmts body;
    Span end; /* the closing brace */
} Module;

typedef struct {
    Name name;
    Stmts body;
    Span end;
} Model;

/* group "*.bias" { weight_decay = 0 }; every pattern is an EXPR_string. */
typedef struct {
    Name keyword;
    Exprs patterns;
    Bindings settings;
} GroupBlock;

typedef struct {
    Span span; /* of the word train */
    Bindings settings;
    ARRAY(GroupBlock) groups;
} TrainBlock;

/* Several models or train blocks are parsed, so that check can point at each. */
typedef struct {
    Bindings consts;
    ARRAY(Module) modules;
    ARRAY(Model) models;
    ARRAY(TrainBlock) trains;
    int n_sites;
} Ast;

Expr *ast_number(Arena *arena, Span span, Number number);
Expr *ast_bool(Arena *arena, Span span, bool truth);
/* EXPR_string or EXPR_name. */
Expr *ast_text(Arena *arena, Span span, ExprKind kind, const char *text);
/* EXPR_list or EXPR_tuple. */
Expr *ast_items(Arena *arena, Span span, ExprKind kind, Exprs items);
Expr *ast_negate(Arena *arena, Span span, Expr *operand);
Expr *ast_binary(Arena *arena, char op, Expr *left, Expr *right);
Expr *ast_call(Arena *arena, Span span, Name callee, Args args);
Stmt *ast_stmt(Arena *arena, Span span, StmtKind kind);

/* The body of a block or a repeat; NULL for other statements. */
const Stmts *ast_body(const Stmt *stmt);
/* "checkpoint" or "keep"; NULL for MARK_none. */
const char *ast_mark(Mark mark);

/* Appends the tree as source text: parsing that gives the same tree again. */
void ast_print(Text *text, const Ast *ast);
void ast_print_expr(Text *text, const Expr *expr);

#endif
