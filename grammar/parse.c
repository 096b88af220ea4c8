/* Runs scanner and parser over a source; the values of literals. */
#include "grammar/parse.h"
#include "grammar/report.h"

#include "parser.h"

#define YYSTYPE NET_STYPE
#define YYLTYPE Span
#include "lexer.h"

Ast *parse_source(Arena *arena, Diag *diag)
{
    const Source *source = diag_source(diag);
    Parser *parser = parser_new(arena, diag);
    if (scan_lex_init_extra(parser, &parser->scanner) != 0)
        fatal("out of memory:");
    scan__scan_bytes(source->text, source->n, parser->scanner);
    net_parse(parser);
    scan_lex_destroy(parser->scanner);
    return parser->ast;
}

const char *lex_string(Parser *parser, Span span, const char *text, int n)
{
    char *string = arena_alloc(parser->arena, (size_t)n + 1);
    int length = 0;
    for (int i = 0; i < n; i++) {
        if (text[i] == '\\' && text[++i] != '"' && text[i] != '\\')
            diag_error(parser->diag, (Span){span.start + i, span.start + i + 2},
                       "only \\\" and \\\\ are written with a backslash");
        if ((unsigned char)text[i] < 0x20)
            diag_error(parser->diag, span, "a string cannot hold a control character");
        string[length++] = text[i];
    }
    return string;
}

Number lex_number(Parser *parser, Span span, const char *text)
{
    Number number = number_int(0);
    switch (number_parse(text, &number)) {
    case NUMBER_ok: break;
    case NUMBER_malformed:
        diag_error(parser->diag, span, "'%.40s' is neither a number nor a name", text);
        break;
    case NUMBER_too_large: diag_error(parser->diag, span, "this number is too large"); break;
    }
    return number;
}

Expr *parse_site(Parser *parser, Expr *expr)
{
    expr->site = parser->ast->n_sites++;
    if (expr->depth <= AST_MAX_DEPTH)
        return expr;
    if (!parser->too_deep)
        diag_error(parser->diag, expr->span,
                   "this expression is more than %d levels deep: name its parts", AST_MAX_DEPTH);
    parser->too_deep = true;
    return ast_number(parser->arena, expr->span, number_int(0));
}

Stmt *parse_stmt(Parser *parser, Span span, StmtKind kind)
{
    Stmt *stmt = ast_stmt(parser->arena, span, kind);
    stmt->site = parser->ast->n_sites++;
    return stmt;
}

Expr *parse_tuple(Parser *parser, Span span, Expr *first, Exprs rest)
{
    Exprs items = {0};
    PUSH(parser->arena, items, first);
    for (int i = 0; i < rest.n; i++)
        PUSH(parser->arena, items, rest.data[i]);
    return ast_items(parser->arena, span, EXPR_tuple, items);
}
