/* The parser and the printer: trees print as written here by hand, print and parse are inverse on
 * every model in the project, and no mutation of one brings the front end down. */
#include "grammar/parse.h"

#include <check.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

Suite *parse_suite(void);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static Arena *arena;
static glob_t models;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

/* Parses, and prints the tree; the messages instead where there are errors. */
static const char *parsed(const char *text, size_t n)
{
    Source *source = NEW(arena, Source);
    *source = (Source){"m.net", text, (int)n};
    char *said = NULL;
    size_t n_said = 0;
    FILE *out = open_memstream(&said, &n_said);
    Diag *diag = diag_new(arena, source, out);
    Ast *ast = parse_source(arena, diag);
    Text tree = text_new(arena);
    ast_print(&tree, ast);
    fclose(out);
    const char *result = diag_errors(diag) ? arena_strdup(arena, said) : tree.data;
    free(said);
    return result;
}

static const char *expression(const char *text)
{
    const char *source = arena_printf(arena, "const a = %s\n", text);
    const char *result = parsed(source, strlen(source));
    return arena_strndup(arena, result + strlen("const a = "),
                         strlen(result) - strlen("const a = ") - 1);
}

static const struct {
    const char *written, *printed;
} expressions[] = {
    {"1 + 2 * 3", "1 + 2 * 3"},
    {"(1 + 2) * 3", "(1 + 2) * 3"},
    {"a - (b - c)", "a - (b - c)"},
    {"(a - b) - c", "a - b - c"},
    {"a / (b * c)", "a / (b * c)"},
    {"-(a + b) * - c", "-(a + b) * -c"},
    {"- - a", "--a"},
    {"((a))", "a"},
    {"6 GiB", "6442450944"},
    {"512MiB", "536870912"},
    {"1.5 kB", "1500"},
    {"1e-3", "0.001"},
    {".5", "0.5"},
    {"2.", "2.0"},
    {"1e300", "1e+300"},
    {"0.1", "0.1"},
    {"[a, b, -1]", "[a, b, -1]"},
    {"(0.9, 0.999,)", "(0.9, 0.999)"},
    {"[]", "[]"},
    {"f()", "f()"},
    {"f(a, keep = true, in = 3,) as g", "f(a, keep = true, in = 3) as g"},
    {"f(\n  a, # one\n\n  b\n)", "f(a, b)"},
    {"1 +\n 2", "1 + 2"},
    {"\"a \\\"b\\\" \\\\ \xc3\xbc\"", "\"a \\\"b\\\" \\\\ \xc3\xbc\""},
};

START_TEST(an_expression_prints_in_its_shortest_form)
{
    ck_assert_str_eq(expression(expressions[_i].written), expressions[_i].printed);
}
END_TEST

static const struct {
    const char *what, *written;
} same_statements[] = {
    {"lines", "module A(x) {\n    y = f(x)\n    z = g(y)\n    return z\n}\n"},
    {"one line", "module A(x) { y = f(x); z = g(y); return z }\n"},
    {"no last newline", "module A(x) { y = f(x); z = g(y); return z }"},
    {"brace on its own line", "module A(x)\n\n# why\n{\ny = f(x)\nz = g(y);;\nreturn z;\n}\n"},
    {"CR LF", "module A(x) {\r\ny = f(x)\r\nz = g(y)\r\nreturn z\r\n}\r\n"},
    {"in brackets", "module A(\n x\n) {\ny = f(\n\nx)\nz =\n g(y)\nreturn z\n}\n"},
};

START_TEST(layout_does_not_change_the_tree)
{
    const char *text = same_statements[_i].written;
    ck_assert_str_eq(parsed(text, strlen(text)),
                     "\nmodule A(x) {\n    y = f(x)\n    z = g(y)\n    return z\n}\n");
}
END_TEST

START_TEST(a_statement_ends_with_its_line)
{
    const char *text = "module A(x) { y = f(x) z = y }";
    ck_assert(strstr(parsed(text, strlen(text)), "expected the end of the line") != NULL);
}
END_TEST

static char *read_text(const char *path, size_t *n)
{
    FILE *file = fopen(path, "rb");
    ck_assert_msg(file != NULL, "%s", path);
    char *text = arena_alloc(arena, 1 << 20);
    *n = fread(text, 1, (1 << 20) - 1, file);
    fclose(file);
    return text;
}

START_TEST(a_printed_model_parses_to_the_same_tree)
{
    size_t n;
    const char *text = read_text(models.gl_pathv[_i], &n);
    const char *once = parsed(text, n);
    ck_assert_int_eq(strncmp(once, "m.net:", 6) == 0, 0);
    ck_assert_str_eq(parsed(once, strlen(once)), once);
}
END_TEST

/* A fixed sequence of pseudo-random numbers (xorshift64). */
static uint64_t state = 88172645463325252u;

static size_t below(size_t n)
{
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return (size_t)(state % n);
}

/* One small change: a byte lost, doubled, replaced, or a piece of the text moved elsewhere. */
static size_t mutate(char *text, size_t n)
{
    static const char bytes[] = "(){}[],=~:;\n\"#+-*/ax0.\\\x80\xff";
    size_t at = below(n), length = 1 + below(12), to = below(n);
    switch (below(4)) {
    case 0: memmove(text + at, text + at + 1, n - at - 1); return n - 1;
    case 1: memmove(text + at + 1, text + at, n - at); return n + 1;
    case 2: text[at] = bytes[below(sizeof bytes)]; return n;
    default:
        if (at + length < n && to + length < n)
            memmove(text + to, text + at, length);
        return n;
    }
}

START_TEST(no_mutation_of_a_model_brings_the_front_end_down)
{
    size_t n;
    const char *text = read_text(models.gl_pathv[_i], &n);
    char *mutated = arena_alloc(arena, n + 64);
    for (int round = 0; round < 500; round++) {
        memcpy(mutated, text, n);
        size_t length = n;
        for (size_t k = 1 + below(6); k > 0 && length > 1; k--)
            length = mutate(mutated, length);
        ck_assert_int_eq(LLVMFuzzerTestOneInput((const uint8_t *)mutated, length), 0);
    }
}
END_TEST

START_TEST(no_depth_overflows_the_stack)
{
    static const char *const openers[] = {"(",
                                          "[",
                                          "-",
                                          "f(",
                                          "{",
                                          "1+",
                                          "keep {",
                                          "repeat i in 2 {",
                                          "module A(x) {",
                                          "\"",
                                          "a, ",
                                          "x = ",
                                          "group \"a\" {"};
    for (size_t i = 0; i < sizeof openers / sizeof *openers; i++) {
        Text text = text_new(arena);
        text_printf(&text, "const a = ");
        for (int k = 0; k < 5000; k++)
            text_printf(&text, "%s", openers[i]);
        ck_assert_int_eq(LLVMFuzzerTestOneInput((const uint8_t *)text.data, text.n), 0);
        Text body = text_new(arena);
        text_printf(&body, "model M { %s", text.data + strlen("const a = "));
        ck_assert_int_eq(LLVMFuzzerTestOneInput((const uint8_t *)body.data, body.n), 0);
    }
}
END_TEST

Suite *parse_suite(void)
{
    Suite *suite = suite_create("parse");
    TCase *tcase = tcase_create("parse");
    glob("tests/cases/ok/*.net", 0, NULL, &models);
    glob("examples/*/*.net", GLOB_APPEND, NULL, &models);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_loop_test(tcase, an_expression_prints_in_its_shortest_form, 0,
                        sizeof expressions / sizeof *expressions);
    tcase_add_loop_test(tcase, layout_does_not_change_the_tree, 0,
                        sizeof same_statements / sizeof *same_statements);
    tcase_add_test(tcase, a_statement_ends_with_its_line);
    tcase_add_loop_test(tcase, a_printed_model_parses_to_the_same_tree, 0, (int)models.gl_pathc);
    tcase_add_loop_test(tcase, no_mutation_of_a_model_brings_the_front_end_down, 0,
                        (int)models.gl_pathc);
    tcase_add_test(tcase, no_depth_overflows_the_stack);
    suite_add_tcase(suite, tcase);
    return suite;
}
