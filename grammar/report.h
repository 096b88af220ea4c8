/* What the grammar's actions call besides the tree's constructors; private to this folder. */
#ifndef REPORT_H
#define REPORT_H

#include "grammar/syntax.h"

#include <string.h>

enum { MAX_EXPECTED = 64 };

/* Tokens are given by the names that parser.y gives them. */
typedef struct {
    Span span;
    const char *found; /* NULL where unknown */
    const char *expected[MAX_EXPECTED];
    int n_expected;
} SyntaxError;

/* "expected ',' or ')', found name 'y'", with hints. */
void parse_report(Parser *parser, const SyntaxError *error);
/* The parser gave up: its stack is full or memory is out. */
void parse_failed(Parser *parser, Span span, const char *message);

/* Numbers an operation's site. Where it is nested too deeply for later passes: an error, and a leaf
 * in its place. */
Expr *parse_site(Parser *parser, Expr *expr);
Stmt *parse_stmt(Parser *parser, Span span, StmtKind kind);
/* (first, rest...) */
Expr *parse_tuple(Parser *parser, Span span, Expr *first, Exprs rest);

#endif
