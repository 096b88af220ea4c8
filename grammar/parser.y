/* The grammar. Rules build the tree and give nothing a meaning; the only errors here are of syntax. */
%code requires {
#include "grammar/syntax.h"
}

%code {
#include "grammar/report.h"

/* The token that the parser sees next: lines.c. */
int net_lex(NET_STYPE *value, Span *span, Parser *parser);

static void net_error(const Span *span, Parser *parser, const char *message)
{
    parse_failed(parser, *span, message);
}

#define YYLLOC_DEFAULT(here, rhs, n)                                                               \
    (here) = (n) ? (Span){YYRHSLOC(rhs, 1).start, YYRHSLOC(rhs, n).end}                            \
                 : (Span){YYRHSLOC(rhs, 0).end, YYRHSLOC(rhs, 0).end}

/* Appends to a list that the grammar passes on by value. */
#define APPEND(result, list, value)                                                                \
    do {                                                                                           \
        (result) = (list);                                                                         \
        PUSH(parser->arena, (result), (value));                                                    \
    } while (0)
#define FIRST(result, value)                                                                       \
    do {                                                                                           \
        memset(&(result), 0, sizeof(result));                                                      \
        PUSH(parser->arena, (result), (value));                                                    \
    } while (0)
#define STMT(result, span, kind) (result) = parse_stmt(parser, (span), (kind))
}

%define api.prefix {net_}
%define api.pure full
%define api.location.type {Span}
%define parse.error custom
%define parse.lac full
%locations
%expect 0
%param {Parser *parser}

%union {
    const char *text;
    bool truth;
    Number number;
    Name name;
    Names names;
    Expr *expr;
    Exprs exprs;
    Arg arg;
    Args args;
    Type type;
    Mark mark;
    Stmt *stmt;
    Stmts stmts;
    Binding binding;
    Bindings bindings;
    TrainBlock train;
    GroupBlock group;
}

%token FILE_END 0 "end of file"
%token END "end of line" NEWLINE
%token CONST "'const'" MODULE "'module'" MODEL "'model'" TRAIN "'train'"
%token INPUT "'input'" TARGET "'target'" PARAM "'param'" OUTPUT "'output'" LOSS "'loss'"
%token RETURN "'return'" REPEAT "'repeat'" IN "'in'" AS "'as'"
%token CHECKPOINT "'checkpoint'" KEEP "'keep'"
%token <text> NAME "name" STRING "string"
%token <number> NUMBER "number"
%token <truth> TRUTH "'true' or 'false'"

%type <name> name word as
%type <names> names
%type <expr> expr sum product factor primary default
%type <exprs> exprs items strings
%type <arg> arg
%type <args> args arg_list
%type <type> type
%type <mark> mark
%type <stmt> statement repeat_head block_head
%type <stmts> block statements
%type <binding> const setting module_param
%type <bindings> module_params module_param_list settings
%type <train> train_body
%type <group> group

%%

file: %empty | file item;

item
    : CONST consts END
    | module END
    | MODEL name block END {
        Model model = {$2, $3, {@3.end - 1, @3.end}};
        PUSH(parser->arena, parser->ast->models, model);
    }
    | MODEL error block END { yyerrok; }
    | TRAIN '{' train_body '}' END {
        $3.span = @1;
        PUSH(parser->arena, parser->ast->trains, $3);
    }
    | error END { yyerrok; }
    | error block END { yyerrok; }
    ;

consts
    : const            { PUSH(parser->arena, parser->ast->consts, $1); }
    | consts ',' const { PUSH(parser->arena, parser->ast->consts, $3); }
    ;
const: name '=' expr { $$ = (Binding){$1, $3}; };

module
    : MODULE name '(' module_params ')' block {
        Module module = {$2, $4, $6, {@6.end - 1, @6.end}};
        PUSH(parser->arena, parser->ast->modules, module);
    }
    | MODULE error block { yyerrok; }
    ;
module_params
    : %empty { $$ = (Bindings){0}; }
    | module_param_list
    | module_param_list ','
    ;
module_param_list
    : module_param                       { FIRST($$, $1); }
    | module_param_list ',' module_param { APPEND($$, $1, $3); }
    ;
module_param: name default { $$ = (Binding){$1, $2}; };
default
    : %empty   { $$ = NULL; }
    | '=' expr { $$ = $2; }
    ;

block: '{' statements '}' { $$ = $2; };
statements
    : %empty                   { $$ = (Stmts){0}; }
    | statements statement END { APPEND($$, $1, $2); }
    | statements error END     { $$ = $1; yyerrok; }
    | statements error block END { $$ = $1; yyerrok; }
    ;

statement
    : names '=' expr {
        STMT($$, @$, STMT_assign);
        $$->assign = (Assign){MARK_none, $1, $3};
    }
    | mark names '=' expr {
        STMT($$, @$, STMT_assign);
        $$->assign = (Assign){$1, $2, $4};
    }
    | block_head block  { $$ = $1; $$->block.body = $2; }
    | repeat_head block { $$ = $1; $$->repeat.body = $2; }
    | REPEAT error block {
        STMT($$, @1, STMT_block);
        $$->block.body = $3;
    }
    | PARAM name ':' type '~' expr {
        STMT($$, @$, STMT_param);
        $$->param = (Param){$2, $4, $6};
    }
    | INPUT name ':' type {
        STMT($$, @$, STMT_input);
        $$->input = (Input){false, $2, $4};
    }
    | TARGET name ':' type {
        STMT($$, @$, STMT_input);
        $$->input = (Input){true, $2, $4};
    }
    | OUTPUT names {
        STMT($$, @$, STMT_output);
        $$->outputs = $2;
    }
    | LOSS expr {
        STMT($$, @$, STMT_loss);
        $$->loss = (Loss){{0}, $2};
    }
    | LOSS name '=' expr {
        STMT($$, @$, STMT_loss);
        $$->loss = (Loss){$2, $4};
    }
    | RETURN exprs {
        STMT($$, @$, STMT_return);
        $$->values = $2;
    }
    ;
block_head
    : mark as {
        STMT($$, @$, STMT_block);
        $$->block = (Block){$1, $2, {0}};
    }
    ;
repeat_head
    : REPEAT name IN expr {
        STMT($$, @$, STMT_repeat);
        $$->repeat = (Repeat){$2, $4, {0}};
    }
    ;
mark
    : CHECKPOINT { $$ = MARK_checkpoint; }
    | KEEP       { $$ = MARK_keep; }
    ;

type
    : name '[' items ']' { $$ = (Type){$1, $3, @$}; }
    | name               { $$ = (Type){$1, {0}, @$}; }
    ;

train_body
    : %empty                 { $$ = (TrainBlock){0}; }
    | train_body setting END { $$ = $1; PUSH(parser->arena, $$.settings, $2); }
    | train_body group END   { $$ = $1; PUSH(parser->arena, $$.groups, $2); }
    | train_body error END   { $$ = $1; yyerrok; }
    | train_body error '{' settings '}' END { $$ = $1; yyerrok; }
    ;
setting: name '=' expr { $$ = (Binding){$1, $3}; };
group: name strings '{' settings '}' { $$ = (GroupBlock){$1, $2, $4}; };
strings
    : STRING             { FIRST($$, ast_text(parser->arena, @1, EXPR_string, $1)); }
    | strings ',' STRING { APPEND($$, $1, ast_text(parser->arena, @3, EXPR_string, $3)); }
    ;
settings
    : %empty               { $$ = (Bindings){0}; }
    | settings setting END { APPEND($$, $1, $2); }
    | settings setting ',' { APPEND($$, $1, $2); }
    | settings error END   { $$ = $1; yyerrok; }
    ;

expr: sum;
sum
    : product
    | sum '+' product { $$ = parse_site(parser, ast_binary(parser->arena, '+', $1, $3)); }
    | sum '-' product { $$ = parse_site(parser, ast_binary(parser->arena, '-', $1, $3)); }
    ;
product
    : factor
    | product '*' factor { $$ = parse_site(parser, ast_binary(parser->arena, '*', $1, $3)); }
    | product '/' factor { $$ = parse_site(parser, ast_binary(parser->arena, '/', $1, $3)); }
    ;
factor
    : primary
    | '-' factor { $$ = parse_site(parser, ast_negate(parser->arena, @$, $2)); }
    ;
primary
    : NUMBER { $$ = ast_number(parser->arena, @1, $1); }
    | TRUTH  { $$ = ast_bool(parser->arena, @1, $1); }
    | STRING { $$ = ast_text(parser->arena, @1, EXPR_string, $1); }
    | NAME   { $$ = ast_text(parser->arena, @1, EXPR_name, $1); }
    | '(' expr ')'           { $$ = $2; $$->span = @$; }
    | '(' expr ',' items ')' { $$ = parse_tuple(parser, @$, $2, $4); }
    | '[' items ']'          { $$ = ast_items(parser->arena, @$, EXPR_list, $2); }
    | name '(' args ')' as   {
        $$ = parse_site(parser, ast_call(parser->arena, @$, $1, $3));
        $$->call.as = $5;
    }
    ;
as
    : %empty  { $$ = (Name){0}; }
    | AS name { $$ = $2; }
    ;

args
    : %empty { $$ = (Args){0}; }
    | arg_list
    | arg_list ','
    ;
arg_list
    : arg              { FIRST($$, $1); }
    | arg_list ',' arg { APPEND($$, $1, $3); }
    ;
arg
    : expr          { $$ = (Arg){{0}, $1}; }
    | word '=' expr { $$ = (Arg){$1, $3}; }
    ;

items
    : %empty    { $$ = (Exprs){0}; }
    | exprs
    | exprs ','
    ;
exprs
    : expr           { FIRST($$, $1); }
    | exprs ',' expr { APPEND($$, $1, $3); }
    ;
names
    : name           { FIRST($$, $1); }
    | names ',' name { APPEND($$, $1, $3); }
    ;
name: NAME { $$ = (Name){$1, @1}; };

/* Before '=' in a call no word can mean anything else, so all are names there. */
word
    : name
    | CONST  { $$ = (Name){"const", @1}; }
    | MODULE { $$ = (Name){"module", @1}; }
    | MODEL  { $$ = (Name){"model", @1}; }
    | TRAIN  { $$ = (Name){"train", @1}; }
    | INPUT  { $$ = (Name){"input", @1}; }
    | TARGET { $$ = (Name){"target", @1}; }
    | PARAM  { $$ = (Name){"param", @1}; }
    | OUTPUT { $$ = (Name){"output", @1}; }
    | LOSS   { $$ = (Name){"loss", @1}; }
    | RETURN { $$ = (Name){"return", @1}; }
    | REPEAT { $$ = (Name){"repeat", @1}; }
    | IN     { $$ = (Name){"in", @1}; }
    | AS     { $$ = (Name){"as", @1}; }
    | CHECKPOINT { $$ = (Name){"checkpoint", @1}; }
    | KEEP   { $$ = (Name){"keep", @1}; }
    ;

%%

static int yyreport_syntax_error(const yypcontext_t *context, Parser *parser)
{
    yysymbol_kind_t expected[YYNTOKENS];
    SyntaxError error = {.span = *yypcontext_location(context)};
    int n = yypcontext_expected_tokens(context, expected, YYNTOKENS);
    for (int i = 0; i < n; i++)
        error.expected[error.n_expected++] = yysymbol_name(expected[i]);
    yysymbol_kind_t found = yypcontext_token(context);
    error.found = found == YYSYMBOL_YYEMPTY ? NULL : yysymbol_name(found);
    parse_report(parser, &error);
    return 0;
}
