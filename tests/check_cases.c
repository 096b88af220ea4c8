/* Loops over tests/cases: every ok/NAME.net passes without a message, every bad/RULE.net gives
 * exactly the messages of bad/RULE.err (a first line `# -D name=value ...` gives overrides).
 * BLESS=1 in the environment writes the .err files anew; the difference is to be reviewed. */
#include "elaborate/check.h"
#include "elaborate/expand.h"
#include "grammar/parse.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

Suite *cases_suite(void);

enum { MAX_CASES = 400, MAX_OVERRIDES = 8 };

typedef struct {
    const char *folder;
    char names[MAX_CASES][64];
    int n;
} Folder;

static Folder ok = {.folder = "tests/cases/ok"}, bad = {.folder = "tests/cases/bad"};

static Arena *arena;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void list_folder(Folder *folder)
{
    DIR *dir = opendir(folder->folder);
    for (struct dirent *entry; dir && (entry = readdir(dir));) {
        size_t n = strlen(entry->d_name);
        if (n > 4 && n < 60 && strcmp(entry->d_name + n - 4, ".net") == 0 && folder->n < MAX_CASES)
            snprintf(folder->names[folder->n++], sizeof folder->names[0], "%.*s", (int)n - 4,
                     entry->d_name);
    }
    if (dir)
        closedir(dir);
    qsort(folder->names, (size_t)folder->n, sizeof folder->names[0], compare_names);
}

static char *read_text(const char *path, int *n)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    fseek(file, 0, SEEK_END);
    long size = ftell(file);
    rewind(file);
    char *text = arena_alloc(arena, (size_t)size + 1);
    *n = (int)fread(text, 1, (size_t)size, file);
    fclose(file);
    return text;
}

static int read_overrides(char *text, Override *overrides)
{
    int n = 0;
    if (strncmp(text, "# -D ", 5) != 0)
        return 0;
    size_t length = strcspn(text, "\n") - 2;
    char *line = arena_strndup(arena, text + 2, length);
    for (char *word = strtok(line, " "); word; word = strtok(NULL, " ")) {
        char *equals = strchr(word, '=');
        if (!equals || n == MAX_OVERRIDES)
            continue;
        *equals = '\0';
        overrides[n++] = (Override){word, equals + 1};
    }
    return n;
}

/* The stages as the command runs them: each only after one without errors. */
static int run_stages(Diag *diag, const Override *overrides, int n_overrides)
{
    Ast *ast = parse_source(arena, diag);
    if (diag_errors(diag))
        return 1;
    const Consts *consts = consts_resolve(arena, ast, overrides, n_overrides, diag);
    check_ast(arena, ast, diag);
    if (!diag_errors(diag))
        expand(arena, ast, consts, diag);
    return diag_errors(diag) > 0;
}

/* All that the compiler says about a file, as one text. */
static char *messages(const char *folder, const char *name, bool *failed)
{
    Source source = {.name = arena_printf(arena, "%s.net", name)};
    char *text = read_text(arena_printf(arena, "%s/%s.net", folder, name), &source.n);
    ck_assert(text != NULL);
    source.text = text;
    Override overrides[MAX_OVERRIDES];
    int n_overrides = read_overrides(text, overrides);
    char *said = NULL;
    size_t n_said = 0;
    FILE *out = open_memstream(&said, &n_said);
    Diag *diag = diag_new(arena, &source, out);
    *failed = run_stages(diag, overrides, n_overrides);
    diag_finish(diag);
    fclose(out);
    char *copy = arena_strdup(arena, said);
    free(said);
    return copy;
}

START_TEST(a_good_case_passes_silently)
{
    bool failed;
    ck_assert_str_eq(messages(ok.folder, ok.names[_i], &failed), "");
    ck_assert(!failed);
}
END_TEST

START_TEST(a_bad_case_gives_its_messages)
{
    bool failed;
    char *said = messages(bad.folder, bad.names[_i], &failed);
    const char *path = arena_printf(arena, "%s/%s.err", bad.folder, bad.names[_i]);
    if (getenv("BLESS")) {
        FILE *file = fopen(path, "wb");
        ck_assert(file != NULL);
        fputs(said, file);
        fclose(file);
    }
    int n;
    char *expected = read_text(path, &n);
    ck_assert_msg(expected != NULL, "%s is missing; it would hold:\n%s", path, said);
    ck_assert_str_eq(said, expected);
    bool only_warning = strncmp(bad.names[_i], "warn_", 5) == 0;
    ck_assert_msg(failed != only_warning, "%s", said);
}
END_TEST

START_TEST(there_are_cases)
{
    ck_assert_msg(ok.n > 0 && bad.n > 0, "run the tests in the top folder of the project");
}
END_TEST

Suite *cases_suite(void)
{
    Suite *suite = suite_create("cases");
    TCase *tcase = tcase_create("cases");
    list_folder(&ok);
    list_folder(&bad);
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, there_are_cases);
    tcase_add_loop_test(tcase, a_good_case_passes_silently, 0, ok.n);
    tcase_add_loop_test(tcase, a_bad_case_gives_its_messages, 0, bad.n);
    suite_add_tcase(suite, tcase);
    return suite;
}
