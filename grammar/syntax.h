/* What the scanner, the line rules and the parser share; private to this folder. */
#ifndef SYNTAX_H
#define SYNTAX_H

#include "ast/ast.h"

typedef struct {
    int token; /* '(' '[' or '{' */
    Span span;
} Bracket;

/* A token that was read ahead; the union is the parser's and opaque here. */
typedef struct Ahead Ahead;

typedef struct Parser {
    Arena *arena;
    Diag *diag;
    Ast *ast;
    void *scanner;
    int offset; /* of the scanner */

    /* Line rules: see lines.c. */
    Bracket open[AST_MAX_DEPTH];
    int n_open;
    bool too_deep;    /* reported already */
    Bracket unclosed; /* token 0, or a bracket that '}' or the end of the file found open */
    int last;         /* the token before, 0 at the start */
    Name last_name;   /* last where it is a name */
    Name line_name;   /* the token before last where it is a name that begins its line */
    bool after_word;  /* the token before last is a word of the language that begins its line */
    bool starts_line; /* whether last began its line */
    Ahead *ahead;
    int next;         /* token read ahead, or NO_TOKEN */
    bool next_starts; /* it began a line */
} Parser;

enum { NO_TOKEN = -1 };

Parser *parser_new(Arena *arena, Diag *diag);

/* After a syntax error: forgets open '(' and '[', so that the next end of line counts. */
void lines_recover(Parser *parser);

/* Contents of a string literal, quotes and escapes taken away. */
const char *lex_string(Parser *parser, Span span, const char *text, int n);
Number lex_number(Parser *parser, Span span, const char *text);

#endif
