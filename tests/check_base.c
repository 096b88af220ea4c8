/* The arena, growable arrays and text, and the map by name. */
#include "base/base.h"

#include <check.h>
#include <string.h>

Suite *base_suite(void);

static Arena *arena;

static void set_up(void)
{
    arena = arena_new();
}

static void tear_down(void)
{
    arena_free(arena);
}

START_TEST(a_map_finds_what_was_added_and_refuses_doubles)
{
    Map *map = map_new(arena);
    for (int i = 0; i < 5000; i++)
        ck_assert(map_add(map, arena_printf(arena, "name%d", i), i));
    for (int i = 0; i < 5000; i++)
        ck_assert_int_eq(map_get(map, arena_printf(arena, "name%d", i)), i);
    ck_assert(!map_add(map, "name17", 0));
    ck_assert_int_eq(map_get(map, "other"), -1);
}
END_TEST

START_TEST(an_array_keeps_its_values_while_it_grows)
{
    ARRAY(int) values = {0};
    for (int i = 0; i < 100000; i++)
        PUSH(arena, values, i * 3);
    for (int i = 0; i < 100000; i++)
        ck_assert_int_eq(values.data[i], i * 3);
}
END_TEST

START_TEST(text_longer_than_any_buffer_is_kept_whole)
{
    char *line = arena_alloc(arena, 5001);
    memset(line, 'x', 5000);
    ck_assert_uint_eq(strlen(arena_printf(arena, "<%s>", line)), 5002);
}
END_TEST

Suite *base_suite(void)
{
    Suite *suite = suite_create("base");
    TCase *tcase = tcase_create("base");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, a_map_finds_what_was_added_and_refuses_doubles);
    tcase_add_test(tcase, an_array_keeps_its_values_while_it_grows);
    tcase_add_test(tcase, text_longer_than_any_buffer_is_kept_whole);
    suite_add_tcase(suite, tcase);
    return suite;
}
