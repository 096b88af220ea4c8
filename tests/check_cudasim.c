/* The simulator of CUDA on trial: twenty planted bugs, each of which must be caught by exactly the
 * finders that the table says, while its corrected version passes all of them.
 * tests/cudasim/README.md says what the finders are. */
#include <check.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { N_BUGS = 20, MAX_FOUND = 16 };

/* F, R, L, X: wrong results under forward, reverse, last-in-first-out, random order. S: strict
 * barriers and lanes. A: address and undefined-behaviour sanitizers. T: the exact checker. C: the
 * checks of calls and addresses. */
static const char *const expected[N_BUGS + 1] = {
    "",   "FRLXT", "FRLXT", "S",   "S",  "AT", "AT",    "FRLXT", "FRLXT", "T", "FLXT",
    "LT", "S",     "S",     "CAT", "CA", "C",  "FRLXT", "FRLX",  "FRLX",  "C",
};

typedef struct {
    char name[80];
    char found[MAX_FOUND];
    bool fixed_is_right;
} Row;

static char finder_of(const char *mode, const char *outcome)
{
    static const struct {
        const char *word;
        char finder;
    } by_outcome[] = {{"strict", 'S'},  {"race", 'T'},   {"uninitialised", 'T'}, {"checker", 'T'},
                      {"streams", 'T'}, {"host", 'T'},   {"sanitizer", 'A'},     {"bounds", 'C'},
                      {"blas", 'C'},    {"pinned", 'C'}, {"aligned", 'C'},       {"launch", 'C'},
                      {"capture", 'C'}},
      by_mode[] = {{"forward", 'F'}, {"reverse", 'R'}, {"lifo", 'L'}, {"random", 'X'}};
    for (size_t i = 0; i < sizeof by_outcome / sizeof *by_outcome; i++)
        if (strcmp(outcome, by_outcome[i].word) == 0)
            return by_outcome[i].finder;
    for (size_t i = 0; i < sizeof by_mode / sizeof *by_mode; i++)
        if (strcmp(mode, by_mode[i].word) == 0 && strcmp(outcome, "wrong") == 0)
            return by_mode[i].finder;
    return 0; /* wrong under a mode that is no order of its own: the orders' columns say it */
}

static void note(Row *row, char finder)
{
    size_t n = strlen(row->found);
    if (finder && !strchr(row->found, finder) && n + 1 < MAX_FOUND)
        row->found[n] = finder;
}

static void read_build(const char *build, Row rows[])
{
    char command[128], line[256];
    snprintf(command, sizeof command, "build/cudasim/%s/planted", build);
    FILE *lines = popen(command, "r");
    ck_assert_ptr_nonnull(lines);
    while (fgets(line, sizeof line, lines)) {
        int number, at;
        char version[16], mode[16], outcome[24];
        ck_assert_int_eq(sscanf(line, "%d %15s %15s %23s %n", &number, version, mode, outcome, &at),
                         4);
        ck_assert_int_ge(number, 1);
        ck_assert_int_le(number, N_BUGS);
        snprintf(rows[number].name, sizeof rows[number].name, "%.*s", (int)strcspn(line + at, "\n"),
                 line + at);
        if (strcmp(version, "planted") == 0)
            note(&rows[number], finder_of(mode, outcome));
        else if (strcmp(outcome, "right") != 0)
            rows[number].fixed_is_right = false;
    }
    ck_assert_int_eq(pclose(lines), 0);
}

static bool same_letters(const char *a, const char *b)
{
    return strlen(a) == strlen(b) && strspn(a, b) == strlen(a);
}

START_TEST(planted_bugs_are_caught)
{
    if (access("build/cudasim/plain/planted", X_OK) ||
        access("build/cudasim/check/planted", X_OK)) {
        printf("skipped: the simulator's tests need g++ and clang++\n");
        return;
    }
    Row rows[N_BUGS + 1];
    memset(rows, 0, sizeof rows);
    for (int i = 1; i <= N_BUGS; i++)
        rows[i].fixed_is_right = true;
    read_build("plain", rows);
    read_build("sanitize", rows);
    read_build("check", rows);
    printf(
        "planted bug                                          found by  (F R L X orders, S strict, "
        "A sanitizers, T checker, C calls)\n");
    for (int i = 1; i <= N_BUGS; i++) {
        printf("%2d %-50s %s\n", i, rows[i].name, rows[i].found);
        ck_assert_msg(same_letters(rows[i].found, expected[i]), "bug %d: found by %s, not %s", i,
                      rows[i].found, expected[i]);
        ck_assert_msg(rows[i].fixed_is_right, "bug %d: the corrected version fails", i);
    }
}
END_TEST

Suite *cudasim_suite(void);
Suite *cudasim_suite(void)
{
    Suite *suite = suite_create("cudasim");
    TCase *tcase = tcase_create("planted");
    tcase_set_timeout(tcase, 120);
    tcase_add_test(tcase, planted_bugs_are_caught);
    suite_add_tcase(suite, tcase);
    return suite;
}
