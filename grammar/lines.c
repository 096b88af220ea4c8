/* Between the scanner and the parser: which ends of lines end a statement.
 *
 * A newline ends a statement unless a '(' or '[' is open, or the line ends in a comma, an operator
 * or
 * '{', or the next line begins with '{'. '}' and the end of the file end a statement too. ';'
 * always does. Brackets are tracked here, so a missing ')' can be shown where its '(' stands, and
 * costs one statement instead of the rest of the file. */
#include "grammar/syntax.h"
#include "parser.h"

#include <string.h>

int scan_lex(NET_STYPE *value, Span *span, void *scanner);
int net_lex(NET_STYPE *value, Span *span, Parser *parser);

struct Ahead {
    NET_STYPE value;
    Span span;
};

Parser *parser_new(Arena *arena, Diag *diag)
{
    Parser *parser = NEW(arena, Parser);
    parser->arena = arena;
    parser->diag = diag;
    parser->ast = NEW(arena, Ast);
    parser->ahead = NEW(arena, Ahead);
    parser->next = NO_TOKEN;
    return parser;
}

static bool is_round(int token)
{
    return token == '(' || token == '[';
}

static bool in_round(const Parser *parser)
{
    return parser->n_open && is_round(parser->open[parser->n_open - 1].token);
}

void lines_recover(Parser *parser)
{
    while (in_round(parser))
        parser->n_open--;
}

static void open_bracket(Parser *parser, int token, Span span)
{
    if (token == '{' && in_round(parser)) {
        parser->unclosed = parser->open[parser->n_open - 1];
        lines_recover(parser);
    }
    if (parser->n_open == AST_MAX_DEPTH) {
        if (!parser->too_deep)
            diag_error(parser->diag, span, "brackets are nested more than %d deep", AST_MAX_DEPTH);
        parser->too_deep = true;
        return;
    }
    parser->open[parser->n_open++] = (Bracket){token, span};
}

static void close_bracket(Parser *parser, int token)
{
    if (token == '}') {
        lines_recover(parser);
        parser->n_open -= parser->n_open > 0;
    } else if (in_round(parser)) {
        parser->n_open--;
    }
}

/* A line cannot end after these. */
static bool goes_on_after(int token)
{
    return token == 0 || token == END || (token < 256 && strchr("{,=~:+-*/", token));
}

/* A statement's own words never begin a line inside brackets, unless as the name of an argument:
 * then a bracket was left open. */
static bool begins_statement(const Parser *parser, int token, Span span)
{
    if (token < CONST || token > KEEP || token == IN || token == AS)
        return false;
    const char *rest = diag_source(parser->diag)->text + span.end;
    rest += strspn(rest, " \t");
    return *rest != '=' && *rest != ',' && *rest != ')';
}

static int raw_token(Parser *parser, NET_STYPE *value, Span *span, bool *starts_line)
{
    int token;
    *starts_line = parser->offset == 0;
    while ((token = scan_lex(value, span, parser->scanner)) == NEWLINE)
        *starts_line = true;
    return token;
}

/* The end of a statement goes before this token, which is kept for the next call. */
static int end_before(Parser *parser, int token, bool starts_line, Span *span)
{
    parser->next = token;
    parser->next_starts = starts_line;
    parser->ahead->span = *span;
    int place = span->start;
    const char *text = diag_source(parser->diag)->text;
    if (starts_line)
        while (place > 0 && strchr(" \t\r\n", text[place - 1]))
            place--;
    *span = (Span){place, place};
    return END;
}

static bool ends_statement(Parser *parser, int token, bool starts_line, Span span)
{
    bool closes = token == '}' || token == FILE_END;
    if (parser->last == END || (closes && (parser->last == '{' || parser->last == 0)))
        return false;
    if (in_round(parser) && (closes || (starts_line && begins_statement(parser, token, span)))) {
        parser->unclosed = parser->open[parser->n_open - 1];
        lines_recover(parser);
        return true;
    }
    if (closes)
        return parser->last != ',';
    return starts_line && token != '{' && !in_round(parser) && !goes_on_after(parser->last);
}

static void note_token(Parser *parser, int token, bool starts_line, const NET_STYPE *value,
                       Span span)
{
    if (is_round(token) || token == '{')
        open_bracket(parser, token, span);
    else if (token == ')' || token == ']' || token == '}')
        close_bracket(parser, token);
    if (token == FILE_END && parser->n_open)
        parser->unclosed = parser->open[parser->n_open - 1];
    parser->line_name = parser->starts_line ? parser->last_name : (Name){0};
    parser->after_word = parser->starts_line && parser->last >= CONST && parser->last <= KEEP;
    parser->starts_line = starts_line || parser->last == END || parser->last == '{';
    parser->last = token;
    parser->last_name = token == NAME ? (Name){value->text, span} : (Name){0};
}

int net_lex(NET_STYPE *value, Span *span, Parser *parser)
{
    int token = parser->next;
    parser->unclosed.token = 0;
    bool starts_line = parser->next_starts;
    if (token != NO_TOKEN) {
        *value = parser->ahead->value;
        *span = parser->ahead->span;
        parser->next = NO_TOKEN;
    } else {
        token = raw_token(parser, value, span, &starts_line);
        while (token == END && goes_on_after(parser->last) && parser->last != ',')
            token = raw_token(parser, value, span, &starts_line);
        if (token != END && ends_statement(parser, token, starts_line, *span)) {
            parser->ahead->value = *value;
            token = end_before(parser, token, starts_line, span);
        }
    }
    note_token(parser, token, starts_line, value, *span);
    return token;
}
