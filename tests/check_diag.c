/* Messages: places, carets, limits, order, suggestions. Every expected text is written by hand. */
#include "base/diag.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

Suite *diag_suite(void);

static Arena *arena;
static char *said;
static size_t n_said;
static FILE *out;

static void set_up(void)
{
    arena = arena_new();
    out = open_memstream(&said, &n_said);
}

static void tear_down(void)
{
    fclose(out);
    free(said);
    arena_free(arena);
}

static Diag *diag_on(const char *text)
{
    Source *source = NEW(arena, Source);
    *source = (Source){"m.net", text, (int)strlen(text)};
    return diag_new(arena, source, out);
}

static const char *printed(void)
{
    fflush(out);
    return said;
}

START_TEST(a_message_shows_its_line_and_underlines_the_span)
{
    Diag *diag = diag_on("a = 1\nh = rleu(h)\n");
    diag_error(diag, (Span){10, 14}, "unknown operator '%s'", "rleu");
    diag_note(diag, (Span){0, 1}, "see");
    ck_assert_str_eq(printed(), "m.net:2:5: error: unknown operator 'rleu'\n"
                                "h = rleu(h)\n"
                                "    ^~~~\n"
                                "m.net:1:1: note: see\n"
                                "a = 1\n"
                                "^\n");
    ck_assert_int_eq(diag_errors(diag), 1);
}
END_TEST

START_TEST(columns_count_characters_and_tabs_stay_tabs)
{
    Diag *diag = diag_on("\t\xc3\xbc = \xe2\x82\xac + x\r\nb\r\n");
    diag_warning(diag, (Span){12, 13}, "here");
    diag_warning(diag, (Span){15, 16}, "there");
    ck_assert_str_eq(printed(), "m.net:1:10: warning: here\n"
                                "\t\xc3\xbc = \xe2\x82\xac + x\n"
                                "\t        ^\n"
                                "m.net:2:1: warning: there\n"
                                "b\n"
                                "^\n");
    ck_assert_int_eq(diag_errors(diag), 0);
}
END_TEST

START_TEST(a_span_past_the_end_and_over_lines_is_cut)
{
    Diag *diag = diag_on("one\ntwo");
    diag_error(diag, (Span){7, 7}, "end");
    diag_error(diag, (Span){1, 6}, "over");
    diag_error(diag, NO_SPAN, "nowhere");
    ck_assert_str_eq(printed(), "m.net:2:4: error: end\n"
                                "two\n"
                                "   ^\n"
                                "m.net:1:2: error: over\n"
                                "one\n"
                                " ^~\n"
                                "m.net: error: nowhere\n");
}
END_TEST

START_TEST(a_long_line_is_cut_around_the_span)
{
    char *line = arena_alloc(arena, 5001);
    memset(line, 'x', 5000);
    Diag *diag = diag_on(line);
    diag_error(diag, (Span){2500, 2503}, "middle");
    const char *text = strchr(printed(), '\n') + 1;
    ck_assert_uint_eq(strcspn(text, "\n"), 106);
    ck_assert_int_eq(strncmp(text, "...xxx", 6), 0);
    ck_assert_uint_eq(strcspn(text, "\n") + 1 + 53, strcspn(text, "^"));
    ck_assert_str_eq(strchr(text, '^'), "^~~\n");
}
END_TEST

START_TEST(control_characters_and_broken_text_do_not_reach_the_terminal)
{
    Diag *diag = diag_on("a\x1b[31m\xff\xc3 b");
    diag_error(diag, (Span){9, 10}, "bad");
    ck_assert_str_eq(printed(), "m.net:1:10: error: bad\n"
                                "a?[31m?? b\n"
                                "         ^\n");
}
END_TEST

START_TEST(equal_messages_at_one_place_are_printed_once)
{
    Diag *diag = diag_on("abc");
    for (int i = 0; i < 3; i++) {
        diag_error(diag, (Span){1, 2}, "same");
        diag_note(diag, (Span){0, 1}, "with it");
    }
    ck_assert_int_eq(diag_errors(diag), 1);
    ck_assert_str_eq(printed(), "m.net:1:2: error: same\nabc\n ^\n"
                                "m.net:1:1: note: with it\nabc\n^\n");
}
END_TEST

START_TEST(held_messages_come_in_order_of_place_with_their_notes)
{
    Diag *diag = diag_on("abc");
    diag_hold(diag);
    diag_error(diag, (Span){2, 3}, "last");
    diag_note(diag, (Span){0, 1}, "of last");
    diag_error(diag, (Span){0, 1}, "first");
    ck_assert_str_eq(printed(), "");
    diag_release(diag);
    ck_assert_str_eq(printed(), "m.net:1:1: error: first\nabc\n^\n"
                                "m.net:1:3: error: last\nabc\n  ^\n"
                                "m.net:1:1: note: of last\nabc\n^\n");
}
END_TEST

START_TEST(the_hundred_and_first_error_is_only_counted)
{
    Diag *diag = diag_on("abc");
    for (int i = 0; i < 130; i++) {
        diag_error(diag, NO_SPAN, "number %d", i);
        diag_note(diag, NO_SPAN, "note %d", i);
    }
    diag_finish(diag);
    ck_assert_int_eq(diag_errors(diag), 130);
    ck_assert(strstr(printed(), "error: number 99\n") != NULL);
    ck_assert(strstr(printed(), "number 100") == NULL);
    ck_assert(strstr(printed(), "note 100") == NULL);
    ck_assert(strstr(printed(), "m.net: 30 more errors\n") != NULL);
}
END_TEST

static const struct {
    const char *name, *hint;
} misspelt[] = {
    {"rleu", "; did you mean 'relu'?"},
    {"Linear", "; did you mean 'linear'?"},
    {"layernorm", "; did you mean 'layer_norm'?"},
    {"xyz", ""},
    {"q", ""},
};

START_TEST(the_nearest_name_is_suggested_and_no_far_one)
{
    static const char *const names[] = {"relu", "gelu", "linear", "layer_norm", "k"};
    Nearest nearest = nearest_start(misspelt[_i].name);
    for (int i = 0; i < 5; i++)
        nearest_offer(&nearest, names[i]);
    ck_assert_str_eq(nearest_hint(arena, &nearest), misspelt[_i].hint);
}
END_TEST

Suite *diag_suite(void)
{
    Suite *suite = suite_create("diag");
    TCase *tcase = tcase_create("diag");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_message_shows_its_line_and_underlines_the_span);
    tcase_add_test(tcase, columns_count_characters_and_tabs_stay_tabs);
    tcase_add_test(tcase, a_span_past_the_end_and_over_lines_is_cut);
    tcase_add_test(tcase, a_long_line_is_cut_around_the_span);
    tcase_add_test(tcase, control_characters_and_broken_text_do_not_reach_the_terminal);
    tcase_add_test(tcase, equal_messages_at_one_place_are_printed_once);
    tcase_add_test(tcase, held_messages_come_in_order_of_place_with_their_notes);
    tcase_add_test(tcase, the_hundred_and_first_error_is_only_counted);
    tcase_add_loop_test(tcase, the_nearest_name_is_suggested_and_no_far_one, 0,
                        sizeof misspelt / sizeof *misspelt);
    suite_add_tcase(suite, tcase);
    return suite;
}
