/* The tree back as source text, one statement a line, four spaces a level. Numbers and parentheses
 * are written in their shortest form; comments are gone. */
#include "ast/ast.h"

#include <string.h>

typedef struct {
    Text *text;
    int level;
} Printer;

static int precedence(const Expr *expr)
{
    if (expr->kind == EXPR_binary)
        return strchr("+-", expr->binary.op) ? 1 : 2;
    return expr->kind == EXPR_negate ? 3 : 4;
}

/* A part that binds less tightly than its place asks for gets parentheses. */
static void print_part(Text *text, const Expr *expr, int lowest)
{
    bool parentheses = precedence(expr) < lowest;
    text_printf(text, "%s", parentheses ? "(" : "");
    ast_print_expr(text, expr);
    text_printf(text, "%s", parentheses ? ")" : "");
}

static void print_exprs(Text *text, const Exprs *exprs)
{
    for (int i = 0; i < exprs->n; i++) {
        text_printf(text, "%s", i ? ", " : "");
        ast_print_expr(text, exprs->data[i]);
    }
}

static void print_names(Text *text, const Names *names)
{
    for (int i = 0; i < names->n; i++)
        text_printf(text, "%s%s", i ? ", " : "", names->data[i].text);
}

static void print_binding(Text *text, Name name, const Expr *value)
{
    if (name.text)
        text_printf(text, "%s%s", name.text, value ? " = " : "");
    if (value)
        ast_print_expr(text, value);
}

static void print_call(Text *text, const Call *call)
{
    text_printf(text, "%s(", call->callee.text);
    for (int i = 0; i < call->args.n; i++) {
        text_printf(text, "%s", i ? ", " : "");
        print_binding(text, call->args.data[i].name, call->args.data[i].value);
    }
    text_printf(text, ")");
    if (call->as.text)
        text_printf(text, " as %s", call->as.text);
}

static void print_binary(Text *text, const Expr *expr)
{
    int own = precedence(expr);
    print_part(text, expr->binary.left, own);
    text_printf(text, " %c ", expr->binary.op);
    print_part(text, expr->binary.right, own + 1);
}

static void print_string(Text *text, const char *string)
{
    text_printf(text, "\"");
    for (const char *c = string; *c; c++)
        text_printf(text, "%s%c", *c == '"' || *c == '\\' ? "\\" : "", *c);
    text_printf(text, "\"");
}

void ast_print_expr(Text *text, const Expr *expr)
{
    switch (expr->kind) {
    case EXPR_number: text_printf(text, "%s", number_print(text->arena, expr->number)); break;
    case EXPR_bool: text_printf(text, "%s", expr->truth ? "true" : "false"); break;
    case EXPR_string: print_string(text, expr->text); break;
    case EXPR_name: text_printf(text, "%s", expr->text); break;
    case EXPR_list:
    case EXPR_tuple:
        text_printf(text, "%c", expr->kind == EXPR_list ? '[' : '(');
        print_exprs(text, &expr->items);
        text_printf(text, "%c", expr->kind == EXPR_list ? ']' : ')');
        break;
    case EXPR_negate:
        text_printf(text, "-");
        print_part(text, expr->operand, 3);
        break;
    case EXPR_binary: print_binary(text, expr); break;
    case EXPR_call: print_call(text, &expr->call); break;
    }
}

static void print_type(Text *text, const Type *type)
{
    text_printf(text, " : %s[", type->dtype.text);
    print_exprs(text, &type->dims);
    text_printf(text, "]");
}

static void print_mark(Text *text, Mark mark)
{
    if (mark != MARK_none)
        text_printf(text, "%s ", ast_mark(mark));
}

static void start_line(const Printer *printer)
{
    text_printf(printer->text, "%*s", 4 * printer->level, "");
}

static void print_stmt(Printer *printer, const Stmt *stmt);

static void print_body(Printer *printer, const Stmts *body)
{
    text_printf(printer->text, "{\n");
    printer->level++;
    for (int i = 0; i < body->n; i++)
        print_stmt(printer, body->data[i]);
    printer->level--;
    start_line(printer);
    text_printf(printer->text, "}\n");
}

static void print_assign(Text *text, const Assign *assign)
{
    print_mark(text, assign->mark);
    print_names(text, &assign->targets);
    text_printf(text, " = ");
    ast_print_expr(text, assign->value);
}

static void print_head(Printer *printer, const Stmt *stmt)
{
    Text *text = printer->text;
    if (stmt->kind == STMT_block) {
        print_mark(text, stmt->block.mark);
        if (stmt->block.as.text)
            text_printf(text, "as %s ", stmt->block.as.text);
    } else {
        text_printf(text, "repeat %s in ", stmt->repeat.index.text);
        ast_print_expr(text, stmt->repeat.count);
        text_printf(text, " ");
    }
    print_body(printer, ast_body(stmt));
}

static void print_line(Text *text, const Stmt *stmt)
{
    switch (stmt->kind) {
    case STMT_assign: print_assign(text, &stmt->assign); break;
    case STMT_param:
        text_printf(text, "param %s", stmt->param.name.text);
        print_type(text, &stmt->param.type);
        text_printf(text, " ~ ");
        ast_print_expr(text, stmt->param.init);
        break;
    case STMT_input:
        text_printf(text, "%s %s", stmt->input.is_target ? "target" : "input",
                    stmt->input.name.text);
        print_type(text, &stmt->input.type);
        break;
    case STMT_output:
        text_printf(text, "output ");
        print_names(text, &stmt->outputs);
        break;
    case STMT_loss:
        text_printf(text, "loss ");
        print_binding(text, stmt->loss.name, stmt->loss.value);
        break;
    case STMT_return:
        text_printf(text, "return ");
        print_exprs(text, &stmt->values);
        break;
    case STMT_block:
    case STMT_repeat: bug("print_line: a statement with a body");
    }
}

static void print_stmt(Printer *printer, const Stmt *stmt)
{
    start_line(printer);
    if (ast_body(stmt)) {
        print_head(printer, stmt);
        return;
    }
    print_line(printer->text, stmt);
    text_printf(printer->text, "\n");
}

static void print_module(Printer *printer, const Module *module)
{
    text_printf(printer->text, "\nmodule %s(", module->name.text);
    for (int i = 0; i < module->params.n; i++) {
        text_printf(printer->text, "%s", i ? ", " : "");
        print_binding(printer->text, module->params.data[i].name, module->params.data[i].value);
    }
    text_printf(printer->text, ") ");
    print_body(printer, &module->body);
}

static void print_settings(Printer *printer, const Bindings *settings)
{
    for (int i = 0; i < settings->n; i++) {
        start_line(printer);
        print_binding(printer->text, settings->data[i].name, settings->data[i].value);
        text_printf(printer->text, "\n");
    }
}

static void print_train(Printer *printer, const TrainBlock *train)
{
    text_printf(printer->text, "\ntrain {\n");
    printer->level++;
    print_settings(printer, &train->settings);
    for (int i = 0; i < train->groups.n; i++) {
        start_line(printer);
        text_printf(printer->text, "group ");
        print_exprs(printer->text, &train->groups.data[i].patterns);
        text_printf(printer->text, " {\n");
        printer->level++;
        print_settings(printer, &train->groups.data[i].settings);
        printer->level--;
        start_line(printer);
        text_printf(printer->text, "}\n");
    }
    printer->level--;
    text_printf(printer->text, "}\n");
}

void ast_print(Text *text, const Ast *ast)
{
    Printer printer = {text, 0};
    for (int i = 0; i < ast->consts.n; i++) {
        text_printf(text, "const ");
        print_binding(text, ast->consts.data[i].name, ast->consts.data[i].value);
        text_printf(text, "\n");
    }
    for (int i = 0; i < ast->modules.n; i++)
        print_module(&printer, &ast->modules.data[i]);
    for (int i = 0; i < ast->models.n; i++) {
        text_printf(text, "\nmodel %s ", ast->models.data[i].name.text);
        print_body(&printer, &ast->models.data[i].body);
    }
    for (int i = 0; i < ast->trains.n; i++)
        print_train(&printer, &ast->trains.data[i]);
}
