/* Every example of grammar/language.md is compiled, and nothing is said: whole files as they are,
 * parts within the model that the page shows. */
#include "elaborate/check.h"
#include "elaborate/expand.h"
#include "grammar/parse.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *language_suite(void);

enum { MAX_EXAMPLES = 100, PAGE_BYTES = 1 << 17 };

typedef struct {
    const char *start; /* after the fence's first line */
    int n, line;
    char kind[16]; /* "", "top", "model" or "train" */
} Example;

static char page[PAGE_BYTES];
static Example examples[MAX_EXAMPLES];
static int n_examples;

static void find_examples(void)
{
    FILE *file = fopen("grammar/language.md", "rb");
    size_t n = file ? fread(page, 1, sizeof page - 1, file) : 0;
    page[n] = '\0';
    if (file)
        fclose(file);
    for (const char *at = page; (at = strstr(at, "```net")) && n_examples < MAX_EXAMPLES;) {
        Example *example = &examples[n_examples++];
        sscanf(at + strlen("```net"), "%*[ ]%15[a-z]", example->kind);
        example->start = strchr(at, '\n') + 1;
        example->n = (int)(strstr(example->start, "```") - example->start);
        for (const char *c = page; c < example->start; c++)
            example->line += *c == '\n';
        at = example->start + example->n + 3;
    }
}

static const char *whole(Arena *arena, const Example *example)
{
    const char *part = arena_strndup(arena, example->start, (size_t)example->n);
    if (example->kind[0] == '\0')
        return part;
    bool top = strcmp(example->kind, "top") == 0, train = strcmp(example->kind, "train") == 0;
    ck_assert_msg(top || train || strcmp(example->kind, "model") == 0, "%s", example->kind);
    return arena_printf(arena,
                        "%sconst batch = 4\nmodel Example {\n    input  x : f32[batch, 8]\n"
                        "    target y : i32[batch]\n%s"
                        "    loss cross_entropy(linear(x, out = 10) as head, y)\n}\n"
                        "train {\n%s}\n",
                        top ? part : "", top || train ? "" : part, train ? part : "");
}

static void compile(Arena *arena, Diag *diag)
{
    Ast *ast = parse_source(arena, diag);
    if (diag_errors(diag))
        return;
    const Consts *consts = consts_resolve(arena, ast, NULL, 0, diag);
    check_ast(arena, ast, diag);
    if (!diag_errors(diag))
        ck_assert(expand(arena, ast, consts, diag) != NULL);
}

START_TEST(an_example_compiles_without_a_word)
{
    Arena *arena = arena_new();
    const Example *example = &examples[_i];
    Source source = {.name = arena_printf(arena, "language.md+%d", example->line)};
    source.text = whole(arena, example);
    source.n = (int)strlen(source.text);
    char *said = NULL;
    size_t n_said = 0;
    FILE *out = open_memstream(&said, &n_said);
    Diag *diag = diag_new(arena, &source, out);
    compile(arena, diag);
    fclose(out);
    ck_assert_str_eq(said, "");
    free(said);
    arena_free(arena);
}
END_TEST

START_TEST(the_page_has_its_examples)
{
    ck_assert_int_ge(n_examples, 18);
}
END_TEST

Suite *language_suite(void)
{
    Suite *suite = suite_create("language");
    TCase *tcase = tcase_create("language");
    find_examples();
    tcase_add_test(tcase, the_page_has_its_examples);
    tcase_add_loop_test(tcase, an_example_compiles_without_a_word, 0, n_examples);
    suite_add_tcase(suite, tcase);
    return suite;
}
